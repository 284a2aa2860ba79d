"""Readiness of the broker: stored on its disk and delivered; well again after a restart."""

import asyncio
from pathlib import Path

import pytest
from tests.support.waiting import until

from catalyst.chassis import probe
from catalyst.chassis.jetstream.broker import JetStream
from catalyst.chassis.jetstream.connection import connect
from catalyst.chassis.jetstream.port import BrokerError, Outgoing
from catalyst.chassis.jetstream.topology import ensure_stream
from catalyst.chassis.probe import Probe
from catalyst.cli.broker import BrokerProcess, BrokerSettings
from catalyst.contracts.permissions import DISK_PROBE_STREAM, PROBE_STREAM
from catalyst.contracts.topology import Stream

MIB = 1024 * 1024


async def _says(checked: Probe) -> str | None:
    try:
        return await checked.check()
    except BrokerError as error:
        return error.description


async def test_a_probe_is_well_once_its_message_came_back(js: JetStream) -> None:
    found = Probe(js, "test")
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(found.run())

        async def well() -> bool:
            return await _says(found) is None

        await until(well)
        state = await js.stream_state(PROBE_STREAM)
        assert state.config["storage"] == "memory"
        assert state.messages == 1
        state = await js.stream_state(DISK_PROBE_STREAM)
        assert state.config["storage"] == "file"
        assert state.messages == 1
        running.cancel()


@pytest.mark.guarantee("G7.11")
async def test_a_broker_that_may_store_no_more_is_not_well_until_it_may(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(probe, "DISK_SECONDS", 0.05)
    monkeypatch.setattr(probe, "DISK_AGAIN_SECONDS", 0.05)
    # The disk itself runs full in `tests/integration/stack/test_full.py`; here the limit is ours.
    broker = BrokerProcess(
        BrokerSettings(
            directory=tmp_path / "broker",
            accounts=[],
            sync_interval="10s",
            max_store_bytes=2 * MIB,
            min_free_bytes=0,
        )
    )
    await broker.start()
    try:
        async with connect(broker.url, name="t") as js, asyncio.TaskGroup() as tasks:
            found = Probe(js, "test")
            running = tasks.create_task(found.run())

            async def well() -> bool:
                return await _says(found) is None

            await until(well)
            await ensure_stream(js, Stream("FILLER", {"subjects": ["filler"]}))

            async def refused() -> bool:
                try:
                    await js.publish(Outgoing("filler", bytes(MIB // 2)))
                except BrokerError:
                    return True
                return False

            await until(refused)

            async def told() -> bool:
                return "stores nothing" in str(await _says(found))

            await until(told)
            # What is in memory alone goes on as if nothing were.
            assert (await js.publish(Outgoing("prb.another", b""))).seq > 0
            await js.api("STREAM.PURGE.FILLER", None)
            await until(well)
            running.cancel()
    finally:
        await broker.stop()


async def test_storing_alone_is_not_well(js: JetStream, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probe, "DELIVERY_SECONDS", 0.05)
    found = Probe(js, "test")
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(found.run())

        async def made() -> bool:
            return await _says(found) is None

        await until(made)
        running.cancel()
    assert "does not deliver" in str(await found.check())


async def test_a_restarted_broker_is_well_again(own_server: BrokerProcess) -> None:
    async with connect(own_server.url, name="t", user="own", password="own") as js:
        found = Probe(js, "test")
        async with asyncio.TaskGroup() as tasks:
            running = tasks.create_task(found.run())

            async def well() -> bool:
                return await _says(found) is None

            await until(well)
            await own_server.kill()
            assert await _says(found) is not None
            await own_server.start()
            await until(well, 30)
            running.cancel()
