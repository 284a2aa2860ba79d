"""One Organization on an account of its own, whose workers die where a test says and come again.

Environment, billing and provisioning are the real ones, with real Git homes behind a door and a
simulated cluster; the catalogue answers what is scripted. Whoever dies is started anew at once, as
a supervisor would, while the others work on.
"""

import asyncio
import os
import signal
import sys
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from itertools import chain, repeat
from pathlib import Path
from typing import Any, Final

from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send
from tests.integration.billing.town import OWNER
from tests.integration.billing.town import Town as Money
from tests.integration.git.conftest import Served, identify
from tests.integration.provisioning.tables import service_of
from tests.integration.provisioning.town import Town, catalogue, furnish
from tests.integration.simulator.test_simulating import simulated
from tests.support import planning
from tests.support.broker import Access
from tests.support.crashes import PAIRS, SHARE, STEPS, FaultyBroker, Stopper
from tests.support.rig import runtime, working
from tests.support.waiting import until

from catalyst.chassis import outcome
from catalyst.chassis.errors import Retry
from catalyst.chassis.jetstream import topology
from catalyst.chassis.jetstream.broker import JetStream
from catalyst.chassis.jetstream.connection import connect
from catalyst.chassis.jetstream.objects import Objects
from catalyst.chassis.jetstream.port import BrokerError, Outgoing
from catalyst.chassis.keyring import KeyRing
from catalyst.chassis.service import Service
from catalyst.chassis.worker import Worker
from catalyst.contracts import provisioning_v1 as pro1
from catalyst.contracts import topology as contract
from catalyst.contracts.message import Command, Outcome
from catalyst.contracts.provisioning_values_v1 import PlanRequest
from catalyst.environment_controller.adapters.git_http import by_token, git_app
from catalyst.environment_controller.adapters.git_root import GitRoot
from catalyst.provisioning.domain.plan import Plan

SERVICES: Final = ("environment", "billing", "provisioning")
NOTHING: Final = ("(nothing)",)
SOUND: Final = (-1, "before")
"""Where nobody dies."""
PATIENCE: Final = 180.0
"""Seconds for each thing that is waited for; many sites share the machine."""

Crash = tuple[int, str]
"""Before or after which call of the broker port."""
Point = Mapping[str, Sequence[Crash]]
"""Where the workers of which service die, one after the other; each counts its own calls."""


def counted(service: str) -> tuple[str, ...]:
    """Return how the calls of a service begin that are counted.

    Of a sample those alone that store, tell or settle: how often a run reads, or renews a lease,
    depends on how quick it is, and would move its late points. Of a saga's steps those alone that
    tell one, or decide it.
    """
    if STEPS:
        return ("publish cmd",) if service == "provisioning" else ("batch",)
    return ("",) if SHARE or PAIRS else ("batch", "publish cmd", "settle Acked")


def connected(access: Access) -> Any:
    """Connect to the account for the block."""
    return connect(access.url, name="w", user=access.user, password=access.password)


class Door:
    """Tells whoever asks for a shut repository to come again."""

    def __init__(self, app: ASGIApp, shut: set[str]) -> None:
        self._app = app
        self._shut = shut

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, or answer it."""
        found = any(f"/{name}.git/" in scope.get("path", "") for name in self._shut)
        answer = Response(status_code=503) if found else self._app
        await answer(scope, receive, send)


@dataclass
class Site:
    """Where a story is told while workers die."""

    access: Access
    keys: KeyRing
    folder: Path
    point: Point = field(default_factory=dict)
    killed: bool = False
    """Whether the worker that dies is a process, killed with `kill -9`."""
    calls: dict[str, list[str]] = field(default_factory=dict)
    """What each service's first worker called, since the story began."""
    died: Counter[str] = field(default_factory=Counter)
    others: planning.Others = field(default_factory=planning.Others)
    shut: set[str] = field(default_factory=set)
    """Repositories that nobody gets through to."""
    twice: tuple[str, ...] = ()
    """Services of which two workers run, each of which takes messages if leases are free."""
    meanwhile: Callable[[Town], Awaitable[None]] | None = None
    """What happens after a worker died and before the next one comes."""
    _first: dict[str, FaultyBroker] = field(default_factory=dict)

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Town]:
        """Run everything for the block; workers begin to die when `begin` was called."""
        planning.wiki(self.others)
        root = GitRoot(self.folder / "git")
        app = git_app(root, by_token(identify))
        app.add_middleware(Door, shut=self.shut)
        served = Served(app)
        self.url = f"http://127.0.0.1:{served.start()}"
        self.root = root
        self.begun = asyncio.Event()
        try:
            async with AsyncExitStack() as stack:
                js = await stack.enter_async_context(connected(self.access))
                # Each worker makes the durables that are its own.
                streams, _ = contract.topology()
                await topology.ensure(js, (streams, ()))
                await stack.enter_async_context(working(js, catalogue(self.others), keys=self.keys))
                place = self.seen(js)
                tasks = await stack.enter_async_context(asyncio.TaskGroup())
                keeping = [
                    tasks.create_task(self._keep(name, js)) for name in (*SERVICES, *self.twice)
                ]
                await furnish(place, Objects(js))
                await stack.enter_async_context(simulated(self.access))
                yield place
                for task in keeping:
                    task.cancel()
        finally:
            served.stop()
            root.close()

    def begin(self) -> None:
        """Count calls from now on."""
        for name, faulty in self._first.items():
            faulty.counted = counted(name)
            self.calls[name] = faulty.calls
        self.begun.set()

    def seen(self, js: JetStream) -> Town:
        """Return the place as the log has it, whoever works there."""
        found = {
            name: Worker(
                self._table(name, js),
                runtime(js, keys=self.keys, service=name),
            )
            for name in ("billing", "provisioning")
        }
        money = Money(js, self.keys, found["billing"])
        return Town(js, self.keys, money, found["provisioning"], self.others)

    def _table(self, name: str, js: JetStream) -> Service:
        # Files name this address, and those of two sites are compared.
        return service_of(name, js, self.keys, self.root, self.url, planning.GIT_URL)

    async def _keep(self, name: str, js: JetStream) -> None:
        """Start a worker, and another one whenever it dies."""
        (at, side), *later = self.point.get(name, (SOUND,))
        if self.killed and name in self.point:
            await self._run(name, *SOUND, self.begun)
            await js.publish(Outgoing(f"$KV.leases.{name}", b""))
            await self._kill(name, at, side)
        else:
            await self._run(name, at, side)
        for crash in chain(later, repeat(SOUND)):
            self.died[name] += 1
            if self.meanwhile is not None:
                await self.meanwhile(self.seen(js))
            await js.publish(Outgoing(f"$KV.leases.{name}", b""))
            await self._run(name, *crash)

    async def _run(self, name: str, at: int, side: str, over: asyncio.Event | None = None) -> None:
        """Run a worker until it dies, on a connection that is then dropped without a word."""
        stopper = Stopper()
        async with connected(self.access) as own:
            faulty = FaultyBroker(own, at, side, stopper, NOTHING)
            if self._first.setdefault(name, faulty) is not faulty:
                faulty.counted = counted(name)
            standing = runtime(own, broker=faulty, keys=self.keys, service=name)
            table = self._table(name, own)
            ends: set[asyncio.Future[Any]] = {
                asyncio.ensure_future(Worker(table, standing).run()),
                asyncio.ensure_future((over or stopper.reached).wait()),
            }
            first: set[asyncio.Future[Any]] = set()
            try:
                first, _ = await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
            finally:
                if stopper.reached.is_set():
                    # The dead take nothing as they fall: delivered too often, it would be parked.
                    await own.link.close()
                stopper.over.set()
                for task in ends:
                    task.cancel()
                await asyncio.wait(ends)
            if stopper.reached.is_set():
                # Whatever it says of its lost connection, it was not to live.
                await asyncio.gather(*ends, return_exceptions=True)
                return
            for task in first:
                task.result()

    async def _kill(self, name: str, at: int, side: str) -> None:
        """Run the worker as a process that kills itself at the point."""
        top = str(Path(__file__).parents[3])
        folders = (str(self.keys.jwks_path.parent), str(self.folder / "git"))
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", _PROGRAM, self.access.url, self.access.user),
            *(*folders, self.url, planning.GIT_URL, name, str(at), side),
            cwd=top,
            env={**os.environ, "PYTHONPATH": top},
        )
        try:
            async with asyncio.timeout(PATIENCE):
                assert await process.wait() == -signal.SIGKILL
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()


async def ask(
    place: Town, command: Command, name: str, by: str = OWNER, *, seconds: float = PATIENCE
) -> Outcome:
    """Send a command once, and return its outcome however long its workers take to come again."""
    sent = await place.money.send(command, "acme", name, by=by)
    found: list[Outcome] = []

    async def told() -> bool:
        answer = await outcome.find(place.js, "acme", sent, "log")
        found.extend(() if answer is None else (answer,))
        return bool(found)

    # Many ask at once, and each look is a question to the broker.
    await until(told, seconds, pause=0.1)
    return found[0]


async def plan(place: Town, request: PlanRequest, by: str = OWNER) -> Plan:
    """Ask for a plan until somebody answers."""
    async with asyncio.timeout(PATIENCE):
        while True:
            try:
                return await place.plan(request, by)
            except (Retry, BrokerError):
                await asyncio.sleep(0.05)


def applying(found: Plan) -> pro1.ApplyPlan:
    """Return the command that applies a plan."""
    return pro1.ApplyPlan(
        request=found.request, hash=found.hash, inputs=found.inputs, expires=found.expires
    )


_PROGRAM = """
import sys
from pathlib import Path
from types import SimpleNamespace
from tests.integration.provisioning.tables import service_of
from tests.support.crashes import FaultyBroker
from tests.support.rig import deliver_again_after, runtime
from catalyst.chassis import loop
from catalyst.chassis.jetstream.connection import connect
from catalyst.chassis.keyring import KeyRing
from catalyst.chassis.worker import Worker
from catalyst.environment_controller.adapters.git_root import GitRoot

async def main(url, user, keys, git, door, named, name, at, side):
    deliver_again_after(SimpleNamespace(setattr=setattr), 2.0)
    ring = KeyRing.open(Path(keys))
    async with connect(url, name="w", user=user, password=user) as js:
        broker = FaultyBroker(js, int(at), side, counted=("batch", "publish done"))
        table = service_of(name, js, ring, GitRoot(Path(git)), door, named)
        await Worker(table, runtime(js, broker=broker, keys=ring, service=name)).run()

loop.run(main(*sys.argv[1:]))
"""
