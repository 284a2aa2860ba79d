"""Writes what the fold changes, together with how far it is, one write in flight at a time.

Called by the follower and the rebuild. While a write is in flight, what changes meanwhile
coalesces: each key is written once per flush, with its latest value. Every write is guarded by the
bucket's last revision, so that a second projector, or one that was thought dead, can neither lose,
double nor reverse anything: the broker refuses it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext, suppress
from typing import Final, NamedTuple

import msgspec

from catalyst.chassis import clock
from catalyst.chassis.jetstream.times import of_nanoseconds
from catalyst.projector.checkpoint import Checkpoint
from catalyst.projector.failures import alone
from catalyst.projector.fold import Changes, Gone, Row
from catalyst.projector.ports import Bucket, Change, Doubt, GuardLost, Missing
from catalyst.projector.tracing import Traced, Tracing

MAX_KEYS: Final = 900
"""Keys of one flush; with the checkpoint they stay below what a batch may hold."""
HOLD_KEYS: Final = 20_000
"""Keys of one flush while the fold is far behind the log."""
HOLD_SECONDS: Final = 5.0
"""How long they may wait. Each flush in between writes nearly every key once more: with two
seconds, a catching up of a little more than that wrote all rows twice."""
MAX_BYTES: Final = 8 * 1024 * 1024
"""Bytes of one flush, beyond which it is written in parts."""
IDLE_SECONDS: Final = 0.02
"""A checkpoint without a row is written at most this often."""


class Position(NamedTuple):
    """The end of a whole decision."""

    seq: int
    event_seq: int = 0
    """Sequence of the last event up to there; 0 for the one before."""
    event_time_ns: int = 0


class Flusher:
    """The one writer of a bucket, as long as its guard holds."""

    def __init__(
        self,
        bucket: Bucket,
        checkpoint: Checkpoint,
        revision: int,
        *,
        max_keys: int = MAX_KEYS,
        tracing: Tracing | None = None,
    ) -> None:
        """Continue a bucket whose last message is `revision` and says `checkpoint`."""
        self.bucket = bucket
        self.checkpoint = checkpoint
        """The last one written."""
        self.revision = revision
        """Of the bucket's last message, as far as this writer knows."""
        self.flushes = 0
        self.written = 0
        """Rows and deletions written."""
        self._max_keys = max_keys
        self._tracing = tracing
        self._dirty: dict[str, Row | Gone] = {}
        self._next: Position | None = None
        self._work = asyncio.Event()
        self._rows = asyncio.Event()
        self._room = asyncio.Event()
        self._idle_at = 0.0
        self._writing = False
        self._far_behind = False
        self._full = False
        """True while a decision waits for room."""
        self._due = asyncio.Event()

    @property
    def clean(self) -> bool:
        """True if everything that was added is written."""
        return self._next is None and not self._writing

    async def add(self, changes: Changes, position: Position) -> None:
        """Take over what one decision changes and where it ends; waits while there is no room.

        A decision is never split between two flushes, and one that would make the next flush too
        large waits for that flush to begin.
        """
        while self._dirty and self._overflows(changes):
            self._full = True
            self._due.set()
            self._room.clear()
            await self._room.wait()
        if changes:
            self._dirty.update(changes)
            self._rows.set()
        if not position.event_seq and self._next is not None:
            position = Position(position.seq, self._next.event_seq, self._next.event_time_ns)
        self._next = position
        self._work.set()

    def hold(self, *, far_behind: bool) -> None:
        """While the fold is far behind, let changes gather: most keys change again before long.

        What has gathered is then written in parts, as one decision that is too large for a flush
        is, and shown at once when its checkpoint stands.
        """
        if far_behind != self._far_behind:
            self._far_behind = far_behind
            if not far_behind:
                self._due.set()

    def _overflows(self, changes: Changes) -> bool:
        room = (HOLD_KEYS if self._far_behind else self._max_keys) - len(self._dirty)
        return len(changes) > room and sum(key not in self._dirty for key in changes) > room

    async def run(self) -> None:
        """Write for ever.

        Raises:
            GuardLost: If another projector has written.
            Doubt: If a write was left without an answer.
        """
        while True:
            await self._work.wait()
            await self.flush()

    async def flush(self) -> None:
        """Write what there is now; a checkpoint alone only if the last one is old enough."""
        await self._rest()
        self._work.clear()
        self._rows.clear()
        dirty, self._dirty = self._dirty, {}
        following, self._next = self._next, None
        self._full = False
        self._room.set()
        if following is None:
            return
        position = self._checkpoint(following)
        self._writing = True
        with self._traced(dirty):
            await self._write(_parts(dirty, self._max_keys), position)
        self._writing = False
        self.checkpoint = position
        self.flushes += 1
        self.written += len(dirty)
        self._idle_at = clock.monotonic() + IDLE_SECONDS

    async def _rest(self) -> None:
        """Wait for as long as more may come, or a checkpoint alone would come too soon."""
        wait = self._idle_at - clock.monotonic()
        if self._full:
            return
        if self._far_behind:
            self._due.clear()
            wait, news = HOLD_SECONDS, self._due
        elif self._dirty or wait <= 0:
            return
        else:
            news = self._rows
        with suppress(TimeoutError):
            async with asyncio.timeout(wait):
                await news.wait()

    def _traced(self, dirty: Changes) -> AbstractContextManager[None]:
        if self._tracing is None:
            return nullcontext()
        return self._tracing.writing(
            Traced(key, item.seq, item.trace) for key, item in dirty.items() if item.trace
        )

    def _checkpoint(self, position: Position) -> Checkpoint:
        if not position.event_seq:
            return msgspec.structs.replace(self.checkpoint, seq=position.seq, to=None)
        return msgspec.structs.replace(
            self.checkpoint,
            seq=position.seq,
            event_seq=position.event_seq,
            event_time=of_nanoseconds(position.event_time_ns),
            to=None,
        )

    async def _write(self, parts: Iterator[list[Change]], position: Checkpoint) -> None:
        # Readers show nothing of the first parts, and a projector that finds one of them last
        # knows that rows of `position` stand among those of the checkpoint before.
        halfway = msgspec.structs.replace(self.checkpoint, to=position.seq)
        part, following = next(parts), next(parts, None)
        while following is not None:
            with alone(GuardLost, Doubt, Missing):
                async with asyncio.TaskGroup() as group:
                    writing = group.create_task(self.bucket.write(part, halfway, self.revision))
                    await asyncio.sleep(0)
                    # What comes next is encoded while the broker has this one to do.
                    part, following = following, next(parts, None)
            self.revision = writing.result()
        self.revision = await self.bucket.write(part, position, self.revision)


def _parts(dirty: Changes, max_keys: int) -> Iterator[list[Change]]:
    """Yield the changes in parts that the broker takes; always at least one, maybe empty."""
    part: list[Change] = []
    size = 0
    for key, item in dirty.items():
        change = Change(key, item.raw, isinstance(item, Gone))
        if len(part) >= max_keys or (part and size + len(change.value) > MAX_BYTES):
            yield part
            part, size = [], 0
        part.append(change)
        size += len(change.value)
    yield part
