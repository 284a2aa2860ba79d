"""Properties of all rules: total folds, one effect per input, names that come back."""

from collections.abc import Sequence
from typing import Any

import msgspec
import pytest
from hypothesis import assume, given, strategies
from hypothesis.strategies import DrawFn, SearchStrategy, composite, sampled_from
from tests.support import build, scenario
from tests.support.build import ACME, DEV, GATE, NOW, ONBOARDING, PROD, PROVISIONING, SELF
from tests.support.each import each

from catalyst.contracts import environment_v1 as env1
from catalyst.contracts import environment_v2 as env2
from catalyst.contracts import runtime_v1 as run1
from catalyst.contracts.decision import Arm, Fired
from catalyst.contracts.message import Answer, Command, Event, derived_id
from catalyst.contracts.registry import EVENTS, named
from catalyst.contracts.upcast import upcast
from catalyst.environment_controller import handlers
from catalyst.environment_controller.domain import naming, places
from catalyst.environment_controller.domain.findings import Findings
from catalyst.environment_controller.domain.naming import EnvironmentName
from catalyst.environment_controller.domain.onboarding import DEADLINE, MAX_ATTEMPTS
from catalyst.environment_controller.domain.organization import ref_of
from catalyst.environment_controller.domain.policy import policy_ref
from catalyst.environment_controller.domain.progress import HANDLED_MAX, STEPS, Onboarding

SAMPLES: tuple[Event, ...] = (
    build.organization_created(),
    env1.OrganizationUpdated(
        slug="acme",
        display_name="A",
        tier="sme",
        billing_mode="real",
        default_environment_type="dev",
    ),
    env1.OrganizationSuspended(slug="acme", reason="x"),
    env1.OrganizationResumed(slug="acme"),
    env1.OwnersChanged(slug="acme", owners=(build.OWNER,)),
    env1.OrganizationReady(slug="acme"),
    env1.OrganizationFailed(slug="acme", step="ready", reason="x"),
    env1.OnboardingRestarted(slug="acme", run=2),
    env1.OrganizationDeleted(slug="acme"),
    env1.EnvironmentAdded(slug="acme", environment="acme-dev"),
    env1.EnvironmentRemoved(slug="acme", environment="acme-dev"),
    env1.PolicyAdded(slug="acme", policy="gate"),
    env1.ChildAdmitted(slug="acme", child="labs"),
    env1.ChildReleased(slug="acme", child="labs"),
    build.environment_created(),
    env1.EnvironmentUpdated(environment="acme-dev", placement="multi-region", regions=()),
    env1.PolicyAttached(environment="acme-dev", policy="gate"),
    env1.ApplicationAdmitted(environment="acme-dev", application="blog"),
    env1.ApplicationReleased(environment="acme-dev", application="blog"),
    env1.EnvironmentDeleted(environment="acme-dev", organization="acme"),
    env1.PolicyDefined(policy="gate", soak_hours=1),
    env2.PolicyDefined(policy="gate", soak_minutes=1),
    env1.PolicyDeleted(policy="gate"),
    env1.ManifestCommitted(path="x", commit="y", event_seq=1),
    env1.OnboardingStarted(slug="acme", steps=STEPS, started_by="e"),
    env1.OnboardingStarted(slug="acme", steps=STEPS, started_by="r", run=2, done=("git-home",)),
    env1.StepStarted(slug="acme", step="ready", attempt=2, gen="g", deadline=NOW, input="i"),
    env1.StepCompleted(slug="acme", step="git-home", input="j"),
    env1.StepFailed(slug="acme", step="git-home", attempt=1, reason="x"),
    env1.OnboardingCompleted(slug="acme"),
    env1.CompensationStarted(slug="acme", step="ready", reason="x", gen="g", deadline=NOW),
    env1.OnboardingFailed(slug="acme", step="ready", reason="x"),
    run1.Parked(subject="dlq", message_id="c", message_type="t", reason="bug"),
    run1.Unparked(subject="dlq", message_id="c", how="retried"),
)


def test_every_event_has_a_sample() -> None:
    assert {named(type(sample), "environment").type for sample in SAMPLES} == {
        name for name, event in EVENTS.items() if event.service == "environment"
    }


# ---- folds


@pytest.mark.parametrize("aggregate", handlers.AGGREGATES, ids=lambda item: item.name)
@given(events=strategies.lists(sampled_from(SAMPLES), max_size=30))
def test_a_fold_takes_any_event_at_any_state(aggregate: Any, events: Sequence[Event]) -> None:
    state = aggregate.initial
    for event in events:
        state = aggregate.evolve(state, upcast(event))
    assert isinstance(state, aggregate.state)
    # A snapshot is the state as JSON; what is loaded from it must be the same state.
    assert msgspec.json.decode(msgspec.json.encode(state), type=aggregate.state) == state


@each(handlers.AGGREGATES, name=lambda item: item.name)
def test_a_fold_ignores_what_is_not_its_own(aggregate: Any) -> None:
    for sample in SAMPLES:
        if aggregate.name not in named(type(sample), "environment").aggregates:
            assert aggregate.evolve(aggregate.initial, sample) == aggregate.initial


# ---- commands that can be repeated

IDEMPOTENT: tuple[tuple[Command, Any, Any], ...] = (
    (env1.UpdateOrganization(display_name="New", plan_slug="xl"), ACME, None),
    (env1.ChangeOwners(owners=(build.VIEWER, build.OWNER)), ACME, None),
    (env1.SuspendOrganization(reason="unpaid"), ACME, None),
    (env1.CompleteOnboarding(), ACME, SELF),
    (env1.FailOnboarding(step="ready", reason="x"), ACME, SELF),
    (env1.AdmitChild(child="labs"), ACME, SELF),
    (env1.ReleaseChild(child="gone"), ACME, SELF),
    (env1.RecordCommit(path="x", commit="y", event_seq=3), ACME, SELF),
    (env1.RecordCommit(path="x", commit="y", event_seq=3), PROD, SELF),
    (env1.RecordCommit(path="x", commit="y", event_seq=3), GATE, SELF),
    (env1.UpdateEnvironment(regions=(build.region("nbg"),)), PROD, None),
    (env1.AttachPolicy(policy="gate"), PROD, None),
    (env1.AdmitApplication(application="shop"), PROD, PROVISIONING),
    (build.update_policy(promotion=env1.Promotion(soak_hours=3)), GATE, None),
)
"""Repeating these under a new id changes nothing. The others say that it is done: a create finds
what exists, a resume finds nothing suspended, a release and a deletion find nothing there."""

REFUSED: tuple[tuple[Command, Any, Any, str], ...] = (
    (build.create_organization(), ref_of("other"), None, "organization-exists"),
    (build.create_environment(env_type="dev"), DEV, None, "environment-exists"),
    (build.define_policy(), policy_ref("acme", "other"), None, "policy-exists"),
    (env1.ReleaseApplication(application="blog"), PROD, PROVISIONING, "application-not-admitted"),
)

WORLD = [
    *scenario.on(
        ACME,
        build.organization_created(),
        env1.EnvironmentAdded(slug="acme", environment="acme-prod"),
        env1.PolicyAdded(slug="acme", policy="gate"),
        env1.ChildAdmitted(slug="acme", child="gone"),
    ),
    *scenario.on(ref_of("labs"), build.organization_created("labs", parent_org="acme")),
    *scenario.on(
        PROD,
        build.environment_created(),
        env1.ApplicationAdmitted(environment="acme-prod", application="blog"),
    ),
    *scenario.on(GATE, build.policy_defined()),
]


@each(IDEMPOTENT, name=lambda item: type(item).__name__)
def test_a_satisfied_command_repeated_writes_nothing(
    command: Command, place: Any, actor: Any
) -> None:
    by = actor or build.SOVEREIGN_ADMIN
    first = scenario.given(WORLD).when(command, place, by=by)
    assert first.events
    first.and_then().when(command, place, by=by).then_nothing()


@each(REFUSED, name=lambda item: type(item).__name__)
def test_a_command_that_is_not_repeatable_says_so(
    command: Command, place: Any, actor: Any, code: str
) -> None:
    by = actor or build.SOVEREIGN_ADMIN
    first = scenario.given(WORLD).when(command, place, by=by)
    assert first.events
    first.and_then().when(command, place, by=by).then_rejected(code)


# ---- names

WORD = strategies.from_regex(r"[a-z][a-z0-9]{0,8}(-[a-z0-9]{1,6}){0,2}", fullmatch=True)
TYPES: SearchStrategy[env1.EnvType] = sampled_from(("prod", "stg", "uat", "dev", "poc"))


@composite
def names(draw: DrawFn) -> EnvironmentName:
    organization, label = draw(WORD), draw(strategies.just("") | WORD)
    found = Findings()
    naming.check_slug(organization, found, "")
    assume(not found.errors)
    assume(not label or not naming.check_label(label))
    return EnvironmentName(organization=organization, label=label, env_type=draw(TYPES))


@given(names())
def test_an_environments_name_comes_back_as_its_parts(name: EnvironmentName) -> None:
    assert naming.parse_environment(name.text, name.organization) == name


@given(names(), names())
def test_two_environments_of_one_organization_never_share_a_name(
    one: EnvironmentName, other: EnvironmentName
) -> None:
    moved = msgspec.structs.replace(other, organization=one.organization)
    assert (one.text == moved.text) == (one == moved)


@given(names())
def test_no_environments_name_is_a_slug(name: EnvironmentName) -> None:
    found = Findings()
    naming.check_slug(name.text, found, "")
    assert found.errors


@given(strategies.text(max_size=40), WORD)
def test_any_text_is_either_a_name_or_none(text: str, organization: str) -> None:
    parsed = naming.parse_environment(text, organization)
    assert parsed is None or parsed.text == text


@given(
    sampled_from([(p, r) for p, codes in places.REGIONS.items() for r in sorted(codes)]),
    sampled_from(places.BLOCKS),
    TYPES,
)
def test_a_derived_host_cluster_fits_its_region(
    place: tuple[Any, str], block: Any, env_type: env1.EnvType
) -> None:
    region = build.region(place[1], place[0], block)
    name = places.host_cluster(region, env_type)
    assert places.host_cluster_fits(name, region)
    for other, short in places.SHORT.items():
        if short != places.SHORT[place[0]]:
            assert not places.host_cluster_fits(name, build.region(place[1], other, block))  # type: ignore[arg-type]


# ---- onboarding under any schedule


@composite
def schedules(draw: DrawFn) -> list[tuple[str, str, int, str]]:
    """Return inputs of any kind, with ids that repeat."""
    item = strategies.tuples(
        sampled_from(
            ["created", "fire", "fire-old", "answer", "refusal", "never", *STEPS[:2], "undo"]
        ),
        sampled_from(["done", "failed"]),
        strategies.integers(0, MAX_ATTEMPTS),
        sampled_from([f"i{number}" for number in range(40)]),
    )
    return draw(strategies.lists(item, max_size=60))


def _arrive(
    world: scenario.Scenario, item: tuple[str, str, int, str], gens: list[str], parent: str | None
) -> Any:
    kind, status, attempt, id_ = item
    created = build.recorded(build.organization_created(parent_org=parent), ACME)
    state: Onboarding = world.world.state(ONBOARDING)
    match kind:
        case "created":
            return world.hears(created, ONBOARDING, input_id=id_, done_id=f"d{len(gens)}")
        case "fire" | "fire-old":
            gen = state.gen if kind == "fire" else gens[attempt] if len(gens) > attempt else "?"
            firing = Fired(timer=DEADLINE, gen=gen)
            return world.hears(firing, ONBOARDING, input_id=f"t-{gen}", done_id=f"d{len(gens)}")
        case "answer" | "refusal" | "never":
            code = {"refusal": "bug", "never": "organization-deleted"}.get(kind, "")
            given_ = Answer(
                command_id=derived_id(state.gen, "out0") if attempt else "another",
                status="rejected" if code else "accepted",
                code=code,
                events=0,
            )
            return world.hears(given_, ONBOARDING, input_id=id_, done_id=f"d{len(gens)}")
        case _:
            step = "undo-git-home" if kind == "undo" else kind
            command = env1.ReportStep(step=step, status=status, attempt=attempt)  # type: ignore[arg-type]
            return world.when(command, ONBOARDING, by=SELF, input_id=f"{id_}-{len(gens)}")


@pytest.mark.parametrize("parent", [None, "umbrella"])
@given(schedule=schedules())
def test_onboarding_holds_its_promises_under_any_schedule(
    schedule: list[tuple[str, str, int, str]], parent: str | None
) -> None:
    world, told = scenario.given(), 0
    gens: list[str] = []
    for item in schedule:
        before: Onboarding = world.world.state(ONBOARDING)
        outcome = _arrive(world, item, gens, parent)
        world = outcome.and_then()
        after: Onboarding = world.world.state(ONBOARDING)
        if outcome.rejected is not None:
            assert before == after
            continue
        decision = outcome.decision
        armed = [timer for timer in decision.timers if isinstance(timer, Arm)]
        if before.status in {"completed", "failed"}:
            assert not decision.events
        if armed:
            gens.append(after.gen)
        # Whoever waits has a deadline, and only the one armed last counts.
        assert (after.status in {"running", "undoing"}) == bool(after.gen)
        assert not after.gen or after.gen == gens[-1]
        assert 0 <= after.attempt <= MAX_ATTEMPTS
        assert len(after.handled) <= HANDLED_MAX
        told += sum(isinstance(send.command, env1.FailOnboarding) for send in decision.commands)
        assert told == (after.status == "failed")
    _ends_by_deadlines_alone(world)


def _ends_by_deadlines_alone(world: scenario.Scenario) -> None:
    """Let every deadline pass: whatever happened before, it comes to an end."""
    for number in range(MAX_ATTEMPTS * 2 + 1):
        state: Onboarding = world.world.state(ONBOARDING)
        if not state.gen:
            break
        firing = Fired(timer=DEADLINE, gen=state.gen)
        world = world.hears(
            firing, ONBOARDING, input_id=f"end{number}", done_id=f"end{number}"
        ).and_then()
    assert world.world.state(ONBOARDING).status in {"absent", "completed", "failed"}
