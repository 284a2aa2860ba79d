"""The rows that this process shows, and who is told when they change. No I/O.

One hub per process. `catalyst.projector.feed` fills it from the bucket; `http` reads it; streams
are its sinks. Rows become visible when their checkpoint arrives, so that `as_of` and rows move
together.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final

from catalyst.chassis import clock
from catalyst.contracts.subjects import RowKey
from catalyst.projector.access import Access, Owners, Reader
from catalyst.projector.checkpoint import Checkpoint
from catalyst.projector.entry import Entry
from catalyst.projector.filters import Filter
from catalyst.projector.freshness import Fresh, Freshness
from catalyst.projector.ports import BucketMessage
from catalyst.projector.stream import Stream
from catalyst.projector.topic import Change, Topic
from catalyst.projector.tracing import Tracing

LOADING: Final = "the read model is being loaded"
MARKER_SECONDS: Final = 50 * 60
"""How long a deletion is remembered; the bucket itself keeps its marker ten minutes longer."""


class NotReached(Exception):
    """The rows did not come as far as was asked for in time."""


class Hub:
    """Rows, topics and waiting requests of one process."""

    def __init__(self, tracing: Tracing | None = None) -> None:
        """Start without rows; nothing is shown before the first `replace`."""
        self._tracing = tracing
        self.closing = False
        """True once the process is about to end: no new streams."""
        self.epoch = ""
        self.revision = 0
        """Of the last checkpoint shown."""
        self.checkpoint: Checkpoint | None = None
        self.floor = 0
        """Cursors below it cannot be honoured: a deletion may be missing."""
        self.freshness = Freshness()
        self.owners = Owners()
        self.rows: dict[str, Entry] = {}
        """By key, in the order of their revisions."""
        self.topics: dict[str, Topic] = {}
        self.streams: set[Stream] = set()
        self.loaded = asyncio.Event()
        self.absent: Callable[[], str] = lambda: LOADING
        """Says why nothing is shown yet."""
        self._markers: dict[str, tuple[Entry, float]] = {}
        """Deletions and when they were seen, in the order of their revisions."""
        self._waiting: set[tuple[int, asyncio.Future[None]]] = set()

    @property
    def as_of(self) -> int:
        """Everything up to here is shown."""
        return 0 if self.checkpoint is None else self.checkpoint.seq

    @property
    def stale(self) -> int:
        """Rows that say of themselves that they do not move."""
        return sum(entry.stale for entry in self.rows.values())

    def fresh(self) -> Fresh:
        """Return how current the rows are."""
        return self.freshness.at(self.as_of)

    def replace(
        self, entries: Iterable[Entry], checkpoint: Checkpoint, revision: int, floor: int
    ) -> None:
        """Show another bucket; every stream begins anew.

        Args:
            entries: All rows and deletions, in the order of their revisions.
            checkpoint: The last one.
            revision: Its revision.
            floor: See the attribute.
        """
        reason = "epoch-changed" if checkpoint.epoch != self.epoch else "too-old"
        self.epoch, self.revision, self.checkpoint = checkpoint.epoch, revision, checkpoint
        self.floor = floor
        self.rows, self._markers, self.owners = {}, {}, Owners()
        now = clock.monotonic()
        for entry in entries:
            self.owners.take(entry)
            if entry.deleted:
                self._markers[entry.key] = (entry, now)
            else:
                self.rows[entry.key] = entry
        for stream in self.streams:
            self._place(stream)
            stream.reset(reason)
        self.loaded.set()
        self._wake()

    def apply(self, messages: Sequence[BucketMessage]) -> None:
        """Show what whole flushes changed; the last message holds a checkpoint that is no part."""
        checkpoint = messages[-1].checkpoint
        if checkpoint is None:
            raise ValueError("the last message of a flush holds its checkpoint")
        before = self.as_of
        changes = self._changes(messages)
        moved: set[str] = set()
        for change in changes:
            moved |= self.owners.take(change.after)
        if self._tracing is not None:
            for change in changes:
                after = change.after
                after.trace = self._tracing.shown(after.key, after.seq, len(self.streams))
        self._forget_old()
        self.revision = messages[-1].revision
        self.checkpoint = checkpoint
        # Roles first: nothing of this flush may reach somebody who lost the right to see it.
        if moved:
            self._roles_changed(moved)
        for topic in self.topics.values():
            burst = topic.burst(changes, before, self.revision, checkpoint.seq)
            for sink in topic.sinks:
                sink.offer(burst, before)
        self._wake()

    def open(self, reader: Reader, asked: Filter) -> Stream:
        """Return a new stream of what `reader` may see; `close` it when it ends."""
        stream = Stream(self, reader, asked)
        self.streams.add(stream)
        self._place(stream)
        return stream

    def close(self, stream: Stream) -> None:
        """Forget a stream."""
        self.streams.discard(stream)
        self._leave(stream)

    def remind(self) -> None:
        """Have every stream say how far it is that has not since the last flush."""
        for stream in self.streams:
            if stream.behind:
                stream.news.set()

    def warn(self) -> None:
        """Have every stream say how old the rows may be, without waiting for its heartbeat."""
        for stream in self.streams:
            stream.overdue = True
            stream.news.set()

    def end(self, reason: str) -> None:
        """Ask every stream to end, and open no more; readers may come back elsewhere."""
        self.closing = True
        for stream in self.streams:
            stream.end(reason, retryable=True)

    def missed(self, revision: int) -> list[Entry]:
        """Return every key that changed after `revision`, oldest first, deletions included."""
        found = list(_newer(reversed(self.rows.values()), revision))
        markers = (entry for entry, _ in reversed(self._markers.values()))
        found.extend(_newer(markers, revision))
        return sorted(found, key=lambda entry: entry.revision)

    async def reach(self, seq: int, timeout: float) -> None:
        """Return when everything up to `seq` is shown.

        Raises:
            NotReached: If that takes more than `timeout` seconds.
        """
        if self.as_of >= seq:
            return
        waiting = (seq, asyncio.get_running_loop().create_future())
        self._waiting.add(waiting)
        try:
            async with asyncio.timeout(timeout):
                await waiting[1]
        except TimeoutError:
            raise NotReached from None
        finally:
            self._waiting.discard(waiting)

    def _changes(self, messages: Iterable[BucketMessage]) -> list[Change]:
        found: dict[str, Change] = {}
        # All are read before the first is shown: one that cannot be read changes nothing.
        for entry in [self._entry(message) for message in messages if message.key]:
            key = entry.key
            old = self.rows.pop(key, None)
            marker = self._markers.pop(key, None)
            if old is None and marker is not None:
                old = marker[0]
            if entry.deleted:
                self._markers[key] = (entry, clock.monotonic())
            else:
                self.rows[key] = entry
            earlier = found.get(key)
            if earlier is None:
                found[key] = Change(old, entry, entry.revision, 0)
            else:
                earlier.after = entry
                earlier.coalesced += 1
        return list(found.values())

    def _entry(self, message: BucketMessage) -> Entry:
        known = self.rows.get(message.key)
        place = RowKey.decode(message.key) if known is None else known.place
        return Entry(message.key, place, message.revision, message.value, deleted=message.deleted)

    def _forget_old(self) -> None:
        """Drop the deletions that the bucket is about to forget as well."""
        limit = clock.monotonic() - MARKER_SECONDS
        while self._markers:
            key, (entry, since) = next(iter(self._markers.items()))
            if since > limit:
                break
            del self._markers[key]
            self.floor = max(self.floor, entry.revision)

    def _roles_changed(self, emails: set[str]) -> None:
        for stream in self.streams:
            if stream.reader.email in emails and self._place(stream):
                stream.reset("access-changed")

    def _place(self, stream: Stream) -> bool:
        """Put a stream into the topic where it belongs; True if it sees other rows now."""
        access: Access = self.owners.access(stream.reader, stream.asked)
        if stream.topic is not None and stream.topic.scope == access.scope:
            return False
        self._leave(stream)
        topic = self.topics.get(access.scope)
        if topic is None:
            topic = self.topics[access.scope] = Topic(stream.asked, access)
        topic.sinks.add(stream)
        stream.topic = topic
        return True

    def _leave(self, stream: Stream) -> None:
        topic = stream.topic
        if topic is not None:
            topic.sinks.discard(stream)
            if not topic.sinks:
                self.topics.pop(topic.scope, None)
        stream.topic = None

    def _wake(self) -> None:
        for seq, future in self._waiting:
            if seq <= self.as_of and not future.done():
                future.set_result(None)


def _newer(entries: Iterable[Entry], revision: int) -> Iterator[Entry]:
    """Return the entries above a revision, given them newest first."""
    return itertools.takewhile(lambda entry: entry.revision > revision, entries)
