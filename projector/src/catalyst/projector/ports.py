"""What the projector needs of its surroundings: a log to fold, and buckets to keep rows in.

Implemented for JetStream in `catalyst.projector.adapters`. Nothing else here knows a broker, so
that another store (or a leaner transport) needs only another adapter. Sequences are those of the
log, revisions those of a bucket.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Final, NamedTuple, Protocol

import msgspec

from catalyst.projector.checkpoint import Checkpoint


class Doubt(Exception):
    """Something may have been missed, or written without an answer: begin again from the bucket."""


class GuardLost(Exception):
    """Somebody else has written to the bucket: this projector is not the one."""


class Missing(Exception):
    """The log or the bucket does not exist."""


class Garbled(Exception):
    """What stands in the bucket was not written by a projector: its rows have to be built anew."""


ELSEWHERE: Final = -1
"""A guard that is not on the aggregate whose event carries it."""


class LogMessage(msgspec.Struct, gc=False):
    """One message of the log, as far as the fold looks at it."""

    seq: int
    subject: str
    time_ns: int
    """When it was stored, by the broker's clock, since 1970."""
    batch: bytes | None
    """Which batch it was written in; None if alone. Left out for a fired timer, which keeps that of
    the message that armed it."""
    commit: bool
    """True if it is the last message of its batch."""
    data: bytes
    guard: int | None = None
    """Sequence at which its aggregate's event before it had to stand; None if it was written
    without a guard. Only on events, and only of a reader that leaves nothing out."""


class LogState(msgspec.Struct, frozen=True):
    """The log as a whole."""

    name: str
    first_seq: int
    """Of the oldest message that there is; behind the last sequence if there is none."""
    last_seq: int
    now: datetime
    """The broker's clock."""


class LogReader(Protocol):
    """Messages of the log, in order and without a gap."""

    async def read(self, *, timeout: float) -> list[LogMessage]:
        """Return what arrived, at least one message, or an empty list after `timeout` seconds.

        Raises:
            Doubt: If something may be missing.
        """
        ...

    @property
    def head(self) -> int:
        """Up to this sequence nothing is missing, even if the last messages have expired."""
        ...

    @property
    def pending(self) -> int:
        """About how many messages follow the last one that was read."""
        ...


class Log(Protocol):
    """The log that is folded. Every method raises `Doubt`, or `Missing` if there is no log."""

    async def state(self) -> LogState:
        """Return its name and last sequence, from whoever leads."""
        ...

    async def time_of(self, seq: int) -> datetime | None:
        """Return the time of the message with exactly this sequence, or None."""
        ...

    async def next_time(self, seq: int) -> datetime | None:
        """Return the time of the first message from `seq` on, or None."""
        ...

    async def events_of(self, path: str) -> list[LogMessage]:
        """Return all events of one aggregate."""
        ...

    def open(self, start: int, *, hurried: bool = False) -> AbstractAsyncContextManager[LogReader]:
        """Return a reader of all that the fold needs from `start` on.

        A hurried one leaves out what is no event while it is far behind the head: where it is then
        follows from events alone.
        """
        ...

    def open_whole(self) -> AbstractAsyncContextManager[LogReader]:
        """Return a reader of every message there is, with the guards of events."""
        ...


class Change(NamedTuple):
    """What becomes of one key of a bucket."""

    key: str
    value: bytes
    deleted: bool


class BucketMessage(NamedTuple):
    """One message of a bucket: a row, a deletion, a checkpoint, or a row with its checkpoint."""

    revision: int
    key: str
    """Empty for a checkpoint alone."""
    value: bytes
    deleted: bool
    checkpoint: Checkpoint | None
    time_ns: int


class Loaded(NamedTuple):
    """All rows of a bucket as its last checkpoint leaves them."""

    rows: dict[str, bytes]
    checkpoint: Checkpoint
    revision: int
    """Of the bucket's last message: the guard of the next write."""


class BucketReader(Protocol):
    """Messages of a bucket, in order and without a gap."""

    async def read(self, *, timeout: float) -> list[BucketMessage]:
        """Return what arrived, or an empty list after `timeout` seconds.

        Raises:
            Doubt: If something may be missing.
        """
        ...


class Bucket(Protocol):
    """One version of the read model.

    Every method raises `Doubt` or `Missing`, and every one that reads `Garbled`.
    """

    @property
    def epoch(self) -> str:
        """Its name."""
        ...

    async def last(self) -> tuple[int, Checkpoint]:
        """Return the revision of its last message and the checkpoint that it holds."""
        ...

    async def load(self) -> Loaded:
        """Return everything in it."""
        ...

    async def write(self, changes: Sequence[Change], checkpoint: Checkpoint, expected: int) -> int:
        """Write all changes and the checkpoint, or nothing; return the new last revision.

        Raises:
            GuardLost: If the bucket's last revision is not `expected`.
        """
        ...

    def open(self, start: int) -> AbstractAsyncContextManager[BucketReader]:
        """Return a reader of everything from revision `start` on."""
        ...


class Pointer(msgspec.Struct, frozen=True, kw_only=True):
    """Which bucket is the read model now."""

    epoch: str
    previous: str = ""
    kept: tuple[str, ...] = ()
    """Buckets that hold what the log lost before the current one was built, the oldest first."""
    revision: int = 0
    """Guard of the next switch; 0 if there is no pointer yet. Added by whoever reads it."""

    @property
    def older(self) -> tuple[str, ...]:
        """All that stay besides the current one."""
        return tuple(dict.fromkeys(epoch for epoch in (*self.kept, self.previous) if epoch))


class ReadModel(Protocol):
    """All buckets. Every method raises `Doubt` or `Missing`."""

    async def current(self) -> Pointer | None:
        """Return the pointer, or None before the first switch.

        Its epoch is empty if what stands there names no bucket.
        """
        ...

    async def switch(self, pointer: Pointer) -> None:
        """Write the pointer, unless it has moved since `pointer.revision`.

        Raises:
            GuardLost: If it has.
        """
        ...

    def bucket(self, epoch: str) -> Bucket:
        """Return a bucket, whether it exists or not."""
        ...

    async def create(self, epoch: str) -> Bucket:
        """Create an empty bucket."""
        ...

    async def epochs(self) -> dict[str, datetime]:
        """Return all buckets with the time of their creation."""
        ...

    async def delete(self, epoch: str) -> None:
        """Delete a bucket; one that is gone is no error."""
        ...
