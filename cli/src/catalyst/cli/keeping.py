"""Cells that say in a few words how a whole is and what keeps a row; `get KIND NAME` has it all."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from catalyst.cli.links import links_in
from catalyst.client.rows import Row
from catalyst.contracts.blocked import Link
from catalyst.contracts.blocked_chain import causes
from catalyst.contracts.provisioning_values_v1 import as_seen

_WELL = "healthy"


def blocked(row: Row, doc: Mapping[str, Any]) -> object:
    """Return the cause, as far as the row knows it; of an Application, in any of its places.

    Of an Environment or an Organization that nothing keeps, what makes it ill.
    """
    found = [link for one in (doc, *(doc.get("bindings") or ())) for link in links_in(one)]
    if not found:
        return _ill(row, doc)
    more = f" (+{len(found) - 1})" if len(found) > 1 else ""
    return _words((causes(found) or found)[-1]) + more


def _words(link: Link) -> str:
    if link.kind == "approval":
        return f"approval of {link.name} missing"
    return f"{link.kind} {link.name}: {link.code.replace('-', ' ')}"


def _ill(row: Row, doc: Mapping[str, Any]) -> str | None:
    found = doc.get("health")
    if not found or not found["of"] or found["status"] == _WELL:
        return None
    part = "application" if row.key.split(".")[2] == "environment" else "environment"
    return as_seen(f"{part} {found['of']}: {found['status']}", found["source"])


def whole(_row: Row, doc: Mapping[str, Any]) -> object:
    """Return how a whole is, and why and what of it where it is not well."""
    found = doc.get("health")
    if not found:
        return None
    well = found["status"] == _WELL or not found["of"]
    of = "" if well else f" ({found['of']})"
    return as_seen(f"{found['status']} {found['reason']}".rstrip() + of, found["source"])
