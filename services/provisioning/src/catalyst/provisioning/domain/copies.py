"""The copies of a Blueprint that an Organization has: what its author means how many to be.

Each Environment in which an Application runs has a copy, with data of its own. One counts from the
moment when a change wants it until a change wants it gone.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import msgspec

from catalyst.contracts import application_v1 as app1
from catalyst.contracts import environment_v1 as env1
from catalyst.contracts.decision import Recorded
from catalyst.contracts.provisioning_values_v1 import Desired
from catalyst.provisioning.domain.application import Application

FOLLOWED: Final = (
    "evt.*.provisioning.application.*.change-waiting.*",
    "evt.*.provisioning.application.*.change-left.*",
    "evt.*.provisioning.application.*.desired-set.*",
    "evt.*.provisioning.application.*.application-removed.*",
    "evt.*.environment.organization.*.organization-deleted.*",
)
"""Subjects of what is followed: all that says what is to run, or will."""
NAMED: Final = 10
"""Copies that are named; beyond that they are counted."""
LOOKED: Final = 64
"""Applications whose states are looked at; beyond that their copies are counted from the index."""
AT_ONCE: Final = 16
"""Of these, those that are read side by side."""


class Copy(msgspec.Struct, frozen=True, kw_only=True):
    """An Application in an Environment."""

    application: str
    environment: str
    coming: bool
    """Whether the change that brings it waits, or is in flight."""


class There(msgspec.Struct, frozen=True, kw_only=True):
    """The copies of a Blueprint that there are."""

    seen: tuple[Copy, ...]
    more: int
    """How many there are beside those, as of now."""


@dataclass(slots=True)
class _Place:
    """An Application in an Environment; Blueprints are named as `<origin>-<name>`; empty: none."""

    runs: str = ""
    """What is to run."""
    queue: dict[str, str] = field(default_factory=dict)
    """What each change wants to run, the oldest first."""

    def may(self) -> set[str]:
        """Return what is to run, or may be once some changes are over."""
        return {self.runs, *self.queue.values()} - {""}

    def expected(self) -> str:
        """Return what will run once every change is over."""
        return next(reversed(self.queue.values()), self.runs)


class Names:
    """Which Applications run a Blueprint, or may. An index of the log.

    Since when they do stands in their states, which are read as they were when a plan is made
    again; what is gone by now is not found then either.
    """

    def __init__(self) -> None:
        """Know nothing."""
        self._found: dict[str | None, dict[tuple[str, str], _Place]] = {}

    def apply(self, recorded: Recorded) -> None:
        """Take in one event."""
        ref, event = recorded.ref, recorded.event
        match event:
            case env1.OrganizationDeleted():
                self._found.pop(ref.organization, None)
            case (
                app1.ChangeWaiting()
                | app1.ChangeLeft()
                | app1.DesiredSet()
                | app1.ApplicationRemoved()
            ):
                places = self._found.setdefault(ref.organization, {})
                key = (ref.id, event.environment)
                place = places.pop(key, _Place())
                _evolve(place, event)
                if place.runs or place.queue:
                    places[key] = place
                elif not places:
                    del self._found[ref.organization]
            case _:
                pass

    def of(self, organization: str, blueprint: str) -> dict[str, int]:
        """Return those of a Blueprint, which is named as `<origin>-<name>`, sorted by name.

        Beside each stands how many copies it will be once every change of it is over; that may be
        none.
        """
        found: dict[str, int] = {}
        for (name, _), place in self._found.get(organization, {}).items():
            if blueprint in place.may():
                found[name] = found.get(name, 0) + (place.expected() == blueprint)
        return dict(sorted(found.items()))


def _evolve(
    place: _Place,
    event: app1.ChangeWaiting | app1.ChangeLeft | app1.DesiredSet | app1.ApplicationRemoved,
) -> None:
    match event:
        case app1.ChangeWaiting():
            place.queue.setdefault(event.change, _key(event.desired))
        case app1.ChangeLeft():
            place.queue.pop(event.change, None)
        case app1.DesiredSet():
            place.runs = _key(event.desired)
        case app1.ApplicationRemoved():
            place.runs = ""


def _key(desired: Desired | None) -> str:
    return "" if desired is None else f"{desired.origin}-{desired.blueprint}"


def of(name: str, state: Application, blueprint: str) -> tuple[Copy, ...]:
    """Return the copies of a Blueprint, which is named as `<origin>-<name>`, in one Application."""
    places = {*state.bindings, *(one.environment for one in state.queue)}
    found = ((place, state.expected(place)[0]) for place in sorted(places))
    return tuple(
        Copy(application=name, environment=place, coming=state.is_held(place))
        for place, desired in found
        if _key(desired) == blueprint
    )


def words(there: There) -> str:
    """Return which there are."""
    said = [
        f"{one.application} {'is on its way to' if one.coming else 'runs in'} {one.environment}"
        for one in there.seen
    ]
    rest = len(said[NAMED:]) + there.more
    return ", ".join([*said[:NAMED], *([f"and {rest} more"] if rest else [])])
