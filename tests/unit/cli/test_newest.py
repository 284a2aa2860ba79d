"""The newest events of a log, found from its end."""

from __future__ import annotations

import asyncio
import functools
import json
from bisect import bisect_right
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalyst.cli import events, main
from catalyst.cli.events import PAGE, Types, newest, oldest
from catalyst.client.events import EventPage, LoggedEvent
from catalyst.client.http_transport import HttpClient

CREATED, UPDATED = (f"environment.organization-{what}.v1" for what in ("created", "updated"))
KINDS = (CREATED, UPDATED, CREATED, "environment.organization-ready.v1")
BOTH = Types([CREATED, UPDATED])
SMALL = 100
"""Of a page, where it is asked for one after the other."""
WHEN = datetime(2026, 1, 1, tzinfo=UTC)


def kind(seq: int) -> str:
    """Return the type of an event: each fourth is of one that nobody asks for."""
    return KINDS[seq % 4]


@functools.cache
def logged(seq: int) -> LoggedEvent:
    """Return an event, made once: many pages show it."""
    return LoggedEvent(
        seq=seq, time=WHEN, type=kind(seq), id="i", organization=None,
        aggregate="a", aggregate_id="b",
    )  # fmt: skip


class Log:
    """A log as its door shows it: some sequences of it are events that were asked for."""

    def __init__(self, seqs: set[int], head: int) -> None:
        """Begin with this log."""
        self._seqs = sorted(seqs)
        self._head = head
        self.read: list[int] = []
        self.grows = True

    async def events(self, *, after: int | None = None, limit: int, **_: Any) -> EventPage:
        """Return a page; something is written meanwhile."""
        first = bisect_right(self._seqs, after or 0)
        shown = self._seqs[first : first + limit]
        more = first + limit < len(self._seqs)
        if after is not None:
            self.read += shown
        if self.grows:
            self._head += 1
            self._seqs.append(self._head)
        return EventPage(
            items=tuple(map(logged, shown)),
            head=self._head - self.grows,
            next=shown[-1] if more else None,
        )


@given(
    seqs=st.sets(st.integers(1, 20 * PAGE), max_size=60),
    beyond=st.integers(0, 3 * PAGE),
    count=st.integers(1, 70),
)
def test_they_are_the_last_ones_of_when_it_was_asked(
    seqs: set[int], beyond: int, count: int
) -> None:
    head = max(seqs, default=0) + beyond
    log = Log(seqs, head)
    found, page = asyncio.run(newest(cast("HttpClient", log), {}, count))
    assert [event.seq for event in found] == sorted(seqs)[-count:]
    assert (page.as_of, page.head, page.next) == (head, head, None)


@given(
    seqs=st.sets(st.integers(1, 6 * SMALL), max_size=60) | st.just({*range(1, 3 * SMALL)}),
    limit=st.integers(1, 2 * SMALL),
)
def test_of_several_types_the_oldest_and_the_newest_are_those_of_them(
    seqs: set[int], limit: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(events, "PAGE", SMALL)
        both_ends(seqs, limit)


def both_ends(seqs: set[int], limit: int) -> None:
    head = max(seqs, default=0)
    wanted = [seq for seq in sorted(seqs) if seq % 4 != 3]
    log = cast("HttpClient", Log(seqs, head))
    found, _ = asyncio.run(newest(log, {}, limit, BOTH))
    assert [event.seq for event in found] == wanted[-limit:]
    still = Log(seqs, head)
    # What is written meanwhile is of the types, too.
    still.grows = False
    log = cast("HttpClient", still)
    found, page = asyncio.run(oldest(log, {}, limit, BOTH))
    assert [event.seq for event in found] == wanted[:limit]
    # Where it goes on, the rest follows, and nothing twice.
    rest: list[int] = []
    with asyncio.Runner() as runner:
        while page.next is not None:
            more, page = runner.run(oldest(log, {"after": page.next}, limit, BOTH))
            rest += [event.seq for event in more]
    assert rest == wanted[limit:]


def test_who_follows_several_types_sees_those_alone(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def followed(*_: object) -> AsyncIterator[LoggedEvent]:
        for event in (await Log(set(range(1, 9)), 8).events(limit=8)).items:
            yield event

    monkeypatch.setattr(events, "followed", followed)
    line = ["events", "--follow", "--type", CREATED, "--type", UPDATED, "--json"]
    assert main.ended([*line, "--url", "http://127.0.0.1:1"]) == 0
    seen = [json.loads(one)["seq"] for one in capsys.readouterr().out.splitlines()]
    assert seen == [1, 2, 4, 5, 6, 8]


def test_of_a_long_log_only_the_end_is_read() -> None:
    log = Log(set(range(1, 100 * PAGE)), 100 * PAGE)
    found, _ = asyncio.run(newest(cast("HttpClient", log), {}, 20))
    assert len(found) == 20
    assert len(log.read) <= PAGE + 5


@pytest.mark.parametrize("more", [["--follow"], ["--since", "1h"], ["--after", "0"], ["--watch"]])
def test_where_it_begins_is_not_said_twice(
    more: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main.ended(["events", "--last", "3", *more, "--url", "http://127.0.0.1:1"]) == 2
    assert "--last begins where it has to" in capsys.readouterr().err
