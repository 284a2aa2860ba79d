"""A Blueprint: its registered versions, and what became of each."""

from __future__ import annotations

from typing import Final

import msgspec

from catalyst.contracts.message import Event

AGGREGATE: Final = "blueprint"


class Blueprint(msgspec.Struct, frozen=True, kw_only=True):
    """One Blueprint with its versions."""


def evolve(state: Blueprint, _event: Event) -> Blueprint:
    """Return the state after an event."""
    return state
