"""A change: the steps that bring an Application from one state to the next."""

from __future__ import annotations

from typing import Final

import msgspec

from catalyst.contracts.message import Event

AGGREGATE: Final = "change"


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """Where one change is."""


def evolve(state: Change, _event: Event) -> Change:
    """Return the state after an event."""
    return state
