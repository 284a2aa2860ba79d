"""How old the rows may be is said honestly, also while nobody knows how far the log is."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from tests.support import log as writing
from tests.support.showing import SOVEREIGN, World
from tests.support.waiting import until
from tests.unit.projector.test_sse import Server, response

from catalyst.chassis import clock
from catalyst.projector import filters
from catalyst.projector.freshness import POLL_AGE_SECONDS, Freshness

NOW = datetime(2026, 1, 1, tzinfo=UTC)


class Clock:
    """Our monotonic clock, moved by hand."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.seconds = 1000.0
        monkeypatch.setattr(clock, "monotonic", lambda: self.seconds)


@pytest.fixture
def hand(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


def polled(fresh: Freshness, hand: Clock, head: int, as_of: int, age: float | None = None) -> None:
    oldest = None if age is None else NOW - timedelta(seconds=age)
    fresh.saw("log", head, as_of, oldest=oldest, now=NOW, asked=hand.seconds)


def test_rows_at_the_head_of_a_log_that_was_just_asked_are_current(hand: Clock) -> None:
    fresh = Freshness()
    polled(fresh, hand, 7, 7)
    hand.seconds += POLL_AGE_SECONDS
    assert fresh.at(7).lag_ms == 0
    assert not fresh.unknown


def test_while_the_log_cannot_be_asked_the_age_counts_from_the_last_answer(hand: Clock) -> None:
    fresh = Freshness()
    polled(fresh, hand, 7, 7)
    hand.seconds += 60
    assert fresh.unknown
    assert fresh.at(7).lag_ms == 60_000
    assert fresh.at(9).lag_ms == 60_000
    polled(fresh, hand, 9, 9)
    assert fresh.at(9).lag_ms == 0


def test_rows_behind_the_head_are_as_old_as_the_oldest_message_that_they_lack(hand: Clock) -> None:
    fresh = Freshness()
    polled(fresh, hand, 9, 7, age=4)
    hand.seconds += 1
    assert fresh.at(7).lag_ms == 5_000
    assert fresh.at(8).lag_ms == 1_000
    assert fresh.at(9).lag_ms == 0


def test_a_log_that_was_never_asked_is_not_called_current_for_long(hand: Clock) -> None:
    fresh = Freshness()
    hand.seconds += 10
    assert fresh.at(0).lag_ms == 10_000


def test_a_heartbeat_of_a_stream_says_it(hand: Clock) -> None:
    world = World()
    world.flush([writing.created("acme")])
    stream = world.hub.open(SOVEREIGN, filters.parse("all", {}))
    stream.begin("")
    while stream.chunk():
        continue
    polled(world.hub.freshness, hand, world.hub.as_of, world.hub.as_of)
    hand.seconds += 30
    assert b'"lag_ms":30000}' in stream.heartbeat()


async def test_open_streams_are_warned_without_waiting_for_their_next_heartbeat() -> None:
    world, server = World(), Server()
    world.flush([writing.created("acme")])
    async with asyncio.timeout(5), asyncio.TaskGroup() as tasks:
        opened = tasks.create_task(response(world)({}, server.receive, server.send))
        await until(lambda: b"event: synced" in server.body)
        assert b"event: heartbeat" not in server.body
        world.hub.warn()
        await until(lambda: server.body.count(b"event: heartbeat") == 1)
        world.hub.warn()
        await until(lambda: server.body.count(b"event: heartbeat") == 2)
        server.gone.set()
        await opened
