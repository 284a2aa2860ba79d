"""Deleting: what a plan lists, and when applying it is refused."""

from datetime import timedelta
from typing import Any

from hypothesis import given as examples
from hypothesis import strategies
from tests.support import build
from tests.support.build import ACME, DEV, GATE, NOW, ORG_ADMIN, PROD, PROVISIONING
from tests.support.each import each
from tests.support.scenario import Held, Scenario, World, given, on

from catalyst.contracts import environment_v1 as env1
from catalyst.contracts import environment_v2 as env2
from catalyst.contracts.subjects import Claim
from catalyst.environment_controller.domain import deletion
from catalyst.environment_controller.domain.deletion import DeletionPlan, plan_hash
from catalyst.environment_controller.domain.environment import environment_ref, name_claim
from catalyst.environment_controller.domain.policy import policy_ref

FRONT = env1.PublicFront(parent_domain="shops.example")
HOST = Claim("host", "acme.shops.example")
ORGANIZATION = [
    *on(
        ACME,
        build.organization_created(public_front=FRONT),
        env1.OrganizationReady(slug="acme"),
        env1.EnvironmentAdded(slug="acme", environment="acme-dev"),
        env1.EnvironmentAdded(slug="acme", environment="acme-prod"),
        env1.PolicyAdded(slug="acme", policy="gate"),
    ),
    *on(PROD, build.environment_created(policy="gate")),
    *on(DEV, build.environment_created("acme-dev")),
    *on(GATE, build.policy_defined()),
    Held(name_claim("acme-prod"), PROD),
    Held(name_claim("acme-dev"), DEV),
    Held(HOST, ACME),
]
BLOG = env1.ApplicationAdmitted(environment="acme-prod", application="blog")
SHOP = env1.ApplicationAdmitted(environment="acme-prod", application="shop")
SUSPENDED = on(ACME, env1.OrganizationSuspended(slug="acme", reason="unpaid"))


def organization_plan(world: World) -> DeletionPlan:
    state = world.state(ACME)
    return deletion.plan_organization(
        state,
        "acme",
        {name: world.state(environment_ref("acme", name)) for name in state.environments},
        {name: world.state(policy_ref("acme", name)) for name in state.policies},
    )


def environment_plan(world: World) -> DeletionPlan:
    return deletion.plan_environment("acme-prod", world.state(PROD), world.state(ACME))


def answered(plan: DeletionPlan, **changes: Any) -> dict[str, Any]:
    """Return what an apply sends back of a plan."""
    return {
        "request": plan.request,
        "hash": plan.hash,
        "inputs": plan.inputs,
        "expires": NOW + deletion.PLAN_LIFETIME,
        **changes,
    }


def delete_organization(world: World, **changes: Any) -> env1.ApplyOrganizationDeletion:
    return env1.ApplyOrganizationDeletion(**answered(organization_plan(world), **changes))


def delete_environment(world: World, **changes: Any) -> env1.ApplyEnvironmentDeletion:
    return env1.ApplyEnvironmentDeletion(**answered(environment_plan(world), **changes))


# ---- what a plan lists


def test_an_organizations_plan_lists_what_goes_in_order_and_what_stays() -> None:
    plan = organization_plan(given(ORGANIZATION).world)
    assert [(item.kind, item.name) for item in plan.goes] == [
        ("environment", "acme-dev"),
        ("name", "acme-dev"),
        ("environment", "acme-prod"),
        ("name", "acme-prod"),
        ("policy", "gate"),
        ("host", "acme.shops.example"),
        ("owners", "acme"),
        ("organization", "acme"),
    ]
    assert [item.kind for item in plan.stays] == ["slug", "repository", "log", "outcomes"]
    assert plan.blocked_by == ()
    assert plan.request == {"organization": "acme"}
    assert set(plan.inputs) == {
        "organization:acme",
        "environment:acme-dev",
        "environment:acme-prod",
        "policy:gate",
    }


def test_an_environments_plan_lists_what_goes_and_what_stays() -> None:
    plan = environment_plan(given(ORGANIZATION).world)
    assert [item.kind for item in plan.goes] == ["environment", "name"]
    assert [(item.kind, item.name) for item in plan.stays][:2] == [
        ("policy", "gate"),
        ("branch", "main"),
    ]
    assert set(plan.inputs) == {"environment:acme-prod"}


def test_a_plan_names_what_stands_in_its_way() -> None:
    world = given(ORGANIZATION, on(PROD, SHOP, BLOG)).world
    for plan in (organization_plan(world), environment_plan(world)):
        [blocker] = plan.blocked_by
        assert blocker.code == "applications-present"
        assert blocker.names == ("acme-prod/blog", "acme-prod/shop")


# ---- applying


def test_an_environment_goes_with_its_name_and_its_place_in_the_organization() -> None:
    scenario = given(ORGANIZATION)
    outcome = scenario.when(delete_environment(scenario.world), PROD, by=ORG_ADMIN)
    outcome.then(
        env1.EnvironmentDeleted(environment="acme-prod", organization="acme"),
        (ACME, env1.EnvironmentRemoved(slug="acme", environment="acme-prod")),
    ).then_claims(released=[name_claim("acme-prod")])
    assert outcome.state(ACME).environments == ("acme-dev",)
    again = outcome.and_then().when(build.create_environment(), PROD)
    again.then_claims(name_claim("acme-prod"))


def test_an_organization_goes_with_everything_in_it() -> None:
    scenario = given(ORGANIZATION)
    outcome = scenario.when(delete_organization(scenario.world), ACME)
    outcome.then(
        (DEV, env1.EnvironmentDeleted(environment="acme-dev", organization="acme")),
        (PROD, env1.EnvironmentDeleted(environment="acme-prod", organization="acme")),
        (GATE, env1.PolicyDeleted(policy="gate")),
        env1.OrganizationDeleted(slug="acme"),
    ).then_claims(released=[name_claim("acme-dev"), name_claim("acme-prod"), HOST])
    world = outcome.and_then()
    assert not world.world.state(PROD).exists
    assert not world.world.state(GATE).exists
    world.when(delete_organization(scenario.world), ACME).then_rejected("organization-deleted")
    world.when(delete_environment(scenario.world), PROD).then_rejected("environment-not-found")
    world.when(build.create_organization(), ACME).then_rejected("slug-taken")


def test_a_bare_organization_goes_too() -> None:
    scenario = given(on(ACME, build.organization_created(), env1.OrganizationReady(slug="acme")))
    scenario.when(delete_organization(scenario.world), ACME).then(
        env1.OrganizationDeleted(slug="acme")
    ).then_claims()


def test_a_suspended_or_failed_organization_can_be_deleted() -> None:
    failed = on(ACME, env1.OrganizationFailed(slug="acme", step="ready", reason="x"))
    for facts in (SUSPENDED, failed):
        scenario = given(ORGANIZATION, facts)
        assert scenario.when(delete_organization(scenario.world), ACME).events


def test_an_environment_of_a_suspended_organization_stays() -> None:
    scenario = given(ORGANIZATION, SUSPENDED)
    [blocker] = environment_plan(scenario.world).blocked_by
    assert blocker.code == "organization-suspended"
    scenario.when(delete_environment(scenario.world), PROD).then_rejected("organization-suspended")


def test_an_organization_that_is_being_onboarded_stays() -> None:
    scenario = given(on(ACME, build.organization_created()))
    scenario.when(delete_organization(scenario.world), ACME).then_rejected("onboarding-in-progress")


def test_what_is_not_there_is_not_deleted() -> None:
    scenario = given(ORGANIZATION)
    command = delete_organization(scenario.world)
    given().when(command, ACME).then_rejected("organization-not-found")
    given().when(delete_environment(scenario.world), PROD).then_rejected("environment-not-found")


# ---- Applications


def test_an_environment_with_applications_stays_and_says_which() -> None:
    scenario = given(ORGANIZATION, on(PROD, BLOG, SHOP))
    outcome = scenario.when(delete_environment(scenario.world), PROD)
    outcome.then_rejected("applications-present")
    assert outcome.rejected is not None
    assert [error.message for error in outcome.rejected.errors] == [
        "acme-prod/blog",
        "acme-prod/shop",
    ]


def test_an_organization_with_applications_stays_and_says_which() -> None:
    scenario = given(ORGANIZATION, on(PROD, BLOG))
    outcome = scenario.when(delete_organization(scenario.world), ACME)
    outcome.then_rejected("applications-present")
    assert outcome.rejected is not None
    assert "acme-prod/blog" in outcome.rejected.message


def test_an_application_admitted_after_the_plan_is_named() -> None:
    scenario = given(ORGANIZATION)
    command = delete_environment(scenario.world)
    admitted = scenario.when(env1.AdmitApplication(application="blog"), PROD, by=PROVISIONING)
    admitted.and_then().when(command, PROD).then_rejected("applications-present")


def test_an_application_that_left_again_leaves_the_plan_as_it_was() -> None:
    scenario = given(ORGANIZATION)
    command = delete_environment(scenario.world)
    admitted = scenario.when(env1.AdmitApplication(application="blog"), PROD, by=PROVISIONING)
    released = admitted.and_then().when(
        env1.ReleaseApplication(application="blog"), PROD, by=PROVISIONING
    )
    assert released.and_then().when(command, PROD).events


# ---- stale, expired, forged


def changed(scenario: Scenario, *facts: Any) -> Scenario:
    world = scenario.world
    for ref, event in facts:
        world = world.with_fact(ref, event)
    return scenario.going_on(world)


@each([
        (on(ACME, env1.EnvironmentRemoved(slug="acme", environment="acme-dev")),
         ["environment:acme-dev", "organization:acme"]),
        (
            [
                *on(environment_ref("acme", "acme-poc"), build.environment_created("acme-poc")),
                *on(ACME, env1.EnvironmentAdded(slug="acme", environment="acme-poc")),
            ],
            ["environment:acme-poc", "organization:acme"],
        ),
        (on(DEV, env1.PolicyAttached(environment="acme-dev", policy="gate")),
         ["environment:acme-dev"]),
        (on(GATE, build.policy_defined(soak_minutes=5)), ["policy:gate"]),
        (on(ACME, env1.OwnersChanged(slug="acme", owners=())), ["organization:acme"]),
    ])  # fmt: skip
def test_a_stale_plan_names_the_inputs_that_changed(facts: Any, names: list[str]) -> None:
    scenario = given(ORGANIZATION)
    command = delete_organization(scenario.world)
    outcome = changed(scenario, *facts).when(command, ACME)
    outcome.then_rejected("plan-stale", *(f"/data/inputs/{name}" for name in names))
    assert outcome.rejected is not None
    kinds = {"environment": "the Environment", "policy": "the EnvironmentPolicy"}
    kinds["organization"] = "the Organization"
    called = [f"{kinds[kind]} {own}" for kind, _, own in (name.partition(":") for name in names)]
    assert outcome.rejected.message == f"what was planned has changed: {', '.join(called)}"


def test_a_stale_plan_says_what_came_went_and_changed() -> None:
    scenario = given(ORGANIZATION)
    inputs = organization_plan(scenario.world).inputs
    inputs = {**inputs, "environment:acme-old": "0" * 64, "policy:gate": "0" * 64}
    del inputs["environment:acme-dev"]
    outcome = scenario.when(delete_organization(scenario.world, inputs=inputs), ACME)
    outcome.then_rejected("plan-stale")
    assert outcome.rejected is not None
    assert [error.message for error in outcome.rejected.errors] == [
        "the Environment acme-dev was added since",
        "the Environment acme-old is gone since",
        "the EnvironmentPolicy gate is not as it was",
    ]


@each(
    [
        on(ACME, env1.ManifestCommitted(path="organization.yaml", commit="a", event_seq=9)),
        on(PROD, env1.ManifestCommitted(path="x", commit="a", event_seq=9)),
        SUSPENDED,
    ]
)
def test_bookkeeping_makes_no_plan_stale(facts: Any) -> None:
    scenario = given(ORGANIZATION)
    command = delete_organization(scenario.world)
    assert changed(scenario, *facts).when(command, ACME).events


def test_an_expired_plan_is_refused() -> None:
    scenario = given(ORGANIZATION)
    expires = NOW + deletion.PLAN_LIFETIME
    for command, place in (
        (delete_organization(scenario.world), ACME),
        (delete_environment(scenario.world), PROD),
    ):
        assert scenario.when(command, place, now=expires).events
        scenario.when(command, place, now=expires + timedelta(microseconds=1)).then_rejected(
            "plan-expired", "/data/expires"
        )


def test_no_plan_lives_longer_than_it_was_given_to() -> None:
    scenario = given(ORGANIZATION)
    most = NOW + deletion.PLAN_LIFETIME + deletion.AHEAD
    for delete, place in ((delete_organization, ACME), (delete_environment, PROD)):
        longer = delete(scenario.world, expires=most + timedelta(microseconds=1))
        scenario.when(longer, place).then_rejected("expiry-far", "/data/expires")
        assert scenario.when(delete(scenario.world, expires=most), place).events


def test_a_plan_for_another_thing_is_refused() -> None:
    scenario = given(ORGANIZATION)
    request = {"organization": "acme", "environment": "acme-dev"}
    scenario.when(delete_environment(scenario.world, request=request), PROD).then_rejected(
        "plan-stale", "/data/request"
    )
    scenario.when(delete_organization(scenario.world, request={}), ACME).then_rejected(
        "plan-stale", "/data/request"
    )


def test_a_hash_that_does_not_fit_is_refused() -> None:
    scenario = given(ORGANIZATION)
    scenario.when(delete_environment(scenario.world, hash="0" * 64), PROD).then_rejected(
        "plan-stale", "/data/hash"
    )


def test_inputs_that_were_left_out_are_refused() -> None:
    scenario = given(ORGANIZATION)
    scenario.when(delete_environment(scenario.world, inputs={}), PROD).then_rejected(
        "plan-stale", "/data/inputs/environment:acme-prod"
    )


# ---- size


def _large(count: int) -> Scenario:
    facts: list[Any] = on(ACME, build.organization_created(), env1.OrganizationReady(slug="acme"))
    for number in range(count):
        name = f"acme-e{number}-dev"
        facts += on(environment_ref("acme", name), build.environment_created(name))
        facts += on(ACME, env1.EnvironmentAdded(slug="acme", environment=name))
    return given(facts)


def test_a_deletion_takes_as_many_events_as_a_command_may_write() -> None:
    scenario = _large(199)
    assert len(scenario.when(delete_organization(scenario.world), ACME).events) == 200


def test_policies_count_among_what_a_deletion_takes() -> None:
    for count, codes in ((198, []), (199, ["too-large"])):
        scenario = _large(count)
        gate = policy_ref("acme", "gate")
        world = scenario.world
        for ref, event in (
            (gate, env2.PolicyDefined(policy="gate")),
            (ACME, env1.PolicyAdded(slug="acme", policy="gate")),
        ):
            world = world.with_fact(ref, event)
        assert [item.code for item in organization_plan(world).blocked_by] == codes


def test_a_deletion_that_is_too_large_is_refused_clearly() -> None:
    scenario = _large(200)
    [blocker] = organization_plan(scenario.world).blocked_by
    assert blocker.code == "too-large"
    assert blocker.message == (
        "200 Environments and 0 policies are more than one deletion takes (199): delete"
        " Environments first"
    )
    scenario.when(delete_organization(scenario.world), ACME).then_rejected("too-large")


# ---- the hash

WORDS = strategies.dictionaries(strategies.text(max_size=8), strategies.text(max_size=8))


@examples(WORDS, WORDS)
def test_the_hash_does_not_depend_on_the_order_of_keys(
    request: dict[str, str], inputs: dict[str, str]
) -> None:
    turned = dict(reversed(inputs.items()))
    assert plan_hash(request, inputs) == plan_hash(dict(reversed(request.items())), turned)


@examples(WORDS, WORDS, WORDS)
def test_another_input_is_another_hash(
    request: dict[str, str], inputs: dict[str, str], others: dict[str, str]
) -> None:
    assert (plan_hash(request, inputs) == plan_hash(request, others)) == (inputs == others)


def test_the_hash_keeps_request_and_inputs_apart() -> None:
    assert plan_hash({"a": "b"}, {}) != plan_hash({}, {"a": "b"})
