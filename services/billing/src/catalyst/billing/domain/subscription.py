"""A subscription: what an Application in one Environment costs each month."""

from __future__ import annotations

from typing import Final

import msgspec

from catalyst.contracts.message import Event

AGGREGATE: Final = "subscription"


class Subscription(msgspec.Struct, frozen=True, kw_only=True):
    """One subscription."""


def evolve(state: Subscription, _event: Event) -> Subscription:
    """Return the state after an event."""
    return state
