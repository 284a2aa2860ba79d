"""The table of `billing`: accounts, prices, vouchers, subscriptions, usage and invoices."""

from __future__ import annotations

from typing import Final

from catalyst.contracts.tables.row import Rows, Table

_ROWS: Final = Rows("billing")
AGGREGATES: Final = (
    "account",
    "price-book",
    "voucher",
    "redemption",
    "subscription",
    "usage",
    "invoice",
)

_MESSAGES: Final = (*_ROWS.runtime(AGGREGATES),)

TABLE: Final = Table(
    service="billing",
    member="billing",
    aggregates=AGGREGATES,
    messages=_MESSAGES,
    command_roles={},
)
