"""What an event says stays as it is said, field by field, until another one says otherwise."""

from typing import Any

from msgspec.structs import fields, replace
from tests.support.build import NOW
from tests.support.each import each

from catalyst.contracts import environment_v1 as env1
from catalyst.contracts import environment_v2 as env2
from catalyst.contracts.message import Event
from catalyst.environment_controller.domain import environment, organization, policy, progress

REGION = env1.Region(provider="hetzner", region="fsn", building_block="rtz", host_cluster="x")
OTHER = env1.Region(provider="oci", region="dxb", building_block="dmz", host_cluster="y")
FRONT = env1.PublicFront(parent_domain="shop.example", subdomain="acme")
LOGIN = env1.Identity(federation_provider="okta")
ADA = env1.Owner(email="ada@acme.example", role="owner")
COMMIT = env1.ManifestCommitted(path="organization.yaml", commit="c" * 40, event_seq=7)

TERMS: dict[str, Any] = {
    "display_name": "Acme",
    "tier": "corporate",
    "billing_mode": "chargeback",
    "default_environment_type": "dev",
    "identity": LOGIN,
    "public_front": FRONT,
    "plan_slug": "xl",
    "policy_delegated": True,
}
CREATED = env1.OrganizationCreated(
    slug="acme",
    kind="internal",
    sovereign_ref="cloud.example",
    owners=(ADA,),
    parent_org="group",
    **TERMS,
)
UPDATED = env1.OrganizationUpdated(
    slug="acme",
    display_name="Acme Ltd",
    tier="sme",
    billing_mode="showback",
    default_environment_type="uat",
    identity=None,
    public_front=env1.PublicFront(parent_domain="other.example"),
    plan_slug="s",
    policy_delegated=False,
)
MADE = env1.EnvironmentCreated(
    environment="acme-dev",
    organization="acme",
    env_type="dev",
    label="lab",
    placement="multi-region",
    regions=(REGION, OTHER),
    branch="develop",
    policy="gate",
)
MOVED = env1.EnvironmentUpdated(environment="acme-dev", placement="single-region", regions=(OTHER,))
DEFINED = env2.PolicyDefined(
    policy="gate",
    approvals=(env1.Approval(team="sre", quorum=2),),
    soak_minutes=90,
    source_environment="acme-stg",
    required_score=80,
    severity="high",
    windows=(env1.Window(effect="deny", cron="0 0 * * *", duration_minutes=60),),
    weights={"probes": env1.Weight(weight=5)},
    modes={"probes": "enforcing"},
    environments=("acme-prod",),
    applications_max=3,
)
NAMED = {"environment": "name", "policy": "name"}
"""Fields of events that name the thing itself, with what the state calls them."""


def said(state: Any, event: Event, *, but: tuple[str, ...] = ()) -> None:
    """Fail unless a state says all that an event does."""
    for field in event.__struct_fields__:
        if field not in but:
            own = NAMED.get(field, field) if not hasattr(state, field) else field
            assert getattr(state, own) == getattr(event, field), field


def test_an_organization_is_as_it_was_created_and_then_as_it_was_updated() -> None:
    state = organization.evolve(organization.Organization(), CREATED)
    said(state, CREATED)
    committed = organization.evolve(state, COMMIT)
    after = organization.evolve(committed, UPDATED)
    said(after, UPDATED)
    # What is not among its terms stays.
    said(after, CREATED, but=tuple(UPDATED.__struct_fields__))
    assert (after.slug, after.manifest) == ("acme", committed.manifest)
    assert committed.manifest != state.manifest


def test_of_an_organization_that_is_deleted_nothing_below_it_stays() -> None:
    state = organization.evolve(organization.Organization(), CREATED)
    for event in (
        env1.EnvironmentAdded(slug="acme", environment="acme-dev"),
        env1.PolicyAdded(slug="acme", policy="gate"),
        env1.ChildAdmitted(slug="acme", child="unit"),
    ):
        state = organization.evolve(state, event)
    assert (state.environments, state.policies, state.children) == (
        ("acme-dev",), ("gate",), ("unit",),
    )  # fmt: skip
    gone = organization.evolve(state, env1.OrganizationDeleted(slug="acme"))
    assert (gone.phase, gone.environments, gone.policies, gone.children) == ("deleted", (), (), ())


def test_an_environment_is_as_it_was_created_and_then_where_it_was_moved() -> None:
    state = environment.evolve(environment.Environment(), MADE)
    said(state, MADE)
    committed = environment.evolve(state, COMMIT)
    after = environment.evolve(committed, MOVED)
    said(after, MOVED)
    said(after, MADE, but=("placement", "regions"))
    gone = environment.evolve(
        after, env1.EnvironmentDeleted(environment="acme-dev", organization="acme")
    )
    again = environment.evolve(gone, MADE)
    said(again, MADE)
    # Its manifest is compared with what Git was told last, whoever made it anew.
    assert again.manifest == committed.manifest != state.manifest


def test_a_policy_says_all_that_it_was_defined_with() -> None:
    state = policy.evolve(policy.Policy(), DEFINED)
    said(state, DEFINED)
    committed = policy.evolve(state, COMMIT)
    gone = policy.evolve(committed, env1.PolicyDeleted(policy="gate"))
    again = policy.evolve(gone, DEFINED)
    assert (gone.exists, again.exists) == (False, True)
    assert again.manifest == committed.manifest != state.manifest


@each([CREATED, UPDATED, MADE, MOVED, DEFINED], lambda event: type(event).__name__)
def test_no_field_of_these_is_what_it_would_be_unsaid(event: Event) -> None:
    """So that a field which is forgotten is noticed above."""
    taken_back = {"identity", "policy_delegated"} if event is UPDATED else set()
    for field in fields(event):
        assert field.name in taken_back or getattr(event, field.name) != field.default, field.name


def test_why_an_onboarding_fails_is_said_until_it_goes_on() -> None:
    started = env1.OnboardingStarted(
        slug="acme", steps=("git-home",), started_by="e", run=1, done=(), parent="group"
    )
    failed = env1.StepFailed(slug="acme", step="git-home", attempt=1, reason="no room", input="i")
    undoing = env1.CompensationStarted(
        slug="acme", step="git-home", reason="gave up", gen="g", deadline=NOW, attempt=2, run=1
    )
    state = progress.evolve(progress.Onboarding(), started)
    assert (state.status, state.parent, state.reason) == ("running", "group", "")
    state = progress.evolve(state, failed)
    assert (state.status, state.reason) == ("running", "no room")
    gone = progress.evolve(state, undoing)
    assert (gone.status, gone.reason, gone.gen, gone.attempt) == ("undoing", "gave up", "g", 2)
    done = progress.evolve(state, env1.OnboardingCompleted(slug="acme", input="e-2"))
    assert (done.status, done.reason, done.gen) == ("completed", "", "")
    again = progress.evolve(gone, replace(started, run=2, started_by="e-3", parent=None))
    assert (again.status, again.reason, again.run, again.parent) == ("running", "", 2, None)
    assert again.handled == ("e-3",)
