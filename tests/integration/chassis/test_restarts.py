"""The broker goes and comes back, workers stand by, drain and end: nothing is lost or doubled."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial

import pytest
from tests.support.broker import Access, own_connection
from tests.support.invariants import check_log, whole_log
from tests.support.rig import ORGANIZATIONS, Sender, acme, runtime, working
from tests.support.sequential import CREATE, SUSPEND, Op, check_sequence
from tests.support.waiting import until

from catalyst.chassis import deciding, lease
from catalyst.chassis.jetstream import topology
from catalyst.chassis.jetstream.broker import JetStream
from catalyst.chassis.jetstream.connection import connect
from catalyst.chassis.jetstream.port import BrokerError, Outgoing, Unavailable
from catalyst.chassis.worker import Worker
from catalyst.cli.broker import BrokerProcess
from catalyst.contracts import topology as contract

pytestmark = pytest.mark.real

UPDATE = "environment.update-organization.v1"


async def _insist(send: Callable[[], Awaitable[None]]) -> None:
    """Publish until the broker confirms, as a sender who wants to be sure does."""
    while True:
        try:
            await send()
        except BrokerError:
            await asyncio.sleep(0.05)
        else:
            return


async def _empty(js: JetStream) -> bool:
    try:
        return not (await js.stream_state("CMD")).messages
    except BrokerError:
        return False


@pytest.mark.guarantee("G1.5")
@pytest.mark.parametrize("how", ["killed", "stopped"])
async def test_a_broker_that_restarts_in_a_burst_loses_and_doubles_nothing(
    own_server: BrokerProcess, how: str, quick: None
) -> None:
    sent: dict[str, Op] = {}
    for number in range(60):
        sent[f"c-{number}-1"] = Op(CREATE, f"org-{number:02}")
        sent[f"c-{number}-2"] = Op(SUSPEND, f"org-{number:02}", "late")
    async with own_connection(own_server) as js, own_connection(own_server) as own:
        sender = Sender(js)
        await topology.ensure(js, contract.topology_of("environment"))

        async def burst() -> None:
            for name, op in sent.items():
                await _insist(partial(op.send, sender, name))

        async with working(own), asyncio.TaskGroup() as tasks:
            tasks.create_task(burst())
            for least in (10, 40):

                async def far(least: int = least) -> bool:
                    return (await js.stream_state("EV")).last_seq > least

                await until(far)
                await (own_server.kill() if how == "killed" else own_server.stop())
                await own_server.start()
                await js.ready()
            await until(lambda: _empty(js), 60)
        await check_sequence(js, sent)


@asynccontextmanager
async def _member(access: Access) -> AsyncIterator[tuple[JetStream, Worker, asyncio.Task[None]]]:
    """A worker as a process of its own would be: it ends with its connection."""
    async with connect(access.url, name="w", user=access.user, password=access.password) as js:
        worker = Worker(ORGANIZATIONS, runtime(js))
        running = asyncio.ensure_future(worker.run())
        try:
            yield js, worker, running
        finally:
            worker.stop()
            await asyncio.wait({running})


async def _outcome(sender: Sender, slug: str) -> None:
    sent = await sender.send(CREATE, slug, acme())
    assert (await sender.outcome(slug, sent)).status == "accepted"


async def test_one_of_two_workers_is_active_and_the_other_takes_over(
    js: JetStream, access: Access
) -> None:
    sender = Sender(js)
    await topology.ensure(js, contract.topology_of("environment"))
    async with _member(access) as (_, first, running), _member(access) as (_, second, _other):
        await until(lambda: first.active.is_set() or second.active.is_set())
        active, standby = (first, second) if first.active.is_set() else (second, first)
        await _outcome(sender, "acme")
        assert not standby.active.is_set()
        active.stop()
        await until(standby.active.is_set)
        await _outcome(sender, "omantel")
        assert not active.active.is_set()
    assert running.done()


async def test_a_standby_takes_over_from_one_that_died_once_the_lease_is_out(
    js: JetStream, access: Access, quick: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lease, "TTL_SECONDS", 2)
    monkeypatch.setattr(lease, "RENEW_SECONDS", 0.5)
    sender = Sender(js)
    await topology.ensure(js, contract.topology_of("environment"))
    async with _member(access) as (_, first, running):
        await until(first.active.is_set)
        async with _member(access) as (_, second, _other):
            running.cancel()
            await until(second.active.is_set)
            await _outcome(sender, "acme")


async def test_a_worker_whose_lease_another_took_lets_go_and_takes_over_again(
    js: JetStream, access: Access, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lease, "TTL_SECONDS", 2)
    monkeypatch.setattr(lease, "RENEW_SECONDS", 0.2)
    sender = Sender(js)
    await topology.ensure(js, contract.topology_of("environment"))
    async with _member(access) as (_, worker, running):
        await until(worker.active.is_set)
        await _outcome(sender, "acme")
        # As if the broker had stalled so long that a standby found the lease free.
        await js.publish(Outgoing("$KV.leases.environment", b"another", {"Nats-TTL": "2s"}))
        await until(lambda: not worker.active.is_set())
        await until(worker.active.is_set)
        await _outcome(sender, "omantel")
        assert not running.done()


async def test_a_bucket_of_leases_that_is_deleted_ends_nobody_and_comes_back(
    js: JetStream, access: Access, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lease, "RENEW_SECONDS", 0.2)
    sender = Sender(js)
    await topology.ensure(js, contract.topology_of("environment"))
    async with _member(access) as (_, worker, running):
        await until(worker.active.is_set)
        await js.api("STREAM.DELETE.KV_leases", None)

        async def held() -> bool:
            try:
                return await js.last("KV_leases", "$KV.leases.environment") is not None
            except BrokerError:
                return False

        await until(held)
        assert worker.active.is_set()
        await _outcome(sender, "acme")
        assert not running.done()


@pytest.mark.parametrize("role", ["active", "standby"])
async def test_a_connection_that_is_closed_ends_the_worker(
    js: JetStream, access: Access, role: str
) -> None:
    await topology.ensure(js, contract.topology_of("environment"))
    async with AsyncExitStack() as stack:
        if role == "standby":
            _, holder, _ = await stack.enter_async_context(_member(access))
            await until(holder.active.is_set)
        own, worker, running = await stack.enter_async_context(_member(access))
        await until(worker.table.ready.is_set if role == "standby" else worker.active.is_set)
        await own.link.close()
        await until(running.done)
        with pytest.raises(ExceptionGroup) as ended:
            await running
        assert ended.group_contains(Unavailable)


async def test_a_drain_settles_what_was_taken(js: JetStream) -> None:
    sender = Sender(js)
    await topology.ensure(js, contract.topology_of("environment"))
    sent = [await sender.send(CREATE, f"org-{n:03}", acme()) for n in range(300)]

    async def some() -> bool:
        return (await js.stream_state("EV")).last_seq > 10

    async with working(js):
        await until(some)
    # Whatever has an outcome was acknowledged: nothing of it is delivered again.
    outcomes = await check_log(js)
    left = (await js.stream_state("CMD")).messages
    assert left == len(sent) - len(outcomes)
    info = await js.api("CONSUMER.INFO.CMD.environment--commands", None)
    assert info["num_ack_pending"] <= left
    async with working(js):
        await until(lambda: _empty(js))
    assert len(await check_log(js)) == len(sent)


async def test_a_drain_ends_although_a_lane_cannot(
    js: JetStream, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stream that refuses everything keeps a lane busy for ever; the worker ends all the same."""
    sender = Sender(js)
    async with working(js) as worker:
        await _outcome(sender, "acme")
        state = await js.stream_state("EV")
        await js.api("STREAM.UPDATE.EV", {**state.config, "sealed": False, "max_msg_size": 16})
        await sender.send(SUSPEND, "acme", {"reason": "a"})

        async def taken() -> bool:
            info = await js.api("CONSUMER.INFO.CMD.environment--commands", None)
            return bool(info["num_ack_pending"])

        await until(taken)
        drain = worker._intake.drain  # type: ignore[union-attr]
        monkeypatch.setattr(worker._intake, "drain", lambda: drain(timeout=0.2))
    assert (await js.stream_state("CMD")).messages == 1


async def test_snapshots_are_taken_now_and_then_and_loaded(
    js: JetStream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deciding, "SNAPSHOT_EVERY", 10)
    sent = {"c-0": Op(CREATE, "acme")}
    for number in range(1, 30):
        sent[f"c-{number}"] = Op(SUSPEND, "acme", f"reason {number}")
    sender = Sender(js)
    taken = []
    async with working(js):
        for name, op in sent.items():
            await op.send(sender, name)
            await sender.outcome("acme", name)
            stored = await js.last("EV", "st.acme.environment.organization.acme")
            taken.append(0 if stored is None else stored.seq)
    # Thirty events, one snapshot after every tenth; each replaces the one before.
    assert len({seq for seq in taken if seq}) == 2
    assert len([item for item in await whole_log(js) if item.subject.startswith("st.")]) == 1
    await check_sequence(js, sent)
    # Of what is in the snapshot every event goes, so that nothing else tells of it.
    history = "evt.acme.environment.organization.acme.>"
    behind = (await js.replay("EV", history))[20:]
    await js.api("STREAM.PURGE.EV", {"filter": history, "seq": behind[0].seq})
    assert await js.replay("EV", history) == behind
    async with working(js):
        found = []
        for type_, data in (
            (UPDATE, {"display_name": "Acme"}),
            (SUSPEND, {"reason": "reason 29"}),
            (SUSPEND, {"reason": "reason 20"}),
        ):
            name = await sender.send(type_, "acme", data)
            outcome = await sender.outcome("acme", name)
            found.append((outcome.status, len(outcome.events)))
    # Its name stands in the first event alone, its last reason behind the snapshot.
    assert found == [("accepted", 0), ("accepted", 0), ("accepted", 1)]
