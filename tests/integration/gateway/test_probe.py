"""Readiness of the broker: delivered, not only stored; well again after a restart."""

import asyncio

import pytest
from tests.support.waiting import until

from catalyst.chassis import probe
from catalyst.chassis.jetstream.broker import JetStream
from catalyst.chassis.jetstream.connection import connect
from catalyst.chassis.jetstream.port import BrokerError
from catalyst.chassis.probe import Probe
from catalyst.cli.broker import BrokerProcess
from catalyst.contracts.permissions import PROBE_STREAM


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
        running.cancel()


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
