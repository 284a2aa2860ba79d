"""The table of `blueprint`: sources of Blueprints, and Blueprints with their versions."""

from __future__ import annotations

from typing import Final

from catalyst.contracts.tables.row import Rows, Table

_ROWS: Final = Rows("blueprint")
AGGREGATES: Final = ("source", "blueprint")

_MESSAGES: Final = (*_ROWS.runtime(AGGREGATES),)

TABLE: Final = Table(
    service="blueprint",
    member="blueprint-controller",
    aggregates=AGGREGATES,
    messages=_MESSAGES,
    command_roles={},
)
