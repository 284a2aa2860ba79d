"""A source of Blueprints: where versions of them come from."""

from __future__ import annotations

from typing import Final

import msgspec

from catalyst.contracts.message import Event

AGGREGATE: Final = "source"


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """One source of Blueprints."""


def evolve(state: Source, _event: Event) -> Source:
    """Return the state after an event."""
    return state
