"""The account of an Organization: its credit and its holds."""

from __future__ import annotations

from typing import Final

import msgspec

from catalyst.contracts.message import Event

AGGREGATE: Final = "account"


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """The account of one Organization."""


def evolve(state: Account, _event: Event) -> Account:
    """Return the state after an event."""
    return state
