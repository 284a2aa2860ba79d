"""The copies of a Blueprint that an Organization has: what its author means how many to be.

Each Environment in which an Application runs has a copy, with data of its own. One counts from the
moment when a change wants it until a change wants it gone.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import msgspec

from catalyst.contracts import application_v1 as app1
from catalyst.contracts.decision import Recorded
from catalyst.provisioning.domain.application import Application

FOLLOWED: Final = ("evt.*.provisioning.application.*.change-waiting.*",)
"""Subjects of what is followed: whatever runs, a change waited for it first."""
NAMED: Final = 10
"""Copies that are named; beyond that they are counted."""


class Copy(msgspec.Struct, frozen=True, kw_only=True):
    """An Application in an Environment."""

    application: str
    environment: str
    coming: bool
    """Whether the change that brings it waits, or is in flight."""


class Names:
    """The names of all Applications that were ever to run a Blueprint. An index of the log.

    What runs, and where, stands in their states, which are read as they were when a plan is made
    again.
    """

    def __init__(self) -> None:
        """Know nothing."""
        self._found: dict[tuple[str | None, str], set[str]] = {}

    def apply(self, recorded: Recorded) -> None:
        """Take in one event."""
        ref, event = recorded.ref, recorded.event
        if isinstance(event, app1.ChangeWaiting) and event.desired is not None:
            blueprint = f"{event.desired.origin}-{event.desired.blueprint}"
            self._found.setdefault((ref.organization, blueprint), set()).add(ref.id)

    def of(self, organization: str, blueprint: str) -> tuple[str, ...]:
        """Return those of a Blueprint, which is named as `<origin>-<name>`, sorted."""
        return tuple(sorted(self._found.get((organization, blueprint), ())))


def of(name: str, state: Application, blueprint: str) -> tuple[Copy, ...]:
    """Return the copies of a Blueprint, which is named as `<origin>-<name>`, in one Application."""
    places = {*state.bindings, *(one.environment for one in state.queue)}
    found = ((place, state.expected(place)[0]) for place in sorted(places))
    return tuple(
        Copy(application=name, environment=place, coming=state.is_held(place))
        for place, desired in found
        if desired is not None and f"{desired.origin}-{desired.blueprint}" == blueprint
    )


def words(copies: Iterable[Copy]) -> str:
    """Return which there are."""
    said = [
        f"{one.application} {'is on its way to' if one.coming else 'runs in'} {one.environment}"
        for one in copies
    ]
    rest = [f"and {len(said) - NAMED} more"] if len(said) > NAMED else []
    return ", ".join([*said[:NAMED], *rest])
