"""How long a server keeps a connection on which nobody asks."""

import asyncio

import httpx
import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from catalyst.chassis import app as process

PROXIES_SECONDS = 90
"""What Traefik keeps one for; nginx does for 60."""


def test_a_server_keeps_a_connection_longer_than_whoever_asks() -> None:
    ours = httpx.Limits().keepalive_expiry
    assert ours is not None
    assert max(ours, PROXIES_SECONDS) < process.KEPT_SECONDS


async def test_after_that_an_idle_connection_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "KEPT_SECONDS", 0.1)
    app = Starlette(routes=[Route("/", lambda _request: PlainTextResponse("told"))])
    bound = process.listen("127.0.0.1", 0)
    async with process.serving(app, bound):
        bound.listen()
        reader, writer = await asyncio.open_connection(*bound.getsockname())
        writer.write(b"GET / HTTP/1.1\r\nHost: here\r\n\r\n")
        async with asyncio.timeout(4):
            answer = await reader.read()
        writer.close()
        await writer.wait_closed()
    assert answer.endswith(b"told")
