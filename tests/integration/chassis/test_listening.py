"""What a process that listens does with a connection, before anything is read from it."""

import asyncio
import socket

import pytest

from catalyst.chassis.app import listen

pytestmark = pytest.mark.real


async def test_what_is_answered_leaves_at_once() -> None:
    """On asyncio's own loop, too: Nagle's algorithm and late acknowledgements wait for each other.

    They did for 40 ms, at each answer on a connection that is kept.
    """
    waits: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    async def taken(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there = writer.get_extra_info("socket")
        waits.set_result(there.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
        writer.close()

    bound = listen("127.0.0.1", 0)
    async with await asyncio.start_server(taken, sock=bound):
        _, writer = await asyncio.open_connection(*bound.getsockname())
        assert await waits == 1
        writer.close()
        await writer.wait_closed()
