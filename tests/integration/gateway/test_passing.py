"""Passing requests on: unbuffered, with the headers that are the client's, and an end for each."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route
from tests.support.clients import plain

from catalyst.chassis import app as process
from catalyst.gateway.passing import Below, Upstream


class Inner:
    """A member that answers in ways which a proxy may get wrong."""

    def __init__(self) -> None:
        self.next = asyncio.Event()
        self.closed = asyncio.Event()
        self.seen: list[tuple[str, dict[str, str]]] = []
        self.parts: list[int] = []
        self.app = Starlette(
            routes=[
                Route("/v1/state/slow", self.slow),
                Route("/v1/state/body", self.body, methods=["POST"]),
                Route("/v1/state/cut", self.cut),
                Route("/v1/state/{rest:path}", self.echo),
            ]
        )

    async def echo(self, request: Request) -> Response:
        self.seen.append((str(request.url.path), dict(request.headers)))
        return Response(
            request.url.query, 207, headers={"X-Mine": "1", "Connection": "x-mine", "ETag": '"e"'}
        )

    async def slow(self, _request: Request) -> Response:
        async def parts() -> AsyncIterator[bytes]:
            try:
                yield b"first\n"
                await self.next.wait()
                yield b"second\n"
                await asyncio.Event().wait()
            finally:
                self.closed.set()

        return StreamingResponse(parts())

    async def body(self, request: Request) -> Response:
        try:
            async for part in request.stream():
                if part:
                    self.parts.append(len(part))
                    self.next.set()
        except ClientDisconnect:
            self.closed.set()
        return Response(str(sum(self.parts)))

    async def cut(self, _request: Request) -> Response:
        async def parts() -> AsyncIterator[bytes]:
            yield b"half"
            raise RuntimeError("cut")

        return StreamingResponse(parts(), headers={"Content-Length": "8"})


class Doors:
    """The inner member, and the door in front of it."""

    def __init__(self, inner: Inner, outer: str) -> None:
        self.inner = inner
        self.url = outer


@asynccontextmanager
async def doors(inner: Inner) -> AsyncIterator[Doors]:
    async with (
        plain(limits=httpx.Limits(max_connections=None)) as http,
        process.serving(inner.app, process.listen("127.0.0.1", 0), grace_seconds=1) as within,
    ):
        outer = Starlette(routes=[Below("/v1/state", Upstream(http, within))])
        async with process.serving(
            outer, process.listen("127.0.0.1", 0), grace_seconds=1
        ) as address:
            yield Doors(inner, address)


async def test_an_answer_arrives_part_by_part_and_ends_with_its_reader() -> None:
    async with doors(Inner()) as door:
        async with (
            asyncio.timeout(60),
            plain() as http,
            http.stream("GET", f"{door.url}/v1/state/slow") as answer,
        ):
            lines = answer.aiter_lines()
            assert await anext(lines) == "first"
            door.inner.next.set()
            assert await anext(lines) == "second"
        async with asyncio.timeout(60):
            await door.inner.closed.wait()


async def test_a_body_is_passed_on_while_it_arrives() -> None:
    inner = Inner()

    async def body() -> AsyncIterator[bytes]:
        yield b"a" * 10
        # Nothing more is sent before the first part has arrived inside.
        await inner.next.wait()
        yield b"b" * 20

    async with doors(inner) as door:
        async with asyncio.timeout(60), plain() as http:
            answer = await http.post(f"{door.url}/v1/state/body", content=body())
        assert answer.text == "30"


async def test_what_concerns_one_connection_is_not_passed_on() -> None:
    async with doors(Inner()) as door:
        async with plain() as http:
            answer = await http.get(
                f"{door.url}/v1/state/a%2Fb/c?x=1&y=%20",
                headers={
                    "Connection": "keep-alive, x-private",
                    "X-Private": "1",
                    "TE": "trailers",
                    "Authorization": "Bearer t",
                    "Cookie": "catalyst=t",
                    "Host": "evil.example",
                },
            )
        assert (answer.status_code, answer.text) == (207, "x=1&y=%20")
        assert answer.headers["etag"] == '"e"'
        assert "x-mine" not in answer.headers
        ((path, headers),) = door.inner.seen
        assert path == "/v1/state/a/b/c"
        assert headers["authorization"] == "Bearer t"
        assert headers["cookie"] == "catalyst=t"
        assert headers["host"] != "evil.example"
        assert not {"x-private", "te"} & headers.keys()


async def test_a_member_that_is_down_is_a_problem() -> None:
    async with plain() as http:
        outer = Starlette(routes=[Below("/v1/state", Upstream(http, "http://127.0.0.1:9"))])
        transport = httpx.ASGITransport(outer)
        async with httpx.AsyncClient(transport=transport, base_url="http://door") as asking:
            answer = await asking.get("/v1/state/x")
    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
    assert "Error" not in answer.text


async def test_an_answer_that_is_cut_inside_is_cut_outside() -> None:
    async with doors(Inner()) as door, plain() as http:
        with pytest.raises(httpx.RemoteProtocolError):
            await http.get(f"{door.url}/v1/state/cut")


async def test_only_what_is_below_is_taken() -> None:
    async with doors(Inner()) as door, plain() as http:
        for path, status in (("/v1/statex", 404), ("/v1", 404)):
            assert (await http.get(f"{door.url}{path}")).status_code == status
        assert (await http.get(f"{door.url}/v1/state/x")).status_code == 207
