"""A server of streams that sends as fast as its readers take: our hub, or sse-starlette.

Run by `fanout` as a process of its own: `python -m benchmarks.serving hub|sse READERS`. It prints
where it is and which token it takes, waits for the readers, and sends until it is killed.
"""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import msgspec
from sse_starlette import EventSourceResponse
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.routing import Route
from starlette.types import ASGIApp

from catalyst.chassis import app as process
from catalyst.chassis.http import Metrics, Readiness
from catalyst.chassis.keyring import KeyRing
from catalyst.contracts.roles import SOVEREIGN_ADMIN
from catalyst.contracts.subjects import RowKey
from catalyst.projector import http
from catalyst.projector.checkpoint import Checkpoint
from catalyst.projector.entry import Entry
from catalyst.projector.hub import Hub
from catalyst.projector.ports import BucketMessage
from catalyst.projector.sse import Pace

ROWS: Final = 1000
BURST: Final = 16
"""Rows that change together: about what one flush holds at 3,000 changes a second."""
NOW: Final = datetime(2026, 1, 1, tzinfo=UTC)


def row(number: int, seq: int) -> tuple[str, bytes]:
    """Return key and value of an Environment's row at a sequence."""
    name = f"bench-{number:04d}x-dev"
    owner = name.removesuffix("-dev")
    key = RowKey(owner, name, "environment", None, name).encode()
    value = {
        "seq": seq,
        "event": f"_{seq:026d}",
        "time": NOW,
        "command": f"c-{seq}",
        "actor": "user:catalyst#admin@localhost",
        "cause": f"c-{seq}",
        "stale": None,
        "doc": {
            "name": name,
            "organization": owner,
            "env_type": "dev",
            "placement": "single-region",
            "branch": "develop",
            "regions": [{"provider": "hetzner", "region": "fsn", "building_block": "rtz"}],
        },
    }
    return key, msgspec.json.encode(value)


class OurHub:
    """The projector's door on a hub that is fed here instead of from a bucket."""

    def __init__(self, keys: KeyRing, readers: int) -> None:
        """Show the rows once, so that every reader begins with a snapshot of them."""
        self.hub = Hub()
        self._seq = ROWS
        entries = []
        for number in range(ROWS):
            key, value = row(number, number + 1)
            entries.append(Entry(key, RowKey.decode(key), number + 1, value, deleted=False))
        self.hub.replace(entries, self._checkpoint(), ROWS, 0)
        door = http.Door(
            self.hub, keys.verifier(), pace=Pace(), wait_seconds=1.0, max_streams=readers
        )
        self.app: ASGIApp = http.app(door, Readiness({}), Metrics("bench"))

    def _checkpoint(self) -> Checkpoint:
        return Checkpoint(
            seq=self._seq, event_seq=self._seq, event_time=NOW, epoch="bench", log="bench", fold=1
        )

    @property
    def readers(self) -> int:
        """Readers who have been sent the snapshot."""
        return sum(not stream.owes for stream in self.hub.streams)

    def push(self) -> None:
        """Show one flush."""
        messages = []
        for _ in range(BURST):
            self._seq += 1
            key, value = row(self._seq % ROWS, self._seq)
            messages.append(BucketMessage(self._seq, key, value, False, None, 0))  # noqa: FBT003
        messages[-1] = messages[-1]._replace(checkpoint=self._checkpoint())
        self.hub.apply(messages)

    @property
    def idle(self) -> bool:
        """True if every reader has been handed everything."""
        return not any(stream.owes for stream in self.hub.streams)


class TheUsualWay:
    """sse-starlette with a queue for each reader, as its pages show it."""

    def __init__(self) -> None:
        """Start without readers."""
        self._queues: set[asyncio.Queue[dict[str, Any]]] = set()
        self._seq = ROWS
        self.app: ASGIApp = Starlette(routes=[Route("/v1/stream", self._stream)])

    async def _stream(self, _request: Request) -> EventSourceResponse:
        return EventSourceResponse(self._events())

    async def _events(self) -> AsyncIterator[dict[str, Any]]:
        queue: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._queues.add(queue)
        try:
            while True:
                yield await queue.get()
        finally:
            self._queues.discard(queue)

    @property
    def readers(self) -> int:
        """Readers who wait for events."""
        return len(self._queues)

    def push(self) -> None:
        """Put one burst into each queue."""
        for _ in range(BURST):
            self._seq += 1
            key, value = row(self._seq % ROWS, self._seq)
            data = json.dumps({"key": key, "value": json.loads(value)})
            for queue in self._queues:
                queue.put_nowait({"event": "put", "id": str(self._seq), "data": data})

    @property
    def idle(self) -> bool:
        """True if every queue is empty."""
        return not any(queue.qsize() for queue in self._queues)


async def _serve(kind: str, readers: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        keys = KeyRing.open(Path(folder))
        source = OurHub(keys, readers) if kind == "hub" else TheUsualWay()
        async with process.serving(source.app, process.listen("127.0.0.1", 0)) as address:
            token = keys.people().person("root@example.org", [SOVEREIGN_ADMIN])
            print(json.dumps({"http": address, "token": token}), flush=True)
            while True:
                if source.readers >= readers:
                    break
                await asyncio.sleep(0.01)
            while True:
                source.push()
                while True:
                    await asyncio.sleep(0)
                    if source.idle:
                        break


if __name__ == "__main__":
    asyncio.run(_serve(sys.argv[1], int(sys.argv[2])))
