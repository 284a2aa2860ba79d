"""Permissions that come from a service's table."""

import msgspec
import pytest

from catalyst.contracts import permissions
from catalyst.contracts.registry import TABLES

ENVIRONMENT = next(table for table in TABLES if table.service == "environment")


def test_a_service_asks_only_whom_its_table_names(monkeypatch: pytest.MonkeyPatch) -> None:
    table = msgspec.structs.replace(ENVIRONMENT, asks=("billing", "catalog"))
    monkeypatch.setattr(permissions, "TABLES", (table,))
    asked = {item for item in permissions.worker("environment").publish if item.startswith("qry.")}
    assert asked == {"qry.*.billing.>", "qry.*.catalog.>"}
