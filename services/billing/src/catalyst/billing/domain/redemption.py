"""A redemption: a voucher on its way to an account."""

from __future__ import annotations

from typing import Final

import msgspec

from catalyst.contracts.message import Event

AGGREGATE: Final = "redemption"


class Redemption(msgspec.Struct, frozen=True, kw_only=True):
    """Where one redemption is."""


def evolve(state: Redemption, _event: Event) -> Redemption:
    """Return the state after an event."""
    return state
