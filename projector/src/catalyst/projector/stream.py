"""One open stream: what is owed to its reader, as bytes, in the right order. No I/O.

Made by the hub, driven by `catalyst.projector.sse`. It is in one of three states: a snapshot is
being sent; a reader who came back is being told what was missed; or it is live.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from typing import Final, Protocol

from catalyst.projector import cursor as cursors
from catalyst.projector import frames
from catalyst.projector.access import Reader
from catalyst.projector.cursor import Cursor
from catalyst.projector.entry import Entry
from catalyst.projector.filters import Filter
from catalyst.projector.freshness import Freshness
from catalyst.projector.outbox import Outbox
from catalyst.projector.topic import Burst, Topic, applied

CHUNK_BYTES: Final = 32 * 1024
"""About what is handed over at once."""


class Shown(Protocol):
    """The rows that a stream tells of: the hub."""

    epoch: str
    revision: int
    floor: int
    rows: dict[str, Entry]
    freshness: Freshness

    @property
    def as_of(self) -> int:
        """Everything up to here is shown."""
        ...

    def missed(self, revision: int) -> Sequence[Entry]:
        """Return every key that changed after `revision`, oldest first."""
        ...


class Stream:
    """What one reader has been sent and is owed."""

    def __init__(self, hub: Shown, reader: Reader, asked: Filter) -> None:
        """Begin with nothing owed; `begin` says where."""
        self.reader = reader
        self.asked = asked
        self.topic: Topic | None = None
        """Set by the hub."""
        self.news = asyncio.Event()
        """Set when there may be something to send."""
        self.overdue = False
        """Set when a heartbeat shall be sent before its time."""
        self.ending: tuple[str, bool] | None = None
        """Why the stream has to end, and whether the reader may come back as it is."""
        self._hub = hub
        self._outbox = Outbox()
        self._burst: tuple[Burst, int] | None = None
        self._snapshot: Iterator[Entry] | None = None
        self._reset = ""
        self._until = -1
        """Revision at which a reader who came back has been told everything; -1 if told."""
        self._synced = False
        self._sent_as_of = 0
        self._sent_revision = 0

    def begin(self, last_id: str) -> None:
        """Go on behind a cursor if it can be honoured, else with a snapshot and the reason."""
        reason = self._refusal(last_id)
        if reason:
            self.reset(reason)
            return
        found = cursors.parse(last_id)
        revision = 0 if found is None else found.revision
        self._until = self._hub.revision
        if self.topic is not None:
            self._outbox.extend(self.topic.since(self._hub.missed(revision)))
        self.news.set()

    def _refusal(self, last_id: str) -> str:
        """Return why a cursor cannot be honoured; empty if it can."""
        if not last_id:
            return "start"
        found = cursors.parse(last_id)
        if found is None:
            return "unknown-cursor"
        if found.epoch != self._hub.epoch:
            return "epoch-changed"
        if self.topic is None or found.scope != self.topic.scope:
            return "scope-changed"
        if found.revision < self._hub.floor:
            return "too-old"
        return "unknown-cursor" if found.revision > self._hub.revision else ""

    def reset(self, reason: str) -> None:
        """Begin anew with a snapshot; what was owed is forgotten.

        A reason that was not told yet stays: it says what became of what the reader holds.
        """
        self._reset = self._reset or reason
        self._snapshot = None
        self._synced = False
        self._until = -1
        self._burst = None
        self._outbox.clear()
        self.news.set()

    def offer(self, burst: Burst, before: int) -> None:
        """Take what a flush means for this reader."""
        if self._reset:
            # The snapshot that is about to begin holds it already.
            return
        if self._busy:
            self._spill()
            self._outbox.extend(burst.items)
        elif burst.items:
            self._burst = (burst, before)
        if burst.items:
            self.news.set()

    def end(self, reason: str, *, retryable: bool) -> None:
        """Ask the stream to say goodbye."""
        self.ending = (reason, retryable)
        self.news.set()

    @property
    def coalesced(self) -> int:
        """Values that this reader was spared."""
        return self._outbox.coalesced

    @property
    def owes(self) -> bool:
        """True if there is something to send before heartbeats and bookmarks."""
        return bool(self._reset) or self._busy

    @property
    def _busy(self) -> bool:
        """True if something else is owed first."""
        return (
            self._snapshot is not None
            or self._until >= 0
            or len(self._outbox) > 0
            or self._burst is not None
        )

    def _spill(self) -> None:
        if self._burst is not None:
            self._outbox.extend(self._burst[0].items)
            self._burst = None

    @property
    def as_of(self) -> int:
        """Up to here everything was sent or is in this stream's last frames; 0 if unknown."""
        if self._reset or self._snapshot is not None:
            return 0
        if self._burst is not None:
            return self._burst[1]
        oldest = self._outbox.oldest
        return self._hub.as_of if oldest is None else oldest.before

    @property
    def cursor(self) -> str:
        """Where the reader may go on; empty while a snapshot is on its way."""
        if not self._synced or self.topic is None:
            return ""
        return Cursor(self._hub.epoch, self._sent_up_to(), self.topic.scope).encode()

    def _sent_up_to(self) -> int:
        if self._burst is not None and self._burst[0].items:
            return self._burst[0].items[0].first - 1
        oldest = self._outbox.oldest
        return self._hub.revision if oldest is None else oldest.first - 1

    @property
    def behind(self) -> bool:
        """True if rows are shown that this reader has no part in and has not been told of."""
        return self._synced and not self._busy and self._sent_revision < self._hub.revision

    def chunk(self) -> bytes:
        """Return what comes next, or nothing if nothing is owed."""
        if self._reset:
            return self._begin_snapshot()
        if self._snapshot is not None:
            return self._next_of_snapshot()
        if self._burst is not None:
            return self._take_burst()
        if len(self._outbox) or self._until >= 0:
            return self._take_outbox()
        return b""

    def bookmark(self) -> bytes:
        """Return the event that says how far the reader is, without a row."""
        if self.topic is None or not self.behind:
            return b""
        return self._applied()

    def heartbeat(self) -> bytes:
        """Return the event that says that the stream stands, and how far it is."""
        fresh = self._hub.freshness.at(self.as_of)
        data = {"as_of": self.as_of, "head": fresh.head, "lag_ms": fresh.lag_ms}
        frame = frames.event("heartbeat", data)
        return frames.identified(self.cursor, frame) if self.cursor else frame

    def bye(self, reason: str, *, retryable: bool) -> bytes:
        """Return the last event."""
        data = {"reason": reason, "retryable": retryable, "cursor": self.cursor}
        return frames.event("bye", data)

    def _begin_snapshot(self) -> bytes:
        reason, self._reset = self._reset, ""
        self._snapshot = iter(list(self._hub.rows.values()))
        return frames.event("reset", {"reason": reason, "epoch": self._hub.epoch})

    def _next_of_snapshot(self) -> bytes:
        parts: list[bytes] = []
        size = 0
        for entry in self._snapshot or ():
            if self.topic is not None and self.topic.shows(entry):
                parts.append(entry.frame(0))
                size += len(parts[-1])
            if size >= CHUNK_BYTES:
                return b"".join(parts)
        self._snapshot = None
        parts.append(self._synced_frame())
        return b"".join(parts)

    def _synced_frame(self) -> bytes:
        self._synced = True
        self._until = -1
        fresh = self._hub.freshness.at(self.as_of)
        self._sent_as_of, self._sent_revision = self.as_of, self._sent_up_to()
        data = {
            "as_of": self.as_of,
            "head": fresh.head,
            "lag_ms": fresh.lag_ms,
            "epoch": self._hub.epoch,
            "log": self._hub.freshness.log,
        }
        return frames.identified(self.cursor, frames.event("synced", data))

    def _take_burst(self) -> bytes:
        if self._burst is None or self.topic is None:
            return b""
        burst, _ = self._burst
        self._burst = None
        self._sent_as_of, self._sent_revision = burst.as_of, burst.revision
        return burst.encode(self._hub.epoch, self.topic.scope)

    def _take_outbox(self) -> bytes:
        if self.topic is None:
            return b""
        scope = self.topic.scope
        parts = []
        for revision, frame in self._outbox.take(CHUNK_BYTES, self._hub.revision):
            # A reader who came back keeps the old cursor until told everything: the order of the
            # ids is the order of the revisions, so each frame may carry its own at once.
            parts.append(
                frames.identified(Cursor(self._hub.epoch, revision, scope).encode(), frame)
            )
        if self._until >= 0:
            if self._sent_up_to() >= self._until:
                parts.append(self._synced_frame())
        elif self.as_of > self._sent_as_of:
            parts.append(self._applied())
        return b"".join(parts)

    def _applied(self) -> bytes:
        self._sent_as_of, self._sent_revision = self.as_of, self._sent_up_to()
        scope = "" if self.topic is None else self.topic.scope
        return applied(self._hub.epoch, self._sent_revision, scope, self.as_of)
