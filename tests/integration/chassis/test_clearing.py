"""Clearing: what is settled leaves the stream, many messages at once, and nothing else does."""

import logging
from pathlib import Path

import msgspec
import pytest
from nats.aio.msg import Msg
from tests.support.waiting import until

from catalyst.chassis.clearing import Clearing
from catalyst.chassis.jetstream import topology
from catalyst.chassis.jetstream.broker import JetStream
from catalyst.chassis.jetstream.connection import connect
from catalyst.chassis.jetstream.port import Outgoing
from catalyst.cli import usecheck
from catalyst.cli.broker import Account, BrokerProcess, BrokerSettings, User
from catalyst.cli.findings import Health
from catalyst.contracts import permissions
from catalyst.contracts import topology as contract
from catalyst.contracts.topology import USE, Stream

pytestmark = [pytest.mark.real, pytest.mark.guarantee("G1.14")]

(READER,) = (item for item in contract.CONSUMERS if item.stream == USE)


async def _report(js: JetStream, count: int) -> None:
    for number in range(count):
        await js.publish(Outgoing("use.acme.meter", str(number).encode()))


async def _taken(js: JetStream, count: int) -> dict[int, Msg]:
    """Take messages as a worker does, by their sequences."""
    reader = await js.link.jetstream().pull_subscribe_bind(consumer=READER.name, stream=USE)
    return {message.metadata.sequence.stream: message for message in await reader.fetch(count)}


async def _left(js: JetStream) -> tuple[int, int]:
    """Return the first sequence that is there, and how many messages are."""
    state = (await js.api(f"STREAM.INFO.{USE}", None))["state"]
    return state["first_seq"], state["messages"]


async def test_what_is_settled_goes_and_what_is_not_stays(js: JetStream) -> None:
    await topology.ensure(js, contract.topology_of("billing"))
    await _report(js, 10)
    taken = await _taken(js, 10)
    clearing = Clearing(js, [READER])
    assert not await clearing.clear()

    for seq in (1, 2, 3, 4, 6):
        await taken[seq].ack_sync()
    assert await clearing.clear()
    # The fifth is still being worked on, so that the sixth waits for it.
    assert await _left(js) == (5, 6)
    assert not await clearing.clear()

    for seq in (5, 7, 8, 9, 10):
        await taken[seq].ack_sync()
    # Another one knows what is settled as well: the broker says it.
    assert await Clearing(js, [READER]).clear()
    assert await _left(js) == (11, 0)


async def test_nothing_is_taken_out_of_a_stream_of_the_same_name_that_was_made_anew(
    js: JetStream,
) -> None:
    await topology.ensure(js, contract.topology_of("billing"))
    await _report(js, 10)
    clearing = Clearing(js, [READER])
    for message in (await _taken(js, 10)).values():
        await message.ack_sync()
    assert await clearing.clear()
    await js.api(f"STREAM.DELETE.{USE}", None)
    await topology.ensure(js, contract.topology_of("billing"))

    await _report(js, 10)
    await clearing.clear()
    assert await _left(js) == (1, 10)


async def test_a_work_queue_of_an_earlier_version_stays_one(js: JetStream) -> None:
    (wanted,) = (stream for stream in contract.STREAMS if stream.name == USE)
    before = Stream(USE, {**wanted.config, "retention": "workqueue"})
    assert await topology.ensure(js, ([before], []), version=contract.VERSION - 1) == []

    assert await topology.ensure(js, contract.topology_of("billing")) == []
    assert (await js.stream_state(USE)).config["retention"] == "workqueue"
    await _report(js, 10)
    for message in (await _taken(js, 10)).values():
        await message.ack_sync()
    assert await _left(js) == (11, 0)
    await Clearing(js, [READER]).clear()
    await _report(js, 1)
    assert await _left(js) == (11, 1)


async def test_whoever_may_not_take_out_says_so_once_and_counts_on(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    # As a broker that somebody else runs has it, who gave its users what an earlier version needed.
    rules = permissions.worker("billing")
    earlier = User(
        "earlier",
        "earlier",
        publish=[subject for subject in rules.publish if subject != f"$JS.API.STREAM.PURGE.{USE}"],
        subscribe=["_INBOX_earlier.>"],
    )
    mended = msgspec.structs.replace(earlier, publish=rules.publish)
    server = BrokerProcess(_with(tmp_path, earlier))
    await server.start()
    try:
        async with (
            connect(server.url, name="all", user="all", password="all") as js,
            connect(server.url, name="earlier", user="earlier", password="earlier") as own,
        ):
            await topology.ensure(js, contract.topology_of("billing"))
            await _report(js, 1)
            await (await _taken(js, 1))[1].ack_sync()

            caplog.set_level(logging.INFO)
            clearing = Clearing(own, [READER])
            for _ in range(3):
                assert not await clearing.clear()
            assert _said(caplog) == [("WARNING", "settled messages stay", USE)]
            assert await _left(js) == (1, 1)
            found = await usecheck.uses(js)
            assert (found.check, found.health) == ("uses", Health.OK)

            # What the worker was told a while ago is told by `catalyst doctor` now.
            await _report(js, 2)
            found = await usecheck.uses(js, quiet_seconds=0.0)
            assert (found.check, found.health) == ("uses", Health.WARN)
            assert "USE: 1 counted and still there, 2 waiting" in found.detail
            assert "no worker of billing runs" in found.detail
            assert len(await _taken(js, 2)) == 2
            found = await usecheck.uses(js, quiet_seconds=0.0)
            assert "the broker does not let billing take them out" in found.detail
            assert f"`$JS.API.STREAM.PURGE.{USE}`" in found.fix

            server.settings = _with(tmp_path, mended)
            await server.stop()
            await server.start()
            await until(clearing.clear)
            assert _said(caplog)[-1] == ("WARNING", "settled messages go again", USE)
            assert await _left(js) == (2, 2)
            found = await usecheck.uses(js, quiet_seconds=0.0)
            assert found.health is Health.OK
    finally:
        await server.stop()


def _with(folder: Path, *users: User) -> BrokerSettings:
    everybody = [User("all", "all"), *users]
    return BrokerSettings(folder, [Account("A", everybody)], min_free_bytes=0)


def _said(caplog: pytest.LogCaptureFixture) -> list[tuple[str, str, str]]:
    return [
        (one.levelname, one.message, one.__dict__["stream"])
        for one in caplog.records
        if one.name.endswith("clearing") and one.message != "settled messages stay for now"
    ]
