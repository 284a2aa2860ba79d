"""The log as the door shows it: page by page, and as a stream."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
from tests.integration.gateway.stack import Stack, created
from tests.support.waiting import until

READY = "environment.organization-ready.v1"


async def pages(http: httpx.AsyncClient, **params: Any) -> list[dict[str, Any]]:
    """Return all events of a filter, page by page."""
    found: list[dict[str, Any]] = []
    after: int | None = 0
    while after is not None:
        answer = await http.get("/v1/events", params={**params, "continue": after})
        assert answer.status_code == 200, answer.text
        body = answer.json()
        assert body["as_of"] <= body["head"]
        found += body["items"]
        after = body["continue"]
    return found


async def onboarded(stack: Stack, slug: str, **changes: Any) -> dict[str, Any]:
    """Create an Organization, wait until all that follows is done, and return the outcome."""
    outcome: dict[str, Any] = (await created(stack, slug, **changes)).json()
    async with stack.client(stack.admin) as http:

        async def ready() -> bool:
            found = await pages(http, organization=slug, type=READY)
            return bool(found)

        async def done() -> bool:
            # Its home is written once more after it is ready.
            return bool((await http.get(f"/v1/trace/{outcome['id']}")).json()["complete"])

        await until(ready, pause=0.05)
        await until(done, pause=0.05)
    return outcome


Frame = tuple[str, str, Any]


@asynccontextmanager
async def follow(
    stack: Stack, token: str, *, last: str = "", after: int = 0, **params: str
) -> AsyncIterator[AsyncIterator[Frame]]:
    """Open a stream of events and hand its frames out as (name, id, data)."""
    headers = {"Last-Event-ID": last} if last else {}
    async with (
        stack.client(token) as http,
        http.stream(
            "GET",
            "/v1/events",
            params={"follow": "true", "continue": after, **params},
            headers=headers,
        ) as answer,
    ):
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/event-stream")
        assert answer.headers["x-accel-buffering"] == "no"
        yield frames(answer)


async def frames(answer: httpx.Response) -> AsyncIterator[Frame]:
    name = cursor = ""
    async for line in answer.aiter_lines():
        field, _, value = line.partition(": ")
        if field == "event":
            name = value
        elif field == "id":
            cursor = value
        elif field == "data":
            yield name, cursor, json.loads(value)
