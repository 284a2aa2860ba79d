"""What is said of a Kustomization has the shape and the words of Flux, whatever becomes of it."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from tests.support.each import each
from tests.unit.simulator.test_depending import PROD, WELL, Fleet

from catalyst.provisioning.domain.files import flux_name
from catalyst.simulator.objects import Running, Told, facts

pytestmark = pytest.mark.guarantee("G13.20")


def kustomization(told: Told) -> dict[str, Any]:
    """Return the object, as whoever reads the subject gets it."""
    item: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(told.body))["object"]
    assert item["kind"] == "Kustomization"
    return item


def said(fleet: Fleet) -> dict[str, Any]:
    """Return the status in which the Kustomization of `wiki` was told of last."""
    found = [one for one in fleet.said if ".wiki" in one.subject and "Kustom" in str(one.body)]
    status: dict[str, Any] = kustomization(found[-1])["status"]
    return status


def condition(status: str, reason: str, message: str) -> list[dict[str, Any]]:
    ready = {"type": "Ready", "status": status, "reason": reason, "message": message}
    return [{**ready, "observedGeneration": 1}]


def test_what_waits_for_something_has_not_been_looked_at() -> None:
    """As kustomize-controller writes it: dependencies are checked before anything is tried."""
    fleet = Fleet()
    fleet.carry_out(*fleet.commit("wiki", "db"))
    missing = (
        "dependency 'acme/db-prod' not found:"
        ' kustomizations.kustomize.toolkit.fluxcd.io "db-prod" not found'
    )
    assert said(fleet) == {
        "observedGeneration": -1,
        "conditions": condition("False", "DependencyNotReady", missing),
    }
    fleet.carry_out(*fleet.commit("db"))
    assert said(fleet) == {
        "observedGeneration": 1,
        "conditions": condition("True", "ReconciliationSucceeded", "applied aaa"),
        "lastAttemptedRevision": "main@sha1:aaa",
        "lastAppliedRevision": "main@sha1:aaa",
    }
    fleet.word("db", "crash-loop")
    fleet.carry_out(*fleet.commit("wiki", "db", commit="bbb"))
    assert said(fleet) == {
        "observedGeneration": 1,
        "conditions": condition(
            "False", "DependencyNotReady", "dependency 'acme/db-prod' is not ready"
        ),
        "lastAttemptedRevision": "main@sha1:aaa",
        "lastAppliedRevision": "main@sha1:aaa",
    }


def test_what_is_being_applied_is_tried_and_not_applied_yet() -> None:
    fleet = Fleet()
    applying, *_ = fleet.commit("wiki")
    fleet.carry_out(applying)
    assert said(fleet) == {
        "observedGeneration": 1,
        "conditions": condition("Unknown", "Progressing", "reconciliation in progress"),
        "lastAttemptedRevision": "main@sha1:aaa",
    }


@each(
    [
        ("crash-loop", True, "False", "HealthCheckFailed", "timeout waiting for the Deployment"),
        ("drift", True, "False", "ReconciliationFailed", "a change by hand cannot be undone"),
        ("slow", True, "True", "ReconciliationSucceeded", "applied aaa"),
        # Whatever runs badly is applied, where Flux was told not to wait for it.
        ("crash-loop", False, "True", "ReconciliationSucceeded", "applied aaa"),
        ("drift", False, "False", "ReconciliationFailed", "a change by hand cannot be undone"),
    ]
)
def test_what_has_settled_is_said_with_its_reason(
    mode: str,
    waits: bool,  # noqa: FBT001 - drawn from the table
    *expected: str,
) -> None:
    fleet = Fleet()
    fleet.word("wiki", mode)
    fleet.carry_out(*fleet.commit("wiki", kept=waits))
    assert said(fleet)["conditions"] == condition(*expected)


def test_of_what_is_silent_nobody_hears_and_what_needs_it_is_applied() -> None:
    fleet = Fleet()
    fleet.word("db", "silence")
    for name, needs in (("db", ()), ("wiki", ("db",))):
        fleet.carry_out(*fleet.commit(name, *needs))
    assert fleet.states["db"].binding(PROD).observed is None
    assert fleet.marks("wiki") == WELL


@each(["acme-prod", "acme-dev-blue", "acme-uat"])
def test_it_is_called_as_it_is_committed(environment: str) -> None:
    running = Running(
        organization="acme",
        application="wiki",
        namespace="wiki",
        environment=environment,
        change="ch-1",
        branch="main",
        commit="aaa",
    )
    found = kustomization(facts(running, "settled", "well", 1)[0])
    assert found["metadata"]["name"] == flux_name("acme", "wiki", environment)
