"""A lease and what may stand in its place."""

import asyncio

import pytest

from catalyst.chassis.jetstream.broker import JetStream
from catalyst.chassis.jetstream.port import Outgoing
from catalyst.chassis.jetstream.topology import ensure
from catalyst.chassis.lease import Lease
from catalyst.contracts.topology import topology

pytestmark = pytest.mark.real


@pytest.mark.guarantee("G5.9")
async def test_what_has_no_end_is_nobodys_lease(js: JetStream) -> None:
    """The broker acknowledges where it is told to, so that anything may come to stand there."""
    await ensure(js, topology())
    await js.publish(Outgoing("$KV.leases.wanted", b'{"stream":"USE","seq":9}'))
    lease = Lease(js, "wanted", "me")
    async with asyncio.timeout(60):
        await lease.acquire()
    held = await js.last("KV_leases", "$KV.leases.wanted", leader=True)
    assert held is not None
    assert held.data == b"me"
    other = asyncio.create_task(Lease(js, "wanted", "another").acquire())
    await lease.release()
    async with asyncio.timeout(60):
        await other
