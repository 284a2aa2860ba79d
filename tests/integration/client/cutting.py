"""A TCP proxy whose connections a test may cut."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from urllib.parse import urlsplit


class Cutter:
    """Passes bytes on between a port of its own and a server."""

    def __init__(self, host: str, port: int) -> None:
        self._host = host
        self._port = port
        self._writers: set[asyncio.StreamWriter] = set()
        self.url = ""
        self.opened = 0

    def cut(self) -> None:
        """Break every connection, in the middle of whatever is sent."""
        for writer in list(self._writers):
            writer.transport.abort()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Pass one connection on."""
        self.opened += 1
        inner_reader, inner_writer = await asyncio.open_connection(self._host, self._port)
        self._writers |= {writer, inner_writer}
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(_pump(reader, inner_writer))
                tasks.create_task(_pump(inner_reader, writer))
        finally:
            self._writers -= {writer, inner_writer}


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    # A cut connection shows as an error on either side; both mean that it is over.
    with suppress(ConnectionError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    writer.close()


@asynccontextmanager
async def cutting(url: str) -> AsyncIterator[Cutter]:
    """Stand between a client and the server at `url`."""
    parts = urlsplit(url)
    cutter = Cutter(parts.hostname or "", parts.port or 0)
    server = await asyncio.start_server(cutter.serve, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()[:2]
    cutter.url = f"http://{host}:{port}"
    try:
        yield cutter
    finally:
        cutter.cut()
        server.close()
