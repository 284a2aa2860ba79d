"""One Organization on an account of its own, whose workers die where a test says and come again.

Environment, billing and provisioning are the real ones, with real Git homes behind a door and a
simulated cluster; the catalogue answers what is scripted. Whoever dies is started anew at once, as
a supervisor would, while the others work on.
"""

import asyncio
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import msgspec
from tests.integration.billing.town import OWNER
from tests.integration.billing.town import Town as Money
from tests.integration.git.conftest import Served, identify
from tests.integration.provisioning.town import PROD, Town, catalogue, furnish
from tests.integration.simulator.test_simulating import simulated
from tests.support import billing, planning
from tests.support.broker import Access, emptied
from tests.support.crashes import FaultyBroker, Stopper
from tests.support.invariants import check_log, whole_log
from tests.support.rig import runtime, working
from tests.support.waiting import until

from catalyst.billing import handlers as billing_handlers
from catalyst.billing.domain import subscription
from catalyst.chassis import outcome
from catalyst.chassis.asking import Asked
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
from catalyst.contracts.message import Envelope, Outcome
from catalyst.contracts.provisioning_values_v1 import PlanRequest
from catalyst.contracts.topology import DLQ
from catalyst.environment_controller import handlers as environment_handlers
from catalyst.environment_controller.adapters.git import DulwichHome
from catalyst.environment_controller.adapters.git_http import by_token, git_app
from catalyst.environment_controller.adapters.git_root import GitRoot
from catalyst.provisioning import handlers
from catalyst.provisioning.adapters import hearing
from catalyst.provisioning.adapters.content import ReadVersions, StoredContents
from catalyst.provisioning.adapters.git import GitRepositories
from catalyst.provisioning.domain import foreign
from catalyst.provisioning.domain.plan import Plan
from catalyst.provisioning.effects import effects
from catalyst.provisioning.preparing import deletion
from catalyst.provisioning.queries import Planner

SERVICES: Final = ("environment", "billing", "provisioning")
NOTHING: Final = ("(nothing)",)
PATIENCE: Final = 180.0
"""Seconds for each thing that is waited for; many sites share the machine."""

Crash = tuple[int, str]
"""Before or after which call of the broker port."""
Point = Mapping[str, Crash]
"""Where which service dies, once each."""


def connected(access: Access) -> Any:
    """Connect to the account for the block."""
    return connect(access.url, name="w", user=access.user, password=access.password)


def service_of(name: str, js: JetStream, keys: KeyRing, root: GitRoot, url: str) -> Service:
    """Return the table of one of the services, as its `main.py` wires it."""
    if name == "environment":
        return environment_handlers.service(DulwichHome(root))
    if name == "billing":
        return billing_handlers.service()
    objects = Objects(js)
    asking = Asked(js, keys.service("provisioning").service)
    door = GitRepositories(url, lambda: "provisioning")
    # Files name this address, and those of two sites are compared.
    outside = effects(door, ReadVersions(StoredContents(objects)), planning.GIT_URL)
    planner = Planner(objects, asking, "OMR", planning.GIT_URL)
    return handlers.service(planner, (deletion(asking), *outside), (hearing.source(),))


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
    _first: dict[str, FaultyBroker] = field(default_factory=dict)

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Town]:
        """Run everything for the block; workers begin to die when `begin` was called."""
        planning.wiki(self.others)
        root = GitRoot(self.folder / "git")
        served = Served(git_app(root, by_token(identify)))
        self.url = f"http://127.0.0.1:{served.start()}"
        self.root = root
        self.begun = asyncio.Event()
        try:
            async with AsyncExitStack() as stack:
                js = await stack.enter_async_context(connected(self.access))
                await topology.ensure(js, contract.topology())
                await stack.enter_async_context(working(js, catalogue(self.others), keys=self.keys))
                place = self.seen(js)
                tasks = await stack.enter_async_context(asyncio.TaskGroup())
                keeping = [tasks.create_task(self._keep(name, js)) for name in SERVICES]
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
            faulty.counted = ("",)
            self.calls[name] = faulty.calls
        self.begun.set()

    def seen(self, js: JetStream) -> Town:
        """Return the place as the log has it, whoever works there."""
        found = {
            name: Worker(
                service_of(name, js, self.keys, self.root, self.url),
                runtime(js, keys=self.keys, service=name),
            )
            for name in ("billing", "provisioning")
        }
        money = Money(js, self.keys, found["billing"])
        return Town(js, self.keys, money, found["provisioning"], self.others)

    async def _keep(self, name: str, js: JetStream) -> None:
        """Start a worker, and another one whenever it dies."""
        at, side = self.point.get(name, (-1, "before"))
        if self.killed and name in self.point:
            await self._run(name, -1, side, self.begun)
            await js.publish(Outgoing(f"$KV.leases.{name}", b""))
            await self._kill(name, at, side)
        else:
            await self._run(name, at, side)
        while True:
            self.died[name] += 1
            await js.publish(Outgoing(f"$KV.leases.{name}", b""))
            await self._run(name, -1, side)

    async def _run(self, name: str, at: int, side: str, over: asyncio.Event | None = None) -> None:
        """Run a worker until it dies, on a connection that is then dropped without a word."""
        stopper = Stopper()
        async with connected(self.access) as own:
            faulty = FaultyBroker(own, at, side, stopper, NOTHING)
            self._first.setdefault(name, faulty)
            standing = runtime(own, broker=faulty, keys=self.keys, service=name)
            table = service_of(name, own, self.keys, self.root, self.url)
            ends: set[asyncio.Future[Any]] = {
                asyncio.ensure_future(Worker(table, standing).run()),
                asyncio.ensure_future((over or stopper.reached).wait()),
            }
            first: set[asyncio.Future[Any]] = set()
            try:
                first, _ = await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for task in ends:
                    task.cancel()
                await asyncio.wait(ends)
            for task in first:
                task.result()

    async def _kill(self, name: str, at: int, side: str) -> None:
        """Run the worker as a process that kills itself at the point."""
        top = str(Path(__file__).parents[3])
        folders = (str(self.keys.jwks_path.parent), str(self.folder / "git"))
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", _PROGRAM, self.access.url, self.access.user),
            *(*folders, self.url, name, str(at), side),
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
    place: Town, command: pro1.ApplyPlan, name: str, by: str = OWNER, *, seconds: float = PATIENCE
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


async def tell(place: Town) -> None:
    """Install a wiki with its database, and take the wiki away again."""
    gone = PlanRequest(action="uninstall", environment=PROD, application="wiki")
    for name, request in (("ch-1", planning.install()), ("ch-2", gone)):
        found = await plan(place, request)
        done = await ask(place, applying(found), name)
        assert done.status == "accepted", done

        async def over(name: str = name) -> bool:
            return (await place.change(name)).is_over

        await until(over, PATIENCE)

    async def quiet() -> bool:
        return not (await place.js.stream_state("CMD")).messages

    await until(quiet, PATIENCE)


def applying(found: Plan) -> pro1.ApplyPlan:
    """Return the command that applies a plan."""
    return pro1.ApplyPlan(
        request=found.request, hash=found.hash, inputs=found.inputs, expires=found.expires
    )


class Ending(msgspec.Struct, frozen=True, kw_only=True):
    """All that is left of a story, wherever somebody died."""

    changes: dict[str, tuple[str, tuple[str, ...], tuple[str, ...]]]
    """Status, steps that were done, and what was left, by change."""
    admitted: tuple[str, ...]
    balances: dict[str, int]
    holds: dict[str, Any]
    ended: dict[str, str]
    credit: int
    sold: str
    archived: dict[str, bool]
    histories: dict[str, list[str]]
    """Tree and first line of each commit, by repository and branch, oldest first.

    Of the Organization's home: the first lines in any order, for it is written level-triggered,
    and the last tree."""
    events: dict[str, int]
    """How many of each type, but for what is seen, which may be told in more or fewer words."""


async def ending(place: Town, folder: Path) -> Ending:
    """Check what holds of any log, and return how the story ended."""
    js = place.js
    assert [one for one in await check_log(js) if one.status != "accepted"] == []
    assert not (await js.stream_state(DLQ)).messages
    changes = {name: await place.change(name) for name in ("ch-1", "ch-2")}
    account = await place.money.state(billing.ACCOUNT)
    home: foreign.Environment = await place.worker.states.state(
        foreign.environment_ref("acme", PROD)
    )
    sold = await place.money.state(subscription.ref_of("acme", f"wiki-postgres.{PROD}"))
    apps = {name: await place.application(name) for name in ("wiki", "wiki-postgres")}
    return Ending(
        changes={n: (x.status, x.completed, x.left) for n, x in changes.items()},
        admitted=home.applications,
        balances=account.balances,
        holds=msgspec.to_builtins(account.holds),
        ended=account.ended,
        credit=account.available("OMR", billing.NOW).minor,
        sold=sold.status,
        archived={name: app.archived for name, app in apps.items()},
        histories=histories(folder / "git"),
        events=await _events(js),
    )


async def _events(js: JetStream) -> dict[str, int]:
    found: Counter[str] = Counter()
    for stored in await whole_log(js):
        if stored.subject.startswith("evt."):
            found[msgspec.json.decode(stored.data, type=Envelope).type] += 1
    seen = {"provisioning.application-observed.v1", "provisioning.application-silent.v1"}
    return {name: number for name, number in sorted(found.items()) if name not in seen}


def histories(root: Path) -> dict[str, list[str]]:
    """Check every repository of `acme`; return its branches, each one line of commits.

    What no branch leads to is none of the repository's: a push that was never answered.
    """
    found: dict[str, list[str]] = {}
    for repository in sorted((root / "homes" / "acme").glob("*.git")):
        _git(repository, "fsck", "--strict")
        branches = _git(repository, "for-each-ref", "--format=%(refname:short)", "refs").split()
        for branch in branches:
            lines = _git(repository, "log", "--reverse", "--format=%T %P|%s", branch).splitlines()
            parents = [line.split("|")[0].split()[1:] for line in lines]
            assert [len(one) for one in parents] == [0, *[1] * (len(lines) - 1)], lines
            trees = [line.split()[0] for line in lines]
            words = [line.split("|", 1)[1] for line in lines]
            if repository.name == "home.git":
                found[f"{repository.name} {branch}"] = [*sorted(words), trees[-1]]
            else:
                found[f"{repository.name} {branch}"] = [
                    " ".join(x) for x in zip(trees, words, strict=True)
                ]
    return found


def _git(repository: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", "-C", repository, *arguments], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


async def told(site: Site) -> Ending:
    """Tell the story at the site, and return how it ended."""
    async with asyncio.timeout(PATIENCE), site.open() as place:
        site.begin()
        await tell(place)
        # What has been remembered while others died is read anew.
        fresh = site.seen(place.js)
        found = await ending(fresh, site.folder)
    async with connected(site.access) as js:
        await emptied(js)
    return found


_PROGRAM = """
import asyncio, sys
from pathlib import Path
import pytest
from tests.integration.provisioning.site import service_of
from tests.support.crashes import FaultyBroker
from tests.support.rig import deliver_again_after, runtime
from catalyst.chassis.jetstream.connection import connect
from catalyst.chassis.keyring import KeyRing
from catalyst.chassis.worker import Worker
from catalyst.environment_controller.adapters.git_root import GitRoot

async def main(url, user, keys, git, door, name, at, side):
    deliver_again_after(pytest.MonkeyPatch(), 2.0)
    ring = KeyRing.open(Path(keys))
    async with connect(url, name="w", user=user, password=user) as js:
        broker = FaultyBroker(js, int(at), side, counted=("batch", "publish done"))
        table = service_of(name, js, ring, GitRoot(Path(git)), door)
        await Worker(table, runtime(js, broker=broker, keys=ring, service=name)).run()

asyncio.run(main(*sys.argv[1:]))
"""
