"""Readers who see the same: one filter, one scope, and frames that are encoded once for all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from catalyst.projector import frames
from catalyst.projector.access import Access
from catalyst.projector.cursor import Cursor
from catalyst.projector.entry import Entry
from catalyst.projector.filters import Filter
from catalyst.projector.outbox import Item


class Sink(Protocol):
    """A reader's end of a topic."""

    def offer(self, burst: Burst, before: int) -> None:
        """Take what a flush means here; `before` is the `as_of` that it follows."""
        ...


class Change:
    """What a flush did to one key."""

    __slots__ = ("after", "before", "coalesced", "first")

    def __init__(self, before: Entry | None, after: Entry, first: int, coalesced: int) -> None:
        """Hold the row as it was and as it is."""
        self.before = before
        self.after = after
        self.first = first
        """Revision of its first change, if it changed more than once."""
        self.coalesced = coalesced


class Burst:
    """What one flush means for one topic."""

    __slots__ = ("_encoded", "as_of", "items", "revision")

    def __init__(self, items: list[Item], revision: int, as_of: int) -> None:
        """Hold the changed rows that the topic sees; often none."""
        self.items = items
        self.revision = revision
        self.as_of = as_of
        self._encoded: bytes | None = None

    def encode(self, epoch: str, scope: str) -> bytes:
        """Return all frames, `applied` included, for a reader to whom nothing else is owed."""
        if self._encoded is None:
            parts = []
            for number, item in enumerate(self.items, 1):
                last = number == len(self.items)
                revision = self.revision if last else self.items[number].first - 1
                cursor = Cursor(epoch, revision, scope).encode()
                parts.append(frames.identified(cursor, item.frame()))
            parts.append(applied(epoch, self.revision, scope, self.as_of))
            self._encoded = b"".join(parts)
        return self._encoded


class Topic:
    """One filter as seen by readers with the same rights."""

    def __init__(self, asked: Filter, access: Access) -> None:
        """Start without readers."""
        self.asked = asked
        self.access = access
        self.sinks: set[Sink] = set()

    @property
    def scope(self) -> str:
        """Fingerprint of both."""
        return self.access.scope

    def shows(self, entry: Entry) -> bool:
        """Return whether a row belongs to it."""
        return (
            not entry.deleted
            and self.asked.at(entry.place)
            and self.access.may(entry.place)
            and self.asked.holds(entry)
        )

    def item(self, change: Change, before: int) -> Item | None:
        """Return what a change means here: a row, its disappearance, or nothing."""
        entry = change.after
        if not (self.asked.at(entry.place) and self.access.may(entry.place)):
            return None
        shown = not entry.deleted and self.asked.holds(entry)
        if not shown and self.asked.by_content:
            was = change.before
            if was is None or was.deleted or not self.asked.holds(was):
                return None
        return Item(entry, shown, change.first, before, change.coalesced)

    def burst(self, changes: Sequence[Change], before: int, revision: int, as_of: int) -> Burst:
        """Return what a flush means here."""
        found = [item for change in changes if (item := self.item(change, before)) is not None]
        return Burst(found, revision, as_of)

    def since(self, entries: Sequence[Entry]) -> list[Item]:
        """Return what a reader missed, given every key that changed since, oldest first.

        What a row was when the reader left is not known: one that does not match the filter now is
        sent as gone, which changes nothing for a reader who never had it.
        """
        return [
            Item(entry, not entry.deleted and self.asked.holds(entry), entry.revision, 0, 0)
            for entry in entries
            if self.asked.at(entry.place) and self.access.may(entry.place)
        ]


def applied(epoch: str, revision: int, scope: str, as_of: int) -> bytes:
    """Return the event that says how far the rows before it are."""
    cursor = Cursor(epoch, revision, scope).encode()
    return frames.identified(cursor, frames.event("applied", {"as_of": as_of}))
