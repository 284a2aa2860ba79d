"""What other programs do with our streams through nats-py's own helpers.

To be run against every new version of the server: js_ack_fc_v2 would break these without a word.
"""

import asyncio
from typing import Any

import pytest
from tests.integration.jetstream.streams import fill, log_stream
from tests.support.broker import SharedBroker

from catalyst.chassis.jetstream.broker import JetStream
from catalyst.chassis.jetstream.topology import ensure_stream
from catalyst.cli.broker import BrokerSettings, configuration
from catalyst.contracts.topology import read_model_bucket

pytestmark = pytest.mark.real


async def test_a_key_watch_opens_on_a_bucket_of_ours(js: JetStream) -> None:
    await ensure_stream(js, read_model_bucket("abc"))
    rows = await js.link.jetstream().key_value("rm_abc")
    await rows.put("acme.row", b"1")

    watch: Any = await rows.watchall()
    found = []
    async with asyncio.timeout(60):
        while (entry := await watch.updates(timeout=10)) is not None:
            found.append((entry.key, entry.value))
    await rows.put("acme.row", b"2")
    async with asyncio.timeout(60):
        update = await watch.updates(timeout=10)
    await watch.stop()

    assert found == [("acme.row", b"1")]
    assert update is not None
    assert update.value == b"2"
    # The read loop is alive: with the other form of ack subjects it would have ended here.
    assert await js.rtt() > 0


async def test_an_ordered_consumer_reads_our_log(js: JetStream) -> None:
    await log_stream(js)
    await fill(js, 5)

    subscription = await js.link.jetstream().subscribe("evt.>", stream="EV", ordered_consumer=True)
    found = [int((await subscription.next_msg(timeout=10)).data) for _ in range(5)]

    assert found == [0, 1, 2, 3, 4]


def test_the_broker_is_told_to_keep_the_first_form(shared_broker: SharedBroker) -> None:
    settings: BrokerSettings = shared_broker.process.settings

    assert configuration(settings, "x", 0)["feature_flags"] == {"js_ack_fc_v2": False}
