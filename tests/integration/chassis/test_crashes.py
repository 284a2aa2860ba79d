"""A worker is stopped before and after every call that it makes: one outcome, never two.

In process a crash is: nothing is flushed, every task is
cancelled, the connection is dropped. A sample of the points is repeated with a real `kill -9`.
"""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.support.broker import Access, SharedBroker, emptied
from tests.support.crashes import PAIRS, SIDES, STORES, FaultyBroker, Stopper, points, share
from tests.support.invariants import check_log
from tests.support.rig import ORGANIZATIONS, Sender, acme, runtime
from tests.support.waiting import until

from catalyst.chassis.jetstream import topology
from catalyst.chassis.jetstream.broker import JetStream
from catalyst.chassis.jetstream.connection import connect
from catalyst.chassis.jetstream.port import Outgoing
from catalyst.chassis.worker import Worker
from catalyst.contracts import topology as contract

pytestmark = pytest.mark.real

CREATE = "environment.create-organization.v1"
SUSPEND = "environment.suspend-organization.v1"
RESUME = "environment.resume-organization.v1"

SOUND_WORKERS = 4
AT_ONCE = 40
Kill = Callable[[Access, int, str], Awaitable[None]]


def connected(access: Access) -> AbstractAsyncContextManager[JetStream]:
    return connect(access.url, name="w", user=access.user, password=access.password)


async def _send_story(sender: Sender, organization: str) -> list[str]:
    """Publish a create, its repeat, a refused one, a change and a malformed one."""
    first = await sender.send(CREATE, organization, acme(), command_id=f"{organization}-1")
    await sender.send(CREATE, organization, acme(), command_id=first)
    second = await sender.send(CREATE, organization, acme(), command_id=f"{organization}-2")
    third = await sender.send(
        SUSPEND, organization, {"reason": "late"}, command_id=f"{organization}-3"
    )
    fourth = await sender.send(RESUME, organization, {"colour": 1}, command_id=f"{organization}-4")
    return [first, second, third, fourth]


async def _free_lease(js: JetStream) -> None:
    """Take the lease from the dead, so that the test need not wait for its expiry."""
    await js.publish(Outgoing("$KV.leases.environment", b""))


async def _until_empty(js: JetStream) -> None:
    async def empty() -> bool:
        return not (await js.stream_state("CMD")).messages

    await until(empty, 60)


async def _run_until(js: JetStream, worker: Worker, stopper: Stopper) -> None:
    """Run a worker until its crash, or until no command is left."""
    running = asyncio.ensure_future(worker.run())
    ends: set[asyncio.Future[Any]] = {
        running,
        asyncio.ensure_future(_until_empty(js)),
        asyncio.ensure_future(stopper.reached.wait()),
    }
    await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
    for task in ends:
        task.cancel()
    await asyncio.wait(ends)


async def _crashing_run(
    access: Access, at: int = -1, side: str = "before", counted: tuple[str, ...] = ("",)
) -> FaultyBroker:
    """Run one worker on a connection of its own, which is then dropped without a word."""
    async with connected(access) as js, connected(access) as own:
        stopper = Stopper()
        faulty = FaultyBroker(own, at, side, stopper, counted)
        await _run_until(js, Worker(ORGANIZATIONS, runtime(own, broker=faulty)), stopper)
        await _free_lease(js)
    return faulty


async def _finish(access: Access, js: JetStream) -> None:
    """Let sound workers end the work.

    One may end early, where the machine is so busy that its connection is given up: that is what
    another one is for. A command that is gone without an outcome still shows in what follows.
    """
    for _ in range(SOUND_WORKERS):
        await _crashing_run(access)
        if not (await js.stream_state("CMD")).messages:
            return
    raise AssertionError("commands are left, and no worker decides them")


@dataclass(frozen=True)
class Point:
    """Where workers die, one after the other, before a sound one ends the work."""

    crashes: tuple[tuple[int, str], ...]
    counted: tuple[str, ...] = ("",)


async def _prove(access: Access, point: Point, kill: Kill | None = None) -> int:
    """Send the story, let workers die at the point, and check the log; return crashes reached."""
    async with connected(access) as js:
        await topology.ensure(js, contract.topology_of("environment"))
        await _send_story(Sender(js), "acme")
        reached = 0
        for at, side in point.crashes:
            if kill is not None:
                await kill(access, at, side)
                await _free_lease(js)
                reached += 1
            else:
                reached += (await _crashing_run(access, at, side, point.counted)).crashed
        await _finish(access, js)
        outcomes = {outcome.id: outcome for outcome in await check_log(js)}
        await emptied(js)
    status = {name: outcomes[f"acme-{name}"].status for name in "1234"}
    # Nobody waited for an outcome, so a redelivery may decide the second create first, and a
    # suspension before both.
    assert sorted((status["1"], status["2"])) == ["accepted", "rejected"], point
    loser = "1" if status["1"] == "rejected" else "2"
    assert outcomes[f"acme-{loser}"].code == "organization-exists", point
    assert status["3"] == "accepted" or outcomes["acme-3"].code == "organization-not-found", point
    assert status["4"] == "rejected", point
    assert outcomes["acme-4"].code == "invalid-data", point
    assert len(outcomes) == 4, point
    return reached


async def _prove_all(
    broker: SharedBroker, points: Sequence[Point], kill: Kill | None = None
) -> int:
    """Prove many points side by side: most of the time of each is waiting for a redelivery."""
    turns = asyncio.Semaphore(AT_ONCE)
    reached: list[int] = []

    async def one(point: Point) -> None:
        async with turns:
            reached.append(await _prove(broker.account(), point, kill))

    async with asyncio.TaskGroup() as tasks:
        for point in points:
            tasks.create_task(one(point))
    return sum(reached)


async def _recorded(broker: SharedBroker) -> list[str]:
    """Return the calls that a run without a crash makes."""
    access = broker.account()
    async with connected(access) as js:
        await topology.ensure(js, contract.topology_of("environment"))
        await _send_story(Sender(js), "acme")
    return (await _crashing_run(access)).calls


@pytest.mark.usefixtures("quick")
@pytest.mark.guarantee("G1.2")
async def test_a_crash_at_any_call_leaves_one_outcome(shared_broker: SharedBroker) -> None:
    calls = await _recorded(shared_broker)
    chosen = [Point((crash,)) for crash in points(calls, each=2)]
    reached = await _prove_all(shared_broker, chosen)
    assert {call.split()[0] for call in calls} >= {"batch", "publish", "last", "settle", "api"}
    # A redelivery takes other turns than the recorded run, so late points may not be reached.
    assert reached >= len(chosen) // 2


@pytest.mark.usefixtures("quick")
@pytest.mark.guarantee("G1.3")
async def test_two_crashes_in_a_row_leave_one_outcome(shared_broker: SharedBroker) -> None:
    if PAIRS:
        number = len(await _recorded(shared_broker))
        every = _pairs(number, number, ("",))
    else:
        every = _pairs(3, 2, STORES)
    chosen = share(every, sample=8, of=PAIRS)
    # A second worker may find less to do than the place at which it was to die.
    reached = await _prove_all(shared_broker, chosen)
    assert reached >= len(chosen) if PAIRS else reached > len(chosen)


def _pairs(first: int, second: int, counted: tuple[str, ...]) -> list[Point]:
    """Return all pairs of crashes at so many calls of a worker, and so many of the next."""
    singles = [(at, side) for at in range(first) for side in SIDES]
    later = [(at, side) for at in range(second) for side in SIDES]
    return [Point((one, other), counted) for one in singles for other in later]


@asynccontextmanager
async def _dying() -> AsyncIterator[Kill]:
    """Return what lets a worker of its own process die; they are forked from one with all loaded.

    Of the one that forks, one at a time is asked: it waits for the death of each.
    """
    root = str(Path(__file__).parents[3])
    forking = await asyncio.create_subprocess_exec(
        sys.executable, "-c", _PROGRAM, cwd=root, env={**os.environ, "PYTHONPATH": root},
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    asked, told = forking.stdin, forking.stdout
    assert asked is not None
    assert told is not None
    turn = asyncio.Lock()

    async def kill(access: Access, at: int, side: str) -> None:
        async with turn, asyncio.timeout(60):
            asked.write(f"{access.url} {access.user} {at} {side}\n".encode())
            assert int(await told.readline()) == -signal.SIGKILL

    try:
        yield kill
    finally:
        asked.close()
        async with asyncio.timeout(60):
            assert await forking.wait() == 0


@pytest.mark.usefixtures("quick")
@pytest.mark.guarantee("G1.2")
async def test_a_worker_killed_for_real_leaves_one_outcome(shared_broker: SharedBroker) -> None:
    every = [Point(((at, side),), STORES) for side in ("after", "before") for at in range(3)]
    chosen = share(every, sample=3)
    async with _dying() as kill:
        assert await _prove_all(shared_broker, chosen, kill) == len(chosen)


_PROGRAM = """
import os, sys
from tests.support.crashes import STORES, FaultyBroker
from tests.support.rig import ORGANIZATIONS, runtime
from catalyst.chassis import loop
from catalyst.chassis.jetstream.connection import connect
from catalyst.chassis.worker import Worker

async def main(url, user, at, side):
    async with connect(url, name="w", user=user, password=user) as js:
        broker = FaultyBroker(js, int(at), side, counted=STORES)
        await Worker(ORGANIZATIONS, runtime(js, broker=broker)).run()

for line in sys.stdin:
    worker = os.fork()
    if not worker:
        loop.run(main(*line.split()))
        os._exit(0)
    print(os.waitstatus_to_exitcode(os.waitpid(worker, 0)[1]), flush=True)
"""
