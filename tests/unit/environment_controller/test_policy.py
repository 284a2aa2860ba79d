"""EnvironmentPolicies: both spellings become one, ranges hold, and only its editors edit it."""

import pytest
from tests.support import build
from tests.support.build import ACME, GATE, ORG_ADMIN, SECURITY_OFFICER, SOVEREIGN_ADMIN
from tests.support.each import each
from tests.support.scenario import given, on

from catalyst.contracts import environment_v1 as env1
from catalyst.contracts import environment_v2 as env2
from catalyst.contracts import roles
from catalyst.contracts.upcast import upcast
from catalyst.environment_controller.domain.policy import Policy, evolve, policy_ref

ORGANIZATION = on(ACME, build.organization_created(), env1.OrganizationReady(slug="acme"))
DELEGATED = on(ACME, build.organization_created(policy_delegated=True))
STANDING = [
    *ORGANIZATION,
    *on(GATE, build.policy_defined()),
    *on(ACME, env1.PolicyAdded(slug="acme", policy="gate")),
]


def defined(**parts: object) -> env2.PolicyDefined:
    """Return what a definition is brought to; fails the test if it is refused."""
    command = env1.DefinePolicy(**parts)  # type: ignore[arg-type]
    [event, added] = given(ORGANIZATION).when(command, GATE).events
    assert added == env1.PolicyAdded(slug="acme", policy="gate")
    assert isinstance(event, env2.PolicyDefined)
    return event


def refused(code: str, *pointers: str, **parts: object) -> None:
    """Expect that a definition and an update are refused alike."""
    define = env1.DefinePolicy(**parts)  # type: ignore[arg-type]
    given(ORGANIZATION).when(define, GATE).then_rejected(code, *pointers)
    update = env1.UpdatePolicy(**parts)  # type: ignore[arg-type]
    given(STANDING).when(update, GATE).then_rejected(code, *pointers)


def promotion(**parts: int) -> env1.Promotion:
    return env1.Promotion(**parts)


# ---- both spellings


def test_the_objects_spelling() -> None:
    event = defined(
        promotion=promotion(required_approvers=2, soak_hours=24, required_compliance_score=80),
        compliance=env1.Compliance(
            weights={"multi-replica": env1.Weight(weight=15), "pvc": env1.Weight(weight=5)},
            modes={"multi-replica": "enforcing"},
        ),
        applies_to=env1.AppliesTo(environments=("acme-prod", "acme-lab-prod", "acme-prod")),
        quota=env1.Quota(applications=5),
    )
    assert event == env2.PolicyDefined(
        policy="gate",
        approvals=(env1.Approval(quorum=2),),
        soak_minutes=24 * 60,
        required_score=80,
        weights={"multi-replica": env1.Weight(weight=15), "pvc": env1.Weight(weight=5)},
        modes={"multi-replica": "enforcing"},
        environments=("acme-lab-prod", "acme-prod"),
        applications_max=5,
    )


def test_the_older_rules() -> None:
    event = defined(
        rules=(
            env1.PrRequired(approvers=("sre", "security"), min_approvals=2),
            env1.ReScoreGate(min_score=70, severity="high"),
            env1.Soak(source_environment="acme-stg", duration="90m"),
            env1.ChangeWindow(cron="0 22 * * sat", duration="4h", timezone="Asia/Muscat"),
        )
    )
    assert event == env2.PolicyDefined(
        policy="gate",
        approvals=(
            env1.Approval(team="security", quorum=2),
            env1.Approval(team="sre", quorum=2),
        ),
        soak_minutes=90,
        source_environment="acme-stg",
        required_score=70,
        severity="high",
        windows=(
            env1.Window(
                effect="allow", cron="0 22 * * sat", timezone="Asia/Muscat", duration_minutes=240
            ),
        ),
    )


def test_both_spellings_that_agree_are_one() -> None:
    event = defined(
        promotion=promotion(required_approvers=2, soak_hours=2, required_compliance_score=70),
        rules=(
            env1.PrRequired(min_approvals=2),
            env1.PrRequired(approvers=("sre",), min_approvals=1),
            env1.Soak(source_environment="acme-stg", duration="120m"),
            env1.ReScoreGate(min_score=70),
        ),
    )
    assert event.approvals == (
        env1.Approval(team="", quorum=2),
        env1.Approval(team="sre", quorum=1),
    )
    assert (event.soak_minutes, event.source_environment) == (120, "acme-stg")
    assert (event.required_score, event.severity) == (70, "medium")


def test_the_same_policy_in_either_spelling_is_the_same() -> None:
    new = defined(
        promotion=promotion(required_approvers=3, soak_hours=48),
    )
    old = defined(rules=(env1.PrRequired(min_approvals=3), env1.Soak(duration="2d")))
    assert new == old


@each(
    [
        ({"required_approvers": 1}, env1.PrRequired(min_approvals=2), "min_approvals"),
        ({"soak_hours": 1}, env1.Soak(duration="61m"), "duration"),
        ({"required_compliance_score": 0}, env1.ReScoreGate(min_score=1), "min_score"),
    ]
)
def test_both_spellings_that_differ_are_a_conflict(
    said: dict[str, int], rule: env1.Rule, field: str
) -> None:
    refused(
        "policy-spelling-conflict",
        f"/data/rules/0/{field}",
        promotion=promotion(**said),
        rules=(rule,),
    )


@each(
    [
        (env1.PrRequired(min_approvals=1), env1.PrRequired(min_approvals=2), "min_approvals"),
        (env1.Soak(duration="1h"), env1.Soak(duration="2h"), "duration"),
        (
            env1.Soak(duration="1h", source_environment="acme-stg"),
            env1.Soak(duration="60m", source_environment="acme-dev"),
            "source_environment",
        ),
        (env1.ReScoreGate(min_score=1), env1.ReScoreGate(min_score=2), "min_score"),
        (
            env1.ReScoreGate(min_score=1, severity="low"),
            env1.ReScoreGate(min_score=1, severity="high"),
            "severity",
        ),
    ]
)
def test_rules_that_contradict_each_other_are_a_conflict(
    one: env1.Rule, other: env1.Rule, field: str
) -> None:
    refused("policy-spelling-conflict", f"/data/rules/1/{field}", rules=(one, other))
    assert defined(rules=(one, one)) == defined(rules=(one,))


def test_of_two_rules_for_one_team_the_larger_number_holds() -> None:
    event = defined(
        rules=(
            env1.PrRequired(approvers=("sre",), min_approvals=3),
            env1.PrRequired(approvers=("sre", "dev"), min_approvals=1),
        )
    )
    assert {item.team: item.quorum for item in event.approvals} == {"sre": 3, "dev": 1}


def test_an_empty_policy_demands_nothing() -> None:
    assert defined() == env2.PolicyDefined(policy="gate")
    assert defined(promotion=promotion()) == env2.PolicyDefined(policy="gate")


# ---- ranges


@each(
    [
        ("required_approvers", 0, 10),
        ("soak_hours", 0, 720),
        ("required_compliance_score", 0, 100),
    ]
)
def test_promotion_has_ranges(field: str, low: int, high: int) -> None:
    for value in (low, high):
        assert defined(promotion=promotion(**{field: value})).policy == "gate"
    for value in (low - 1, high + 1):
        refused(
            "policy-out-of-range",
            f"/data/promotion/{field}",
            promotion=promotion(**{field: value}),
        )


@pytest.mark.parametrize("weight", [-1, 101])
def test_weights_have_a_range(weight: int) -> None:
    compliance = env1.Compliance(weights={"a.b": env1.Weight(weight=weight)})
    refused("policy-out-of-range", "/data/compliance/weights/a.b/weight", compliance=compliance)


@each(
    [
        (env1.PrRequired(min_approvals=0), "min_approvals"),
        (env1.PrRequired(min_approvals=11), "min_approvals"),
        (env1.ReScoreGate(min_score=-1), "min_score"),
        (env1.ReScoreGate(min_score=101), "min_score"),
        (env1.Soak(duration="721h"), "duration"),
        (env1.Soak(duration="31d"), "duration"),
        (env1.ChangeWindow(cron="* * * * *", duration="0m"), "duration"),
        (env1.ChangeWindow(cron="* * * * *", duration="367d"), "duration"),
    ]
)
def test_rules_have_ranges(rule: env1.Rule, field: str) -> None:
    refused("policy-out-of-range", f"/data/rules/0/{field}", rules=(rule,))


@each(
    [
        (env1.PrRequired(approvers=("sre", " ")), "/approvers/1"),
        (env1.Soak(duration="90s"), "/duration"),
        (env1.Soak(duration="1h", source_environment="other-stg"), "/source_environment"),
        (env1.ChangeWindow(cron="* * * * *", duration="30s"), "/duration"),
        (env1.ChangeWindow(duration="1h"), ""),
        (env1.ChangeWindow(cron="* * * * *", rrule="FREQ=DAILY", duration="1h"), ""),
        (env1.ChangeWindow(cron="61 * * * *", duration="1h"), "/cron"),
        (env1.ChangeWindow(rrule="FREQ=DAILY;COUNT=3", duration="1h"), "/rrule"),
        (env1.ChangeWindow(cron="* * * * *", duration="1h", timezone="Mars/Base"), "/timezone"),
    ]
)
def test_rules_are_valid(rule: env1.Rule, place: str) -> None:
    refused("policy-rule-invalid", f"/data/rules/0{place}", rules=(rule,))


@pytest.mark.parametrize("part", ["weights", "modes"])
def test_compliance_names_are_names_of_objects(part: str) -> None:
    values = {"weights": env1.Weight(weight=1), "modes": "enforcing"}
    compliance = env1.Compliance(**{part: {"Bad/Name~": values[part]}})  # type: ignore[arg-type]
    refused("policy-rule-invalid", f"/data/compliance/{part}/Bad~1Name~0", compliance=compliance)


def test_a_policy_applies_to_environments_of_its_organization() -> None:
    refused(
        "policy-rule-invalid",
        "/data/applies_to/environments/1",
        "/data/applies_to/environments/2",
        applies_to=env1.AppliesTo(environments=("acme-prod", "other-prod", "")),
    )


def test_every_wrong_field_is_named_at_once() -> None:
    refused(
        "policy-out-of-range",
        "/data/promotion/required_approvers",
        "/data/promotion/soak_hours",
        "/data/promotion/required_compliance_score",
        "/data/compliance/weights/x/weight",
        "/data/applies_to/environments/0",
        "/data/quota/applications",
        "/data/rules/0/cron",
        "/data/rules/1/rrule",
        promotion=promotion(required_approvers=11, soak_hours=721, required_compliance_score=101),
        compliance=env1.Compliance(weights={"x": env1.Weight(weight=101)}),
        applies_to=env1.AppliesTo(environments=("nope",)),
        quota=env1.Quota(applications=-1),
        rules=(
            env1.ChangeWindow(cron="x", duration="1h"),
            env1.ChangeWindow(rrule="x", duration="1h"),
        ),
    )


# ---- defining and updating


def test_a_new_policy_also_stands_on_its_organization() -> None:
    outcome = given(ORGANIZATION).when(build.define_policy(), GATE)
    outcome.then(build.policy_defined(), (ACME, env1.PolicyAdded(slug="acme", policy="gate")))
    assert outcome.state(ACME).policies == ("gate",)


def test_a_policy_that_exists_is_not_defined_again() -> None:
    given(STANDING).when(build.define_policy(), GATE).then_rejected("policy-exists", "/subject")


@each(["Gate", "gate-", "a--b", "1gate", "g" * 64, "", "g.x"])
def test_a_policys_name_obeys_its_rule(name: str) -> None:
    given(ORGANIZATION).when(build.define_policy(), policy_ref("acme", name)).then_rejected(
        "policy-name-invalid", "/subject"
    )


def test_an_update_replaces_the_whole_content() -> None:
    outcome = given(STANDING).when(build.update_policy(promotion=promotion(soak_hours=1)), GATE)
    outcome.then(env2.PolicyDefined(policy="gate", soak_minutes=60))
    assert outcome.state().approvals == ()


def test_an_update_with_the_same_content_writes_nothing() -> None:
    given(STANDING).when(build.update_policy(), GATE).then_nothing()
    other_spelling = env1.UpdatePolicy(rules=(env1.PrRequired(min_approvals=2),))
    given(STANDING).when(other_spelling, GATE).then_nothing()


def test_a_policy_that_is_not_there_is_not_updated() -> None:
    given(ORGANIZATION).when(build.update_policy(), GATE).then_rejected(
        "policy-not-found", "/subject"
    )


@each(
    [
        (env1.OrganizationSuspended(slug="acme", reason="x"), "organization-suspended"),
        (
            env1.OrganizationFailed(slug="acme", step="ready", reason="x"),
            "organization-failed",
        ),
        (env1.OrganizationDeleted(slug="acme"), "organization-deleted"),
    ]
)
def test_policies_stand_still_with_their_organization(fact: object, code: str) -> None:
    stopped = on(ACME, fact)  # type: ignore[arg-type]
    given(ORGANIZATION, stopped).when(build.define_policy(), GATE).then_rejected(code)
    given(STANDING, stopped).when(build.update_policy(), GATE).then_rejected(code)


def test_a_policy_needs_its_organization() -> None:
    given().when(build.define_policy(), GATE).then_rejected("organization-not-found")


# ---- who edits


@pytest.mark.parametrize("actor", [SOVEREIGN_ADMIN, SECURITY_OFFICER])
def test_platform_roles_edit_any_policy(actor: object) -> None:
    assert given(ORGANIZATION).when(build.define_policy(), GATE, by=actor).events  # type: ignore[arg-type]


def test_an_org_admin_edits_only_if_delegated() -> None:
    define, update = build.define_policy(), build.update_policy(promotion=None)
    given(ORGANIZATION).when(define, GATE, by=ORG_ADMIN).then_rejected("policy-not-delegated")
    given(STANDING).when(update, GATE, by=ORG_ADMIN).then_rejected("policy-not-delegated")
    assert given(DELEGATED).when(define, GATE, by=ORG_ADMIN).events
    assert given(STANDING, DELEGATED).when(update, GATE, by=ORG_ADMIN).events


def test_delegation_reaches_org_admins_alone() -> None:
    developer = build.person(roles.ORG_DEVELOPER)
    given(DELEGATED).when(build.define_policy(), GATE, by=developer).then_rejected("forbidden")


# ---- older versions


def test_an_event_of_version_1_is_folded_as_version_2() -> None:
    old = env1.PolicyDefined(
        policy="gate", approvals=(env1.Approval(team="sre", quorum=1),), soak_hours=36
    )
    state = evolve(Policy(), upcast(old))
    assert state.soak_minutes == 36 * 60
    assert state.approvals == old.approvals


def test_a_deleted_policy_is_gone_for_environments() -> None:
    state = evolve(evolve(Policy(), build.policy_defined()), env1.PolicyDeleted(policy="gate"))
    assert not state.exists
