"""Frames a second from one hub to many readers, against sse-starlette under the same server."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from typing import Final, cast
from urllib.parse import urlsplit

from typing_extensions import override

from benchmarks.figure import Figure
from benchmarks.serving import BURST, ROWS

READERS: Final = 300
WARM_SECONDS: Final = 0.5
START_SECONDS: Final = 60.0
_FRAME: Final = b"event: put"


class _Counter(asyncio.Protocol):
    """A reader that counts rows."""

    def __init__(self, request: bytes) -> None:
        self.frames = 0
        self._request = request
        self._rest = b""

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # Not every loop's transport is one of asyncio's own classes.
        cast("asyncio.WriteTransport", transport).write(self._request)

    @override
    def data_received(self, data: bytes) -> None:
        # A frame's name may be cut in two.
        text = self._rest + data
        self.frames += text.count(_FRAME)
        self._rest = text[1 - len(_FRAME) :]


async def measure(runs: int, seconds: float) -> Figure:
    """Let both send as fast as they can to the same readers, in turn."""
    ours, usual = [], []
    for _ in range(runs):
        ours.append(await _frames("hub", seconds))
        usual.append(await _frames("sse", seconds))
    return Figure(
        name=f"hub → {READERS} readers, {BURST} rows a flush",
        unit="frames/s",
        runs=ours,
        yardstick="sse-starlette, a queue for each reader",
        beside=usual,
        target="none",
        holds=True,
        note="one core serves, the other one reads",
    )


async def _frames(kind: str, seconds: float) -> float:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "benchmarks.serving", kind, str(READERS)),
        stdout=asyncio.subprocess.PIPE,
        limit=2**20,
    )
    try:
        if process.stdout is None:
            raise RuntimeError("the server says nothing")
        found = json.loads(await process.stdout.readline())
        return await _counted(found["http"], found["token"], seconds, ROWS if kind == "hub" else 0)
    finally:
        process.kill()
        await process.wait()


async def _counted(address: str, token: str, seconds: float, snapshot: int) -> float:
    place = urlsplit(address)
    lines = [
        "GET /v1/stream?kinds=environments HTTP/1.1",
        f"Host: {place.netloc}",
        f"Authorization: Bearer {token}",
        "",
        "",
    ]
    request = "\r\n".join(lines).encode()
    readers = [
        await _reader(place.hostname or "", place.port or 0, request) for _ in range(READERS)
    ]
    # Ours begins with a snapshot of all rows, the other one with nothing.
    async with asyncio.timeout(START_SECONDS):
        while True:
            if min(reader.frames for _, reader in readers) > snapshot:
                break
            await asyncio.sleep(0.05)
    await asyncio.sleep(WARM_SECONDS)
    began, before = time.perf_counter(), sum(reader.frames for _, reader in readers)
    await asyncio.sleep(seconds)
    after = sum(reader.frames for _, reader in readers)
    rate = (after - before) / (time.perf_counter() - began)
    for transport, _ in readers:
        transport.abort()
    return rate


async def _reader(host: str, port: int, request: bytes) -> tuple[asyncio.Transport, _Counter]:
    """Connect; the server says where it is a moment before it listens there."""
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(START_SECONDS):
        while True:
            try:
                return await loop.create_connection(lambda: _Counter(request), host, port)
            except ConnectionRefusedError:
                await asyncio.sleep(0.02)
