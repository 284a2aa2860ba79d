"""Lanes, the controller's loop and effects: order, backoff, and what a failure leaves."""

import asyncio
import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.waiting import until

from catalyst.chassis.errors import Retry
from catalyst.chassis.lane import Lanes
from catalyst.chassis.reconcile import Reconciler

# ---- lanes


@given(st.lists(st.sampled_from("abc"), max_size=30))
async def test_a_lane_keeps_its_order_and_has_one_at_a_time(keys: list[str]) -> None:
    busy: set[str] = set()
    handled: list[tuple[str, int]] = []

    async def handle(item: tuple[str, int]) -> None:
        assert item[0] not in busy
        busy.add(item[0])
        await asyncio.sleep(0)
        busy.discard(item[0])
        handled.append(item)

    items = [(key, number) for number, key in enumerate(keys)]
    async with asyncio.TaskGroup() as tasks:
        lanes: Lanes[tuple[str, int]] = Lanes(tasks, handle)
        for item in items:
            lanes.put(item[0], item)
        await lanes.drained()
        assert lanes.open == 0
    for key in "abc":
        assert [item for item in handled if item[0] == key] == [
            item for item in items if item[0] == key
        ]


async def test_lanes_do_not_wait_for_each_other() -> None:
    gate = asyncio.Event()
    handled: list[str] = []

    async def handle(item: str) -> None:
        if item == "slow":
            await gate.wait()
        handled.append(item)

    async with asyncio.TaskGroup() as tasks:
        lanes: Lanes[str] = Lanes(tasks, handle)
        lanes.put("a", "slow")
        lanes.put("a", "behind")
        lanes.put("b", "quick")
        await until(lambda: handled == ["quick"])
        gate.set()
        await lanes.drained()
    assert handled == ["quick", "slow", "behind"]


async def test_lanes_that_are_abandoned_end_where_they_stand() -> None:
    handled: list[str] = []

    async def handle(item: str) -> None:
        handled.append(item)
        await asyncio.Event().wait()

    async with asyncio.TaskGroup() as tasks:
        lanes: Lanes[str] = Lanes(tasks, handle)
        lanes.put("a", "1")
        lanes.put("a", "2")
        lanes.put("b", "3")
        await until(lambda: len(handled) == 2)
        lanes.abandon()
    assert handled == ["1", "3"]


async def test_a_failure_ends_the_whole_group() -> None:
    async def handle(item: str) -> None:
        raise LookupError(item)

    with pytest.raises(ExceptionGroup) as ended:
        async with asyncio.TaskGroup() as tasks:
            Lanes(tasks, handle).put("a", "1")
    assert ended.group_contains(LookupError)


@pytest.mark.filterwarnings("error::pytest.PytestUnraisableExceptionWarning")
async def test_what_comes_while_the_group_ends_is_in_no_lane() -> None:
    """What fetches ends a little later than the lanes, and says there that nothing was taken."""
    opened: list[int] = []

    async def handle(item: str) -> None:
        raise LookupError(item)

    async def fetch(lanes: Lanes[str]) -> None:
        lanes.put("a", "1")
        try:
            await asyncio.Event().wait()
        finally:
            with pytest.raises(RuntimeError):
                lanes.put("b", "2")
            opened.append(lanes.open)

    with pytest.raises(ExceptionGroup) as ended:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(fetch(Lanes(tasks, handle)))
    assert ended.group_contains(LookupError)
    assert opened == [0]


# ---- the controller's loop


async def test_marks_during_a_pass_lead_to_exactly_one_more() -> None:
    passes: list[str] = []
    gate = asyncio.Event()

    async def reconcile(key: str) -> float | None:
        passes.append(key)
        if len(passes) == 1:
            await gate.wait()
        return None

    async with asyncio.TaskGroup() as tasks:
        loop = Reconciler(tasks, reconcile)
        loop.mark("a")
        await until(lambda: len(passes) == 1)
        for _ in range(5):
            loop.mark("a")
        gate.set()
    assert passes == ["a", "a"]


async def test_one_pass_of_a_key_at_a_time_and_keys_side_by_side() -> None:
    busy: set[str] = set()
    most = 0

    async def reconcile(key: str) -> float | None:
        nonlocal most
        assert key not in busy
        busy.add(key)
        most = max(most, len(busy))
        await asyncio.sleep(0)
        busy.discard(key)
        return None

    async with asyncio.TaskGroup() as tasks:
        loop = Reconciler(tasks, reconcile)
        for _ in range(3):
            for key in "abc":
                loop.mark(key)
    assert most == 3


async def test_a_failing_key_backs_off_alone_and_says_why() -> None:
    failures = {"bad": 4}
    passes: list[str] = []
    seen: list[str] = []

    async def reconcile(key: str) -> float | None:
        passes.append(key)
        if failures.get(key):
            failures[key] -= 1
            if failures[key] % 2:
                raise Retry("not ready", after_seconds=0.0)
            raise ZeroDivisionError("a bug")
        return None

    async with asyncio.TaskGroup() as tasks:
        loop = Reconciler(tasks, reconcile, first_pause_seconds=0.001)
        loop.mark("bad")
        loop.mark("good")
        await until(lambda: "bad" in loop.failing)
        seen.append(loop.failing["bad"])
        assert "good" not in loop.failing
    assert passes.count("bad") == 5
    assert passes.count("good") == 1
    assert seen[0] in {"not ready", "ZeroDivisionError: a bug"}
    assert loop.failing == {}


async def test_backoff_doubles_up_to_a_minute(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    # What each failure is told by takes longer than all else here.
    caplog.set_level(logging.CRITICAL)
    pauses: list[float] = []

    async def pause(self: Reconciler, key: str, seconds: float, *, skip_on_mark: bool) -> None:
        pauses.append(seconds)
        assert not skip_on_mark

    async def reconcile(key: str) -> float | None:
        # A day of failures and more: no number of them is too large.
        if len(pauses) < 2000:
            raise LookupError
        return None

    monkeypatch.setattr(Reconciler, "_pause", pause)
    async with asyncio.TaskGroup() as tasks:
        Reconciler(tasks, reconcile).mark("a")
    assert pauses[:4] == [0.25, 0.5, 1.0, 2.0]
    assert pauses[-1] == 60.0


async def test_a_pass_that_wants_to_look_again_is_woken_by_a_mark() -> None:
    passes = 0

    async def reconcile(key: str) -> float | None:
        nonlocal passes
        passes += 1
        return 3600.0 if passes == 1 else None

    async with asyncio.TaskGroup() as tasks:
        loop = Reconciler(tasks, reconcile)
        loop.mark("a")
        await until(lambda: passes == 1)
        loop.mark("a")
        await until(lambda: passes >= 2)
    assert passes == 2
