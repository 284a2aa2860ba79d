"""A TCP proxy before a server: it can cut, say nothing, hang up, or change what comes back."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Final
from urllib.parse import urlsplit

_FRAME: Final = re.compile(rb"(?=^HMSG )", re.MULTILINE)
_OF_A_PAGE: Final = b"Nats-Num-Pending"
_END: Final = re.compile(rb"204 EOB.*?\r\n\r\n\r\n", re.DOTALL)


class Losing:
    """Loses the replies at some places of the first page of direct gets that comes back."""

    def __init__(self, *lost: int) -> None:
        self._lost = lost
        self._held = b""
        self.pages = 0
        """How many pages lost something."""

    def __call__(self, data: bytes) -> bytes:
        # However the broker cuts what it sends, a page is looked at once all of it is here.
        data, self._held = self._held + data, b""
        if self.pages or _OF_A_PAGE not in data:
            return data
        if not _END.search(data):
            self._held = data
            return b""
        self.pages += 1
        kept = []
        at = 0
        for piece in _FRAME.split(data):
            reply = _OF_A_PAGE in piece and not _END.search(piece)
            if not (reply and at in self._lost):
                kept.append(piece)
            at += reply
        return b"".join(kept)


class Ended(Exception):
    """Nothing comes back any more after this."""

    def __init__(self, last: bytes) -> None:
        """Let `last` through."""
        super().__init__()
        self.last = last


class Spoiling:
    """Spoils one of the answers of an HTTP server, counted from 1 over all connections."""

    def __init__(self, number: int, instead: bytes = b"", *, head: int = 0, body: int = 0) -> None:
        """Let so many bytes of its head through, or all of that and so many of its body.

        Then say `instead`, and end the connection.
        """
        self._number = number
        self._instead = instead
        self._head, self._body = head, body
        self._held = b""
        self.answers = 0

    def __call__(self, data: bytes) -> bytes:
        if data.startswith(b"HTTP/1.1 "):
            self.answers += 1
        if self.answers != self._number:
            return data
        self._held += data
        whole = self._held.find(b"\r\n\r\n") + 4
        if self._body and (whole < 4 or len(self._held) < whole + self._body):
            return b""
        self.answers += 1
        raise Ended(self._held[: whole + self._body if self._body else self._head] + self._instead)


class Between:
    """Passes bytes on between a port of its own and a server."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._host, self._port = parts.hostname or "", parts.port or 0
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self.url = ""
        """Where to connect."""
        self.greets = True
        """Whether whoever connects gets to the broker; else there is silence."""
        self.hangs_up = False
        """Whether whoever connects is left at once."""
        self.opened = 0
        self.back: Callable[[bytes], bytes] = bytes
        """What becomes of each piece that the broker sends."""

    @property
    def open(self) -> int:
        """How many connections are open at the near side."""
        return len(self._tasks)

    def cut(self) -> None:
        """Break every connection, in the middle of whatever is sent."""
        for writer in self._writers:
            writer.transport.abort()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Pass one connection on."""
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self._writers.add(writer)
        self.opened += 1
        try:
            await self._pass_on(reader, writer)
        finally:
            writer.close()
            self._writers.discard(writer)
            self._tasks.discard(task)

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.hangs_up:
            return
        if not self.greets:
            with suppress(ConnectionError):
                await reader.read()
            return
        inner_reader, inner_writer = await asyncio.open_connection(self._host, self._port)
        self._writers.add(inner_writer)
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(_pump(reader, inner_writer, bytes))
                tasks.create_task(_pump(inner_reader, writer, self._change))
        finally:
            inner_writer.close()
            self._writers.discard(inner_writer)

    def _change(self, data: bytes) -> bytes:
        return self.back(data)

    async def stop(self) -> None:
        """Break every connection and wait until none is left."""
        self.cut()
        while self._tasks:
            await asyncio.wait(self._tasks)


async def _pump(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, change: Callable[[bytes], bytes]
) -> None:
    # A cut connection shows as an error on either side; both mean that it is over.
    with suppress(ConnectionError):
        while data := await reader.read(65536):
            try:
                writer.write(change(data))
            except Ended as end:
                writer.write(end.last)
                break
            await writer.drain()
    writer.close()


@asynccontextmanager
async def between(url: str) -> AsyncIterator[Between]:
    """Stand before the server at `url` for the block."""
    proxy = Between(url)
    server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()[:2]
    proxy.url = f"{urlsplit(url).scheme}://{host}:{port}"
    try:
        yield proxy
    finally:
        server.close()
        await proxy.stop()
