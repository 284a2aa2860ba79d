"""A lock is held by one at a time, for as long as its holder lives and not much longer."""

import asyncio
import sys
from datetime import timedelta

import pytest
from tests.support.broker import Access
from tests.support.waiting import until

from catalyst.chassis.jetstream import lock
from catalyst.chassis.jetstream.broker import JetStream
from catalyst.chassis.jetstream.lock import HELD_SECONDS, locked
from catalyst.chassis.jetstream.port import NotFound, Outgoing, Unavailable
from catalyst.chassis.jetstream.topology import ensure, ensure_stream
from catalyst.contracts import topology as contracts
from catalyst.contracts.topology import bucket

pytestmark = pytest.mark.real

LEASES = bucket("leases", allow_msg_ttl=True)


async def test_a_lock_is_held_by_one_at_a_time(js: JetStream) -> None:
    await ensure_stream(js, LEASES)
    inside = 0
    most = 0

    async def hold() -> None:
        nonlocal inside, most
        async with locked(js, "test"):
            inside += 1
            most = max(most, inside)
            await js.rtt()
            inside -= 1

    async with asyncio.TaskGroup() as group:
        for _ in range(5):
            group.create_task(hold())

    assert most == 1


async def test_a_lock_that_stays_held_is_not_waited_for_without_end(js: JetStream) -> None:
    await ensure_stream(js, LEASES)

    async with locked(js, "test"):
        with pytest.raises(Unavailable, match="not free"):
            async with locked(js, "test", timeout=0.2):
                pass
        held = await js.last("KV_leases", "$KV.leases.test", leader=True)

    assert held is not None
    # A holder that dies loses it by the broker's own clock.
    assert held.headers["Nats-TTL"] == f"{HELD_SECONDS}s"


async def test_a_lock_that_is_held_for_long_is_renewed(
    js: JetStream, monkeypatch: pytest.MonkeyPatch
) -> None:
    await ensure_stream(js, LEASES)
    monkeypatch.setattr(lock, "HELD_SECONDS", 1)
    monkeypatch.setattr(lock, "RENEW_SECONDS", 0.1)

    async with locked(js, "test"):
        taken = await js.last("KV_leases", "$KV.leases.test", leader=True)
        assert taken is not None

        async def outlived() -> bool:
            return (await js.stream_state("KV_leases")).ts > taken.time + timedelta(seconds=3)

        await until(outlived)
        held = await js.last("KV_leases", "$KV.leases.test", leader=True)
        with pytest.raises(Unavailable, match="not free"):
            async with locked(js, "test", timeout=0.2):
                pass

    assert held is not None
    assert held.seq > taken.seq
    # What is given back is the newest renewal, so the next one need not wait for its expiry.
    released = await js.last("KV_leases", "$KV.leases.test", leader=True)
    assert released is not None
    assert released.headers["KV-Operation"] == "DEL"


async def test_a_lock_that_was_taken_away_is_neither_renewed_nor_given_back(
    js: JetStream, monkeypatch: pytest.MonkeyPatch
) -> None:
    await ensure_stream(js, LEASES)
    monkeypatch.setattr(lock, "RENEW_SECONDS", 0.05)

    async with locked(js, "test"):
        # As if this process had stood still for so long that another one holds it by now.
        taken = await _overwritten(js, "$KV.leases.test")
        await until(lambda: not _named("lock test"))

    found = await js.last("KV_leases", "$KV.leases.test", leader=True)
    assert found is not None
    assert found.seq == taken


async def _overwritten(js: JetStream, subject: str) -> int:
    return (await js.publish(Outgoing(subject, b"another"))).seq


def _named(name: str) -> bool:
    return any(task.get_name() == name for task in asyncio.all_tasks())


_HOLDER = """
import asyncio, sys
from catalyst.chassis.jetstream.connection import connect
from catalyst.chassis.jetstream.lock import locked

async def main():
    url, user, password = sys.argv[1:]
    async with connect(url, name="holder", user=user, password=password) as js:
        async with locked(js, "topology"):
            print("held", flush=True)
            await asyncio.Event().wait()

asyncio.run(main())
"""


async def test_a_member_killed_while_it_holds_the_lock_holds_nobody_up_for_long(
    js: JetStream, access: Access
) -> None:
    await ensure_stream(js, LEASES)
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        _HOLDER,
        access.url,
        access.user,
        access.password,
        stdout=asyncio.subprocess.PIPE,
    )
    assert child.stdout is not None
    assert await child.stdout.readline() == b"held\n"
    with pytest.raises(Unavailable, match="not free"):
        async with locked(js, "topology", timeout=0.2):
            pass
    child.kill()
    await child.wait()
    # Enough for the expiry on a busy machine, and well below what a member waits at its start.
    async with asyncio.timeout(60):
        assert await ensure(js, contracts.topology()) == []


async def test_an_error_under_a_lock_gives_it_back(js: JetStream) -> None:
    await ensure_stream(js, LEASES)

    with pytest.raises(NotFound):
        async with locked(js, "test"):
            await js.stream_state("NONE")

    async with locked(js, "test", timeout=1):
        pass


async def test_without_a_bucket_there_is_no_lock(js: JetStream) -> None:
    async with locked(js, "test"), locked(js, "test", timeout=1):
        assert not (await js.api("STREAM.NAMES", {}))["streams"]
