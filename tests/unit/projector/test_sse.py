"""How a stream keeps time and ends, at the server's interface."""

import asyncio
import random
from collections.abc import Callable, MutableMapping
from datetime import timedelta
from typing import Any

import pytest
from tests.support import log as writing
from tests.support.each import each
from tests.support.showing import SOVEREIGN, World
from tests.support.waiting import until

from catalyst.chassis import clock
from catalyst.client.watching import IDLE_SECONDS
from catalyst.projector import filters
from catalyst.projector.sse import Pace, StreamResponse


class Server:
    """What a server does for a response: takes bytes when there is room, says when a peer left."""

    def __init__(self) -> None:
        self.body = b""
        self.headers: dict[str, str] = {}
        self.finished = False
        self.room = asyncio.Event()
        self.room.set()
        self.gone = asyncio.Event()
        self.stuck = asyncio.Event()

    async def send(self, message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            self.headers = {name.decode(): text.decode() for name, text in message["headers"]}
            return
        if not self.room.is_set():
            self.stuck.set()
            await self.room.wait()
        self.body += message["body"]
        self.finished = not message.get("more_body", False)

    async def receive(self) -> MutableMapping[str, Any]:
        await self.gone.wait()
        return {"type": "http.disconnect"}


def response(world: World, *, minutes: float = 5, **pace: float) -> StreamResponse:
    stream = world.hub.open(SOVEREIGN, filters.parse("all", {}))
    stream.begin("")
    return StreamResponse(
        world.hub,
        stream,
        expires=clock.now() + timedelta(minutes=minutes),
        pace=Pace(**{"heartbeat_seconds": 60, "drain_seconds": 60, **pace}),
        headers={"X-Test": "yes"},
    )


async def test_a_stream_ends_when_its_reader_leaves() -> None:
    world, server = World(), Server()
    world.flush([writing.created("acme")])
    async with asyncio.timeout(5):
        async with asyncio.TaskGroup() as tasks:
            running = response(world)
            tasks.create_task(running({}, server.receive, server.send))
            await until(lambda: b"synced" in server.body)
            server.gone.set()
    assert not world.hub.streams
    assert server.headers["x-test"] == "yes"
    assert server.body.startswith(b"retry: ")


async def test_a_reader_that_takes_nothing_is_given_up() -> None:
    world, server = World(), Server()
    server.room.clear()
    async with asyncio.timeout(5):
        await response(world, drain_seconds=0.05)({}, server.receive, server.send)
    assert server.stuck.is_set()
    assert not world.hub.streams
    assert not server.finished


@pytest.mark.guarantee("G4.8")
@each(
    [
        ({}, 0, b'"reason":"token-expired","retryable":false'),
        ({"heartbeat_seconds": 3600}, 0.002, b'"reason":"token-expired","retryable":false'),
        ({"rotate_seconds": 0.001}, 5, b'"reason":"rotation","retryable":true'),
        (
            {"rotate_seconds": 0.1, "heartbeat_seconds": 3600},
            5,
            b'"reason":"rotation","retryable":true',
        ),
    ]
)
async def test_a_stream_says_why_it_ends(
    pace: dict[str, float], minutes: float, reason: bytes
) -> None:
    world, server = World(), Server()
    async with asyncio.timeout(5):
        await response(world, minutes=minutes, **pace)({}, server.receive, server.send)
    assert reason in server.body
    assert server.body.count(b"event: bye") == 1
    assert server.finished


async def test_a_hub_that_closes_says_goodbye_with_the_cursor() -> None:
    world, server = World(), Server()
    async with asyncio.timeout(5):
        async with asyncio.TaskGroup() as tasks:
            running = response(world)
            tasks.create_task(running({}, server.receive, server.send))
            await until(lambda: b"synced" in server.body)
            world.hub.end("shutdown")
    cursor = server.body.split(b"id: ")[1].split(b"\n")[0]
    assert b'"reason":"shutdown","retryable":true,"cursor":"%b"' % cursor in server.body
    assert world.hub.closing


async def test_retry_differs_from_reader_to_reader() -> None:
    world = World()
    asked = set()
    for _ in range(5):
        server = Server()
        async with asyncio.timeout(5):
            await response(world, minutes=0)({}, server.receive, server.send)
        asked.add(server.body.split(b"\n")[0])
    assert len(asked) > 1


def test_a_reader_hears_two_heartbeats_before_it_takes_its_connection_for_dead() -> None:
    assert 2 * Pace().heartbeat_seconds < IDLE_SECONDS


@pytest.mark.guarantee("G7.5")
async def test_a_stream_says_how_old_the_rows_may_be_when_warned_and_at_every_heartbeat(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = [1000.0]
    monkeypatch.setattr(clock, "monotonic", lambda: now[0])
    world, server = World(), Server()

    def heard(times: int) -> bool:
        return server.body.count(b"event: heartbeat") == times

    async with asyncio.timeout(5):
        async with asyncio.TaskGroup() as tasks:
            running = response(world)
            tasks.create_task(running({}, server.receive, server.send))
            await until(lambda: b"synced" in server.body)
            assert heard(0)
            world.hub.warn()
            await until(lambda: heard(1))
            for times in (2, 3):
                now[0] += 61
                for stream in world.hub.streams:
                    stream.news.set()
                await until(lambda times=times: heard(times))  # type: ignore[misc]
            server.gone.set()


@pytest.mark.parametrize(("pick", "reason"), [(min, b"rotation"), (max, b"shutdown")])
async def test_streams_that_began_together_do_not_rotate_together(
    monkeypatch: pytest.MonkeyPatch, pick: Callable[[float, float], float], reason: bytes
) -> None:
    now = [1000.0]
    monkeypatch.setattr(clock, "monotonic", lambda: now[0])
    monkeypatch.setattr(random, "uniform", pick)
    world, server = World(), Server()
    running = response(world, rotate_seconds=100)
    now[0] += 100
    async with asyncio.timeout(5):
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(running({}, server.receive, server.send))
            await until(lambda: server.finished or b"synced" in server.body)
            world.hub.end("shutdown")
    assert b'"reason":"%b"' % reason in server.body
