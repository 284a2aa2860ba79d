"""Usage: what was metered in one month."""

from __future__ import annotations

from typing import Final

import msgspec

from catalyst.contracts.message import Event

AGGREGATE: Final = "usage"


class Usage(msgspec.Struct, frozen=True, kw_only=True):
    """What was used in one month."""


def evolve(state: Usage, _event: Event) -> Usage:
    """Return the state after an event."""
    return state
