"""A watch whose first rows wait until the stream shows what was written."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

import pytest
from tests.support.each import each

from catalyst.client.errors import Problem, TimedOut
from catalyst.client.holding import held
from catalyst.client.rows import (
    Applied,
    Bye,
    Change,
    Del,
    Heartbeat,
    Interrupted,
    Put,
    Reset,
    Row,
    Synced,
)

A, B = "acme._.organization._.acme", "acme._.organization._.beta"
LOST = Interrupted(reason="lost", wait_seconds=0.1)


def row(key: str, seq: int) -> Put:
    return Put(row=Row(key=key, seq=seq))


async def coming(*changes: Change, stays: bool = False) -> AsyncGenerator[Change, None]:
    for change in changes:
        yield change
    if stays:
        await asyncio.Event().wait()


async def shown(*changes: Change, min_seq: int = 7) -> list[Change]:
    async with aclosing(held(coming(*changes), min_seq, timeout=5.0)) as found:
        return [change async for change in found]


@pytest.mark.guarantee("G4.9")
@each([(Applied(as_of=7),), (Heartbeat(as_of=9, head=9),)])
async def test_the_first_rows_are_those_of_when_the_sequence_is_there(reached: Change) -> None:
    assert isinstance(reached, Applied | Heartbeat)
    after = Del(key=B, seq=10)
    begun = (Reset(reason="start"), row(A, 1), row(B, 2), Synced(as_of=4))
    found = await shown(*begun, Applied(as_of=6), row(A, 7), reached, after)
    first = [Reset(reason="start"), row(A, 7), row(B, 2), Synced(as_of=reached.as_of)]
    assert found == [*first, after]


async def test_a_snapshot_that_holds_it_comes_as_it_is() -> None:
    begun: list[Change] = [Reset(reason="start"), row(A, 7), Synced(as_of=7)]
    assert await shown(*begun, Applied(as_of=8)) == [*begun, Applied(as_of=8)]


@pytest.mark.guarantee("G4.9")
async def test_what_half_a_snapshot_says_counts_for_nothing() -> None:
    """Rows of before stand in for those that a new snapshot has not brought yet."""
    early = (Reset(reason="start"), row(A, 1), Heartbeat(as_of=8, head=8), LOST)
    again = (Reset(reason="too-old"), row(B, 7), Synced(as_of=7))
    assert await shown(*early, *again) == [LOST, *again]


async def test_a_stream_that_ends_for_good_says_so_and_shows_nothing() -> None:
    bye = Bye(reason="token-expired", retryable=False)
    assert await shown(Reset(reason="start"), Synced(as_of=4), bye) == [bye]


@pytest.mark.guarantee("G4.9")
async def test_a_sequence_that_does_not_come_is_told_with_the_one_that_did() -> None:
    stream = coming(Reset(reason="start"), row(A, 1), Synced(as_of=4), stays=True)
    with pytest.raises(Problem, match="the rows are at 4 and did not reach 7 in time") as caught:
        await anext(held(stream, 7, timeout=0.05))
    assert (caught.value.status, caught.value.code) == (504, "timeout")


async def test_a_log_without_any_event_has_rows_that_came() -> None:
    stream = coming(Reset(reason="start"), Synced(as_of=0), stays=True)
    with pytest.raises(Problem, match="the rows are at 0 and did not reach 7 in time"):
        await anext(held(stream, 7, timeout=0.05))


async def test_rows_that_never_come_whole_are_no_answer() -> None:
    stream = coming(Reset(reason="start"), row(A, 1), stays=True)
    with pytest.raises(TimedOut, match="did not come in time"):
        await anext(held(stream, 7, timeout=0.05))
