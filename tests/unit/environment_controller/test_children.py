"""Organizations below a parent: who is admitted, and what its deletion waits for."""

from datetime import timedelta

import pytest
from tests.support import build
from tests.support.build import ACME, NOW, ONBOARDING, SELF
from tests.support.each import each
from tests.support.scenario import Given, Outcome, Scenario, World, given, on

from catalyst.contracts import environment_v1 as env1
from catalyst.contracts.decision import Actor, Arm, Fired
from catalyst.contracts.message import Answer, Event, derived_id
from catalyst.contracts.rejection import CODES
from catalyst.contracts.subjects import Ref
from catalyst.environment_controller.domain import children, deletion
from catalyst.environment_controller.domain.onboarding import (
    DEADLINE,
    MAX_ATTEMPTS,
    correlate_child,
)
from catalyst.environment_controller.domain.organization import ref_of
from catalyst.environment_controller.domain.progress import STEPS, STEPS_BELOW

MINUTE = timedelta(seconds=60)
UMBRELLA = ref_of("umbrella")
ADMIT = env1.AdmitChild(child="acme")
RELEASE = env1.ReleaseChild(child="acme")
ADMITTED = env1.ChildAdmitted(slug="umbrella", child="acme")
RELEASED = env1.ChildReleased(slug="umbrella", child="acme")

PARENT = on(
    UMBRELLA,
    build.organization_created("umbrella"),
    env1.OrganizationReady(slug="umbrella"),
)
CHILD = on(ACME, build.organization_created(parent_org="umbrella"))
READY = on(ACME, env1.OrganizationReady(slug="acme"))
FAILED: list[tuple[Ref, Event]] = [
    (ACME, env1.OrganizationFailed(slug="acme", step="ready", reason="x"))
]
GONE = on(ACME, env1.OrganizationDeleted(slug="acme"))
KNOWN = on(UMBRELLA, ADMITTED)
CREATED = build.recorded(build.organization_created(parent_org="umbrella"), ACME, id_="_created")

UNFIT: dict[str, list[Given]] = {
    "organization-deleted": on(UMBRELLA, env1.OrganizationDeleted(slug="umbrella")),
    "organization-suspended": on(
        UMBRELLA, env1.OrganizationSuspended(slug="umbrella", reason="secret")
    ),
    "organization-failed": on(
        UMBRELLA, env1.OrganizationFailed(slug="umbrella", step="ready", reason="x")
    ),
}


def apply(world: World, slug: str = "umbrella") -> env1.ApplyOrganizationDeletion:
    plan = deletion.plan_organization(world.state(ref_of(slug)), slug, {}, {})
    return env1.ApplyOrganizationDeletion(
        request=plan.request, hash=plan.hash, inputs=plan.inputs, expires=NOW + MINUTE
    )


def after(scenario: Scenario, facts: list[tuple[Ref, Event]]) -> Scenario:
    """Return the scenario with more facts."""
    world = scenario.world
    for ref, event in facts:
        world = world.with_fact(ref, event)
    return scenario.going_on(world)


# ---- admitting and letting go


def test_a_child_that_is_being_onboarded_is_admitted_once() -> None:
    outcome = given(PARENT, CHILD).when(ADMIT, UMBRELLA, by=SELF)
    outcome.then(ADMITTED).then_sends()
    assert outcome.state().children == ("acme",)
    outcome.and_then().when(ADMIT, UMBRELLA, by=SELF).then_nothing()


@each([[], [*CHILD, *FAILED], [*CHILD, *GONE], on(ACME, build.organization_created())])
def test_what_does_not_stand_below_it_is_not_admitted(facts: list[Given]) -> None:
    given(PARENT, facts).when(ADMIT, UMBRELLA, by=SELF).then_rejected("not-a-child", "/data/child")


def test_no_organization_is_its_own_child() -> None:
    itself = env1.AdmitChild(child="umbrella")
    given(PARENT).when(itself, UMBRELLA, by=SELF).then_rejected("not-a-child")


@pytest.mark.guarantee("G2.8")
@each(UNFIT)
def test_a_parent_that_may_not_change_admits_nobody_new(code: str) -> None:
    scenario = given(PARENT, CHILD, UNFIT[code])
    scenario.when(ADMIT, UMBRELLA, by=SELF).then_rejected(code)


def test_who_asks_a_parent_that_never_was_hears_so() -> None:
    given(CHILD).when(ADMIT, UMBRELLA, by=SELF).then_rejected("organization-not-found")


def test_what_is_ready_was_there_before_and_is_noted_by_a_suspended_parent() -> None:
    for code in ("organization-suspended", "organization-failed"):
        scenario = given(PARENT, CHILD, READY, UNFIT[code])
        scenario.when(ADMIT, UMBRELLA, by=SELF).then(ADMITTED)


@pytest.mark.parametrize("ended", [FAILED, [*READY, *GONE]])
def test_what_is_deleted_or_failed_is_let_go_once(ended: list[Given]) -> None:
    outcome = given(PARENT, CHILD, KNOWN, ended).when(RELEASE, UMBRELLA, by=SELF)
    outcome.then(RELEASED)
    assert outcome.state().children == ()
    outcome.and_then().when(RELEASE, UMBRELLA, by=SELF).then_nothing()


def test_letting_go_comes_too_late_for_what_stands_again() -> None:
    again = on(ACME, env1.OnboardingRestarted(slug="acme", run=2))
    scenario = given(PARENT, CHILD, KNOWN, FAILED, again)
    scenario.when(RELEASE, UMBRELLA, by=SELF).then_nothing()


def test_letting_go_before_or_after_everything_changes_nothing() -> None:
    given().when(RELEASE, UMBRELLA, by=SELF).then_nothing()
    given(PARENT, CHILD).when(RELEASE, UMBRELLA, by=SELF).then_nothing()
    gone = UNFIT["organization-deleted"]
    given(PARENT, CHILD, FAILED, gone).when(RELEASE, UMBRELLA, by=SELF).then_nothing()
    # What was asked first and arrives last is refused by what is true of the child.
    late = given(PARENT, CHILD, FAILED).when(RELEASE, UMBRELLA, by=SELF).and_then()
    late.when(ADMIT, UMBRELLA, by=SELF).then_rejected("not-a-child")


@pytest.mark.parametrize("actor", [build.SOVEREIGN_ADMIN, build.PROVISIONING])
def test_only_this_service_admits_and_lets_go(actor: Actor) -> None:
    for command in (ADMIT, RELEASE):
        given(PARENT, CHILD).when(command, UMBRELLA, by=actor).then_rejected("forbidden")


def test_the_end_of_a_child_is_told_to_its_parent() -> None:
    scenario = given(PARENT, CHILD, KNOWN)
    fail = env1.FailOnboarding(step="ready", reason="x")
    failed = scenario.when(fail, ACME, by=SELF).then_sends((UMBRELLA, RELEASE)).and_then()
    failed.when(apply(failed.world, "acme"), ACME).then_sends((UMBRELLA, RELEASE))
    given(PARENT).when(apply(given(PARENT).world), UMBRELLA).then_sends()


@each(UNFIT)
def test_a_parent_that_would_refuse_is_refused_at_once(code: str) -> None:
    create = build.create_organization(parent_org="umbrella")
    outcome = given(PARENT, UNFIT[code]).when(create, ACME)
    shown = "parent-not-found" if code == "organization-deleted" else code
    outcome.then_rejected(shown, "/data/parent_org")


# ---- deleting the parent


@pytest.mark.guarantee("G2.8")
def test_a_parent_is_not_deleted_before_its_children_and_says_which_they_are() -> None:
    more = on(UMBRELLA, env1.ChildAdmitted(slug="umbrella", child="labs"))
    scenario = given(PARENT, more, KNOWN)
    [blocker] = deletion.plan_organization(
        scenario.world.state(UMBRELLA), "umbrella", {}, {}
    ).blocked_by
    assert (blocker.code, blocker.names) == ("children-present", ("acme", "labs"))
    assert blocker.message == "other Organizations stand below it: acme, labs"
    outcome = scenario.when(apply(scenario.world), UMBRELLA).then_rejected("children-present")
    assert outcome.rejected is not None
    assert [error.message for error in outcome.rejected.errors] == ["acme", "labs"]


@pytest.mark.guarantee("G2.8")
def test_a_child_that_was_admitted_after_the_plan_is_named() -> None:
    scenario = given(PARENT, CHILD)
    command = apply(scenario.world)
    admitted = scenario.when(ADMIT, UMBRELLA, by=SELF).and_then()
    admitted.when(command, UMBRELLA).then_rejected("children-present")
    failed = after(admitted, FAILED)
    let_go = failed.when(RELEASE, UMBRELLA, by=SELF).and_then()
    let_go.when(command, UMBRELLA).then(env1.OrganizationDeleted(slug="umbrella"))


# ---- the step of the onboarding


def begun() -> Outcome:
    return given(PARENT, CHILD).hears(CREATED, ONBOARDING, input_id="_created", done_id="d0")


def answered(scenario: Scenario, code: str = "", *, id_: str = "_answer") -> Outcome:
    """Answer what the attempt in progress asked."""
    status = "rejected" if code else "accepted"
    asked = derived_id(scenario.world.state(ONBOARDING).gen, "out0")
    heard = Answer(command_id=asked, status=status, code=code, events=0)  # type: ignore[arg-type]
    return scenario.hears(heard, ONBOARDING, input_id=id_, done_id=f"d{id_}")


def test_an_onboarding_below_a_parent_asks_it_first() -> None:
    begun().then(
        env1.OnboardingStarted(
            slug="acme", steps=STEPS_BELOW, started_by="_created", parent="umbrella"
        ),
        env1.StepStarted(
            slug="acme",
            step="parent",
            attempt=1,
            gen="d0",
            deadline=NOW + MINUTE,
            input="_created",
        ),
    ).then_sends((UMBRELLA, ADMIT)).then_timers(Arm(timer=DEADLINE, after=MINUTE))
    outcome = answered(begun().and_then())
    done, started = outcome.events
    assert done == env1.StepCompleted(slug="acme", step="parent", input="_answer")
    assert isinstance(started, env1.StepStarted)
    assert started.step == "git-home"
    outcome.then_sends()


@pytest.mark.guarantee("G2.8")
@each(["organization-not-found", *UNFIT])
def test_a_parent_that_refuses_ends_the_onboarding_at_once_and_says_why(code: str) -> None:
    outcome = answered(begun().and_then(), code)
    failed, undoing = outcome.events
    assert isinstance(failed, env1.StepFailed)
    assert isinstance(undoing, env1.CompensationStarted)
    assert failed.reason == undoing.reason == children.refusal("umbrella", code)
    assert "'umbrella'" in failed.reason
    assert "secret" not in failed.reason
    assert code in CODES


def test_a_parent_that_cannot_say_is_asked_again() -> None:
    for outcome in (
        answered(begun().and_then(), "dropped"),
        begun().and_then().hears(Fired(timer=DEADLINE, gen="d0"), ONBOARDING, done_id="t"),
    ):
        _, started = outcome.events
        assert isinstance(started, env1.StepStarted)
        assert (started.step, started.attempt) == ("parent", 2)
        outcome.then_sends((UMBRELLA, ADMIT))


def undone(scenario: Scenario) -> Outcome:
    command = env1.ReportStep(step="undo-git-home", status="done")
    return scenario.when(command, ONBOARDING, by=SELF, input_id="u")


def test_what_failed_gives_its_place_up_and_asks_for_it_again() -> None:
    scenario = answered(begun().and_then()).and_then()
    for number in range(1, MAX_ATTEMPTS + 1):
        report = env1.ReportStep(step="git-home", status="failed", attempt=number)
        scenario = scenario.when(report, ONBOARDING, by=SELF, input_id=f"f{number}").and_then()
    outcome = undone(scenario)
    [failed] = outcome.events
    assert isinstance(failed, env1.OnboardingFailed)
    assert failed.undone == ("git-home", "parent")
    told = after(outcome.and_then(), FAILED)
    outcome = told.when(env1.RestartOnboarding(), ONBOARDING, input_id="c")
    started, _, step = outcome.events
    assert isinstance(started, env1.OnboardingStarted)
    assert (started.steps, started.done, started.parent) == (STEPS_BELOW, (), "umbrella")
    assert isinstance(step, env1.StepStarted)
    assert (step.step, step.run) == ("parent", 2)
    outcome.then_sends((UMBRELLA, ADMIT))


# ---- those that were there before anybody asked

OLD = on(ONBOARDING, env1.OnboardingStarted(slug="acme", steps=STEPS, started_by="_created"))
DONE = on(ONBOARDING, env1.OnboardingCompleted(slug="acme"))


@pytest.mark.guarantee("G2.8")
def test_a_child_of_before_is_told_to_its_parent_once_it_is_heard_of_again() -> None:
    scenario = given(PARENT, CHILD, OLD, DONE, READY)
    outcome = scenario.hears(CREATED, ONBOARDING, input_id="_created")
    outcome.then().then_sends((UMBRELLA, ADMIT)).then_timers()
    outcome.and_then().when(ADMIT, UMBRELLA, by=SELF).then(ADMITTED)
    # Its answer is for nobody, while the onboarding goes on too.
    running = given(PARENT, CHILD, OLD)
    told = running.hears(CREATED, ONBOARDING, input_id="_created", done_id="d9").and_then()
    heard = Answer(command_id=derived_id("d9", "out0"), status="accepted", code="", events=1)
    told.hears(heard, ONBOARDING, input_id="_a").then_nothing()


def test_who_asked_already_or_failed_is_not_told_again() -> None:
    begun().and_then().hears(CREATED, ONBOARDING, input_id="_created").then_nothing()
    failed = on(ONBOARDING, env1.OnboardingFailed(slug="acme", step="ready", reason="x"))
    given(PARENT, CHILD, OLD, failed).hears(CREATED, ONBOARDING).then_nothing()


def test_only_creations_below_a_parent_are_heard_of_twice() -> None:
    assert correlate_child(CREATED) == ONBOARDING
    assert correlate_child(build.recorded(build.organization_created(), ACME)) is None
    assert correlate_child(build.recorded(env1.OrganizationReady(slug="acme"), ACME)) is None
