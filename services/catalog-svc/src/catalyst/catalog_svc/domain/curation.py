"""Curation: how a Blueprint is shown, and to whom."""

from __future__ import annotations

from typing import Final

import msgspec

from catalyst.contracts.message import Event

AGGREGATE: Final = "curation"


class Curation(msgspec.Struct, frozen=True, kw_only=True):
    """What was curated of one Blueprint."""


def evolve(state: Curation, _event: Event) -> Curation:
    """Return the state after an event."""
    return state
