"""A bug in what takes messages off the connection is logged without a word of them."""

import asyncio
import re
from collections.abc import Awaitable

import pytest
from tests.integration.jetstream.streams import log_stream
from tests.integration.jetstream.worker import Worker
from tests.support.quoting import SECRET, logged, quoting
from tests.support.waiting import until

from catalyst.chassis.jetstream import wire
from catalyst.chassis.jetstream.broker import JetStream
from catalyst.chassis.jetstream.consume import Durable, Intake
from catalyst.chassis.jetstream.port import Delivery, Outgoing
from catalyst.chassis.jetstream.puller import Doubt, pull

pytestmark = [pytest.mark.real, pytest.mark.guarantee("G6.8")]


def told(caplog: pytest.LogCaptureFixture, message: str) -> None:
    """Assert that the bug was logged, and nothing of what it was given."""
    (failed,) = [one for one in caplog.records if one.message == message]
    assert re.fullmatch(r"LookupError in quoting\.py, line \d+", vars(failed)["why"])
    assert SECRET not in logged(caplog.records)


async def test_a_tap_that_fails(js: JetStream, caplog: pytest.LogCaptureFixture) -> None:
    heard = asyncio.Event()

    def fail(raw: wire.Raw) -> None:
        heard.set()
        quoting(raw.data)

    await js.link.tap("a.>", fail)
    await js.core_publish("a.1", SECRET.encode())
    async with asyncio.timeout(60):
        await heard.wait()
    await js.ready()
    told(caplog, "a tap failed")


async def test_a_reader_that_fails(js: JetStream, caplog: pytest.LogCaptureFixture) -> None:
    await log_stream(js)
    await js.publish(Outgoing("evt.a", b"x", {"Authorization": SECRET}))

    def skip(_subject: bytes, headers: bytes | None) -> bool:
        quoting(headers)

    async def read() -> None:
        async with pull(js, "EV", name="reader", start=1, skip=skip) as puller:
            while True:
                await puller.read()

    with pytest.raises(Doubt):
        await asyncio.wait_for(read(), 60)
    told(caplog, "a message cannot be taken")


@pytest.mark.parametrize("way", ["at once", "later"])
async def test_a_lane_that_fails(js: JetStream, caplog: pytest.LogCaptureFixture, way: str) -> None:
    await log_stream(js)
    await js.publish(Outgoing("evt.a", SECRET.encode()))
    worker = Worker(js, ack_wait_seconds=0.2)

    async def later(delivery: Delivery) -> None:
        quoting(delivery.data)

    def fail_once(delivery: Delivery) -> Awaitable[None]:
        if delivery.delivered > 1:
            return worker.acknowledge(delivery)
        return quoting(delivery.data) if way == "at once" else later(delivery)

    worker.intake = Intake(js, [Durable("EV", "work", fail_once, worker.ensure)])
    async with worker.running():
        await until(lambda: len(worker.taken) == 1)
    told(caplog, "a message could not be put into its lane")
