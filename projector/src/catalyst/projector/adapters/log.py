"""The log, as the stream `EV`.

Called by the follower, the rebuild and the checks, through `catalyst.projector.ports.Log`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime

from catalyst.chassis.jetstream import wire
from catalyst.chassis.jetstream.broker import JetStream
from catalyst.chassis.jetstream.port import Stored
from catalyst.chassis.jetstream.puller import Pulled, Puller, pull
from catalyst.contracts.message import log_name
from catalyst.contracts.topology import EV
from catalyst.projector.adapters.faults import translated
from catalyst.projector.ports import LogMessage, LogState

_BATCH = b"\r\nNats-Batch-Id:"
_COMMIT = b"Nats-Batch-Commit"


def _message(pulled: Pulled) -> LogMessage:
    headers = pulled.headers
    batch: bytes | None = None
    commit = False
    # A fired timer keeps the batch headers of the message that armed it; they mean nothing there.
    if headers is not None and not pulled.subject.startswith("due."):
        batch = wire.after(headers, _BATCH)
        commit = batch is not None and _COMMIT in headers
    return LogMessage(pulled.seq, pulled.subject, pulled.time_ns, batch, commit, pulled.data)


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

    def __init__(self, puller: Puller) -> None:
        self._puller = puller
        self.pending = 0
        """Messages behind the last one read, as the broker knew when it sent it."""

    async def read(self, *, timeout: float) -> list[LogMessage]:
        """Return what arrived; raises `Doubt`."""
        with translated("reading the log"):
            pulled = await self._puller.read(timeout=timeout)
        self.pending = pulled[-1].pending if pulled else 0
        return [_message(item) for item in pulled]

    @property
    def head(self) -> int:
        """Up to here nothing is missing."""
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
        return LogState(log_name(state.created), state.last_seq, state.ts)

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
    async def open(self, start: int) -> AsyncIterator[_Reader]:
        """Return a reader with a consumer of its own."""
        with translated("following the log"):
            async with pull(self._js, EV, name=self._name, start=start) as puller:
                yield _Reader(puller)
