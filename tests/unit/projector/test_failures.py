"""What a task group's failures come to."""

import asyncio

import pytest

from catalyst.projector.failures import alone, together
from catalyst.projector.ports import Doubt, GuardLost, Missing


def ended(*failures: BaseException) -> BaseException:
    with pytest.raises(BaseException) as caught, alone(GuardLost, Doubt, Missing):  # noqa: PT011
        raise BaseExceptionGroup("several", failures)
    return caught.value


def test_of_those_that_are_known_the_first_that_is_named_comes_out_alone() -> None:
    lost, doubt = GuardLost(), Doubt("reading")
    assert ended(doubt) is doubt
    assert ended(doubt, lost) is lost
    assert ended(BaseExceptionGroup("inner", [Missing("none"), doubt])) is doubt
    assert ended(BaseExceptionGroup("inner", [doubt]), lost) is lost


def test_what_is_not_known_stays_with_all_others() -> None:
    doubt, other = Doubt("reading"), ValueError("other")
    found = ended(doubt, other)
    assert isinstance(found, BaseExceptionGroup)
    assert found.exceptions == (doubt, other)


def test_what_is_no_group_passes() -> None:
    with pytest.raises(ValueError, match="other"), alone(Doubt):
        raise ValueError("other")


async def fails() -> None:
    raise GuardLost


async def stopped_as_it_fails(after: type[Exception]) -> asyncio.Task[None]:
    """Return a task that goes on after `GuardLost`, cancelled while its work ends for that."""
    begun, end, over = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def lasts() -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            over.set()
            await end.wait()
            if after is not GuardLost:
                raise after

    async def follows() -> None:
        try:
            await together({"lasts": lasts, "fails": fails}, GuardLost)
        except GuardLost:
            # Stands by, as the follower does, and would do so for ever.
            await asyncio.Event().wait()

    task = asyncio.create_task(follows())
    await begun.wait()
    await over.wait()
    task.cancel()
    await asyncio.sleep(0)
    end.set()
    async with asyncio.timeout(10):
        await asyncio.wait([task])
    return task


async def test_whoever_is_stopped_as_its_work_fails_ends() -> None:
    task = await stopped_as_it_fails(GuardLost)
    assert task.cancelled()


async def test_a_failure_that_is_not_known_is_not_lost_in_a_stop() -> None:
    task = await stopped_as_it_fails(ValueError)
    failure = task.exception()
    assert isinstance(failure, BaseExceptionGroup)
    assert {type(one) for one in failure.exceptions} == {GuardLost, ValueError}


async def test_whoever_goes_on_after_a_failure_can_be_stopped_later() -> None:
    async def follows() -> None:
        while True:
            try:
                await together({"fails": fails}, GuardLost)
            except GuardLost:
                await asyncio.sleep(0)

    task = asyncio.create_task(follows())
    for _ in range(20):
        await asyncio.sleep(0)
    assert not task.done()
    task.cancel()
    async with asyncio.timeout(10):
        await asyncio.wait([task])
    assert task.cancelled()
