"""The log, as the stream `EV`.

Called by the follower, the rebuild and the checks, through `catalyst.projector.ports.Log`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import datetime
from typing import Final

from catalyst.chassis.jetstream import wire
from catalyst.chassis.jetstream.broker import JetStream
from catalyst.chassis.jetstream.port import Stored
from catalyst.chassis.jetstream.puller import Pulled, Puller, pull
from catalyst.contracts.message import log_name
from catalyst.contracts.topology import EV
from catalyst.projector.adapters.faults import translated
from catalyst.projector.ports import ELSEWHERE, LogMessage, LogState

_BATCH = b"\r\nNats-Batch-Id:"
_COMMIT = b"Nats-Batch-Commit"
_GUARD = b"\r\nNats-Expected-Last-Subject-Sequence:"
_GUARDED = b"\r\nNats-Expected-Last-Subject-Sequence-Subject:"
_EVENTS = ("evt.>",)
FAR: Final = 5000
"""Messages behind the head from which on a hurried reader asks for events alone. That costs the
broker no more for each, and half of the log is none."""
NEAR: Final = 1000
"""Events behind the head below which it asks for everything again."""
_KEPT = (b"evt.", b"due.")


def _between(subject: bytes, headers: bytes | None) -> bool:
    """Whether a message is neither an event nor the end of a decision: the fold needs none such."""
    return (
        headers is not None
        and not subject.startswith(_KEPT)
        and _COMMIT not in headers
        and _BATCH in headers
    )


def _guard(subject: str, headers: bytes) -> int | None:
    """Return where the headers of an event say that its aggregate stood."""
    at = wire.after(headers, _GUARD)
    if at is None:
        return None
    string = wire.after(headers, _GUARDED) or b""
    own = f"evt.{subject[4:].rsplit('.', 2)[0]}.>"
    return int(at) if string.decode("utf-8", "replace") == own else ELSEWHERE


def _stored(message: Stored) -> LogMessage:
    microseconds = round(message.time.timestamp() * 1_000_000)
    return LogMessage(
        seq=message.seq,
        subject=message.subject,
        time_ns=microseconds * 1000,
        batch=None,
        commit=False,
        data=message.data,
    )


class _Reader:
    """Messages as the fold wants them."""

    def __init__(self, js: JetStream, name: str, *, whole: bool = False) -> None:
        self._js = js
        self._name = name
        self._whole = whole
        """Whether nothing is left out, and guards are read."""
        self._stack = AsyncExitStack()
        self._puller: Puller
        self._hurried = False
        self._near = False
        self._handed = 0
        self._batch = b""
        self._begins = b" "
        """What the headers of messages of that batch begin with."""
        self.pending = 0
        """Messages behind the last one read, as the broker knew when it sent it."""

    async def begin(self, start: int, *, hurried: bool) -> None:
        """Read from `start` on, if `hurried` events alone until few are left."""
        await self.end()
        self._hurried = hurried
        self._handed = start - 1
        self._puller = await self._stack.enter_async_context(
            pull(
                self._js,
                EV,
                name=self._name,
                start=start,
                subjects=_EVENTS if hurried else (),
                skip=None if self._whole else _between,
            )
        )

    async def end(self) -> None:
        """Read no more."""
        await self._stack.aclose()

    async def read(self, *, timeout: float) -> list[LogMessage]:
        """Return what arrived; raises `Doubt`."""
        with translated("reading the log"):
            if self._hurried and self._near:
                # What has not been handed out comes again, with all that was left out behind it.
                await self.begin(self._handed + 1, hurried=False)
            pulled = await self._puller.read(timeout=timeout)
        self.pending = pulled[-1].pending if pulled else 0
        self._near = self.pending < NEAR
        if pulled:
            self._handed = pulled[-1].seq
        return [self._message(item) for item in pulled]

    def _message(self, pulled: Pulled) -> LogMessage:
        headers, subject = pulled.headers, pulled.subject
        batch: bytes | None = None
        commit = False
        # A fired timer keeps the batch headers of the message that armed it; they mean nothing
        # there.
        if headers is not None and not subject.startswith("due."):
            # Of one batch many messages follow each other, and its header is their first.
            batch = self._batch if headers.startswith(self._begins) else self._opened(headers)
            commit = batch is not None and _COMMIT in headers
        found = LogMessage(pulled.seq, subject, pulled.time_ns, batch, commit, pulled.data)
        if self._whole and headers is not None and subject.startswith("evt."):
            found.guard = _guard(subject, headers)
        return found

    def _opened(self, headers: bytes) -> bytes | None:
        batch = wire.after(headers, _BATCH)
        if batch is not None:
            line, found, _ = headers.partition(_BATCH)
            end = headers.index(b"\r\n", len(line) + len(found))
            self._batch, self._begins = batch, headers[: end + 2]
        return batch

    @property
    def head(self) -> int:
        """Up to here nothing is missing."""
        if self._hurried:
            return self._handed
        return max(self._puller.last_seq, self._puller.last_seen_head)


class StreamLog:
    """The port `Log` on a connection."""

    def __init__(self, js: JetStream, name: str) -> None:
        """Read through `js`; `name` begins the names of the consumers."""
        self._js = js
        self._name = name

    async def state(self) -> LogState:
        """Return the log's name, last sequence and clock."""
        with translated("asking for the log"):
            state = await self._js.stream_state(EV)
        return LogState(
            name=log_name(state.created),
            first_seq=state.first_seq,
            last_seq=state.last_seq,
            now=state.ts,
        )

    async def time_of(self, seq: int) -> datetime | None:
        """Return the time of one message, from whoever leads."""
        with translated("reading one message of the log"):
            stored = await self._js.message(EV, seq, leader=True)
        return None if stored is None else stored.time

    async def next_time(self, seq: int) -> datetime | None:
        """Return the time of the next message that there is."""
        with translated("reading the next message of the log"):
            found = await self._js.replay(EV, ">", start=seq, limit=1)
        return found[0].time if found else None

    async def events_of(self, path: str) -> list[LogMessage]:
        """Return all events of one aggregate."""
        with translated("reading the events of an aggregate"):
            found = await self._js.replay(EV, f"evt.{path}.>")
        return [_stored(item) for item in found]

    @asynccontextmanager
    async def open(self, start: int, *, hurried: bool = False) -> AsyncIterator[_Reader]:
        """Return a reader with a consumer of its own, or with two of them, one after the other."""
        reader = _Reader(self._js, self._name)
        with translated("following the log"):
            behind = (await self._js.stream_state(EV)).last_seq - start if hurried else 0
            await reader.begin(start, hurried=behind > FAR)
        try:
            yield reader
        finally:
            await reader.end()

    @asynccontextmanager
    async def open_whole(self) -> AsyncIterator[_Reader]:
        """Return a reader from the first message on that leaves nothing out."""
        reader = _Reader(self._js, self._name, whole=True)
        with translated("following the log"):
            await reader.begin(1, hurried=False)
        try:
            yield reader
        finally:
            await reader.end()
