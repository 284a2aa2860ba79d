"""An Application: what was installed, and where it runs."""

from __future__ import annotations

from typing import Final

import msgspec

from catalyst.contracts.message import Event

AGGREGATE: Final = "application"


class Application(msgspec.Struct, frozen=True, kw_only=True):
    """One Application."""


def evolve(state: Application, _event: Event) -> Application:
    """Return the state after an event."""
    return state
