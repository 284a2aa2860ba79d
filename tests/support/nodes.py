"""Three nodes of one broker on this machine."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from tests.support.broker import private
from tests.support.ports import free_ports

from catalyst.cli.broker import BrokerProcess


@asynccontextmanager
async def three(directory: Path) -> AsyncIterator[list[BrokerProcess]]:
    """Run them for the block; they may not have found each other yet."""
    ports = free_ports(3)
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
