"""The price book: what each thing costs, version by version."""

from __future__ import annotations

from typing import Final

import msgspec

from catalyst.contracts.message import Event

AGGREGATE: Final = "price-book"


class PriceBook(msgspec.Struct, frozen=True, kw_only=True):
    """The price book with its versions."""


def evolve(state: PriceBook, _event: Event) -> PriceBook:
    """Return the state after an event."""
    return state
