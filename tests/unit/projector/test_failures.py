"""What a task group's failures come to."""

import asyncio

import pytest

from catalyst.projector.failures import alone
from catalyst.projector.ports import Doubt, GuardLost, Missing


def ended(*failures: BaseException) -> BaseException:
    with pytest.raises(BaseException) as caught, alone(GuardLost, Doubt, Missing):  # noqa: PT011
        raise BaseExceptionGroup("several", failures)
    return caught.value


async def test_of_those_that_are_known_the_first_that_is_named_comes_out_alone() -> None:
    lost, doubt = GuardLost(), Doubt("reading")
    assert ended(doubt) is doubt
    assert ended(doubt, lost) is lost
    assert ended(BaseExceptionGroup("inner", [Missing("none"), doubt])) is doubt
    assert ended(BaseExceptionGroup("inner", [doubt]), lost) is lost


async def test_what_is_not_known_stays_with_all_others() -> None:
    doubt, other = Doubt("reading"), ValueError("other")
    found = ended(doubt, other)
    assert isinstance(found, BaseExceptionGroup)
    assert found.exceptions == (doubt, other)


async def test_what_is_no_group_passes() -> None:
    with pytest.raises(ValueError, match="other"), alone(Doubt):
        raise ValueError("other")


async def test_a_task_that_is_cancelled_as_its_group_fails_ends() -> None:
    async def fails() -> None:
        raise GuardLost

    async def lasts(begun: asyncio.Event, end: asyncio.Event) -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            await end.wait()

    async def follows(begun: asyncio.Event, end: asyncio.Event) -> None:
        """Go on after a failure that is known, as the follower does."""
        while True:
            try:
                with alone(GuardLost):
                    async with asyncio.TaskGroup() as group:
                        group.create_task(lasts(begun, end))
                        group.create_task(fails())
            except GuardLost:
                await asyncio.Event().wait()

    begun, end = asyncio.Event(), asyncio.Event()
    task = asyncio.create_task(follows(begun, end))
    await begun.wait()
    await asyncio.sleep(0)
    # The group waits for its last task when whoever runs it wants an end.
    task.cancel()
    await asyncio.sleep(0)
    end.set()
    async with asyncio.timeout(10):
        await asyncio.wait([task])
    assert task.cancelled()
