"""Permissions that come from a service's table."""

from graphlib import CycleError, TopologicalSorter

import msgspec
import pytest

from catalyst.contracts import permissions, roles
from catalyst.contracts.registry import SERVICES, TABLES
from catalyst.contracts.roles import service_asks

ENVIRONMENT = next(table for table in TABLES if table.service == "environment")


@pytest.mark.parametrize(
    ("content", "may"),
    [
        ("", (False, False)),
        ("reads", (True, False)),
        ("writes", (True, True)),
    ],
)
def test_content_is_written_and_read_by_whom_the_table_names(
    monkeypatch: pytest.MonkeyPatch, content: str, may: tuple[bool, bool]
) -> None:
    table = msgspec.structs.replace(ENVIRONMENT, content=content)
    monkeypatch.setattr(permissions, "TABLES", (table,))
    found = permissions.worker("environment").publish
    reads = "$JS.API.DIRECT.GET.OBJ_blueprints.>" in found
    assert (reads, "$O.blueprints.>" in found) == may


def test_a_service_asks_only_whom_its_table_names(monkeypatch: pytest.MonkeyPatch) -> None:
    table = msgspec.structs.replace(ENVIRONMENT, asks=("billing", "catalog"))
    monkeypatch.setattr(permissions, "TABLES", (table,))
    asked = {item for item in permissions.worker("environment").publish if item.startswith("qry.")}
    assert asked == {"qry.*.billing.>", "qry.*.catalog.>"}


def _asked() -> dict[str, set[str]]:
    """Return, of each service, which others it may ask."""
    return {
        service: {other for other in SERVICES if other != service and service_asks(service, other)}
        for service in SERVICES
    }


@pytest.mark.guarantee("G7.15")
def test_no_question_comes_back_to_a_service_that_waits_for_its_answer() -> None:
    """A member answers so many questions at once, and one that waits for another keeps its place.

    In a circle all places of each could be held by what waits for a place at the next one. What a
    service asks of itself stands apart: that is for what it decides, and no answer waits for it.
    """
    assert _asked()["provisioning"] == {"catalog", "billing", "environment"}
    tuple(TopologicalSorter(_asked()).static_order())


@pytest.mark.guarantee("G7.15")
def test_a_circle_of_services_would_be_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    table = msgspec.structs.replace(ENVIRONMENT, asks=("provisioning",))
    others = (one for one in TABLES if one is not ENVIRONMENT)
    monkeypatch.setattr(roles, "TABLES", (table, *others))
    with pytest.raises(CycleError):
        tuple(TopologicalSorter(_asked()).static_order())
