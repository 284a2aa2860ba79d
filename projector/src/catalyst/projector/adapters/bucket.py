"""A bucket of the read model, as the stream of a key-value bucket.

Called by the follower, the rebuild and the hub, through `catalyst.projector.ports.Bucket`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Final

import msgspec

from catalyst.chassis.jetstream import wire
from catalyst.chassis.jetstream.broker import JetStream
from catalyst.chassis.jetstream.port import Outgoing
from catalyst.chassis.jetstream.puller import Pulled, Puller, pull
from catalyst.contracts.topology import ROW_MARKER_TTL
from catalyst.projector import checkpoint as checkpoints
from catalyst.projector.adapters.faults import translated
from catalyst.projector.checkpoint import Checkpoint
from catalyst.projector.ports import BucketMessage, Change, Doubt, Garbled, Loaded, Missing

_GUARD: Final = "Nats-Expected-Last-Sequence"
_DELETION: Final[Mapping[str, str]] = {
    "KV-Operation": "PURGE",
    "Nats-Rollup": "sub",
    "Nats-TTL": ROW_MARKER_TTL,
}
_OPERATION: Final = b"KV-Operation"
_HEADER: Final = checkpoints.HEADER.encode()
LAST_TRIES: Final = 5
"""Looks at a bucket's end; it may be seen in the middle of a batch, though not for long."""
LAST_PAUSE_SECONDS: Final = 0.05
LOAD_TRIES: Final = 50
"""Pages after which a bucket that never shows a checkpoint at its end is given up."""


def stream_name(epoch: str) -> str:
    """Return the name of the stream behind a bucket."""
    return f"KV_rm_{epoch}"


def _decoded(raw: bytes | str) -> Checkpoint:
    try:
        return checkpoints.decode(raw)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise Garbled(f"a checkpoint cannot be read: {error}") from error


def _checkpoint(key: str, headers: bytes | None, data: bytes) -> Checkpoint | None:
    if key == checkpoints.KEY:
        return _decoded(data)
    raw = None if headers is None else wire.field(headers, _HEADER)
    return None if raw is None else _decoded(raw)


class _Reader:
    """Messages of a bucket as the hub wants them."""

    def __init__(self, puller: Puller, prefix: int) -> None:
        self._puller = puller
        self._prefix = prefix

    async def read(self, *, timeout: float) -> list[BucketMessage]:
        """Return what arrived; raises `Doubt`."""
        with translated("reading the read model"):
            return [self._message(item) for item in await self._puller.read(timeout=timeout)]

    def _message(self, item: Pulled) -> BucketMessage:
        key = item.subject[self._prefix :]
        checkpoint = _checkpoint(key, item.headers, item.data)
        return BucketMessage(
            item.seq,
            "" if key == checkpoints.KEY else key,
            item.data,
            item.headers is not None and wire.field(item.headers, _OPERATION) is not None,
            checkpoint,
            item.time_ns,
        )


class StreamBucket:
    """The port `Bucket` on a connection."""

    def __init__(self, js: JetStream, epoch: str, name: str) -> None:
        """Use the bucket of `epoch`; `name` begins the names of the consumers."""
        self._js = js
        self._name = name
        self._epoch = epoch
        self._stream = stream_name(epoch)
        self._prefix = f"$KV.rm_{epoch}."

    @property
    def epoch(self) -> str:
        """The bucket's name."""
        return self._epoch

    async def last(self) -> tuple[int, Checkpoint]:
        """Return the last revision and its checkpoint, from whoever leads."""
        for _ in range(LAST_TRIES):
            with translated("asking how far the read model is"):
                stored = await self._js.last(self._stream, f"{self._prefix}>", leader=True)
            if stored is None:
                raise Missing(f"the bucket {self._epoch!r} is empty")
            raw = stored.headers.get(checkpoints.HEADER)
            if raw is not None:
                return stored.seq, _decoded(raw)
            if stored.subject == self._prefix + checkpoints.KEY:
                return stored.seq, _decoded(stored.data)
            await asyncio.sleep(LAST_PAUSE_SECONDS)
        raise Garbled("the read model's last message holds no checkpoint")

    async def load(self) -> Loaded:
        """Return all rows, once the last message read is a checkpoint."""
        rows: dict[str, bytes] = {}
        start = 1
        for _ in range(LOAD_TRIES):
            with translated("loading the read model"):
                stored = await self._js.replay(self._stream, f"{self._prefix}>", start=start)
            found: Checkpoint | None = None
            for item in stored:
                key = item.subject[len(self._prefix) :]
                raw = item.headers.get(checkpoints.HEADER)
                found = None if raw is None else _decoded(raw)
                if key == checkpoints.KEY:
                    found = _decoded(item.data)
                elif _OPERATION.decode() in item.headers:
                    rows.pop(key, None)
                else:
                    rows[key] = item.data
                start = item.seq + 1
            if found is not None:
                return Loaded(rows, found, start - 1)
        raise Doubt("the read model does not come to rest at a checkpoint")

    async def write(self, changes: Sequence[Change], checkpoint: Checkpoint, expected: int) -> int:
        """Write as the fewest messages that still end in the checkpoint."""
        guard = {_GUARD: str(expected)}
        if not changes:
            return await self._publish(checkpoints.KEY, checkpoint.encode(), guard)
        first = changes[0]
        # A batch of any size costs the broker milliseconds, a message alone a tenth of that. A
        # deletion expires, and would take the checkpoint with it.
        if len(changes) == 1 and not first.deleted:
            header = {checkpoints.HEADER: checkpoint.encode().decode()}
            return await self._publish(first.key, first.value, {**guard, **header})
        messages = [
            Outgoing(self._prefix + key, value, _DELETION if deleted else {})
            for key, value, deleted in changes
        ]
        messages[0] = Outgoing(
            messages[0].subject, messages[0].data, {**messages[0].headers, **guard}
        )
        messages.append(Outgoing(self._prefix + checkpoints.KEY, checkpoint.encode()))
        with translated("writing to the read model"):
            return (await self._js.batch(messages)).seq

    async def _publish(self, key: str, value: bytes, headers: Mapping[str, str]) -> int:
        with translated("writing to the read model"):
            return (await self._js.publish(Outgoing(self._prefix + key, value, headers))).seq

    @asynccontextmanager
    async def open(self, start: int) -> AsyncIterator[_Reader]:
        """Return a reader with a consumer of its own."""
        with translated("following the read model"):
            async with pull(self._js, self._stream, name=self._name, start=start) as puller:
                yield _Reader(puller, len(self._prefix))
