"""What one reader has not been sent yet: the latest value of each key, oldest change first.

Pure. A key that changes again keeps its place and takes the new value, so that a slow reader's
backlog is never larger than the rows it sees, and everything before the oldest one was sent.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from catalyst.projector import frames
from catalyst.projector.entry import Entry


class Item(NamedTuple):
    """A key to be sent."""

    entry: Entry
    shown: bool
    """False if the row has left the filter."""
    first: int
    """Revision of the oldest change that was not sent."""
    before: int
    """Sequence of the log up to which everything was sent before that change; 0 if unknown."""
    coalesced: int
    """Changes that were passed over."""

    def frame(self) -> bytes:
        """Return its event, without an id."""
        if not self.shown and not self.entry.deleted:
            return frames.left(self.entry.key, self.entry.seq)
        return self.entry.frame(self.coalesced)


class Outbox:
    """Keys to be sent, oldest first."""

    def __init__(self) -> None:
        """Start with nothing to send."""
        self._items: dict[str, Item] = {}
        self.coalesced = 0
        """Changes passed over so far."""

    def __len__(self) -> int:
        return len(self._items)

    @property
    def oldest(self) -> Item | None:
        """The key that has waited longest, or None."""
        return next(iter(self._items.values()), None)

    def add(self, item: Item) -> None:
        """Add a change; one of a key that waits already takes its place."""
        waiting = self._items.get(item.entry.key)
        if waiting is None:
            self._items[item.entry.key] = item
        else:
            self.coalesced += item.coalesced + 1
            self._items[item.entry.key] = waiting._replace(
                entry=item.entry,
                shown=item.shown,
                coalesced=waiting.coalesced + item.coalesced + 1,
            )

    def extend(self, items: Iterable[Item]) -> None:
        """Add several changes."""
        for item in items:
            self.add(item)

    def clear(self) -> None:
        """Forget everything: a snapshot will say it."""
        self._items.clear()

    def take(self, limit_bytes: int, revision: int) -> list[tuple[int, bytes]]:
        """Remove the oldest keys, at least one, up to a size; return revision and frame of each.

        The revision belongs into the frame's id: everything up to it was sent once the frame was.
        It is the one before the next key's first change, or `revision`, the newest, if none waits.
        """
        taken: list[bytes] = []
        revisions: list[int] = []
        size = 0
        while self._items and (not taken or size < limit_bytes):
            key = next(iter(self._items))
            item = self._items.pop(key)
            frame = item.frame()
            size += len(frame)
            taken.append(frame)
            following = self.oldest
            revisions.append(revision if following is None else following.first - 1)
        return list(zip(revisions, taken, strict=True))
