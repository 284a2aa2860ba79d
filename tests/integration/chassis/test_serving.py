"""A server as others reach it: what it tells of a bug, and how long it keeps a connection."""

import asyncio
import logging
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import Receive, Scope, Send
from tests.support.each import each
from tests.support.quoting import PLACE, SECRET, logged, quoting

from catalyst.chassis import app as process
from catalyst.chassis import logs, problems
from catalyst.chassis.http import SecureHeaders
from catalyst.chassis.jetstream.port import Unavailable
from catalyst.chassis.settings import BrokerSettings

pytestmark = pytest.mark.real


async def _at_once(request: Request) -> Response:
    quoting(await request.body())


async def _midway(request: Request) -> Response:
    body = await request.body()

    async def parts() -> AsyncIterator[bytes]:
        yield b"begun"
        quoting(body)

    return StreamingResponse(parts())


async def _outside(_scope: Scope, _receive: Receive, _send: Send) -> None:
    quoting(SECRET)


def _door() -> SecureHeaders:
    routes = [Route("/once", _at_once, methods=["POST"]), Route("/mid", _midway, methods=["POST"])]
    return SecureHeaders(Starlette(routes=routes, exception_handlers=dict(problems.HANDLERS)))


@pytest.mark.guarantee("G6.8")
@each(["once", "mid", "outside"])
async def test_a_request_that_meets_a_bug_is_logged_without_its_words(
    way: str, *, caplog: pytest.LogCaptureFixture
) -> None:
    """Nor does the server repeat them, which logs whatever an app raises."""
    caplog.clear()
    app = _outside if way == "outside" else _door()
    async with (
        process.serving(app, process.listen("127.0.0.1", 0)) as url,
        httpx.AsyncClient(base_url=url) as http,
    ):
        if way == "mid":
            with pytest.raises(httpx.RemoteProtocolError):
                await http.post("/mid", content=SECRET)
        else:
            answer = await http.post(f"/{way}", content=SECRET)
            assert answer.status_code == 500
            assert SECRET not in answer.text
    (failed,) = [one for one in caplog.records if one.message == "request failed"]
    assert re.fullmatch(PLACE, vars(failed)["why"])
    assert vars(failed)["path"] == f"/{way}"
    assert SECRET not in logged(caplog.records)


class _Ending:
    """A member that ends by two failures at once."""

    app = _door()

    async def run(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._fail())
            tasks.create_task(self._lost())

    async def _fail(self) -> None:
        quoting(SECRET)

    async def _lost(self) -> None:
        raise Unavailable(503, 0, "the connection to the broker is closed")

    def stop(self) -> None:
        """Nothing to end."""


@pytest.mark.guarantee("G6.8")
def test_a_member_that_ends_by_a_bug_tells_its_place_and_what_the_broker_said(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    @asynccontextmanager
    async def build(_chosen: BrokerSettings) -> AsyncIterator[_Ending]:
        yield _Ending()

    def leave(*_: object) -> None:
        """Leave what captures."""

    monkeypatch.setattr(logs, "configure", leave)
    caplog.set_level(logging.INFO)
    assert process.main("test", BrokerSettings, build, {"TEST_HTTP_PORT": "0"}) == 1
    (told,) = [one for one in caplog.records if one.levelno == logging.CRITICAL]
    first, second = vars(told)["why"].split("; ")
    assert re.fullmatch(PLACE, first)
    assert second == "Unavailable: the connection to the broker is closed (503)"
    assert SECRET not in logged(caplog.records)


async def test_an_idle_connection_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
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
