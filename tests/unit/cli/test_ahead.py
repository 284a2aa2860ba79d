"""What is wrong with manifests is told at once, before anything is sent: shape, contract, owner."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.support.each import each
from tests.unit.cli.test_desired import REGION, environment, organization, policy, problems, read

from catalyst.cli import ahead
from catalyst.cli.desired import wanted
from catalyst.cli.documents import parse
from catalyst.cli.exits import Failure

EXAMPLES = Path(__file__).parents[3] / "examples"
SLUG = "the slug 'Bad Name' is not lower-case letters, digits and single dashes"
NAME = "must be one line of 1 to 128 characters"
DOMAIN = "must be a domain of at most 253 characters"
EMAIL = "must be an e-mail address of at most 254 characters"
TIER = "must be 'sme' or 'corporate'"


def paths(*documents: dict[str, Any]) -> list[tuple[str, str]]:
    """Return the place of each problem in its document, and what is said of it."""
    told = (line.removeprefix("f.yaml:").split(": ") for line in problems(*documents))
    whole = [parts[1:] if parts[1].startswith("document") else parts for parts in told]
    return [(parts[1], ": ".join(parts[2:])) for parts in whole]


@pytest.mark.guarantee("G5.11")
def test_what_shape_contract_and_owner_refuse_is_told_at_once_in_the_order_of_the_lines() -> None:
    people = [{"email": "nope", "role": "owner"}, {"email": "a@b.example", "role": "king"}]
    more = {"displayName": "", "tier": "huge", "sovereignRef": "a b", "colour": "red"}
    found = paths(
        organization(slug="Bad Name", **more, owners=people),
        environment(regions=[REGION, {**REGION, "provider": "moon", "region": "X Y"}]),
    )
    wanted_ = [
        ("spec.slug", SLUG),
        ("spec.displayName", NAME),
        ("spec.tier", TIER),
        ("spec.sovereignRef", DOMAIN),
        ("spec.owners[0].email", EMAIL),
        ("spec.owners[1].role", "must be 'owner', 'admin'"),
        ("spec.colour", "there is no such field"),
        ("spec.regions[1].provider", "must be 'hetzner'"),
        ("spec.regions[1].region", "must be 2 to 4 lower-case letters"),
    ]
    assert [place for place, _ in found] == [place for place, _ in wanted_]
    for (_, message), (place, start) in zip(found, wanted_, strict=True):
        assert message.startswith(start), place


@pytest.mark.guarantee("G5.11")
def test_where_one_document_is_refused_the_owner_s_rules_for_the_others_are_told_as_well() -> None:
    places = [{**REGION, "region": "nowh"}, REGION]
    twice = [{"email": f"{a}@acme.example", "role": "owner"} for a in ("ann", "ANN")]
    bad = policy(metadata={"name": "Not so"}, spec={"promotion": {"requiredApprovers": 99}})
    found = paths(
        organization(tier="huge"),
        environment("acme-prod", regions=places),
        {**bad, "spec": {**bad["spec"], "organizationRef": "acme"}},
        organization(slug="beta", owners=twice),
    )
    assert [place for place, _ in found] == [
        "spec.tier",
        "spec.regions",
        "spec.regions[0].region",
        "metadata.name",
        "spec.promotion.requiredApprovers",
        "spec.owners[1].email",
    ]


def test_rules_of_the_owner_alone_are_told_by_the_owner_who_knows_what_stands() -> None:
    # What was made under older rules, and does not change, is applied again and again.
    assert len(read(organization(slug="acme-prod"))) == 1
    assert len(read(environment(regions=[{**REGION, "region": "nowh"}]))) == 1


@each(
    [
        (organization(displayName="x" * 200), "spec.displayName", "/spec/displayName"),
        (
            organization(owners=[{"email": "a@b.example", "role": "owner"}, {"email": "c"}]),
            "spec.owners[1].email",
            "/spec/owners/1/email",
        ),
        (organization(tenantPublic={"parentDomain": "x y"}), "spec.tenantPublic.parentDomain", ""),
        (environment(policyRef="Not So"), "spec.policyRef", "/spec/policyRef"),
        (policy(spec={"organizationRef": "a", "rules": [{"type": "soak"}]}), "spec.rules[0]", ""),
    ]
)
def test_a_field_is_named_as_the_manifest_has_it(
    document: dict[str, Any], place: str, pointer: str
) -> None:
    with pytest.raises(Failure) as caught:
        read(document)
    assert f": {place}" in caught.value.message
    assert pointer in {"", *(error.pointer for error in caught.value.errors)}
    assert len(caught.value.message.splitlines()) == len(caught.value.errors)


def test_null_takes_away_and_is_nothing_that_is_wrong() -> None:
    assert len(read(organization(identity=None, parentOrg=None), environment(policyRef=None))) == 2


@each(sorted(path.name for path in EXAMPLES.glob("[ao]*.yaml")))
def test_what_is_right_is_not_refused(name: str) -> None:
    documents = parse((EXAMPLES / name).read_text(), name)
    assert wanted(documents, None)
    for document in documents:
        assert (ahead.by_contract(document), ahead.by_owner(document)) == ([], [])


@each([None, [], "x", {"kind": "Organization"}, {"kind": 5}, {"kind": "Environment", "spec": []}])
def test_what_is_no_manifest_at_all_is_looked_at_no_further(value: Any) -> None:
    (document,) = parse(yaml.safe_dump({"at": value}), "f.yaml")
    given = type(document)(source="f", number=1, value=value, lines={})
    assert (ahead.by_contract(given), ahead.by_owner(given)) == ([], [])


def test_a_name_that_is_not_the_slug_is_not_told_to_become_one_that_is_none() -> None:
    found = dict(paths({**organization(slug="Bad Name"), "metadata": {"name": "bad"}}))
    assert found["metadata.name"] == "must be the same as spec.slug"
    assert found["spec.slug"].startswith(SLUG)
