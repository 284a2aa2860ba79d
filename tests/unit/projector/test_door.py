"""Who opens a stream, where it goes on, and when none is opened: requests without a server."""

import pytest
from starlette.requests import Request
from tests.support import log as writing
from tests.support.projecting import VERIFIER, token
from tests.support.showing import ANN, Tab, World

from catalyst.contracts.rejection import Rejected
from catalyst.projector import filters
from catalyst.projector.http import COOKIES, Door
from catalyst.projector.sse import Pace
from catalyst.projector.stream import Stream

ALL = filters.parse("all", {})


def request(query: str = "", **headers: str) -> Request:
    found = [(name.replace("_", "-").encode(), text.encode()) for name, text in headers.items()]
    scope = {"type": "http", "method": "GET", "path": "/v1/stream", "headers": found}
    return Request({**scope, "query_string": query.encode()})


def bearer(email: str = ANN.email) -> str:
    return f"Bearer {token(email)}"


async def opened(world: World, asked: Request) -> Stream:
    """Return the only stream that a request opens."""
    door = Door(world.hub, VERIFIER, pace=Pace(), wait_seconds=1, max_streams=10)
    await door.stream(asked)
    (stream,) = world.hub.streams
    return stream


def left_at() -> tuple[World, str]:
    """Return rows, and a cursor that can be honoured."""
    world = World()
    world.flush([writing.created("acme")])
    reader = Tab(world, ANN, ALL)
    reader.connect()
    reader.drain()
    reader.drop()
    return world, reader.cursor


@pytest.mark.guarantee("G4.1")
async def test_a_cursor_in_the_header_is_newer_than_the_one_in_the_address() -> None:
    world, cursor = left_at()
    asked = request("last_event_id=nonsense", authorization=bearer(), last_event_id=cursor)
    chunk = (await opened(world, asked)).chunk()
    assert b"event: synced" in chunk
    assert b"event: reset" not in chunk


async def test_a_cursor_in_the_address_does_not_replace_one_that_is_not_honoured() -> None:
    world, cursor = left_at()
    asked = request(f"last_event_id={cursor}", authorization=bearer(), last_event_id="nonsense")
    assert b'"reason":"unknown-cursor"' in (await opened(world, asked)).chunk()


async def test_a_cursor_in_the_address_alone_is_taken() -> None:
    world, cursor = left_at()
    asked = request(f"last_event_id={cursor}", authorization=bearer())
    assert b"event: synced" in (await opened(world, asked)).chunk()


@pytest.mark.parametrize("name", COOKIES)
async def test_a_token_in_the_header_says_who_asks_whatever_cookie_comes_with_it(
    name: str,
) -> None:
    cookie = f"{name}={token('bob@example.org')}"
    found = await opened(World(), request(authorization=bearer(), cookie=cookie))
    assert found.reader.email == ANN.email
    found = await opened(World(), request(cookie=cookie))
    assert found.reader.email == "bob@example.org"


async def test_a_process_that_is_about_to_end_opens_no_stream() -> None:
    world = World()
    world.hub.end("shutdown")
    with pytest.raises(Rejected) as caught:
        await opened(world, request(authorization=bearer()))
    assert caught.value.code == "unavailable"
    assert not world.hub.streams
