"""Environments: their names, where they run, their policy, and when nothing changes."""

import pytest
from tests.support import build
from tests.support.build import ACME, DEV, GATE, ORG_ADMIN, PROD, PROVISIONING, region
from tests.support.each import each
from tests.support.scenario import Held, given, on

from catalyst.contracts import environment_v1 as env1
from catalyst.contracts.message import Command
from catalyst.contracts.subjects import Claim
from catalyst.environment_controller.domain.environment import environment_ref
from catalyst.environment_controller.domain.organization import ref_of

ORGANIZATION = on(ACME, build.organization_created(), env1.OrganizationReady(slug="acme"))
ADDED = on(ACME, env1.EnvironmentAdded(slug="acme", environment="acme-prod"))
NAME = Claim("environment", "acme-prod")
STANDING = [*ORGANIZATION, *on(PROD, build.environment_created()), *ADDED, Held(NAME, PROD)]
DELETED = env1.EnvironmentDeleted(environment="acme-prod", organization="acme")
SUSPENDED = on(ACME, env1.OrganizationSuspended(slug="acme", reason="unpaid"))
FAILED = on(ACME, env1.OrganizationFailed(slug="acme", step="git-home", reason="disk"))
POLICY = on(GATE, build.policy_defined())


# ---- create


def test_an_environment_is_created_on_itself_and_on_its_organization() -> None:
    outcome = given(ORGANIZATION).when(build.create_environment(), PROD, by=ORG_ADMIN)
    outcome.then(
        build.environment_created(),
        (ACME, env1.EnvironmentAdded(slug="acme", environment="acme-prod")),
    ).then_claims(NAME)
    assert outcome.state(ACME).environments == ("acme-prod",)


@each([("dev", "develop"), ("stg", "staging"), ("prod", "main"), ("uat", "uat"), ("poc", "poc")])
def test_each_type_follows_its_branch(env_type: env1.EnvType, branch: str) -> None:
    place = environment_ref("acme", f"acme-{env_type}")
    outcome = given(ORGANIZATION).when(build.create_environment(env_type=env_type), place)
    assert outcome.state().branch == branch


def test_a_label_makes_a_second_environment_of_a_type() -> None:
    lab = environment_ref("analytics", "analytics-fraud-lab-dev")
    owner = on(ref_of("analytics"), build.organization_created("analytics"))
    command = build.create_environment(env_type="dev", label="fraud-lab")
    outcome = given(owner).when(command, lab)
    assert outcome.state().label == "fraud-lab"
    outcome.then_claims(Claim("environment", "analytics-fraud-lab-dev"))


@each(
    [
        ("acme-dev", {}, "environment-name-mismatch", ["/data/env_type"]),
        ("acme-lab-prod", {}, "environment-name-mismatch", ["/data/label"]),
        (
            "acme-lab-dev",
            {},
            "environment-name-mismatch",
            ["/data/env_type", "/data/label"],
        ),
        ("other-prod", {}, "environment-name-mismatch", ["/subject"]),
        ("acme", {}, "environment-name-mismatch", ["/subject"]),
        ("acme-prod", {"label": "lab"}, "environment-name-mismatch", ["/data/label"]),
        ("acme--prod", {}, "environment-name-mismatch", ["/subject"]),
        ("acme-Lab-prod", {"label": "Lab"}, "environment-label-invalid", ["/data/label"]),
        ("acme-lab--prod", {"label": "lab-"}, "environment-label-invalid", ["/data/label"]),
        ("acme-a--b-prod", {"label": "a--b"}, "environment-label-invalid", ["/data/label"]),
        ("acme-1-prod", {"label": "1"}, "environment-label-invalid", ["/data/label"]),
        ("acme-dev-prod", {"label": "dev"}, "environment-label-invalid", ["/data/label"]),
        ("acme-x-dev-prod", {"label": "x-dev"}, "environment-label-invalid", ["/data/label"]),
    ]
)
def test_a_name_follows_from_its_parts(
    name: str, changes: dict[str, str], code: str, pointers: list[str]
) -> None:
    outcome = given(ORGANIZATION).when(
        build.create_environment(**changes), environment_ref("acme", name)
    )
    outcome.then_rejected(code, *pointers)


def test_a_name_fits_into_one_dns_label() -> None:
    slug, label = "a" * 32, "b" * 30
    owner = on(ref_of(slug), build.organization_created(slug))
    place = environment_ref(slug, f"{slug}-{label}-dev")
    command = build.create_environment(env_type="dev", label=label)
    given(owner).when(command, place).then_rejected("environment-label-invalid", "/data/label")
    fitting = build.create_environment(env_type="dev", label="b" * 26)
    assert given(owner).when(fitting, environment_ref(slug, f"{slug}-{'b' * 26}-dev")).events


def test_an_environment_that_exists_is_not_created_again() -> None:
    given(STANDING).when(build.create_environment(), PROD).then_rejected(
        "environment-exists", "/subject"
    )


def test_two_organizations_do_not_share_a_name() -> None:
    theirs = Held(Claim("environment", "acme-x-prod"), environment_ref("acme-x", "acme-x-prod"))
    ours = environment_ref("acme", "acme-x-prod")
    command = build.create_environment(label="x")
    given(ORGANIZATION, theirs).when(command, ours).then_rejected(
        "environment-name-taken", "/subject"
    )


@pytest.mark.guarantee("G6.9")
def test_of_a_name_that_cannot_be_ones_own_nobody_is_told_whether_others_have_it() -> None:
    theirs = Held(Claim("environment", "globex-prod"), environment_ref("globex", "globex-prod"))
    ours = environment_ref("acme", "globex-prod")
    there = given(ORGANIZATION, theirs).when(build.create_environment(), ours)
    there.then_rejected("environment-name-mismatch", "/subject")


def test_a_deleted_environment_is_created_anew_with_nothing_in_it() -> None:
    before = on(
        PROD,
        build.environment_created(label="", policy="gate"),
        env1.ApplicationAdmitted(environment="acme-prod", application="blog"),
        DELETED,
    )
    gone = on(ACME, env1.EnvironmentRemoved(slug="acme", environment="acme-prod"))
    outcome = given(ORGANIZATION, before, ADDED, gone, Held(NAME, None)).when(
        build.create_environment(), PROD
    )
    outcome.then_claims(NAME)
    assert outcome.state().applications == ()
    assert outcome.state().policy is None
    assert outcome.state(ACME).environments == ("acme-prod",)


def test_an_environment_needs_its_organization() -> None:
    given().when(build.create_environment(), PROD).then_rejected("organization-not-found")
    deleted = on(ACME, env1.OrganizationDeleted(slug="acme"))
    given(ORGANIZATION, deleted).when(build.create_environment(), PROD).then_rejected(
        "organization-deleted"
    )


def test_an_environment_may_be_created_while_its_organization_is_onboarded() -> None:
    onboarding = on(ACME, build.organization_created())
    assert given(onboarding).when(build.create_environment(), PROD).events


# ---- regions


@each(
    [
        (
            "single-region",
            (region(), region("nbg")),
            "placement-cardinality",
            ["/data/regions"],
        ),
        ("multi-region", (region(),), "placement-cardinality", ["/data/regions"]),
        (
            "multi-region",
            (region(), region(block="dmz")),
            "placement-cardinality",
            ["/data/regions"],
        ),
        (
            "multi-region",
            (region(), region("nbg"), region()),
            "region-duplicate",
            ["/data/regions/2"],
        ),
        ("single-region", (region("dxb"),), "region-unknown", ["/data/regions/0/region"]),
        (
            "multi-region",
            (region("eu", "contabo"), region("sg"), region("mars", "oci")),
            "region-unknown",
            ["/data/regions/1/region", "/data/regions/2/region"],
        ),
        (
            "single-region",
            (region(host_cluster="hz-nbg-rtz-prod"),),
            "host-cluster-invalid",
            ["/data/regions/0/host_cluster"],
        ),
        (
            "single-region",
            (region(host_cluster="hetzner-fsn-rtz-prod"),),
            "host-cluster-invalid",
            ["/data/regions/0/host_cluster"],
        ),
        (
            "single-region",
            (region(host_cluster="hz-fsn-rtz-prod-"),),
            "host-cluster-invalid",
            ["/data/regions/0/host_cluster"],
        ),
        (
            "single-region",
            (region(host_cluster="hz-fsn-rtz-prod-" + "x" * 60),),
            "host-cluster-invalid",
            ["/data/regions/0/host_cluster"],
        ),
    ]
)
def test_regions_obey_their_rules(
    placement: env1.Placement, regions: tuple[env1.Region, ...], code: str, pointers: list[str]
) -> None:
    create = build.create_environment(placement=placement, regions=regions)
    given(ORGANIZATION).when(create, PROD).then_rejected(code, *pointers)
    update = env1.UpdateEnvironment(placement=placement, regions=regions)
    given(STANDING).when(update, PROD).then_rejected(code, *pointers)


@each(
    [
        (region("fsn", "hetzner"), "hz-fsn-rtz-prod"),
        (region("apse", "huawei"), "hw-apse-rtz-prod"),
        (region("sg", "oci", "dmz"), "oci-sg-dmz-prod"),
        (region("eu", "contabo", "mgt"), "ct-eu-mgt-prod"),
        (region("fra", "aws"), "aws-fra-rtz-prod"),
        (region("weu", "azure"), "az-weu-rtz-prod"),
        (region("euw1", "gcp"), "gcp-euw1-rtz-prod"),
        (region(host_cluster="hz-fsn-rtz-prod-2"), "hz-fsn-rtz-prod-2"),
        (region(host_cluster="hz-fsn-rtz-dev"), "hz-fsn-rtz-dev"),
    ]
)
def test_the_host_cluster_is_derived_or_given(given_region: env1.Region, cluster: str) -> None:
    outcome = given(ORGANIZATION).when(build.create_environment(regions=(given_region,)), PROD)
    assert [place.host_cluster for place in outcome.state().regions] == [cluster]


def test_every_wrong_part_is_named_at_once() -> None:
    command = build.create_environment(
        label="x-dev",
        placement="multi-region",
        regions=(region("mars"),),
        policy="none",
    )
    given(ORGANIZATION).when(command, PROD).then_rejected(
        "environment-label-invalid",
        "/data/label",
        "/data/regions/0/region",
        "/data/regions",
        "/data/policy",
    )


# ---- update


def test_placement_and_regions_change_together() -> None:
    command = env1.UpdateEnvironment(
        placement="multi-region", regions=(region(), region("nbg", host_cluster=""))
    )
    given(STANDING).when(command, PROD).then(
        env1.EnvironmentUpdated(
            environment="acme-prod",
            placement="multi-region",
            regions=(
                region(host_cluster="hz-fsn-rtz-prod"),
                region("nbg", host_cluster="hz-nbg-rtz-prod"),
            ),
        )
    )


def test_one_of_both_alone_must_still_fit() -> None:
    given(STANDING).when(env1.UpdateEnvironment(placement="multi-region"), PROD).then_rejected(
        "placement-cardinality", "/data/regions"
    )


def test_an_update_that_changes_nothing_writes_nothing() -> None:
    given(STANDING).when(env1.UpdateEnvironment(), PROD).then_nothing()
    given(STANDING).when(
        env1.UpdateEnvironment(placement="single-region", regions=(region(),)), PROD
    ).then_nothing()


# ---- policy


def test_a_policy_is_attached_and_taken_away() -> None:
    attached = given(STANDING, POLICY).when(env1.AttachPolicy(policy="gate"), PROD)
    attached.then(env1.PolicyAttached(environment="acme-prod", policy="gate"))
    again = attached.and_then()
    again.when(env1.AttachPolicy(policy="gate"), PROD).then_nothing()
    taken = again.when(env1.AttachPolicy(policy=None), PROD)
    taken.then(env1.PolicyAttached(environment="acme-prod", policy=None))
    taken.and_then().when(env1.AttachPolicy(policy=None), PROD).then_nothing()


def test_a_policy_must_exist_and_apply() -> None:
    given(STANDING).when(env1.AttachPolicy(policy="gate"), PROD).then_rejected(
        "policy-not-found", "/data/policy"
    )
    for_dev = on(GATE, build.policy_defined(environments=("acme-dev",)))
    given(STANDING, for_dev).when(env1.AttachPolicy(policy="gate"), PROD).then_rejected(
        "policy-not-applicable", "/data/policy"
    )
    given(ORGANIZATION, for_dev).when(build.create_environment(policy="gate"), PROD).then_rejected(
        "policy-not-applicable", "/data/policy"
    )


def test_an_environment_may_be_created_under_a_policy() -> None:
    outcome = given(ORGANIZATION, POLICY).when(
        build.create_environment(policy="gate"), PROD, by=ORG_ADMIN
    )
    assert outcome.state().policy == "gate"


def test_an_org_admin_changes_the_policy_only_if_delegated() -> None:
    command = env1.AttachPolicy(policy="gate")
    given(STANDING, POLICY).when(command, PROD, by=ORG_ADMIN).then_rejected("policy-not-delegated")
    delegated = on(ACME, build.organization_created(policy_delegated=True))
    assert given(STANDING, delegated, POLICY).when(command, PROD, by=ORG_ADMIN).events
    assert given(STANDING, POLICY).when(command, PROD, by=build.SECURITY_OFFICER).events


# ---- Applications

BLOG = env1.AdmitApplication(application="blog")


# ---- suspended, failed, gone


@each(
    [
        (build.create_environment(env_type="dev"), DEV),
        (env1.UpdateEnvironment(regions=(region("nbg"),)), PROD),
        (env1.AttachPolicy(policy="gate"), PROD),
        (BLOG, PROD),
    ]
)
def test_below_a_suspended_or_failed_organization_nothing_changes(
    command: Command, place: object
) -> None:
    by = PROVISIONING if isinstance(command, env1.AdmitApplication) else build.SOVEREIGN_ADMIN
    for facts, code in ((SUSPENDED, "organization-suspended"), (FAILED, "organization-failed")):
        given(STANDING, POLICY, facts).when(command, place, by=by).then_rejected(code)  # type: ignore[arg-type]


@each(
    [
        env1.UpdateEnvironment(),
        env1.AttachPolicy(policy=None),
        BLOG,
        env1.ReleaseApplication(application="blog"),
    ]
)
def test_nothing_happens_to_an_environment_that_is_not_there(command: Command) -> None:
    application = isinstance(command, env1.AdmitApplication | env1.ReleaseApplication)
    by = PROVISIONING if application else build.SOVEREIGN_ADMIN
    given(ORGANIZATION).when(command, PROD, by=by).then_rejected("environment-not-found")
    given(STANDING, on(PROD, DELETED)).when(command, PROD, by=by).then_rejected(
        "environment-not-found"
    )
