"""What `catalyst doctor` finds of a durable whose worker does not get on."""

import re
import time

import pytest
from tests.integration.jetstream.streams import fill, log_stream
from tests.integration.jetstream.worker import Worker
from tests.support.waiting import until

from catalyst.chassis.jetstream.broker import JetStream
from catalyst.chassis.jetstream.port import Acked
from catalyst.cli import brokercheck
from catalyst.cli.brokercheck import reading, settling
from catalyst.cli.findings import Health
from catalyst.contracts.topology import Consumer

pytestmark = pytest.mark.real
WORK = Consumer("EV", "work", {"filter_subjects": ["evt.a", "evt.b"]})


async def test_an_event_that_is_not_settled_in_time_is_told(
    js: JetStream, monkeypatch: pytest.MonkeyPatch
) -> None:
    await log_stream(js)
    began = time.monotonic()
    await fill(js, 3, subjects=["evt.a", "evt.b"])
    worker = Worker(js)
    async with worker.running():
        await until(lambda: len(worker.taken) == 3)
        # Just now they came; that they are in work is well.
        assert (await reading(js, WORK)).health is Health.OK
        assert not await settling(js, [WORK])
        first, second, third = worker.taken
        for settled in (first, third):
            await worker.intake.settle(settled, Acked())
        # A settlement has no answer.
        await until(lambda: settling(js, [WORK]))
        monkeypatch.setattr(brokercheck, "STANDS_SECONDS", 0.0)
        assert not await settling(js, [WORK])
        found = await reading(js, WORK)
        assert (found.check, found.health) == ("consumer work", Health.WARN)
        waits = re.search(r"the oldest for (\d+) s", found.detail)
        assert waits is not None
        # Rounded, on a machine that may be slow.
        assert int(waits[1]) <= time.monotonic() - began + 0.5
        assert found.fix.startswith("the log of work says")
        await worker.intake.settle(second, Acked())
        await until(lambda: _is_well(js))


async def _is_well(js: JetStream) -> bool:
    return (await reading(js, WORK)).health is Health.OK
