"""Three nodes of one broker on this machine."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from tests.support.broker import private

from catalyst.cli.broker import BrokerProcess


def _ports() -> list[int]:
    """Return three that are free now."""
    bound = [socket.create_server(("127.0.0.1", 0)) for _ in range(3)]
    found = [one.getsockname()[1] for one in bound]
    for one in bound:
        one.close()
    return found


@asynccontextmanager
async def three(directory: Path) -> AsyncIterator[list[BrokerProcess]]:
    """Run them for the block; they may not have found each other yet."""
    ports = _ports()
    found = []
    for own in ports:
        others = [f"nats-route://127.0.0.1:{port}" for port in ports if port != own]
        cluster = {"name": "three", "listen": f"127.0.0.1:{own}", "routes": others}
        found.append(private(directory / str(own), cluster=cluster))
    async with AsyncExitStack() as stack:
        for node in found:
            stack.push_async_callback(node.stop)
        await asyncio.gather(*(node.start() for node in found))
        yield found
