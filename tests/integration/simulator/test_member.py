"""The simulator as a process of its own: when it is ready, and when it has to be started anew."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest
from tests.support.broker import Access
from tests.support.waiting import until

from catalyst.chassis.jetstream import topology
from catalyst.chassis.jetstream.broker import JetStream
from catalyst.contracts import topology as contract
from catalyst.simulator import main
from catalyst.simulator.main import ReaderLost, SimulatorMember
from catalyst.simulator.settings import Settings

pytestmark = pytest.mark.real


@asynccontextmanager
async def built(access: Access) -> AsyncIterator[tuple[SimulatorMember, httpx.AsyncClient]]:
    settings = Settings(
        nats_url=access.url,
        nats_user=access.user,
        nats_password=access.password,
        # Where a Secret without keys is mounted.
        key_file="/run/secrets/catalyst/signing-key.jwk",
        jwks="/run/secrets/catalyst/jwks.json",
        pace=0.02,
    )
    async with main.build(settings) as member:
        inside = httpx.ASGITransport(app=member.app)
        async with httpx.AsyncClient(transport=inside, base_url="http://simulator") as door:
            yield member, door


async def readers(js: JetStream, stream: str) -> list[str]:
    """Those that acknowledge nothing: the worker's durables do."""
    listed = await js.api(f"CONSUMER.LIST.{stream}", {})
    return [one["name"] for one in listed["consumers"] if one["config"]["ack_policy"] == "none"]


async def test_it_waits_for_the_streams_reads_them_and_ends_when_asked(
    js: JetStream, access: Access
) -> None:
    async with built(access) as (member, door), asyncio.TaskGroup() as tasks:
        running = tasks.create_task(member.run())

        async def ready() -> bool:
            assert not running.done()
            return (await door.get("/readyz")).status_code == 200

        missing = await door.get("/readyz")
        assert missing.status_code == 503
        assert "EV is not read: stream not found" in missing.text
        assert (await door.get("/healthz")).status_code == 200
        await topology.ensure(js, contract.topology_of("provisioning"))
        await until(ready)
        assert len(await readers(js, "EV")) == len(await readers(js, "FACTS")) == 1
        member.stop()
        async with asyncio.timeout(10):
            await running


async def test_it_ends_without_the_streams_too(access: Access) -> None:
    async with built(access) as (member, _), asyncio.timeout(10), asyncio.TaskGroup() as tasks:
        tasks.create_task(member.run())
        await asyncio.sleep(0)
        member.stop()


async def test_it_ends_with_an_error_once_the_broker_has_forgotten_a_reader(
    js: JetStream, access: Access
) -> None:
    await topology.ensure(js, contract.topology_of("provisioning"))
    async with built(access) as (member, door):
        running = asyncio.ensure_future(member.run())

        async def ready() -> bool:
            return (await door.get("/readyz")).status_code == 200

        await until(ready)
        (reader,) = await readers(js, "EV")
        await js.api(f"CONSUMER.DELETE.EV.{reader}", None)
        with pytest.raises(ExceptionGroup) as caught:
            async with asyncio.timeout(20):
                await running
        assert caught.value.split(ReaderLost)[1] is None
