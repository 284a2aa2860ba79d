"""Changes, as provisioning decides them: whether one still goes forward.

What is held for a change is called like it. Read and guarded, never written here.
"""

from __future__ import annotations

from typing import Final

import msgspec

from catalyst.contracts import provisioning_v1 as pro1
from catalyst.contracts.message import Event
from catalyst.contracts.subjects import Ref

SERVICE: Final = "provisioning"
AGGREGATE: Final = "change"


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """One change; of one that never was, as of one that goes forward, nothing is known."""

    gave_up: bool = False
    """Whether it takes back what it has done, or has done so."""


def change_ref(organization: str, hold: str) -> Ref:
    """Return the change of an Organization that a hold is for."""
    return Ref(organization, SERVICE, AGGREGATE, hold)


def evolve(state: Change, event: Event) -> Change:
    """Fold one fact into the state. Total: any event at any state; unknown ones change nothing."""
    match event:
        case pro1.CompensationBegun() | pro1.ChangeFailed():
            return Change(gave_up=True)
        case _:
            return state
