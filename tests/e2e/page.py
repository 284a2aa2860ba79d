"""What a browser would see: the live stream, read as plain server-sent events."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, Final

import httpx
from tests.support.forward import Forward

SECONDS: Final = 60.0
"""Until something expected has to be seen."""


class Page:
    """The rows that an open stream has shown so far."""

    def __init__(self, lines: AsyncIterator[str]) -> None:
        self._lines = lines
        self.rows: dict[str, dict[str, Any]] = {}
        self.cursor = ""
        self.synced = False
        """Whether everything up to the start of this stream was shown."""
        self.resets: list[str] = []
        """Why rows seen before were to be forgotten."""
        self._forward = Forward()

    async def until(self, condition: Callable[["Page"], object]) -> None:
        """Read on until the condition holds.

        Raises:
            TimeoutError: If it does not in time.
        """
        async with asyncio.timeout(SECONDS):
            while not condition(self):
                await self._event()

    def doc(self, kind: str, name: str) -> dict[str, Any]:
        """The document of a row; empty if none was seen."""
        for key, value in self.rows.items():
            if key.split(".")[2] == kind and key.split(".")[-1] == name:
                found: dict[str, Any] = value["doc"]
                return found
        return {}

    async def _event(self) -> None:
        fields: dict[str, str] = {}
        async for line in self._lines:
            if not line:
                break
            name, _, value = line.partition(":")
            fields[name] = value.removeprefix(" ")
        else:
            raise AssertionError("the stream ended")
        self.cursor = fields.get("id", self.cursor)
        data = json.loads(fields["data"]) if fields.get("data") else {}
        if fields.get("event") == "put":
            self._forward.met(data["key"], data["value"]["seq"])
            self.rows[data["key"]] = data["value"]
        elif fields.get("event") == "del":
            self._forward.met(data["key"], data["seq"])
            self.rows.pop(data["key"], None)
        elif fields.get("event") == "reset":
            self.resets.append(data["reason"])
            self.rows.clear()
            self._forward.begin()
        elif fields.get("event") == "synced":
            self.synced = True


@asynccontextmanager
async def opened(door: httpx.AsyncClient, cursor: str = "") -> AsyncIterator[Page]:
    """A stream of all kinds, from its snapshot or from where another one ended."""
    headers = {"Accept": "text/event-stream", **({"Last-Event-ID": cursor} if cursor else {})}
    async with door.stream("GET", "/v1/stream", headers=headers, timeout=SECONDS) as answer:
        assert answer.status_code == 200, await answer.aread()
        yield Page(answer.aiter_lines())
