"""A start that does not come to its end says what it waited for: nobody can look afterwards."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from catalyst.chassis import app as process
from catalyst.chassis.errors import Expected
from catalyst.chassis.http import Metrics, Readiness, health_routes
from catalyst.cli import stack

LOST = "no rows are made: the log lost messages"


@asynccontextmanager
async def door(rows: str | None, detail: str) -> AsyncIterator[str]:
    """Answer as a stack whose rows are like that, and whose reads are refused with a detail."""

    async def broker() -> str | None:
        return None

    async def readable() -> str | None:
        return rows

    async def state(_request: Request) -> Response:
        return JSONResponse({"status": 503, "code": "unavailable", "detail": detail}, 503)

    readiness = Readiness({"broker": broker, "rows": readable})
    app = Starlette(
        routes=[
            Route("/v1/state/organizations", state),
            *health_routes(readiness, Metrics("test")),
        ]
    )
    async with process.serving(app, process.listen("127.0.0.1", 0), grace_seconds=1) as address:
        yield address


@pytest.mark.guarantee("G7.13")
@pytest.mark.parametrize(
    ("rows", "told"), [(LOST, f"rows: {LOST}"), (None, "the read model is being loaded")]
)
async def test_what_is_missing_is_told_when_the_time_is_over(
    monkeypatch: pytest.MonkeyPatch, rows: str | None, told: str
) -> None:
    monkeypatch.setattr(stack, "READY_SECONDS", 1.0)
    async with door(rows, "the read model is being loaded") as address:
        with pytest.raises(Expected) as ended:
            await stack._until_ready(address, asyncio.Event(), "t")
    assert str(ended.value) == f"the stack was not ready after 1 s: {told}"
