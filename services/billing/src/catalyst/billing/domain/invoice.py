"""An invoice: what one month cost."""

from __future__ import annotations

from typing import Final

import msgspec

from catalyst.contracts.message import Event

AGGREGATE: Final = "invoice"


class Invoice(msgspec.Struct, frozen=True, kw_only=True):
    """One invoice."""


def evolve(state: Invoice, _event: Event) -> Invoice:
    """Return the state after an event."""
    return state
