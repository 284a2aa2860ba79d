"""Reading through the port, on the real server: direct gets, leader gets, pages, states."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import uvloop
from tests.integration.jetstream.streams import fill, log_stream
from tests.support.between import Losing, between
from tests.support.broker import Access

from catalyst.chassis.jetstream import reads, wire
from catalyst.chassis.jetstream.broker import JetStream
from catalyst.chassis.jetstream.connection import connect
from catalyst.chassis.jetstream.port import BrokerError, NotFound, Outgoing, Unavailable

pytestmark = pytest.mark.real


@pytest.mark.parametrize("leader", [False, True])
@pytest.mark.parametrize("subject", ["evt.a.1", "evt.a.*", "evt.>"])
async def test_the_last_message_of_a_subject(js: JetStream, subject: str, *, leader: bool) -> None:
    await log_stream(js)
    await js.publish(Outgoing("evt.a.1", b"old"))
    await js.publish(Outgoing("evt.a.1", b"\x00\xffnew", {"Key": "välue"}))

    found = await js.last("EV", subject, leader=leader)

    assert found is not None
    assert (found.stream, found.subject, found.seq) == ("EV", "evt.a.1", 2)
    assert (found.data, dict(found.headers)) == (b"\x00\xffnew", {"Key": "välue"})
    assert found.time.tzinfo is UTC


@pytest.mark.parametrize("leader", [False, True])
async def test_both_ways_of_reading_tell_the_same_time(js: JetStream, *, leader: bool) -> None:
    await log_stream(js)
    await js.publish(Outgoing("evt.a"))

    found = await js.last("EV", "evt.a", leader=leader)
    again = await js.message("EV", 1, leader=not leader)

    assert found is not None
    assert again is not None
    assert found.time == again.time
    assert abs(found.time - (await js.stream_state("EV")).ts) < timedelta(seconds=30)


@pytest.mark.parametrize("leader", [False, True])
async def test_a_message_is_found_by_its_sequence_alone(js: JetStream, *, leader: bool) -> None:
    await log_stream(js)
    await fill(js, 3)

    found = await js.message("EV", 2, leader=leader)

    assert found is not None
    assert found.data == b"1"
    assert await js.message("EV", 4, leader=leader) is None
    assert await js.last("EV", "evt.none", leader=leader) is None
    assert await js.last("EV", "evt.none.>", leader=leader) is None


@pytest.mark.parametrize("leader", [False, True])
async def test_a_message_without_data_is_empty_and_not_missing(
    js: JetStream, *, leader: bool
) -> None:
    await log_stream(js)
    await js.publish(Outgoing("evt.a"))

    found = await js.last("EV", "evt.a", leader=leader)

    assert found is not None
    assert found.data == b""
    assert dict(found.headers) == {}


async def test_a_sender_cannot_pretend_to_be_the_broker(js: JetStream) -> None:
    await log_stream(js)
    lies = {"Nats-Subject": "evt.b", "Nats-Sequence": "99", "Nats-Num-Pending": "5"}
    await js.publish(Outgoing("evt.a", b"x", lies))

    found = await js.last("EV", "evt.a")

    assert found is not None
    assert (found.subject, found.seq, found.pending) == ("evt.a", 1, 0)


@pytest.mark.parametrize("leader", [False, True])
async def test_a_stream_that_is_not_there_is_no_empty_answer(
    js: JetStream, *, leader: bool
) -> None:
    with pytest.raises((NotFound, Unavailable)):
        await js.last("NONE", "evt.a", leader=leader)


async def test_the_last_of_many_subjects_come_by_sequence(js: JetStream) -> None:
    await log_stream(js)
    await fill(js, 10, subjects=["evt.b", "evt.a", "evt.c"])

    found = await js.last_many("EV", ["evt.a", "evt.b", "evt.missing"])

    assert [(message.seq, message.subject) for message in found] == [(8, "evt.a"), (10, "evt.b")]


async def test_the_last_of_many_subjects_as_of_a_sequence(js: JetStream) -> None:
    await log_stream(js)
    await fill(js, 10, subjects=["evt.a", "evt.b"])

    found = await js.last_many("EV", ["evt.>"], up_to=4)

    assert [message.seq for message in found] == [3, 4]
    assert await js.last_many("EV", ["evt.none"]) == []
    assert await js.last_many("EV", []) == []


async def test_more_literal_subjects_than_one_page_are_all_found(js: JetStream) -> None:
    await log_stream(js)
    subjects = [f"evt.{number}" for number in range(2500)]
    await fill(js, 2500, subjects=subjects)

    found = await js.last_many("EV", subjects)

    assert [message.subject for message in found] == subjects


async def test_a_wildcard_over_too_many_subjects_is_refused(js: JetStream) -> None:
    await log_stream(js)
    await fill(js, 1100, subjects=[f"evt.{number}" for number in range(1100)])

    with pytest.raises(BrokerError) as caught:
        await js.last_many("EV", ["evt.>"])

    assert caught.value.code == 413


async def test_a_replay_of_three_thousand_messages_is_whole(js: JetStream) -> None:
    await log_stream(js)
    await fill(js, 6000, subjects=["evt.a", "evt.b"])

    found = await js.replay("EV", "evt.a")

    assert [message.data for message in found] == [b"%d" % number for number in range(0, 6000, 2)]
    assert [message.pending for message in found] == list(range(2999, -1, -1))


async def test_a_replay_begins_and_ends_where_it_is_told(js: JetStream) -> None:
    await log_stream(js)
    await fill(js, 3000)

    assert [m.seq for m in await js.replay("EV", "evt.a", start=2990)] == list(range(2990, 3001))
    assert [m.seq for m in await js.replay("EV", "evt.a", start=5, limit=3)] == [5, 6, 7]
    assert len(await js.replay("EV", "evt.a", limit=1500)) == 1500
    assert len(await js.replay("EV", "evt.a", limit=1000)) == 1000
    assert await js.replay("EV", "evt.a", limit=0) == []
    assert await js.replay("EV", "evt.a", start=3001) == []
    assert await js.replay("EV", "evt.none") == []


async def test_a_replay_of_large_messages_is_whole(js: JetStream) -> None:
    await log_stream(js)
    for _ in range(60):
        await js.batch([Outgoing("evt.a", b"x" * 250_000)] * 3)

    assert len(await js.replay("EV", "evt.a")) == 180


async def test_a_stream_tells_its_bounds_and_settings(js: JetStream) -> None:
    await log_stream(js, metadata={"catalyst.topology": "7"})
    empty = await js.stream_state("EV")
    await fill(js, 3)
    await js.api("STREAM.PURGE.EV", {"seq": 2})

    state = await js.stream_state("EV")

    assert (empty.first_seq, empty.last_seq, empty.messages) == (0, 0, 0)
    assert (state.first_seq, state.last_seq, state.messages) == (2, 3, 2)
    assert state.created == empty.created
    assert state.created < state.ts < state.created + timedelta(minutes=1)
    assert state.config["metadata"]["catalyst.topology"] == "7"
    assert isinstance(state.ts, datetime)


async def test_an_api_call_that_fails_says_why(js: JetStream) -> None:
    with pytest.raises(NotFound) as caught:
        await js.api("STREAM.INFO.NONE", None)
    assert caught.value.err_code == 10059

    with pytest.raises(BrokerError) as refused:
        await js.api("STREAM.CREATE.EV", {"name": "EV", "no_such_setting": 1})
    assert refused.value.err_code == 10025


@pytest.mark.parametrize("run", [asyncio.run, uvloop.run])
async def test_the_way_to_the_broker_takes_time_on_every_loop(
    access: Access, run: Callable[..., list[float]]
) -> None:
    async def measured() -> list[float]:
        async with connect(access.url, name="r", user=access.user, password=access.password) as js:
            return [await js.rtt() for _ in range(20)]

    took = await asyncio.to_thread(lambda: run(measured()))
    assert 0 < min(took) < 5


@pytest.mark.guarantee("G2.11")
@pytest.mark.parametrize("lost", [(0,), (1,), (2,), (0, 1, 2)], ids=str)
@pytest.mark.parametrize("way", ["replay", "last_many"])
async def test_a_page_of_which_replies_are_lost_is_read_again(
    access: Access, way: str, lost: tuple[int, ...]
) -> None:
    """Between three nodes the first one may be, too, and no connection of ours breaks by it."""
    losing = Losing(*lost)
    user, password = access.user, access.password
    async with (
        between(access.url) as proxy,
        connect(proxy.url, name="r", user=user, password=password) as js,
    ):
        await log_stream(js)
        await fill(js, 3, subjects=("evt.a.1", "evt.a.2", "evt.a.3"))
        proxy.back = losing
        if way == "replay":
            found = list(await js.replay("EV", "evt.a.*"))
        else:
            found = list(await js.last_many("EV", ["evt.a.*"]))

    assert losing.pages == 1
    assert [message.seq for message in found] == [1, 2, 3]


async def test_a_long_replay_comes_in_pages_of_few_bytes(
    js: JetStream, monkeypatch: pytest.MonkeyPatch
) -> None:
    await log_stream(js)
    sizes = [200_000] * 20 + [900_000] * 3 + [10] * 20
    for number, size in enumerate(sizes):
        await js.publish(Outgoing("evt.a", b"%d" % (number % 10) * size))
    pages: list[list[int]] = []
    answered = js.link.call

    async def call(*asked: Any, **how: Any) -> list[wire.Raw]:
        replies = await answered(*asked, **how)
        pages.append([len(reply.data) for reply in replies])
        return replies

    monkeypatch.setattr(js.link, "call", call)
    found = await js.replay("EV", "evt.a")

    assert [len(message.data) for message in found] == sizes
    assert [message.seq for message in found] == list(range(1, len(sizes) + 1))
    assert len(pages) > 4
    # The last message of a page is the one with which it is full.
    assert all(sum(page) - max(page) <= reads.PAGE_BYTES for page in pages)
    assert len(await js.replay("EV", "evt.a", limit=22)) == 22
