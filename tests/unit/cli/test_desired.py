"""From manifests to commands: what is wrong, what differs, in which order."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from tests.support.each import each

from catalyst.cli.desired import Step, Wanted, same, steps, wanted
from catalyst.cli.documents import parse
from catalyst.cli.exits import Failure
from catalyst.client.rows import Row

REGION = {"provider": "hetzner", "region": "fsn", "buildingBlock": "rtz"}
OWNER = {"email": "Ann@Example.org", "role": "owner"}


def organization(**spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "orgs.openova.io/v1",
        "kind": "Organization",
        "spec": {
            "slug": "acme",
            "displayName": "Acme",
            "kind": "customer",
            "tier": "sme",
            "billingMode": "real",
            "sovereignRef": "cloud.example.org",
            "owners": [OWNER],
            **spec,
        },
    }


def environment(name: str = "acme-prod", **spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "catalyst.openova.io/v1",
        "kind": "Environment",
        "metadata": {"name": name},
        "spec": {
            "organizationRef": "acme",
            "envType": "prod",
            "placement": "single-region",
            "regions": [REGION],
            **spec,
        },
    }


def policy(**more: Any) -> dict[str, Any]:
    return {
        "apiVersion": "catalyst.openova.io/v1",
        "kind": "EnvironmentPolicy",
        "metadata": {"name": "strict"},
        "spec": {"promotion": {"requiredApprovers": 2}},
        **more,
    }


def read(*documents: dict[str, Any], org: str | None = None) -> list[Wanted]:
    return wanted(parse(yaml.safe_dump_all(documents, sort_keys=False), "f.yaml"), org)


def one(document: dict[str, Any]) -> Wanted:
    return read(document)[0]


def problems(*documents: dict[str, Any]) -> list[str]:
    with pytest.raises(Failure) as caught:
        read(*documents)
    return caught.value.message.splitlines()


def row(**doc: Any) -> Row:
    return Row(key="k", seq=7, doc=doc)


STANDING = {
    "slug": "acme",
    "display_name": "Acme",
    "kind": "customer",
    "tier": "sme",
    "billing_mode": "real",
    "sovereign_ref": "cloud.example.org",
    "owners": [{"email": "ann@example.org", "role": "owner"}],
    "parent_org": None,
    "identity": None,
    "plan_slug": "m",
    "suspended": None,
}


def test_organizations_come_first_and_environments_last() -> None:
    found = read(environment(), policy(), organization())
    assert [item.title for item in found] == [
        "organization/acme",
        "policy/strict",
        "environment/acme-prod",
    ]


def test_every_problem_of_every_document_is_told_at_once() -> None:
    found = problems(
        organization(tier="huge", colour="red"), {"kind": "Pod"}, environment("acme-qa")
    )
    (near,) = problems({"kind": "Organisation"})
    assert near.endswith("EnvironmentPolicy; do you mean Organization?")
    assert len(found) == 4
    assert any(line.endswith("spec.tier: must be 'sme' or 'corporate'") for line in found)
    assert any(line.endswith("spec.colour: there is no such field") for line in found)
    assert any("kind 'Pod' is none of Organization" in line for line in found)
    assert any("document 3: metadata.name: an Environment like this is called" in x for x in found)


@pytest.mark.guarantee("G5.11")
@each(
    [
        ("tier", 7, "must be 'sme' or 'corporate'"),
        ("displayName", 7, "must be text"),
        ("policyDelegated", "yes", "must be true or false"),
        ("owners", "ann", "must be a list"),
        ("owners", [], "must have an entry"),
        ("owners[0]", ["ann"], "must be a mapping of fields"),
        ("tenantPublic.backendPort", "80", "must be a whole number"),
    ]
)
def test_a_wrong_field_is_told_in_words_of_ours(field: str, value: Any, words: str) -> None:
    name, _, rest = field.partition(".")
    given = {rest: value, "parentDomain": "example.org"} if rest else value
    (line,) = problems(organization(**{name.removesuffix("[0]"): given}))
    assert line.endswith(f"spec.{field}: {words}"), line


def test_a_price_book_is_told_its_own_way() -> None:
    (line,) = problems({"book": "main", "version": "2026-01", "from": "2026-01-01"})
    assert "`catalyst billing price-book apply FILE` takes it" in line


def test_a_rule_of_a_policy_is_checked_by_its_type() -> None:
    rules = [{"type": "soak"}, {"type": "nap"}, {"minScore": 3}]
    found = problems(policy(spec={"organizationRef": "acme", "rules": rules}))
    assert [line.split(": ", 1)[1] for line in found] == [
        "spec.rules[0].duration: is missing",
        "spec.rules[1].type: is none of change-window, pr-required, re-score-gate, soak",
        "spec.rules[2].type: is missing",
    ]


@each(
    [
        ("acme-prod", {}, ""),
        ("acme-lab-prod", {}, "lab"),
        ("acme-fraud-lab-prod", {"label": "fraud-lab"}, "fraud-lab"),
    ]
)
def test_a_label_is_read_from_the_name(name: str, spec: dict[str, Any], label: str) -> None:
    (step,) = steps(one(environment(name, **spec)), None)
    assert step.data["label"] == label


def test_a_name_and_a_label_that_disagree_are_refused() -> None:
    (found,) = problems(environment("acme-lab-prod", label="other"))
    assert "'lab'" in found


def test_a_policy_belongs_to_whom_it_says_or_to_the_only_organization() -> None:
    labels = {"metadata": {"name": "strict", "labels": {"openova.io/organization": "beta"}}}
    assert one(policy(**labels)).organization == "beta"
    assert read(policy(), org="gamma")[0].organization == "gamma"
    assert read(organization(), policy())[1].organization == "acme"
    assert "--org" in problems(policy())[0]


def test_the_same_thing_twice_is_refused() -> None:
    assert "stands in f.yaml:1" in problems(organization(), organization())[0]


def test_an_organization_that_is_not_there_is_created_with_what_was_written() -> None:
    (step,) = steps(one(organization(planSlug="m")), None)
    assert step.type == "environment.create-organization.v1"
    assert step.data["plan_slug"] == "m"
    assert "identity" not in step.data
    assert "slug" not in step.data


def test_what_is_so_already_needs_no_command() -> None:
    assert steps(one(organization()), row(**STANDING)) == []


def test_only_what_differs_is_sent() -> None:
    (step,) = steps(one(organization(displayName="New", tier="sme")), row(**STANDING))
    assert (step.type, step.data) == (
        "environment.update-organization.v1",
        {"display_name": "New"},
    )


def test_null_takes_away_and_leaving_out_keeps() -> None:
    (step,) = steps(one(organization(planSlug=None)), row(**STANDING))
    assert step.data == {"plan_slug": None}


def test_other_owners_are_sent_whole() -> None:
    bob = {"email": "bob@example.org", "role": "viewer"}
    (step,) = steps(one(organization(owners=[OWNER, bob])), row(**STANDING))
    assert (step.type, step.data["owners"]) == (
        "environment.change-owners.v1",
        [OWNER, bob],
    )


def test_an_annotation_suspends() -> None:
    document = organization()
    document["metadata"] = {"annotations": {"catalyst.openova.io/suspended": "unpaid"}}
    (step,) = steps(one(document), row(**STANDING))
    assert (step.type, step.data) == (
        "environment.suspend-organization.v1",
        {"reason": "unpaid"},
    )
    assert steps(one(document), row(**STANDING | {"suspended": {"reason": "unpaid"}})) == []


def test_an_annotation_that_is_null_resumes_and_one_left_out_does_not() -> None:
    suspended = row(**STANDING | {"suspended": {"reason": "unpaid"}})
    assert steps(one(organization()), suspended) == []
    document = organization()
    document["metadata"] = {"annotations": {"catalyst.openova.io/suspended": None}}
    (step,) = steps(one(document), suspended)
    assert (step.type, step.data) == ("environment.resume-organization.v1", {})
    assert steps(one(document), row(**STANDING)) == []
    assert [step.type for step in steps(one(document), None)] == [
        "environment.create-organization.v1"
    ]


def test_what_never_changes_is_refused() -> None:
    with pytest.raises(Failure, match="it is 'customer' and never changes"):
        steps(one(organization(kind="internal")), row(**STANDING))


STANDS = {
    "placement": "single-region",
    "policy": None,
    "regions": [
        {
            "provider": "hetzner",
            "region": "fsn",
            "building_block": "rtz",
            "host_cluster": "hz-fsn-rtz-prod",
        }
    ],
}


def test_a_derived_host_cluster_is_no_difference() -> None:
    assert steps(one(environment()), row(**STANDS)) == []


def test_a_second_region_keeps_the_host_cluster_of_the_first() -> None:
    other = {"provider": "hetzner", "region": "nbg", "buildingBlock": "rtz"}
    document = environment(placement="multi-region", regions=[REGION, other])
    (step,) = steps(one(document), row(**STANDS))
    assert step.data["placement"] == "multi-region"
    assert [region.get("host_cluster") for region in step.data["regions"]] == [
        "hz-fsn-rtz-prod",
        None,
    ]


KEPT = {
    "name": "strict",
    "approvals": [{"team": "", "quorum": 2}],
    "soak_minutes": 1440,
    "source_environment": "",
    "required_score": None,
    "severity": "",
    "windows": [
        {
            "effect": "deny",
            "cron": "0 18 * * 5",
            "rrule": "",
            "timezone": "UTC",
            "duration_minutes": 120,
        }
    ],
    "weights": {"probes": {"weight": 3, "scope": "all"}},
    "modes": {"probes": "enforcing"},
    "environments": ["acme-prod"],
    "applications_max": 7,
}
WINDOW = {"type": "change-window", "effect": "deny", "cron": "0 18 * * 5", "duration": "2h"}
OBJECT = {
    "organizationRef": "acme",
    "promotion": {"requiredApprovers": 2, "soakHours": 24},
    "compliance": {"weights": {"probes": {"weight": 3}}, "modes": {"probes": "enforcing"}},
    "rules": [WINDOW],
    "appliesTo": {"environments": ["acme-prod"]},
    "quota": {"applications": 7},
}


@pytest.mark.parametrize(
    "spec",
    [
        OBJECT,
        OBJECT
        | {
            "promotion": None,
            "rules": [
                WINDOW,
                {"type": "soak", "duration": "1d"},
                {"type": "pr-required", "minApprovals": 2},
            ],
        },
    ],
    ids=["as the object", "as rules"],
)
def test_a_policy_that_stands_is_left_alone_in_either_spelling(spec: dict[str, Any]) -> None:
    assert steps(one(policy(spec=spec)), row(**KEPT)) == []


@each([name for name in KEPT if name != "name"])
def test_a_policy_that_differs_anywhere_is_updated(name: str) -> None:
    (step,) = steps(one(policy(spec=OBJECT)), row(**KEPT | {name: "another"}))
    assert step.type == "environment.update-policy.v1"


def test_a_policy_that_breaks_a_rule_is_for_its_owner_to_refuse() -> None:
    wrong = {"organizationRef": "acme", "promotion": {"requiredApprovers": 5000}}
    (step,) = steps(one(policy(spec=wrong)), row(**KEPT))
    assert step.type == "environment.update-policy.v1"


def test_a_policy_is_attached_and_taken_off() -> None:
    (step,) = steps(one(environment(policyRef="strict")), row(**STANDS))
    assert step.data == {"policy": "strict"}
    (step,) = steps(one(environment(policyRef=None)), row(**STANDS | {"policy": "strict"}))
    assert step.data == {"policy": None}
    assert steps(one(environment()), row(**STANDS | {"policy": "strict"})) == []


def test_the_id_of_a_command_follows_from_what_is_asked_and_from_where() -> None:
    item = one(environment())
    step = Step(type="t.a.v1", data={"a": 1, "b": 2}, base=3)
    turned = Step(type="t.a.v1", data={"b": 2, "a": 1}, base=3)
    assert step.command_id(item) == turned.command_id(item)
    others = {
        Step(type="t.b.v1", data=step.data, base=3).command_id(item),
        Step(type="t.a.v1", data={"a": 2}, base=3).command_id(item),
        Step(type="t.a.v1", data=step.data, base=4).command_id(item),
        step.command_id(item, after=9),
        step.command_id(one(environment("acme-lab-prod"))),
    }
    assert len(others) == 5
    assert step.command_id(item) not in others
    assert len(step.command_id(item)) <= 64


def test_what_is_left_out_is_the_same() -> None:
    assert same({"a": [1, {"b": 2}]}, {"a": [1, {"b": 2, "c": 3}], "d": 4})
    assert not same({"a": [1]}, {"a": [1, 2]})
    assert not same({"a": None}, {"a": 1})
