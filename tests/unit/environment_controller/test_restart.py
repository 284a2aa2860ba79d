"""Starting a failed onboarding again: when it may be, where it goes on, and what comes late."""

from collections.abc import Callable
from datetime import timedelta
from itertools import product

import pytest
from hypothesis import given as examples
from hypothesis import strategies
from tests.support import build
from tests.support.build import ACME, NOW, ONBOARDING, ORG_ADMIN, SELF
from tests.support.each import each
from tests.support.examples import at_least
from tests.support.scenario import Outcome, Scenario, World, given, on

from catalyst.contracts import environment_v1 as env1
from catalyst.contracts import roles
from catalyst.contracts.decision import Arm, Fired, Send
from catalyst.contracts.message import Answer, derived_id
from catalyst.contracts.subjects import Ref
from catalyst.environment_controller.domain import deletion
from catalyst.environment_controller.domain.onboarding import DEADLINE
from catalyst.environment_controller.domain.organization import Organization
from catalyst.environment_controller.domain.progress import STEPS, Onboarding

MINUTE = timedelta(seconds=60)
RESTART = env1.RestartOnboarding()
BEGUN = [
    *on(ACME, build.organization_created()),
    *on(ONBOARDING, env1.OnboardingStarted(slug="acme", steps=STEPS, started_by="_created")),
]


def step(name: env1.Step, attempt: int = 1, run: int = 1) -> env1.StepStarted:
    return env1.StepStarted(
        slug="acme", step=name, attempt=attempt, gen=f"g{run}", deadline=NOW, input="i", run=run
    )


def done(name: env1.Step) -> env1.StepCompleted:
    return env1.StepCompleted(slug="acme", step=name, input="i")


def given_up(*undone: str, done_before: tuple[env1.Step, ...] = ("git-home",)) -> Scenario:
    """Return an onboarding that failed after these steps, and took that much back."""
    failing = STEPS[len(done_before)]
    return given(
        BEGUN,
        on(
            ONBOARDING,
            *(done(name) for name in done_before),
            step(failing, 3),
            env1.CompensationStarted(
                slug="acme", step=failing, reason="disk full", gen="g", deadline=NOW
            ),
            env1.OnboardingFailed(slug="acme", step=failing, reason="disk full", undone=undone),
        ),
        on(ACME, env1.OrganizationFailed(slug="acme", step=failing, reason="disk full")),
    )


def restarted() -> Scenario:
    return again(given_up("git-home")).and_then()


def again(scenario: Scenario) -> Outcome:
    return scenario.when(RESTART, ONBOARDING, by=ORG_ADMIN, input_id="c-again")


def state(scenario: Scenario) -> Onboarding:
    found = scenario.world.state(ONBOARDING)
    assert isinstance(found, Onboarding)
    return found


# ---- where it goes on


@pytest.mark.guarantee("G7.9")
def test_what_was_taken_back_is_made_anew_with_a_first_attempt_and_its_own_deadline() -> None:
    outcome = again(given_up("git-home", done_before=("git-home", "manifests")))
    outcome.then(
        env1.OnboardingStarted(slug="acme", steps=STEPS, started_by="c-again", run=2),
        (ACME, env1.OnboardingRestarted(slug="acme", run=2)),
        env1.StepStarted(
            slug="acme",
            step="git-home",
            attempt=1,
            gen="c-again",
            deadline=NOW + MINUTE,
            input="c-again",
            run=2,
        ),
    ).then_timers(Arm(timer=DEADLINE, after=MINUTE)).then_sends()


@pytest.mark.guarantee("G7.9")
def test_what_could_not_be_taken_back_is_not_done_again() -> None:
    outcome = again(given_up())
    started, _, first = (item.event for item in outcome.decision.events)
    assert isinstance(started, env1.OnboardingStarted)
    assert started.done == ("git-home",)
    assert isinstance(first, env1.StepStarted)
    assert first.step == "manifests"
    outcome.then_sends()


def test_a_restart_at_the_last_step_asks_the_organization_at_once() -> None:
    outcome = again(given_up(done_before=("git-home", "manifests")))
    outcome.then_sends((ACME, env1.CompleteOnboarding(run=2)))


def test_a_restarted_onboarding_runs_to_its_end() -> None:
    scenario = restarted()
    organization: Organization = scenario.world.state(ACME)
    assert (organization.phase, organization.run) == ("onboarding", 2)
    for name in ("git-home", "manifests"):
        scenario = report(scenario, name, run=2, id_=f"r-{name}").and_then()
    scenario = scenario.when(env1.CompleteOnboarding(run=2), ACME, by=SELF).and_then()
    scenario = _answer(scenario, 1).and_then()
    assert scenario.world.state(ACME).phase == "ready"
    found = state(scenario)
    assert (found.status, found.completed, found.run) == ("completed", STEPS, 2)


def test_a_restarted_onboarding_may_fail_and_be_restarted_again() -> None:
    scenario = restarted()
    for number in range(1, 4):
        scenario = report(
            scenario, "git-home", "failed", run=2, attempt=number, id_=f"f{number}"
        ).and_then()
    outcome = report(scenario, "undo-git-home", run=2, id_="u")
    [told] = outcome.decision.commands
    scenario = outcome.and_then().when(told.command, ACME, by=SELF).and_then()
    started = again(scenario).decision.events[0].event
    assert isinstance(started, env1.OnboardingStarted)
    assert (started.run, started.done) == (3, ())


# ---- when it may be


@pytest.mark.guarantee("G7.9")
@pytest.mark.parametrize(
    ("scenario", "says"),
    [
        pytest.param(given(BEGUN), "still going", id="running"),
        pytest.param(
            given(
                BEGUN,
                on(
                    ONBOARDING,
                    env1.CompensationStarted(
                        slug="acme", step="ready", reason="x", gen="g", deadline=NOW
                    ),
                ),
            ),
            "still going",
            id="undoing",
        ),
        pytest.param(
            given(
                BEGUN,
                on(ONBOARDING, env1.OnboardingFailed(slug="acme", step="ready", reason="x")),
            ),
            "still going",
            id="not told yet",
        ),
        pytest.param(
            given(
                BEGUN,
                on(ONBOARDING, env1.OnboardingCompleted(slug="acme")),
                on(ACME, env1.OrganizationReady(slug="acme")),
            ),
            "complete",
            id="completed",
        ),
        pytest.param(restarted(), "still going", id="restarted"),
    ],
)
def test_only_what_failed_is_restarted(scenario: Scenario, says: str) -> None:
    outcome = again(scenario)
    outcome.then_rejected("onboarding-not-failed")
    assert outcome.rejected is not None
    assert says in outcome.rejected.message


def test_nothing_is_restarted_where_nothing_began() -> None:
    again(given()).then_rejected("onboarding-not-found")
    elsewhere = Ref("acme", "environment", "onboarding", "globex")
    given_up("git-home").when(RESTART, elsewhere).then_rejected("onboarding-not-found")


def test_neither_a_deleted_nor_a_suspended_organization_is_onboarded() -> None:
    failed = given_up("git-home").world
    deleted = failed.with_fact(ACME, env1.OrganizationDeleted(slug="acme"))
    again(Scenario(deleted)).then_rejected("organization-deleted")
    suspended = failed.with_fact(ACME, env1.OrganizationSuspended(slug="acme", reason="unpaid"))
    again(Scenario(suspended)).then_rejected("organization-suspended")


def test_admins_of_the_organization_and_the_sovereign_restart() -> None:
    allowed = {
        role for role in roles.ROLES if roles.may_send("environment.restart-onboarding.v1", [role])
    }
    assert allowed == {roles.SOVEREIGN_ADMIN, roles.ORG_ADMIN}


@pytest.mark.guarantee("G7.9")
def test_an_organization_is_not_deleted_while_it_is_onboarded_again() -> None:
    before, during = given_up("git-home").world, restarted().world
    plan = _plan(before)
    assert plan.blocked_by == ()
    apply = env1.ApplyOrganizationDeletion(
        request=plan.request, hash=plan.hash, inputs=plan.inputs, expires=NOW + MINUTE
    )
    Scenario(during).when(apply, ACME).then_rejected("onboarding-in-progress")
    # What stands in the way is the process alone: once it has failed again, the plan still holds.
    failed = env1.OrganizationFailed(slug="acme", step="ready", reason="x")
    assert _plan(during.with_fact(ACME, failed)).hash == plan.hash


def _plan(world: World) -> deletion.DeletionPlan:
    return deletion.plan_organization(world.state(ACME), "acme", {}, {})


# ---- repeats, and what comes late


def report(
    scenario: Scenario,
    name: str,
    status: str = "done",
    *,
    run: int,
    id_: str,
    attempt: int = 1,
) -> Outcome:
    command = env1.ReportStep(step=name, status=status, attempt=attempt, run=run)  # type: ignore[arg-type]
    return scenario.when(command, ONBOARDING, by=SELF, input_id=id_)


@each(product(["git-home", "manifests", "undo-git-home"], ["done", "failed"]))
def test_reports_of_an_earlier_run_change_nothing(name: str, status: str) -> None:
    report(restarted(), name, status, run=1, id_="late").then_nothing()


def test_a_report_of_a_run_that_has_not_begun_is_unexpected() -> None:
    outcome = report(restarted(), "git-home", run=3, id_="r")
    outcome.then_rejected("step-unexpected", "/data/run")


def test_an_organization_is_not_made_ready_by_an_earlier_run() -> None:
    asked = env1.CompleteOnboarding(run=1)
    restarted().when(asked, ACME, by=SELF).then_rejected("step-unexpected")


def test_what_an_earlier_run_heard_is_heard_no_more() -> None:
    created = build.recorded(build.organization_created(), ACME, id_="_created")
    restarted().hears(created, ONBOARDING, input_id="_created").then_nothing()
    firing = Fired(timer=DEADLINE, gen="g1")
    restarted().hears(firing, ONBOARDING, input_id="t").then_nothing()


Move = Callable[[Scenario, int], Outcome | None]


def _restart(scenario: Scenario, number: int) -> Outcome:
    return scenario.when(RESTART, ONBOARDING, input_id=f"c{number}")


def _deadline(scenario: Scenario, number: int) -> Outcome:
    firing = Fired(timer=DEADLINE, gen=state(scenario).gen)
    return scenario.hears(firing, ONBOARDING, input_id=f"t{number}", done_id=f"t{number}")


def _answer(scenario: Scenario, number: int) -> Outcome:
    asked = derived_id(state(scenario).gen, "out0")
    answer = Answer(command_id=asked, status="accepted", code="", events=1)
    return scenario.hears(answer, ONBOARDING, input_id=f"a{number}")


def _report(back: int, name: str, status: str) -> Move:
    def move(scenario: Scenario, number: int) -> Outcome | None:
        found = state(scenario)
        if found.run - back < 1 or found.status == "absent":
            return None
        return report(
            scenario, name, status, run=found.run - back, attempt=found.attempt, id_=f"r{number}"
        )

    return move


MOVES: list[Move] = [
    _restart,
    _deadline,
    _answer,
    *(
        _report(back, name, status)
        for back in (0, 1)
        for name in ("git-home", "manifests", "undo-git-home")
        for status in ("done", "failed")
    ),
]


@pytest.mark.guarantee("G7.9")
@at_least(40)
@examples(
    moves=strategies.lists(strategies.sampled_from(MOVES), max_size=60),
    every=strategies.sampled_from([1, 5]),
)
def test_no_schedule_leaves_a_run_hanging_or_begins_one_too_many(
    moves: list[Move], every: int
) -> None:
    """The Organization is told what concerns it at once, or with every fifth input only."""
    scenario, accepted = given(BEGUN, on(ONBOARDING, step("git-home"))), 0
    waiting: list[Send] = []
    for number, move in enumerate(moves):
        before = state(scenario)
        outcome = move(scenario, number)
        if outcome is None or outcome.rejected is not None:
            continue
        scenario = outcome.and_then()
        found = state(scenario)
        accepted += move is _restart
        assert found.run == accepted + 1
        assert (found.run > before.run) == (move is _restart)
        if move is _restart:
            assert before.status == "failed"
        assert (found.status in {"running", "undoing"}) == bool(found.gen)
        waiting += outcome.decision.commands
        while waiting and number % every == 0:
            scenario = scenario.when(waiting.pop(0).command, ACME, by=SELF).and_then()
        # Once it was told, the Organization says what its onboarding says.
        if not waiting and found.status == "failed":
            assert scenario.world.state(ACME).phase == "failed"
        if not waiting and found.status in {"running", "undoing"}:
            assert scenario.world.state(ACME).phase in {"onboarding", "ready"}


def test_what_is_taken_back_is_of_the_run_that_gave_up() -> None:
    again = env1.OnboardingStarted(slug="acme", steps=STEPS, started_by="c-again", run=2)
    scenario = given(BEGUN, on(ONBOARDING, again, step("git-home", 3, run=2)))
    outcome = scenario.hears(Fired(timer=DEADLINE, gen="g2"), ONBOARDING, now=NOW)
    (begun,) = (one for one in outcome.events if isinstance(one, env1.CompensationStarted))
    assert (begun.run, begun.step, begun.attempt) == (2, "git-home", 1)
