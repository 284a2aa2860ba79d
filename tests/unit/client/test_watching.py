"""A watch over lost connections, resets and bad streams."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator
from contextlib import aclosing

import httpx
import pytest
from tests.support.each import each
from tests.unit.client.scripted import Scripted, frame, problem, put, stream
from typing_extensions import override

from catalyst.client import watching
from catalyst.client.backoff import Backoff
from catalyst.client.errors import Malformed, Problem, Unreachable
from catalyst.client.http_transport import over_http
from catalyst.client.rows import (
    Applied,
    Bye,
    Change,
    Del,
    Heartbeat,
    Interrupted,
    Mirror,
    Put,
    Reset,
    Row,
    Synced,
)

END = httpx.Response(204)
A, B = "acme._.organization._.acme", "acme._.organization._.beta"


async def watched(transport: Scripted, cursor: str = "") -> list[Change]:
    """All changes until the stream ends for good."""
    async with over_http("http://door", transport=transport) as door:
        watch = door.watch(
            "organizations", organization="acme", cursor=cursor, backoff=Backoff(0.002, 0.05)
        )
        changes = watch.changes()
        async with aclosing(changes) as stream_:
            return [change async for change in stream_]


def resumed_at(transport: Scripted) -> list[str | None]:
    return [request.headers.get("last-event-id") for request in transport.requests]


SNAPSHOT = frame("reset", {"reason": "start"}) + put(A, 1) + frame("synced", {"as_of": 4}, "e.4.s")


async def test_a_snapshot_then_deltas_in_order() -> None:
    transport = Scripted(stream(SNAPSHOT + put(B, 5, "e.5.s")), END)
    changes = await watched(transport)
    assert [type(change) for change in changes] == [Reset, Put, Synced, Put, Interrupted]
    assert str(transport.requests[0].url) == (
        "http://door/v1/stream?kinds=organizations&organization=acme"
    )


async def test_a_lost_connection_resumes_after_the_last_id() -> None:
    transport = Scripted(
        stream(SNAPSHOT, put(B, 5, "e.5.s"), b"id: e.6.s\nevent: put\ndata: {", lost=True),
        httpx.ConnectError("down"),
        stream(put(B, 6, "e.6.s")),
        END,
    )
    changes = await watched(transport)
    assert resumed_at(transport) == [None, "e.5.s", "e.5.s", "e.6.s"]
    assert [c.row.seq for c in changes if isinstance(c, Put)] == [1, 5, 6]


@pytest.mark.guarantee("G4.1")
async def test_the_cursor_stands_before_a_change_until_whoever_was_given_it_asks_for_the_next() -> (
    None
):
    transport = Scripted(stream(SNAPSHOT + put(B, 5, "e.5.s") + put(A, 6, "e.6.s")), END)
    async with over_http("http://door", transport=transport) as door:
        watch = door.watch("organizations", backoff=Backoff(0.002, 0.05))
        async with aclosing(watch.changes()) as changes:
            stood = [watch.cursor async for _ in changes]
    assert stood == ["", "", "", "e.4.s", "e.5.s", "e.6.s"]


@pytest.mark.parametrize("seconds", [watching.IDLE_SECONDS, 0.5])
async def test_a_connection_that_brings_no_byte_for_too_long_is_given_up(seconds: float) -> None:
    silent = httpx.ReadTimeout("nothing came")
    transport = Scripted(stream(SNAPSHOT), silent, END)
    async with over_http("http://door", transport=transport) as door:
        watch = watching.Watch(
            door.calls,
            "/v1/stream",
            {},
            watching.change_of,
            idle_seconds=seconds,
            backoff=Backoff(0.002, 0.05),
        )
        async with aclosing(watch.changes()) as changes:
            assert [change async for change in changes]
    assert resumed_at(transport) == [None, "e.4.s", "e.4.s"]
    for request in transport.requests:
        assert request.extensions["timeout"]["read"] == seconds


async def test_an_id_without_data_is_a_bookmark() -> None:
    transport = Scripted(stream(SNAPSHOT, b"id: e.9.s\n\n"), END)
    await watched(transport)
    assert resumed_at(transport) == [None, "e.9.s"]


async def test_a_loss_within_a_snapshot_begins_again_without_a_cursor() -> None:
    transport = Scripted(
        stream(frame("reset", {"reason": "too-old"}) + put(A, 1), lost=True), stream(SNAPSHOT), END
    )
    changes = await watched(transport, cursor="e.2.s")
    assert resumed_at(transport) == ["e.2.s", None, "e.4.s"]
    mirror = Mirror()
    for change in changes:
        mirror.apply(change)
    assert (set(mirror.rows), mirror.as_of, mirror.synced) == ({A}, 4, True)


async def test_a_goodbye_for_good_ends_the_watch() -> None:
    goodbye = frame("bye", {"reason": "stopping", "retryable": False, "cursor": "e.4.s"})
    transport = Scripted(stream(SNAPSHOT + goodbye))
    assert (await watched(transport))[-1] == Bye(reason="stopping", retryable=False, cursor="e.4.s")


async def test_a_goodbye_that_invites_back_is_followed_by_a_new_connection() -> None:
    goodbye = frame("bye", {"reason": "rotate", "retryable": True, "cursor": "e.4.s"})
    transport = Scripted(stream(SNAPSHOT + goodbye), END)
    await watched(transport)
    assert resumed_at(transport) == [None, "e.4.s"]


async def test_an_unknown_event_is_ignored_but_its_id_counts() -> None:
    transport = Scripted(stream(SNAPSHOT + frame("confetti", {}, "e.5.s")), END)
    changes = await watched(transport)
    assert [type(change) for change in changes] == [Reset, Put, Synced, Interrupted]
    assert resumed_at(transport) == [None, "e.5.s"]


@each(
    [
        b"event: applied\ndata: {}\n\n",
        b"event: put\ndata: not json\n\n",
        b'event: put\ndata: {"key": "k", "value": {"seq": "one"}}\n\n',
        b"event: reset\ndata: []\n\n",
    ]
)
async def test_a_frame_that_is_not_of_this_protocol_is_an_error(bad: bytes) -> None:
    with pytest.raises(Malformed):
        await watched(Scripted(stream(bad)))


async def test_a_page_instead_of_a_stream_is_an_error() -> None:
    html = httpx.Response(200, headers={"content-type": "text/html"}, content=b"<h1>hello")
    with pytest.raises(Malformed, match="text/html"):
        await watched(Scripted(html))


@each([400, 401, 403, 404, 409, 501])
async def test_a_refusal_that_stays_ends_the_watch(status: int) -> None:
    with pytest.raises(Problem) as caught:
        await watched(Scripted(problem(status, "forbidden", detail="not yours")))
    assert (caught.value.status, caught.value.message) == (status, "not yours")


@each([429, 500, 502, 503, 504])
async def test_a_refusal_that_passes_is_tried_again(status: int) -> None:
    transport = Scripted(problem(status, "unavailable"), stream(SNAPSHOT), END)
    assert any(isinstance(change, Synced) for change in await watched(transport))


async def test_a_first_connection_that_never_comes_about_is_told() -> None:
    refusals = [httpx.ConnectError("down") for _ in range(50)]
    async with over_http("http://door", transport=Scripted(*refusals)) as door:
        watch = watching.Watch(door.calls, "/v1/stream", {}, watching.change_of, first_seconds=0.2)
        with pytest.raises(Unreachable):
            await anext(watch.changes())


async def test_a_stream_that_ends_at_once_is_asked_more_and_more_slowly() -> None:
    count = 5
    transport = Scripted(*[stream(SNAPSHOT) for _ in range(count)], END)
    waits = [c.wait_seconds for c in await watched(transport) if isinstance(c, Interrupted)]
    assert len(waits) == count
    # Each wait lies in the upper half of a ceiling that doubles.
    assert all(later >= earlier for earlier, later in itertools.pairwise(waits))


async def test_the_wait_that_the_server_asks_for_is_kept() -> None:
    transport = Scripted(stream(b"retry: 250\n\n" + SNAPSHOT), END)
    changes = await watched(transport)
    assert isinstance(changes[-1], Interrupted)
    assert changes[-1].wait_seconds >= 0.25


async def test_whoever_stops_watching_closes_the_connection() -> None:
    closed = asyncio.Event()

    class Endless(httpx.AsyncByteStream):
        @override
        async def __aiter__(self) -> AsyncIterator[bytes]:
            yield SNAPSHOT
            await asyncio.Event().wait()

        @override
        async def aclose(self) -> None:
            closed.set()

    headers = {"content-type": "text/event-stream"}
    transport = Scripted(httpx.Response(200, headers=headers, stream=Endless()))
    async with over_http("http://door", transport=transport) as door:
        async with aclosing(door.watch("all").changes()) as changes:
            async for change in changes:
                if isinstance(change, Synced):
                    break
        assert closed.is_set()


def row(key: str, seq: int) -> Put:
    return Put(row=Row(key=key, seq=seq))


def test_a_mirror_keeps_its_rows_until_a_new_snapshot_is_whole() -> None:
    mirror = Mirror()
    for change in (Reset(reason="start"), row(A, 1), row(B, 2), Synced(as_of=2)):
        mirror.apply(change)
    mirror.apply(Reset(reason="epoch-changed"))
    mirror.apply(row(A, 1))
    assert (set(mirror.rows), mirror.synced) == ({A, B}, False)
    mirror.apply(Synced(as_of=1))
    assert (set(mirror.rows), mirror.as_of, mirror.synced) == ({A}, 1, True)


def test_a_mirror_follows_changes_and_freshness() -> None:
    mirror = Mirror()
    for change in (Reset(reason="start"), row(A, 1), Synced(as_of=1), row(B, 2)):
        mirror.apply(change)
    mirror.apply(Del(key=A, seq=3))
    mirror.apply(Applied(as_of=3))
    mirror.apply(Heartbeat(as_of=3, head=4))
    assert (set(mirror.rows), mirror.as_of) == ({B}, 3)
