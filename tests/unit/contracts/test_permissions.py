"""Permissions that come from a service's table."""

import msgspec
import pytest

from catalyst.contracts import permissions
from catalyst.contracts.registry import TABLES

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
