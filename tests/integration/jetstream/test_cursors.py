"""A durable on the log that is lost goes on where it was, and only on the log that it was on."""

import msgspec
import pytest
from tests.integration.jetstream.streams import fill

from catalyst.chassis import cursors
from catalyst.chassis.jetstream.broker import JetStream
from catalyst.chassis.jetstream.port import Outgoing
from catalyst.chassis.jetstream.topology import ensure, ensure_consumer
from catalyst.contracts import topology as contracts
from catalyst.contracts.subjects import escape
from catalyst.contracts.topology import Consumer

pytestmark = pytest.mark.real

LOG = next(stream for stream in contracts.STREAMS if stream.name == contracts.EV)


async def test_a_lost_durable_on_the_log_starts_behind_its_cursor(js: JetStream) -> None:
    durable = await kept_at(js, 10)
    await js.api(f"CONSUMER.DELETE.{durable.stream}.{durable.name}", None)
    await fill(js, 5)

    assert await ensure_consumer(js, durable) == []
    assert await ensure(js, ([LOG, *contracts.BUCKETS], [durable])) == []

    info = await js.api(f"CONSUMER.INFO.{durable.stream}.{durable.name}", None)
    assert info["config"]["opt_start_seq"] == 11
    assert info["num_pending"] == 5


async def test_a_lost_durable_on_another_log_starts_at_its_beginning(js: JetStream) -> None:
    durable = await kept_at(js, 10)
    await js.api("STREAM.DELETE.EV", None)
    await ensure(js, ([LOG], []))
    await fill(js, 15)

    await ensure(js, ([LOG], [durable]))

    info = await js.api(f"CONSUMER.INFO.{durable.stream}.{durable.name}", None)
    assert info["config"].get("opt_start_seq", 0) == 0
    assert info["num_pending"] == 15


async def test_a_lost_durable_whose_cursor_is_beyond_the_log_starts_at_its_beginning(
    js: JetStream,
) -> None:
    """As after a restored backup: the same log, and shorter than what was settled."""
    durable = await kept_at(js, 10)
    stored = await js.last("KV_cursors", f"$KV.cursors.{escape(durable.name)}")
    assert stored is not None
    kept = msgspec.json.decode(stored.data, type=cursors.Cursor)
    assert kept.floor == 10
    ahead = msgspec.structs.replace(kept, floor=11)
    await js.publish(Outgoing(stored.subject, msgspec.json.encode(ahead)))
    await js.api(f"CONSUMER.DELETE.{durable.stream}.{durable.name}", None)

    await ensure(js, ([LOG], [durable]))

    info = await js.api(f"CONSUMER.INFO.{durable.stream}.{durable.name}", None)
    assert info["config"].get("opt_start_seq", 0) == 0
    assert info["num_pending"] == 10


async def kept_at(js: JetStream, count: int) -> Consumer:
    """Return a durable on the log that settled so many messages, and whose floor is kept."""
    durable = contracts.reaction_consumer("environment", "test", ["evt.>"])
    await ensure(js, ([LOG, *contracts.BUCKETS], [durable]))
    await fill(js, count)
    await settle_all(js, durable, count)
    await cursors.Keeper(js, [durable]).keep()
    return durable


async def settle_all(js: JetStream, durable: Consumer, count: int) -> None:
    acknowledged = await js.link.jetstream().pull_subscribe_bind(
        consumer=durable.name, stream=durable.stream
    )
    for message in await acknowledged.fetch(count):
        await message.ack_sync()
