"""A reader of the live stream over real sockets, byte by byte."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing, asynccontextmanager
from typing import Any

import httpx
import msgspec
from tests.support.forward import Forward
from tests.support.projecting import bearer

from catalyst.client.sse import ServerEvent, SseParser


class Reading:
    """Events of one open stream, and what they left behind."""

    def __init__(self, response: httpx.Response, events: AsyncIterator[ServerEvent]) -> None:
        self.response = response
        self.rows: dict[str, dict[str, Any]] = {}
        self.cursor = ""
        self.seen: list[ServerEvent] = []
        self.as_of = 0
        self._events = events
        self._forward = Forward()

    async def next(self) -> ServerEvent:
        """Return the next event, and take it into account."""
        async with asyncio.timeout(60):
            event = await anext(self._events)
        self.seen.append(event)
        found = data(event)
        match event.name:
            case "reset":
                self.rows = {}
                self.cursor = ""
                self._forward.begin()
            case "put":
                self._met(found["key"], found["value"]["seq"])
                self.rows[found["key"]] = found["value"]
            case "del":
                self._met(found["key"], found["seq"])
                self.rows.pop(found["key"], None)
            case "synced" | "applied":
                self.as_of = found["as_of"]
            case _:
                assert event.name in {"heartbeat", "bye"}
        if event.last_id and event.name != "reset":
            self.cursor = event.last_id
        return event

    def _met(self, key: str, seq: int) -> None:
        if key in self.rows:
            # It may be known from the connection before.
            self._forward.met(key, self.rows[key]["seq"])
        self._forward.met(key, seq)

    async def until(self, name: str) -> ServerEvent:
        """Return the next event of this name."""
        while True:
            event = await self.next()
            if event.name == name:
                return event

    async def at(self, seq: int) -> None:
        """Return once everything up to `seq` is told."""
        while self.as_of < seq:
            await self.next()

    @property
    def names(self) -> list[str]:
        return [event.name for event in self.seen if event.name != "heartbeat"]


def data(event: ServerEvent) -> dict[str, Any]:
    found: dict[str, Any] = msgspec.json.decode(event.data)
    return found


@asynccontextmanager
async def reading(
    http: httpx.AsyncClient,
    *,
    cursor: str = "",
    headers: Mapping[str, str] | None = None,
    **query: str,
) -> AsyncIterator[Reading]:
    """Open a stream for `ann@example.org`, or for whoever `headers` say."""
    sent = dict(bearer() if headers is None else headers)
    if cursor:
        sent["Last-Event-ID"] = cursor
    async with http.stream("GET", "/v1/stream", params=query, headers=sent) as response:
        assert response.status_code == 200, (await response.aread()).decode()

        async def events() -> AsyncGenerator[ServerEvent, None]:
            parser = SseParser()
            async for chunk in response.aiter_bytes():
                for event in parser.feed(chunk):
                    yield event

        async with aclosing(events()) as found:
            yield Reading(response, found)
