"""The table of `provisioning`: Applications, and the changes that bring them where they run."""

from __future__ import annotations

from typing import Final

from catalyst.contracts.tables.row import Rows, Table

_ROWS: Final = Rows("provisioning")
AGGREGATES: Final = ("application", "change")

_MESSAGES: Final = (*_ROWS.runtime(AGGREGATES),)

TABLE: Final = Table(
    service="provisioning",
    member="provisioning",
    aggregates=AGGREGATES,
    messages=_MESSAGES,
    command_roles={},
)
