"""Onboarding: steps, deadlines, attempts, taking back, and every kind of repeat."""

from datetime import timedelta

import msgspec
import pytest
from tests.support import build
from tests.support.build import ACME, NOW, ONBOARDING, SELF
from tests.support.each import each
from tests.support.scenario import Outcome, Scenario, given

from catalyst.contracts import environment_v1 as env1
from catalyst.contracts.decision import Arm, Cancel, Fired
from catalyst.contracts.message import Answer, derived_id
from catalyst.environment_controller.domain.onboarding import DEADLINE, MAX_ATTEMPTS, correlate
from catalyst.environment_controller.domain.progress import STEPS, Onboarding

MINUTE = timedelta(seconds=60)
CREATED = build.recorded(build.organization_created(), ACME, id_="_created")
ACCEPTED = Answer(command_id="_x", status="accepted", code="", events=1)


def begun() -> Outcome:
    """Return the reaction to the Organization's creation."""
    return given().hears(CREATED, ONBOARDING, input_id="_created", done_id="d0")


def report(
    scenario: Scenario,
    step: str,
    status: str = "done",
    *,
    id_: str,
    attempt: int = 0,
    detail: str = "",
) -> Outcome:
    command = env1.ReportStep(
        step=step,  # type: ignore[arg-type]
        status=status,  # type: ignore[arg-type]
        detail=detail,
        attempt=attempt,
    )
    return scenario.when(command, ONBOARDING, by=SELF, input_id=id_)


def fire(scenario: Scenario, gen: str, *, done_id: str = "") -> Outcome:
    """Let the deadline pass that was armed by `gen`."""
    firing = Fired(timer=DEADLINE, gen=gen)
    name = done_id or f"{gen}+"
    return scenario.hears(firing, ONBOARDING, input_id=name, done_id=name)


def answer(scenario: Scenario, given_: Answer = ACCEPTED, *, id_: str = "_answer") -> Outcome:
    """Answer what the attempt in progress asked."""
    asked = derived_id(state(scenario).gen, "out0")
    heard = msgspec.structs.replace(given_, command_id=asked)
    return scenario.hears(heard, ONBOARDING, input_id=id_)


def at_step(step: str) -> Scenario:
    """Return an onboarding with `step` in progress, its deadline armed by the last input."""
    scenario = begun().and_then()
    for done in STEPS[: STEPS.index(step)]:
        scenario = report(scenario, done, id_=f"r-{done}").and_then()
    return scenario


def taking_back() -> Scenario:
    """Return an onboarding that gave up at `manifests` and undoes its Git home."""
    scenario = at_step("manifests")
    for number in range(1, MAX_ATTEMPTS + 1):
        scenario = report(
            scenario, "manifests", "failed", id_=f"f{number}", attempt=number, detail="disk full"
        ).and_then()
    return scenario


def state(scenario: Scenario) -> Onboarding:
    found = scenario.world.state(ONBOARDING)
    assert isinstance(found, Onboarding)
    return found


# ---- the way through


def test_the_creation_of_an_organization_begins_the_first_step() -> None:
    begun().then(
        env1.OnboardingStarted(slug="acme", steps=STEPS, started_by="_created"),
        env1.StepStarted(
            slug="acme",
            step="git-home",
            attempt=1,
            gen="d0",
            deadline=NOW + MINUTE,
            input="_created",
        ),
    ).then_timers(Arm(timer=DEADLINE, after=MINUTE)).then_sends()


def test_a_step_that_is_done_begins_the_next_with_a_deadline_of_its_own() -> None:
    report(at_step("git-home"), "git-home", id_="r1", detail="home made").then(
        env1.StepCompleted(slug="acme", step="git-home", detail="home made", input="r1"),
        env1.StepStarted(
            slug="acme",
            step="manifests",
            attempt=1,
            gen="r1",
            deadline=NOW + MINUTE,
            input="r1",
        ),
    ).then_timers(Arm(timer=DEADLINE, after=MINUTE)).then_sends()


def test_the_last_step_asks_the_organization() -> None:
    outcome = report(at_step("manifests"), "manifests", id_="r2")
    outcome.then_sends((ACME, env1.CompleteOnboarding()))
    assert outcome.state().step == "ready"


def test_the_organizations_answer_completes_it() -> None:
    outcome = answer(at_step("ready"))
    outcome.then(
        env1.StepCompleted(slug="acme", step="ready", input="_answer"),
        env1.OnboardingCompleted(slug="acme", input="_answer"),
    ).then_timers(Cancel(DEADLINE)).then_sends()
    assert outcome.state().status == "completed"
    assert outcome.state().completed == STEPS


def test_no_environment_is_created() -> None:
    for step in STEPS:
        scenario = at_step(step)
        outcome = answer(scenario) if step == "ready" else report(scenario, step, id_="x")
        for send in outcome.decision.commands:
            assert isinstance(send.command, env1.CompleteOnboarding)


def test_an_event_concerns_the_onboarding_of_its_organization() -> None:
    assert correlate(CREATED) == ONBOARDING


# ---- failing


@pytest.mark.parametrize("step", ["git-home", "manifests"])
def test_a_failed_attempt_is_made_again_with_more_time(step: env1.Step) -> None:
    outcome = report(at_step(step), step, "failed", id_="f1", attempt=1, detail="disk full")
    outcome.then(
        env1.StepFailed(slug="acme", step=step, attempt=1, reason="disk full", input="f1"),
        env1.StepStarted(
            slug="acme",
            step=step,
            attempt=2,
            gen="f1",
            deadline=NOW + 2 * MINUTE,
            input="f1",
        ),
    ).then_timers(Arm(timer=DEADLINE, after=2 * MINUTE))


@each(STEPS)
def test_a_deadline_that_passes_is_a_failed_attempt(step: env1.Step) -> None:
    scenario = at_step(step)
    outcome = fire(scenario, state(scenario).gen)
    failed, started = outcome.events
    assert failed == env1.StepFailed(
        slug="acme",
        step=step,
        attempt=1,
        reason="the deadline passed",
        input=f"{state(scenario).gen}+",
    )
    assert isinstance(started, env1.StepStarted)
    assert started.attempt == 2
    outcome.then_sends(*[(ACME, env1.CompleteOnboarding())] * (step == "ready"))


@each(STEPS)
def test_after_three_attempts_what_was_made_is_taken_back(step: env1.Step) -> None:
    scenario = at_step(step)
    for number in range(1, MAX_ATTEMPTS):
        assert state(scenario).attempt == number
        scenario = fire(scenario, state(scenario).gen, done_id=f"t{number}").and_then()
    outcome = fire(scenario, state(scenario).gen, done_id="last")
    outcome.then(
        env1.StepFailed(
            slug="acme",
            step=step,
            attempt=MAX_ATTEMPTS,
            reason="the deadline passed",
            input="last",
        ),
        env1.CompensationStarted(
            slug="acme",
            step=step,
            reason="the deadline passed",
            gen="last",
            deadline=NOW + MINUTE,
            attempt=1,
            input="last",
        ),
    ).then_timers(Arm(timer=DEADLINE, after=MINUTE)).then_sends()


def test_the_organizations_refusal_is_a_failed_attempt() -> None:
    refusal = Answer(command_id="_x", status="rejected", code="step-unexpected", events=0)
    outcome = answer(at_step("ready"), refusal)
    [failed, _started] = outcome.events
    assert isinstance(failed, env1.StepFailed)
    assert "step-unexpected" in failed.reason
    outcome.then_sends((ACME, env1.CompleteOnboarding()))


def test_what_was_taken_back_is_told_to_the_organization() -> None:
    outcome = report(taking_back(), "undo-git-home", id_="u1", attempt=1)
    outcome.then(
        env1.OnboardingFailed(
            slug="acme", step="manifests", reason="disk full", undone=("git-home",), input="u1"
        )
    ).then_timers(Cancel(DEADLINE)).then_sends(
        (ACME, env1.FailOnboarding(step="manifests", reason="disk full"))
    )
    assert outcome.state().status == "failed"


def test_taking_back_is_tried_three_times_and_then_said_to_have_failed() -> None:
    scenario = taking_back()
    for number in range(2, MAX_ATTEMPTS + 1):
        outcome = fire(scenario, state(scenario).gen, done_id=f"t{number}")
        [event] = outcome.events
        assert isinstance(event, env1.CompensationStarted)
        assert (event.attempt, event.reason) == (number, "disk full")
        scenario = outcome.and_then()
    outcome = report(
        scenario, "undo-git-home", "failed", id_="u9", attempt=MAX_ATTEMPTS, detail="read-only"
    )
    [failed] = outcome.events
    assert isinstance(failed, env1.OnboardingFailed)
    assert failed.undone == ()
    assert failed.reason == "disk full; the Git home could not be taken back: read-only"
    outcome.then_sends((ACME, env1.FailOnboarding(step="manifests", reason=failed.reason)))


def test_a_long_reason_still_fits_into_the_command() -> None:
    scenario = at_step("git-home")
    for number in range(1, MAX_ATTEMPTS + 1):
        scenario = report(
            scenario, "git-home", "failed", id_=f"f{number}", attempt=number, detail="x" * 253
        ).and_then()
    for number in range(1, MAX_ATTEMPTS + 1):
        outcome = report(
            scenario, "undo-git-home", "failed", id_=f"u{number}", attempt=number, detail="y" * 253
        )
        scenario = outcome.and_then()
    # The scenario sends it through its wire form, which allows 253 characters.
    assert [type(send.command) for send in outcome.decision.commands] == [env1.FailOnboarding]


def test_a_failure_without_a_reason_gets_one() -> None:
    [failed, _] = report(at_step("git-home"), "git-home", "failed", id_="f1").events
    assert isinstance(failed, env1.StepFailed)
    assert failed.reason


# ---- repeats, and what comes late


def test_the_creation_heard_again_changes_nothing() -> None:
    for scenario in (begun().and_then(), at_step("ready"), taking_back()):
        scenario.hears(CREATED, ONBOARDING, input_id="_created").then_nothing()


def test_another_event_changes_nothing() -> None:
    ready = build.recorded(env1.OrganizationReady(slug="acme"), ACME)
    given().hears(ready, ONBOARDING).then_nothing()


@pytest.mark.parametrize("status", ["done", "failed"])
def test_a_report_heard_again_changes_nothing(status: str) -> None:
    scenario = report(at_step("git-home"), "git-home", status, id_="r1", attempt=1).and_then()
    report(scenario, "git-home", status, id_="r1", attempt=1).then_nothing()


def test_an_answer_heard_again_changes_nothing() -> None:
    refusal = Answer(command_id="_x", status="rejected", code="x", events=0)
    answer(answer(at_step("ready"), refusal).and_then(), refusal).then_nothing()
    answer(answer(at_step("ready")).and_then()).then_nothing()


def test_a_deadline_that_was_armed_anew_does_not_count() -> None:
    first = at_step("git-home")
    second = report(first, "git-home", id_="r1").and_then()
    fire(second, state(first).gen).then_nothing()
    fire(answer(at_step("ready")).and_then(), state(at_step("ready")).gen).then_nothing()


def test_another_timer_does_not_count() -> None:
    scenario = at_step("git-home")
    other = Fired(timer="other", gen=state(scenario).gen)
    scenario.hears(other, ONBOARDING).then_nothing()


def test_a_deadline_without_an_onboarding_changes_nothing() -> None:
    given().hears(Fired(timer=DEADLINE, gen=""), ONBOARDING).then_nothing()


def test_an_answer_that_nobody_waits_for_changes_nothing() -> None:
    for scenario in (given(), at_step("git-home"), taking_back()):
        answer(scenario).then_nothing()


def test_the_answer_to_an_earlier_attempt_changes_nothing() -> None:
    first = at_step("ready")
    asked = derived_id(state(first).gen, "out0")
    second = fire(first, state(first).gen).and_then()
    for status in ("accepted", "rejected"):
        late = Answer(command_id=asked, status=status, code="x", events=0)
        second.hears(late, ONBOARDING, input_id="late").then_nothing()
    assert answer(second).state().status == "completed"


def test_a_report_on_a_step_that_is_done_is_accepted_without_effect() -> None:
    scenario = at_step("manifests")
    for status in ("done", "failed"):
        report(scenario, "git-home", status, id_="late", attempt=1).then_nothing()


def test_the_failure_of_an_older_attempt_is_accepted_without_effect() -> None:
    second = report(at_step("git-home"), "git-home", "failed", id_="f1", attempt=1).and_then()
    report(second, "git-home", "failed", id_="late", attempt=1).then_nothing()
    assert report(second, "git-home", "failed", id_="f2", attempt=2).events


def test_the_success_of_an_older_attempt_completes_the_step() -> None:
    second = report(at_step("git-home"), "git-home", "failed", id_="f1", attempt=1).and_then()
    assert report(second, "git-home", "done", id_="late", attempt=1).state().step == "manifests"


def test_the_failure_of_an_older_undoing_is_accepted_without_effect() -> None:
    scenario = taking_back()
    second = fire(scenario, state(scenario).gen, done_id="t1").and_then()
    report(second, "undo-git-home", "failed", id_="late", attempt=1).then_nothing()
    assert report(second, "undo-git-home", "done", id_="late", attempt=1).events


def test_reports_after_the_end_are_accepted_without_effect() -> None:
    completed = answer(at_step("ready")).and_then()
    report(completed, "manifests", "failed", id_="late", attempt=1).then_nothing()
    failed = report(taking_back(), "undo-git-home", id_="u1").and_then()
    report(failed, "undo-git-home", id_="late").then_nothing()
    report(failed, "git-home", id_="late").then_nothing()


def test_a_report_on_a_step_that_has_not_begun_is_unexpected() -> None:
    report(at_step("git-home"), "manifests", id_="r").then_rejected("step-unexpected", "/data/step")


def test_an_undoing_that_nobody_asked_for_is_unexpected() -> None:
    for scenario in (at_step("manifests"), answer(at_step("ready")).and_then()):
        report(scenario, "undo-git-home", id_="r").then_rejected("step-unexpected", "/data/step")


def test_a_report_without_an_onboarding_is_refused() -> None:
    report(given(), "git-home", id_="r").then_rejected("onboarding-not-found")


def test_only_this_services_effect_reports() -> None:
    command = env1.ReportStep(step="git-home", status="done")
    for actor in (build.SOVEREIGN_ADMIN, build.PROVISIONING):
        at_step("git-home").when(command, ONBOARDING, by=actor).then_rejected("forbidden")
