"""The table of `catalog`: curation of Blueprints, and questions about the catalogue."""

from __future__ import annotations

from typing import Final

from catalyst.contracts.tables.row import Rows, Table

_ROWS: Final = Rows("catalog")
AGGREGATES: Final = ("curation",)

_MESSAGES: Final = (*_ROWS.runtime(AGGREGATES),)

TABLE: Final = Table(
    service="catalog",
    member="catalog-svc",
    content="reads",
    aggregates=AGGREGATES,
    messages=_MESSAGES,
    command_roles={},
)
