"""Organizations: creating, changing, suspension, and the end of their onboarding."""

from typing import Any

import pytest
from tests.support import build
from tests.support.build import ACME, ORG_ADMIN, OWNER, PROVISIONING, SELF, VIEWER
from tests.support.each import each
from tests.support.scenario import Held, given, on

from catalyst.contracts import environment_v1 as env1
from catalyst.contracts.message import Command
from catalyst.contracts.subjects import Claim, Ref
from catalyst.environment_controller.domain.organization import ref_of
from catalyst.environment_controller.domain.registration import slug_claim

EXISTING = on(ACME, build.organization_created())
READY = [*EXISTING, *on(ACME, env1.OrganizationReady(slug="acme"))]
FRONT = env1.PublicFront(parent_domain="shops.example")
HOST = Claim("host", "acme.shops.example")


# ---- create


def test_an_organization_is_created_with_its_slug_claimed() -> None:
    outcome = given().when(build.create_organization(), ACME)
    outcome.then(build.organization_created()).then_claims(Claim("organization", "acme"))


def test_everything_that_was_said_stands_in_the_event() -> None:
    command = build.create_organization(
        kind="internal",
        tier="corporate",
        billing_mode="chargeback",
        owners=(OWNER, VIEWER),
        parent_org="umbrella",
        default_environment_type="dev",
        identity=env1.Identity(
            federation_provider="azure-sso",
            federation_config=env1.FederationConfig(
                tenant_id="t", client_id="c", client_secret_ref=env1.SecretRef(name="sso")
            ),
        ),
        public_front=FRONT,
        plan_slug="xl",
        policy_delegated=True,
    )
    parent = on(ref_of("umbrella"), build.organization_created("umbrella"))
    outcome = given(parent).when(command, ACME)
    [event] = outcome.events
    for name in command.__struct_fields__:
        assert getattr(event, name) == getattr(command, name), name
    outcome.then_claims(slug_claim("acme"), HOST)


@each(["openova", "omantel", "acme"])
def test_the_three_scenarios_may_be_onboarded(slug: str) -> None:
    given().when(build.create_organization(), ref_of(slug)).then(
        build.organization_created(slug, display_name="Acme")
    )


def test_an_organization_that_exists_is_not_created_again() -> None:
    given(EXISTING).when(build.create_organization(), ACME).then_rejected(
        "organization-exists", "/subject"
    )


def test_a_failed_organization_exists() -> None:
    failed = on(ACME, env1.OrganizationFailed(slug="acme", step="ready", reason="slow"))
    given(EXISTING, failed).when(build.create_organization(), ACME).then_rejected(
        "organization-exists"
    )


def test_the_slug_of_a_deleted_organization_is_never_used_again() -> None:
    deleted = on(ACME, env1.OrganizationDeleted(slug="acme"))
    given(EXISTING, deleted).when(build.create_organization(), ACME).then_rejected(
        "slug-taken", "/subject"
    )


def test_a_slug_that_was_ever_claimed_is_taken() -> None:
    given(Held(slug_claim("acme"), None)).when(build.create_organization(), ACME).then_rejected(
        "slug-taken", "/subject"
    )


def test_an_organization_is_created_under_itself_only() -> None:
    elsewhere = Ref("other", "environment", "organization", "acme")
    given().when(build.create_organization(), elsewhere).then_rejected(
        "subject-mismatch", "/subject"
    )
    nowhere = Ref(None, "environment", "organization", "acme")
    given().when(build.create_organization(), nowhere).then_rejected("subject-mismatch")


@each(
    [
        ("ac", "slug-invalid"),
        ("a" * 33, "slug-invalid"),
        ("1acme", "slug-invalid"),
        ("acme-", "slug-invalid"),
        ("ac--me", "slug-invalid"),
        ("Acme", "slug-invalid"),
        ("acme.x", "slug-invalid"),
        ("ac\nme", "slug-invalid"),
        ("acme\n", "slug-invalid"),
        ("äcme", "slug-invalid"),
        ("", "slug-invalid"),
        ("kube-system", "slug-reserved"),
        ("catalyst-projector", "slug-reserved"),
        ("hetzner", "slug-reserved"),
        ("fsn", "slug-reserved"),
        ("rtz", "slug-reserved"),
        ("prod", "slug-reserved"),
        ("production", "slug-reserved"),
        ("explore", "slug-reserved"),
        ("catalog-sovereign", "slug-reserved"),
        ("flux-system", "slug-reserved"),
        ("console", "slug-reserved"),
        ("acme-dmz", "slug-reserved"),
        ("acme-dev", "slug-environment-type"),
        ("acme-x-poc", "slug-environment-type"),
    ]
)
def test_a_slug_obeys_its_rules(slug: str, code: str) -> None:
    outcome = given().when(build.create_organization(), ref_of(slug))
    outcome.then_rejected(code)
    assert outcome.rejected is not None
    assert {error.pointer for error in outcome.rejected.errors} == {"/subject"}


def test_every_wrong_field_is_named_at_once() -> None:
    command = build.create_organization(
        kind="internal",
        billing_mode="real",
        parent_org="nobody",
        identity=env1.Identity(federation_provider="okta"),
        public_front=env1.PublicFront(parent_domain="shops.example", subdomain="www"),
        owners=(VIEWER, env1.Owner(email="VI@acme.example", role="viewer")),
        policy_delegated=True,
    )
    given().when(command, ref_of("acme-dev"), by=ORG_ADMIN).then_rejected(
        "slug-environment-type",
        "/subject",
        "/data/billing_mode",
        "/data/parent_org",
        "/data/identity/federation_config/issuer",
        "/data/identity/federation_config/client_id",
        "/data/identity/federation_config/client_secret_ref",
        "/data/public_front/subdomain",
        "/data/owners/1/email",
        "/data/owners",
        "/data/policy_delegated",
    ).then_rules(
        "slug-environment-type",
        "billing-mode-kind",
        "parent-not-found",
        "federation-incomplete",
        "federation-incomplete",
        "federation-incomplete",
        "host-reserved",
        "owner-duplicate",
        "owner-required",
        "delegation-forbidden",
    )


def test_billing_is_real_for_customers_only() -> None:
    for mode in ("chargeback", "showback"):
        command = build.create_organization(kind="internal", billing_mode=mode)
        assert given().when(command, ACME).events
    command = build.create_organization(kind="internal")
    given().when(command, ACME).then_rejected("billing-mode-kind", "/data/billing_mode")


def test_an_organization_is_not_its_own_parent() -> None:
    given().when(build.create_organization(parent_org="acme"), ACME).then_rejected(
        "parent-self", "/data/parent_org"
    )


def test_a_deleted_organization_is_no_parent() -> None:
    gone = on(
        ref_of("umbrella"),
        build.organization_created("umbrella"),
        env1.OrganizationDeleted(slug="umbrella"),
    )
    given(gone).when(build.create_organization(parent_org="umbrella"), ACME).then_rejected(
        "parent-not-found", "/data/parent_org"
    )


# ---- update


def test_an_update_changes_what_it_names_and_leaves_the_rest() -> None:
    outcome = given(READY).when(env1.UpdateOrganization(display_name="Acme Ltd"), ACME)
    assert len(outcome.events) == 1
    before, after = given(READY).world.state(ACME), outcome.state()
    assert after.display_name == "Acme Ltd"
    changed = [
        name for name in after.__struct_fields__ if getattr(before, name) != getattr(after, name)
    ]
    assert changed == ["display_name"]


def test_an_update_leaves_every_term_that_it_does_not_name() -> None:
    terms: dict[str, Any] = {
        "tier": "corporate",
        "billing_mode": "chargeback",
        "default_environment_type": "dev",
        "identity": env1.Identity(federation_provider="okta"),
        "public_front": FRONT,
        "plan_slug": "xl",
        "policy_delegated": True,
    }
    there = on(ACME, build.organization_created(kind="internal", **terms))
    ready = [*there, *on(ACME, env1.OrganizationReady(slug="acme"))]
    outcome = given(ready).when(env1.UpdateOrganization(display_name="Acme Ltd"), ACME)
    outcome.then(env1.OrganizationUpdated(slug="acme", display_name="Acme Ltd", **terms))
    # Each said again as it is changes nothing, and takes no claim.
    for name, value in terms.items():
        same = given(ready).when(env1.UpdateOrganization(**{name: value}), ACME)
        same.then_nothing().then_claims()


def test_an_update_that_changes_nothing_writes_nothing() -> None:
    given(READY).when(env1.UpdateOrganization(display_name="Acme", tier="sme"), ACME).then_nothing()
    given(READY).when(env1.UpdateOrganization(), ACME).then_nothing()


def test_an_update_of_an_internal_organization_cannot_make_billing_real() -> None:
    internal = on(ACME, build.organization_created(kind="internal", billing_mode="showback"))
    given(internal).when(env1.UpdateOrganization(billing_mode="real"), ACME).then_rejected(
        "billing-mode-kind", "/data/billing_mode"
    )


@each(
    [
        (env1.UpdateOrganization(tier="corporate"), "/data/tier"),
        (env1.UpdateOrganization(billing_mode="showback"), "/data/billing_mode"),
        (env1.UpdateOrganization(plan_slug="xl"), "/data/plan_slug"),
    ]
)
def test_an_organization_does_not_change_its_own_terms(
    change: env1.UpdateOrganization, pointer: str
) -> None:
    given(READY).when(change, ACME, by=ORG_ADMIN).then_rejected("terms-forbidden", pointer)
    assert given(READY).when(change, ACME).events


def test_an_organization_does_not_delegate_policies_to_itself() -> None:
    command = env1.UpdateOrganization(policy_delegated=True)
    given(READY).when(command, ACME, by=ORG_ADMIN).then_rejected(
        "delegation-forbidden", "/data/policy_delegated"
    )
    assert given(READY).when(command, ACME).state().policy_delegated


def test_an_update_that_repeats_the_terms_is_no_change_of_them() -> None:
    command = env1.UpdateOrganization(tier="sme", policy_delegated=False, display_name="New")
    assert given(READY).when(command, ACME, by=ORG_ADMIN).state().display_name == "New"


# ---- suspension


def test_suspending_and_resuming() -> None:
    suspended = given(READY).when(env1.SuspendOrganization(reason="unpaid"), ACME)
    suspended.then(env1.OrganizationSuspended(slug="acme", reason="unpaid"))
    assert suspended.state().suspended_reason == "unpaid"
    resumed = suspended.and_then().when(env1.ResumeOrganization(), ACME)
    resumed.then(env1.OrganizationResumed(slug="acme"))
    assert not resumed.state().suspended
    assert resumed.state().suspended_reason == ""


def test_suspending_again_changes_only_another_reason() -> None:
    suspended = [*READY, *on(ACME, env1.OrganizationSuspended(slug="acme", reason="unpaid"))]
    given(suspended).when(env1.SuspendOrganization(reason="unpaid"), ACME).then_nothing()
    given(suspended).when(env1.SuspendOrganization(reason="abuse"), ACME).then(
        env1.OrganizationSuspended(slug="acme", reason="abuse")
    )


def test_resuming_what_is_not_suspended_is_refused() -> None:
    given(READY).when(env1.ResumeOrganization(), ACME).then_rejected("organization-not-suspended")


def test_a_suspended_organizations_own_record_can_be_mended() -> None:
    suspended = [*READY, *on(ACME, env1.OrganizationSuspended(slug="acme", reason="unpaid"))]
    for command in (
        env1.UpdateOrganization(plan_slug="s"),
        env1.ChangeOwners(owners=(OWNER, VIEWER)),
    ):
        assert given(suspended).when(command, ACME).events


# ---- what is not there


@each(
    [
        env1.UpdateOrganization(display_name="X"),
        env1.ChangeOwners(owners=(OWNER,)),
        env1.SuspendOrganization(reason="x"),
        env1.ResumeOrganization(),
        env1.CompleteOnboarding(),
        env1.FailOnboarding(step="ready", reason="x"),
    ]
)
def test_nothing_happens_to_an_organization_that_is_not_there(command: Command) -> None:
    given().when(command, ACME, by=SELF).then_rejected("organization-not-found")
    deleted = [*READY, *on(ACME, env1.OrganizationDeleted(slug="acme"))]
    given(deleted).when(command, ACME, by=SELF).then_rejected("organization-deleted")


# ---- onboarding's end


def test_onboarding_makes_the_organization_ready_once() -> None:
    outcome = given(EXISTING).when(env1.CompleteOnboarding(), ACME, by=SELF)
    outcome.then(env1.OrganizationReady(slug="acme"))
    outcome.and_then().when(env1.CompleteOnboarding(), ACME, by=SELF).then_nothing()


def test_a_failed_onboarding_holds_against_a_late_completion() -> None:
    failing = env1.FailOnboarding(step="ready", reason="slow")
    failed = env1.OrganizationFailed(slug="acme", step="ready", reason="slow")
    for facts in (EXISTING, READY):
        outcome = given(facts).when(failing, ACME, by=SELF)
        outcome.then(failed)
        again = outcome.and_then()
        again.when(failing, ACME, by=SELF).then_nothing()
        again.when(env1.CompleteOnboarding(), ACME, by=SELF).then_rejected("step-unexpected")


@pytest.mark.parametrize("actor", [build.SOVEREIGN_ADMIN, PROVISIONING])
def test_only_this_service_ends_an_onboarding(actor: object) -> None:
    for command in (env1.CompleteOnboarding(), env1.FailOnboarding(step="ready", reason="x")):
        given(EXISTING).when(command, ACME, by=actor).then_rejected("forbidden")  # type: ignore[arg-type]
