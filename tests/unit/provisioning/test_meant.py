"""What is there already keeps its values, so a plan says where somebody means it to have others."""

from __future__ import annotations

from typing import Any

import pytest
from tests.support import planning
from tests.support.changing import Town
from tests.support.planning import Others, entry, install, known, plan
from tests.support.plans import PROD, apply, run, town

from catalyst.blueprints import package
from catalyst.blueprints.rendering import to_yaml
from catalyst.contracts import environment_v1 as env1
from catalyst.contracts.provisioning_values_v1 import PlanRequest
from catalyst.provisioning.domain import foreign
from catalyst.provisioning.domain.meant import NAMED
from catalyst.provisioning.domain.plan import Plan, Risk

KUSTOMIZATION = b"""apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
resources: [it.yaml]
"""
OBJECT = b"""apiVersion: v1
kind: ConfigMap
metadata: {name: "${{ application.name }}"}
data: {it: "${{ json(config) }}"}
"""
MODE = {"type": "string", "enum": ["embedded", "shared"], "default": "embedded"}
FIELDS = {f"f{number}": {"type": "integer", "default": 0} for number in range(NAMED + 2)}
TICKETS = {"database": {"type": "object", "properties": {"mode": MODE}}, **FIELDS}
SUITE = {"mode": MODE, "fields": {"type": "integer", "default": 0}, "note": {"type": "string"}}
MEANT = {
    "database": {"mode": "${{ config.mode }}"},
    **{name: f"${{{{ config.fields > {name[1:]} ? 7 : null }}}}" for name in FIELDS},
}


def offered(monkeypatch: pytest.MonkeyPatch, name: str, fields: Any, **spec: Any) -> None:
    """Let there be a Blueprint."""
    document = {
        "apiVersion": "catalyst.openova.io/v1",
        "kind": "Blueprint",
        "metadata": {"name": name},
        "spec": {
            "version": "1.0.0",
            "card": {"title": name},
            "configSchema": {"type": "object", "properties": fields},
            "manifests": {"source": {"kind": "Kustomize", "ref": "manifests"}},
            **spec,
        },
    }
    files = {
        "blueprint.yaml": to_yaml([document]),
        "manifests/kustomization.yaml": KUSTOMIZATION,
        "manifests/it.yaml": OBJECT,
    }
    made = package.of_files(files)
    digest = package.digest(made)
    monkeypatch.setitem(planning.PACKAGES, (name, "1.0.0"), made)
    monkeypatch.setitem(planning.CONTENTS, digest, package.to_tar(made))
    monkeypatch.setitem(planning.DIGESTS, (name, "1.0.0"), digest)


@pytest.fixture
async def place(others: Others) -> Town:
    """Return `acme`, where `desk` runs as it comes."""
    found = town(approvals=(env1.Approval(quorum=1),))
    known(found)
    found.given(
        foreign.environment_ref("acme", PROD), env1.PolicyAttached(environment=PROD, policy=None)
    )
    await done(found, others, install("desk", blueprint="bp-tickets"), "ch-0")
    return found


@pytest.fixture
def others(monkeypatch: pytest.MonkeyPatch) -> Others:
    """Let the catalogue take `desk` for the suite, or a copy of its own for `own`."""
    needs = {"blueprint": "bp-tickets", "alias": "tickets", "values": MEANT}
    offered(monkeypatch, "bp-tickets", TICKETS)
    offered(monkeypatch, "bp-suite", SUITE, depends=[needs])
    made = Others()
    desk = entry("desk", "bp-tickets", "1.0.0")
    made.locks["desk"] = [desk]
    made.locks["suite"] = [
        {**desk, "role": "shared"},
        entry("suite", "bp-suite", "1.0.0", tickets="desk"),
    ]
    made.locks["own"] = [
        entry("own-tickets", "bp-tickets", "1.0.0", "new"),
        entry("own", "bp-suite", "1.0.0", tickets="own-tickets"),
    ]
    return made


async def done(place: Town, others: Others, request: PlanRequest, change: str) -> Plan:
    """Let a change come true."""
    found = await plan(place, others, request)
    apply(place, change, found)
    run(place, change)
    assert place.change(change).status == "completed"
    return found


def suite(name: str = "suite", **values: Any) -> PlanRequest:
    return install(name, blueprint="bp-suite", values=values)


def configured(**values: Any) -> PlanRequest:
    return PlanRequest(action="configure", environment=PROD, application="suite", values=values)


async def told(place: Town, others: Others, request: PlanRequest) -> list[Risk]:
    found = await plan(place, others, request)
    return [risk for risk in found.risks if risk.kind == "other-values"]


async def test_what_is_shared_and_runs_otherwise_is_told_with_another_way(
    place: Town, others: Others
) -> None:
    (risk,) = await told(place, others, suite(mode="shared"))
    assert risk.message == (
        "desk stays as it runs, with database.mode=embedded, though suite means its tickets to"
        " have database.mode=shared; a tickets of its own is another way"
    )
    assert risk.own_copy == "tickets"


async def test_what_runs_as_it_is_meant_or_comes_along_is_not_told_of(
    place: Town, others: Others
) -> None:
    assert await told(place, others, suite()) == []
    assert await told(place, others, suite("own", mode="shared")) == []


@pytest.mark.parametrize("values", [{}, {"values": {}}, {"values": {"database": "${{ {} }}"}}])
async def test_who_gives_no_values_means_none(
    values: dict[str, Any], place: Town, others: Others, monkeypatch: pytest.MonkeyPatch
) -> None:
    needs = {"blueprint": "bp-tickets", "alias": "tickets", **values}
    offered(monkeypatch, "bp-suite", SUITE, depends=[needs])
    shared, _ = others.locks["suite"]
    others.locks["suite"] = [shared, entry("suite", "bp-suite", "1.0.0", tickets="desk")]
    assert await told(place, others, suite()) == []


async def test_of_many_values_some_are_named(place: Town, others: Others) -> None:
    (risk,) = await told(place, others, suite(fields=NAMED))
    assert "f4=0, though" in risk.message
    (risk,) = await told(place, others, suite(fields=NAMED + 2))
    assert "f4=0 (and 2 more), though" in risk.message
    assert "f5" not in risk.message


async def test_who_was_told_is_told_again_only_of_what_is_meant_otherwise_since(
    place: Town, others: Others
) -> None:
    await done(place, others, suite(mode="shared"), "ch-1")
    assert await told(place, others, configured(note="well")) == []
    (risk,) = await told(place, others, configured(fields=1))
    assert "with database.mode=embedded, f0=0, though" in risk.message
    assert await told(place, others, configured(mode="embedded")) == []
