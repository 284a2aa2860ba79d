"""A worker told to stop finishes what is in hand, begins nothing new, and ends in time."""

import asyncio
from collections.abc import Awaitable

import pytest
from tests.integration.jetstream.streams import fill, log_stream
from tests.integration.jetstream.worker import Worker
from tests.support.broker import Access
from tests.support.waiting import until

from catalyst.chassis.jetstream.broker import JetStream
from catalyst.chassis.jetstream.connection import connect
from catalyst.chassis.jetstream.port import (
    Acked,
    Delivery,
    Unavailable,
)
from catalyst.chassis.parking import MAX_DELIVERIES

pytestmark = pytest.mark.real


async def test_a_drain_waits_for_the_lanes_and_loses_no_acknowledgement(
    js: JetStream, access: Access
) -> None:
    await log_stream(js)
    await fill(js, 2000)
    worker = Worker(js)
    await worker.ensure()

    settled = 0
    async with (
        # Another way to the broker, so that the question does not come in behind the answers.
        connect(access.url, name="other", user=access.user, password=access.password) as other,
        asyncio.TaskGroup() as group,
    ):
        group.create_task(worker.intake.run())
        await until(lambda: len(worker.taken) >= 500)
        drained = group.create_task(worker.intake.drain(timeout=20))
        while not drained.done():
            while settled < len(worker.taken):
                await worker.intake.settle(worker.taken[settled], Acked())
                settled += 1
            await asyncio.wait({drained}, timeout=0.01)
        info = await other.api("CONSUMER.INFO.EV.work", None)

    assert drained.result() == 0
    assert settled == len(worker.taken)
    assert info["ack_floor"]["stream_seq"] == settled

    # Whoever takes over gets the rest at once, and nothing of what was settled.
    successor = Worker(js)
    successor.take = successor.acknowledge
    async with successor.running():
        await until(lambda: len(successor.taken) == 2000 - settled)
    assert {delivery.seq for delivery in successor.taken} == set(range(settled + 1, 2001))


async def test_a_drain_does_not_wait_for_ever(
    js: JetStream, caplog: pytest.LogCaptureFixture
) -> None:
    await log_stream(js)
    await fill(js, 3)
    worker = Worker(js)
    await worker.ensure()

    async with asyncio.TaskGroup() as group:
        group.create_task(worker.intake.run())
        await until(lambda: len(worker.taken) == 3)
        await worker.intake.settle(worker.taken[1], Acked())

        assert await worker.intake.drain(timeout=0.05) == 2

    assert "drained in part" in caplog.text


async def test_a_drained_worker_takes_nothing_more(js: JetStream) -> None:
    await log_stream(js)
    worker = Worker(js)

    async with worker.running():
        await until(lambda: worker.intake._fetchings["EV", "work"]._requests._open != [])
    await fill(js, 5)
    await js.rtt()

    assert worker.taken == []
    assert (await worker.info())["num_ack_pending"] == 0


async def test_a_worker_that_ends_by_an_error_takes_nothing_as_it_falls(js: JetStream) -> None:
    """It would be delivered to the dying again and again, and then be parked by whoever follows."""
    await log_stream(js)
    worker = Worker(js, ack_wait_seconds=0.5)
    await worker.ensure()

    async def never(delivery: Delivery) -> None:
        worker.taken.append(delivery)
        await asyncio.Event().wait()

    worker.take = never
    dying = asyncio.ensure_future(worker.intake.run())
    await fill(js, 1)
    await until(lambda: len(worker.taken) == 1)

    # So does a group of tasks of which one has failed.
    dying.cancel()
    await fill(js, 5)
    await asyncio.wait({dying})

    successor = Worker(js)
    successor.take = successor.acknowledge
    async with successor.running():
        await until(lambda: len({delivery.seq for delivery in successor.taken}) == 6)
    assert max(delivery.delivered for delivery in successor.taken) <= MAX_DELIVERIES
    assert len(worker.taken) == 1


async def test_a_closed_connection_ends_it(js: JetStream) -> None:
    await log_stream(js)
    worker = Worker(js)
    await worker.ensure()

    async with asyncio.timeout(60):
        async with asyncio.TaskGroup() as group:
            running = group.create_task(_ending(worker.intake.run()))
            await until(lambda: worker.intake._fetchings["EV", "work"]._requests._open != [])
            await js.link.close()

    assert "closed" in running.result()


async def _ending(run: Awaitable[None]) -> str:
    with pytest.raises(Unavailable) as caught:
        await run
    return caught.value.description


async def test_a_drain_after_the_connection_is_closed_still_ends(js: JetStream) -> None:
    await log_stream(js)
    await fill(js, 1)
    worker = Worker(js)
    await worker.ensure()

    async with asyncio.TaskGroup() as group:
        group.create_task(_ending(worker.intake.run()))
        await until(lambda: len(worker.taken) == 1)
        await js.link.close()

        assert await worker.intake.drain(timeout=0.05) == 1
