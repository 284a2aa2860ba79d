"""What several wait for is done once, and to its end, whoever gives up waiting."""

import asyncio
from contextvars import ContextVar

import pytest

from catalyst.chassis.once import Once

pytestmark = pytest.mark.guarantee("G7.16")

DEADLINE: ContextVar[float] = ContextVar("DEADLINE")


class Work:
    """Counts how often it was begun, and ends when it is let."""

    def __init__(self) -> None:
        self.begun = 0
        self.go = asyncio.Event()
        self.fails = False
        self.deadline: float | None = None

    async def __call__(self) -> int:
        self.begun += 1
        self.deadline = DEADLINE.get(None)
        await self.go.wait()
        if self.fails:
            raise LookupError("it cannot be")
        return self.begun


async def test_it_is_done_once_for_all_who_wait() -> None:
    once, work = Once[int](), Work()
    waits = [asyncio.create_task(once.do("a", work)) for _ in range(3)]
    await asyncio.sleep(0)
    work.go.set()
    assert await asyncio.gather(*waits) == [1, 1, 1]
    assert await once.do("a", work) == 2


async def test_what_is_done_for_another_thing_is_done_beside_it() -> None:
    once, work = Once[int](), Work()
    work.go.set()
    await asyncio.gather(*(once.do(key, work) for key in "ab"))
    assert work.begun == 2


async def test_whoever_gives_up_ends_it_for_nobody_and_the_next_has_it() -> None:
    once, work = Once[int](), Work()
    first = asyncio.create_task(once.do("a", work))
    await asyncio.sleep(0)
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    second = asyncio.create_task(once.do("a", work))
    await asyncio.sleep(0)
    work.go.set()
    assert await second == 1


async def test_all_who_wait_are_told_of_a_failure_and_the_next_tries_again() -> None:
    once, work = Once[int](), Work()
    work.fails = True
    work.go.set()
    found = await asyncio.gather(*(once.do("a", work) for _ in range(2)), return_exceptions=True)
    assert [type(one) for one in found] == [LookupError, LookupError]
    work.fails = False
    assert await once.do("a", work) == 2


async def test_it_knows_no_deadline_of_whoever_came_first() -> None:
    once, work = Once[int](), Work()
    work.go.set()
    DEADLINE.set(1.0)
    await once.do("a", work)
    assert work.deadline is None
