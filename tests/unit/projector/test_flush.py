"""The one writer: what is written together, in which order, under which guard."""

import asyncio
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager

import pytest
from tests.support.waiting import until

from catalyst.projector.checkpoint import Checkpoint
from catalyst.projector.flush import HOLD_KEYS, Flusher, Position
from catalyst.projector.fold import Changes, Gone
from catalyst.projector.ports import BucketReader, Change, GuardLost, Loaded

START = Checkpoint(seq=0, event_seq=0, event_time=None, epoch="e", log="l", fold=1)


class Paper:
    """A bucket that takes writes when it is told to, and remembers them."""

    epoch = "e"

    def __init__(self) -> None:
        self.revision = 0
        self.writes: list[tuple[list[str], Checkpoint]] = []
        self.open_ = asyncio.Event()
        self.open_.set()

    async def write(self, changes: Sequence[Change], checkpoint: Checkpoint, expected: int) -> int:
        await self.open_.wait()
        if expected != self.revision:
            raise GuardLost
        self.revision += len(changes) + 1
        self.writes.append(([change.key for change in changes], checkpoint))
        return self.revision

    async def last(self) -> tuple[int, Checkpoint]:
        return self.revision, self.writes[-1][1]

    async def load(self) -> Loaded:
        return Loaded({}, self.writes[-1][1], self.revision)

    def open(self, start: int) -> AbstractAsyncContextManager[BucketReader]:
        raise LookupError(start)


def changed(*keys: str) -> Changes:
    return {key: Gone(b"", 1) for key in keys}


def written(paper: Paper) -> list[tuple[list[str], int, int | None]]:
    return [(keys, checkpoint.seq, checkpoint.to) for keys, checkpoint in paper.writes]


async def test_what_changes_while_a_write_is_in_flight_is_written_once() -> None:
    paper = Paper()
    flusher = Flusher(paper, START, 0)
    paper.open_.clear()
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(flusher.run())
        await flusher.add(changed("a"), Position(1, 1, 1))
        await asyncio.sleep(0)
        for seq in range(2, 6):
            await flusher.add(changed("b", "a"), Position(seq, seq, seq))
        paper.open_.set()
        await until(lambda: flusher.clean)
        running.cancel()
    assert written(paper) == [(["a"], 1, None), (["b", "a"], 5, None)]
    assert flusher.written == 3


async def test_a_decision_that_does_not_fit_waits_for_the_flush_before_it() -> None:
    paper = Paper()
    flusher = Flusher(paper, START, 0, max_keys=3)
    await flusher.add(changed("a", "b"), Position(1, 1, 1))
    await flusher.add(changed("b", "c"), Position(2, 2, 2))
    async with asyncio.TaskGroup() as tasks:
        waiting = tasks.create_task(flusher.add(changed("d", "e"), Position(3, 3, 3)))
        await asyncio.sleep(0)
        assert not waiting.done()
        await flusher.flush()
    await flusher.flush()
    assert written(paper) == [(["a", "b", "c"], 2, None), (["d", "e"], 3, None)]


async def test_one_large_decision_goes_out_in_parts_that_say_so() -> None:
    paper = Paper()
    flusher = Flusher(paper, START, 0, max_keys=2)
    await flusher.add(changed("a", "b", "c", "d", "e"), Position(7, 7, 7))
    await flusher.flush()
    assert written(paper) == [(["a", "b"], 0, 7), (["c", "d"], 0, 7), (["e"], 7, None)]
    assert flusher.revision == paper.revision


async def test_while_far_behind_changes_gather_until_it_has_caught_up() -> None:
    paper = Paper()
    flusher = Flusher(paper, START, 0, max_keys=2)
    flusher.hold(far_behind=True)
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(flusher.run())
        for seq in range(1, 30):
            await flusher.add(changed(f"k{seq % 5}"), Position(seq, seq, seq))
            await asyncio.sleep(0)
        assert not paper.writes
        flusher.hold(far_behind=False)
        await until(lambda: flusher.clean)
        running.cancel()
    assert [checkpoint.to for _, checkpoint in paper.writes] == [29, 29, None]
    assert flusher.checkpoint.seq == 29


async def test_too_much_to_gather_is_written_although_far_behind() -> None:
    paper = Paper()
    flusher = Flusher(paper, START, 0)
    flusher.hold(far_behind=True)
    async with asyncio.timeout(10), asyncio.TaskGroup() as tasks:
        running = tasks.create_task(flusher.run())
        await flusher.add(
            changed(*(f"k{number}" for number in range(HOLD_KEYS))), Position(1, 1, 1)
        )
        await flusher.add(changed("one more"), Position(2, 2, 2))
        running.cancel()
    assert paper.writes


async def test_a_checkpoint_without_rows_keeps_the_last_event() -> None:
    paper = Paper()
    flusher = Flusher(paper, START, 0)
    await flusher.add(changed("a"), Position(3, 2, 1_000_000_000))
    await flusher.add({}, Position(5))
    await flusher.flush()
    await flusher.add({}, Position(6))
    await flusher.flush()
    assert [(found.seq, found.event_seq) for _, found in paper.writes] == [(5, 2), (6, 2)]
    assert flusher.checkpoint.event_time is not None


async def test_rows_do_not_wait_for_the_pause_between_bare_checkpoints() -> None:
    paper = Paper()
    flusher = Flusher(paper, START, 0)
    await flusher.add({}, Position(1))
    await flusher.flush()
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(flusher.run())
        await flusher.add({}, Position(2))
        await asyncio.sleep(0)
        await flusher.add(changed("a"), Position(3, 3, 3))
        await until(lambda: flusher.clean)
        running.cancel()
    assert written(paper) == [([], 1, None), (["a"], 3, None)]


@pytest.mark.parametrize("keys", [("a",), ("a", "b", "c")], ids=["whole", "in parts"])
async def test_a_lost_guard_ends_the_writer(keys: tuple[str, ...]) -> None:
    paper = Paper()
    flusher = Flusher(paper, START, 0, max_keys=1)
    paper.revision = 9
    await flusher.add(changed(*keys), Position(1, 1, 1))
    with pytest.raises(GuardLost):
        await flusher.flush()
    assert not paper.writes
