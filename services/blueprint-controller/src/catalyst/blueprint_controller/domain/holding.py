"""What is known of a source of Blueprints: its place, its readings, and what it holds; the fold."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import msgspec

from catalyst.contracts import blueprint_v1 as bp1
from catalyst.contracts.message import Event

Key = str
"""A version of a Blueprint: `bp-wiki@1.4.2`."""


class Held(msgspec.Struct, frozen=True, array_like=True):
    """A version that a source holds."""

    digest: str
    folder: str


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """One source of Blueprints."""

    status: Literal["absent", "there", "removed"] = "absent"
    kind: str = ""
    location: str = ""
    branch: str = ""
    folder: str = ""
    origin: str = ""
    interval: str = ""
    run: int = 0
    """Number of the newest reading."""
    reading: bool = False
    """Whether that one goes on."""
    whole: bool = False
    """Whether it lists everything even if nothing has changed."""
    gen: str = ""
    """Arming of the timer that counts."""
    revision: str = ""
    """What was read last, to its end."""
    failures: int = 0
    """How often in a row it could not be read."""
    held: dict[Key, Held] = {}
    """Good versions that the last reading found."""
    bad: int = 0
    """Packages that the last reading found and that cannot be taken."""
    seen: dict[Key, Held] = {}
    """Good versions that this reading found so far."""
    seen_bad: dict[str, str] = {}
    """Folders whose package cannot be taken, with what it is called, of this reading so far."""
    seen_revision: str = ""
    reported: int = 0
    """Packages that this reading has reported so far."""
    asked: dict[str, Key] = {}
    """Commands that ask for a registration, by their ids."""
    refused: dict[Key, str] = {}
    """Good versions that were not registered, and why."""


def key_of(blueprint: str, version: str) -> Key:
    """Return the key of a version."""
    return f"{blueprint}@{version}"


def evolve(state: Source, event: Event) -> Source:
    """Fold one fact into the state. Total: any event at any state; unknown ones change nothing."""
    replace = msgspec.structs.replace
    match event:
        case bp1.SourceAdded():
            return replace(
                state,
                status="there",
                kind=event.kind,
                location=event.location,
                branch=event.branch,
                folder=event.folder,
                origin=event.origin,
                interval=event.interval,
            )
        case bp1.SourceRemoved():
            return Source(status="removed", run=state.run)
        case bp1.SyncStarted():
            return replace(
                state,
                run=event.run,
                reading=True,
                whole=event.whole,
                gen=event.gen,
                seen={},
                seen_bad={},
                seen_revision="",
                reported=0,
            )
        case bp1.VersionsFound():
            return _found(state, event)
        case bp1.SyncCompleted():
            state = replace(
                state, reading=False, gen=event.gen, revision=event.revision, failures=0
            )
            if event.unchanged:
                return state
            return replace(
                state,
                held=state.seen,
                bad=event.refused,
                refused={key: why for key, why in state.refused.items() if key in state.seen},
                asked={one: key for one, key in state.asked.items() if key in state.seen},
                seen={},
                seen_bad={},
            )
        case bp1.SyncFailed():
            return replace(
                state,
                reading=False,
                gen=event.gen,
                failures=event.failures,
                seen={},
                seen_bad={},
            )
        case bp1.RegistrationRefused():
            key = key_of(event.blueprint, event.version)
            asked = {one: what for one, what in state.asked.items() if one != event.input}
            return replace(state, asked=asked, refused={**state.refused, key: event.code})
        case _:
            return state


def _found(state: Source, event: bp1.VersionsFound) -> Source:
    asked = {one: key_of(what.blueprint, what.version) for one, what in event.asked.items()}
    fresh = set(asked.values())
    seen: Mapping[Key, Held] = {
        key_of(item.blueprint, item.version): Held(item.digest, item.folder) for item in event.found
    }
    bad = {item.folder: f"{item.blueprint}@{item.version}" for item in event.refused}
    earlier = {one: key for one, key in state.asked.items() if key not in fresh}
    return msgspec.structs.replace(
        state,
        seen={**state.seen, **seen},
        seen_bad={**state.seen_bad, **bad},
        seen_revision=event.revision,
        reported=event.next,
        asked={**earlier, **asked},
        refused={key: why for key, why in state.refused.items() if key not in fresh},
    )
