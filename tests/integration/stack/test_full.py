"""The disk of the broker runs full while it works: a person is told, and room alone mends it.

So does whoever asks whether a member is ready: nothing can be stored, however well the rest goes.
"""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.disks import MIB, fill, mounted
from tests.support.waiting import until

from catalyst.chassis import probe
from catalyst.chassis.jetstream import topology
from catalyst.chassis.jetstream.connection import connect
from catalyst.chassis.jetstream.port import BrokerError, Outgoing
from catalyst.chassis.probe import Probe
from catalyst.cli.broker import BrokerProcess, BrokerSettings
from catalyst.cli.stack import keep_broker
from catalyst.contracts import topology as contract

pytestmark = pytest.mark.real


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    with mounted(tmp_path / "disk", 64) as disk:
        yield disk


@pytest.mark.guarantee("G7.11")
async def test_a_disk_that_was_full_is_told_and_mended_once_there_is_room(
    small_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(probe, "DISK_SECONDS", 0.1)
    told: list[str] = []
    settings = BrokerSettings(
        directory=small_disk / "nats", accounts=[], min_free_bytes=8 * MIB, sync_interval="10s"
    )
    broker = BrokerProcess(settings)
    await broker.start()
    port = broker.port
    keeping = asyncio.ensure_future(keep_broker(broker, told.append))
    try:
        async with connect(broker.url, name="t") as js:
            for bucket in contract.BUCKETS:
                await topology.ensure_stream(js, bucket)
            member = Probe(js, "test")
            probing = asyncio.ensure_future(member.run())

            async def ready() -> str | None:
                try:
                    return await member.check()
                except BrokerError as error:
                    return error.description

            async def well() -> bool:
                return await ready() is None

            async def not_ready() -> bool:
                return "stores nothing" in str(await ready())

            await until(well)
            filler = fill(small_disk)

            async def stored() -> bool:
                try:
                    await js.publish(Outgoing("$KV.rm.key", bytes(MIB // 4)))
                except BrokerError:
                    return False
                return True

            async def refused() -> bool:
                return not await stored()

            await until(refused)
            await until(lambda: any("is full" in line for line in told))
            await until(not_ready)
            filler.unlink()
            await until(lambda: any("its disk was full" in line for line in told))
            await until(lambda: told[-1] == "the broker is back")
            await until(stored, 30)
            await until(well, 30)
            probing.cancel()
            await asyncio.wait({probing})
        assert broker.port == port
        assert not keeping.done()
    finally:
        keeping.cancel()
        await asyncio.wait({keeping})
        await broker.stop()
