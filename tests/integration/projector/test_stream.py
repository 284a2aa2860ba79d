"""The live stream over real sockets, read with the client and byte by byte."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager

import httpx
import msgspec
import pytest
from tests.support import log as writing
from tests.support.log import LogWriter
from tests.support.projecting import bearer, projector, served

from catalyst.chassis.jetstream.broker import JetStream
from catalyst.client.sse import ServerEvent, SseParser

pytestmark = pytest.mark.real


@asynccontextmanager
async def reading(
    http: httpx.AsyncClient, *, cursor: str = "", email: str = "ann@example.org", **query: str
) -> AsyncIterator[AsyncIterator[ServerEvent]]:
    """Open a stream; yields its events."""
    headers = bearer(email)
    if cursor:
        headers["Last-Event-ID"] = cursor
    async with http.stream("GET", "/v1/stream", params=query, headers=headers) as response:
        assert response.status_code == 200, (await response.aread()).decode()

        async def events() -> AsyncGenerator[ServerEvent, None]:
            parser = SseParser()
            async for chunk in response.aiter_bytes():
                for event in parser.feed(chunk):
                    yield event

        async with aclosing(events()) as found:
            yield found


async def up_to(events: AsyncIterator[ServerEvent], name: str) -> list[ServerEvent]:
    """Events until one of this name, that one included."""
    seen: list[ServerEvent] = []
    async with asyncio.timeout(10):
        async for event in events:
            seen.append(event)
            if event.name == name:
                return seen
    raise AssertionError(f"the stream ended without {name!r}: {seen}")


def data(event: ServerEvent) -> dict[str, object]:
    found: dict[str, object] = msgspec.json.decode(event.data)
    return found


@pytest.mark.guarantee("G4.1")
async def test_a_stream_is_a_snapshot_and_then_every_change(js: JetStream) -> None:
    log = LogWriter(js)
    await log.prepare()
    await log.decide(writing.created("acme"))
    async with served(projector(js)) as http, reading(http) as events:
        start = await up_to(events, "synced")
        assert [event.name for event in start] == ["reset", "put", "synced"]
        assert [bool(event.last_id) for event in start] == [False, False, True]
        seq = await log.decide(writing.renamed("acme", "Acme Limited"))
        live = await up_to(events, "applied")
        while data(live[-1])["as_of"] != seq:
            live += await up_to(events, "applied")
    assert [event.name for event in live if event.name == "put"] == ["put"]
    assert "Acme Limited" in next(event.data for event in live if event.name == "put")
