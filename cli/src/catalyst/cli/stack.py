"""The embedded stack: the real broker as a child process, and every member around it.

`catalyst up` and `catalyst demo` run it. Members are tasks of this process, or processes of their
own (`processes.py`); both are the code that compose and Helm run.
"""

from __future__ import annotations

import asyncio
import importlib
import logging
import os
import signal
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

import httpx

from catalyst.chassis import app as process
from catalyst.chassis import clock, settings
from catalyst.chassis.app import Member
from catalyst.chassis.errors import Expected
from catalyst.chassis.jetstream.connection import connect
from catalyst.chassis.jetstream.port import BrokerError
from catalyst.chassis.lease import Lease
from catalyst.chassis.settings import BrokerSettings as MemberSettings
from catalyst.cli.broker import BrokerFault, BrokerProcess, BrokerSettings, PortTaken
from catalyst.cli.contexts import Context
from catalyst.cli.installation import Installation
from catalyst.cli.listening import listen
from catalyst.cli.measuring import measuring
from catalyst.cli.processes import GIT_CALLERS, MODULES, Supervisor, ending, loading, prefix
from catalyst.cli.remaking import remake
from catalyst.cli.simulating import simulating
from catalyst.client.http_transport import verifying
from catalyst.contracts.registry import SERVICES, TABLES

log = logging.getLogger(__name__)

FIRST: Final = TABLES[0]
"""The service in whose name the stack frees the leases before the workers start."""
READY_SECONDS: Final = 30.0
RESTART_SECONDS: Final = 0.1
LONGEST_RESTART_SECONDS: Final = 10.0
STABLE_SECONDS: Final = 60.0
"""A broker that ran this long has recovered; its next end is counted as the first."""
MAX_DEATHS: Final = 8
"""Ends in a row, or starts that fail, after which the stack ends."""
LOOK_SECONDS: Final = 0.1
"""How often the broker and its disk are looked at."""
_POLL_SECONDS: Final = 0.02

S = TypeVar("S", bound=MemberSettings)
Tell = Callable[[str], None]
"""Takes one line about the progress of a start, for a person."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How a stack is run."""

    host: str = "127.0.0.1"
    port: int = 8080
    """Of the one HTTP origin; 0 takes that of the last time if it is free, else any."""
    nats_url: str = ""
    """An existing broker; empty runs our own."""
    nats_port: int = 0
    processes: bool = False
    """Give each member a process of its own, restarted when it dies."""
    simulate_cluster: bool = False
    """Let a worker say of commits what a cluster would; our own broker only."""
    simulator_pace: float = 1.0
    """About how many seconds a stage takes there, where its own setting does not say."""
    sync_interval: str = "always"
    """When the broker's data reaches the disk."""


@dataclass(frozen=True, slots=True)
class Stack:
    """A stack that runs."""

    context: Context
    """How to reach it."""
    failed: asyncio.Event
    """Set when a part of it ended by itself: the whole has to end."""
    supervisor: Supervisor | None
    """Holds the processes of the members, if they have any."""
    broker: BrokerProcess | None
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    """Set by whoever ends the whole, at once: what ends by itself from then on was meant to."""

    def kill(self) -> None:
        """Kill every process that it began: for somebody who ends right after it."""
        if self.supervisor is not None:
            self.supervisor.kill_all()
        if self.broker is not None and self.broker.pid is not None:
            os.kill(self.broker.pid, signal.SIGKILL)


@asynccontextmanager
async def running(installation: Installation, options: Options, tell: Tell) -> AsyncIterator[Stack]:
    """Run the stack for the block, and drain it at the end.

    Raises:
        Expected: If the port is taken or a member cannot start.
        BrokerFault: If the embedded broker cannot run.
    """
    stopping = asyncio.Event()
    of_ends = _until_stopped(tell, stopping)
    # Whoever serves closes the socket; nobody does if the start fails before that.
    with listen(installation, options.host, options.port, tell) as bound:
        async with _broker(installation, options, tell, of_ends) as broker:
            url = broker.url if broker is not None else options.nats_url
            run = _as_processes if options.processes else _as_tasks
            async with (
                run(installation, options, url, bound, tell, of_ends) as stack,
                simulating(installation, url, options),
            ):
                try:
                    yield Stack(stack.context, stack.failed, stack.supervisor, broker, stopping)
                finally:
                    stopping.set()


def _until_stopped(tell: Tell, stopping: asyncio.Event) -> Tell:
    """Return what tells that parts end, as long as the whole is not to end: then they do."""
    whole = asyncio.current_task()

    def told(text: str) -> None:
        if not stopping.is_set() and (whole is None or not whole.cancelling()):
            tell(text)

    return told


@asynccontextmanager
async def _broker(
    installation: Installation, options: Options, tell: Tell, of_ends: Tell
) -> AsyncIterator[BrokerProcess | None]:
    if options.nats_url:
        yield None
        return
    how = BrokerSettings(
        directory=installation.broker_directory,
        shown=str(installation.data),
        accounts=[],
        port=options.nats_port,
        sync_interval=options.sync_interval,
        more={"accounts": installation.accounts()},
    )
    broker = BrokerProcess(how)
    tell("starting the broker")
    async with asyncio.TaskGroup() as tasks:
        # The members' imports take as long as the broker's start, so both go on at once.
        with nullcontext() if options.processes else loading(tasks):
            await remake(installation, how, tell)
            await _started(broker, installation)
    async with asyncio.TaskGroup() as tasks:
        keeping = tasks.create_task(keep_broker(broker, of_ends), name="broker")
        try:
            await _free_leases(broker, installation)
            yield broker
        finally:
            keeping.cancel()
            await broker.stop()


async def _started(broker: BrokerProcess, installation: Installation) -> None:
    """Start the broker, on the port of the last time if it is free: programs have its address."""
    wanted = broker.port
    broker.port = wanted or installation.broker_port()
    try:
        await broker.start()
    except PortTaken:
        if wanted:
            raise
        broker.port = 0
        await broker.start()
    installation.remember_broker_port(broker.port)


async def _free_leases(broker: BrokerProcess, installation: Installation) -> None:
    """Let the workers begin at once: whoever held a lease here has died.

    The broker just started holds the data directory, so nobody else works on it.
    """
    user, password = FIRST.service, installation.passwords[FIRST.service]
    try:
        async with connect(broker.url, name=FIRST.member, user=user, password=password) as js:
            for service in SERVICES:
                await Lease(js, service, "up").free()
    except BrokerError as error:
        # Nothing is lost but a few seconds: the lease runs out by itself.
        log.info("lease not freed", extra={"why": str(error)})


async def keep_broker(broker: BrokerProcess, tell: Tell) -> None:
    """Start the broker again whenever it ends by itself or its disk was full, on the same port.

    Also while the stack drains: what is under way needs it.

    Raises:
        BrokerFault: If it does not stay up.
    """
    deaths = 0
    while True:
        began = clock.monotonic()
        how = await _ended_or_full(broker, tell)
        deaths = deaths + 1 if clock.monotonic() - began < STABLE_SECONDS else 1
        if deaths > MAX_DEATHS:
            said = broker.last_words()
            raise BrokerFault(f"the broker ended again and again ({how}): {said}")
        # What ended it, as a signal to all of us does, may be meant for the whole and come next.
        await asyncio.sleep(RESTART_SECONDS)
        tell(f"the broker ended ({how}), starting it again; see {broker.log_path}")
        while True:
            await asyncio.sleep(min(RESTART_SECONDS * 2**deaths, LONGEST_RESTART_SECONDS))
            if not broker.has_room():
                # Not a death: it is waited for as long as it takes.
                continue
            try:
                await broker.start()
                tell("the broker is back")
                break
            except BrokerFault as error:
                tell(f"{error}; {error.hint}" if error.hint else str(error))
                deaths += 1
                if deaths >= MAX_DEATHS:
                    raise


async def _ended_or_full(broker: BrokerProcess, tell: Tell) -> str:
    """Return how the broker ended; one whose disk was full is ended as soon as there is room.

    It would refuse every write for as long as it runs, whatever room there is.
    """
    told = False
    while broker.pid is not None:
        await asyncio.sleep(LOOK_SECONDS)
        if not told and broker.is_full():
            told = True
            tell(f"the disk of {broker.shown} is full: nothing is accepted, make room")
        if told and broker.has_room():
            tell("there is room again")
            await broker.stop()
            return "its disk was full"
    return ending(await broker.wait())


@asynccontextmanager
async def _as_tasks(
    installation: Installation,
    options: Options,
    url: str,
    bound: process.Socket,
    tell: Tell,
    _of_ends: Tell,
) -> AsyncIterator[Stack]:
    # Imported here, so that a stack of processes and every other verb start without them.
    from catalyst.gateway import main as gateway  # noqa: PLC0415
    from catalyst.gateway.settings import Settings as GatewaySettings  # noqa: PLC0415
    from catalyst.projector import main as projector  # noqa: PLC0415
    from catalyst.projector.settings import Settings as ProjectorSettings  # noqa: PLC0415

    ours = not options.nats_url

    def chosen(kind: type[S], user: str, **more: str) -> S:
        fixed = installation.settings(user, url, ours=ours) | more
        if user in GIT_CALLERS:
            fixed["git_url"] = process.here(bound)
        return settings.load(kind, os.environ, prefix(user), fixed)

    tell("starting the members")
    async with (
        _workers(chosen) as workers,
        projector.build(chosen(ProjectorSettings, "projector")) as rows,
        gateway.build(
            chosen(GatewaySettings, "gateway", projector_url="", git_url=""),
            projector=rows.app,
            git=workers["environment"].git,
        ) as door,
        _working([*workers.values(), rows, door]) as failed,
        process.serving(door.app, bound) as address,
        measuring({**workers, "projector": rows}) as members,
    ):
        await _until_ready(address, failed, installation.token())
        context = installation.write_endpoints(address, url, members, ours=ours)
        try:
            yield Stack(context, failed, None, None)
        finally:
            # Open streams say goodbye before the server ends: it would wait for them in vain.
            door.stop()
            rows.stop()


@asynccontextmanager
async def _workers(chosen: Callable[[Any, str], Any]) -> AsyncIterator[dict[str, Any]]:
    """Hold the worker of each service for the block, by the service's name.

    All connect at once, each in a task of its own that holds it to the end.
    """
    over = asyncio.Event()

    async def hold(service: str, into: asyncio.Future[Any]) -> None:
        kind = importlib.import_module(f"{MODULES[service]}.settings").Settings
        build = importlib.import_module(f"{MODULES[service]}.main").build
        async with build(chosen(kind, service)) as worker:
            if into.cancelled():
                # The start was given up meanwhile.
                return
            into.set_result(worker)
            await over.wait()

    loop = asyncio.get_running_loop()
    found: dict[str, asyncio.Future[Any]] = {service: loop.create_future() for service in SERVICES}
    async with asyncio.TaskGroup() as tasks:
        for service, into in found.items():
            tasks.create_task(hold(service, into), name=f"worker {service}")
        try:
            yield {service: await into for service, into in found.items()}
        finally:
            over.set()


@asynccontextmanager
async def _as_processes(
    installation: Installation,
    options: Options,
    url: str,
    bound: process.Socket,
    tell: Tell,
    of_ends: Tell,
) -> AsyncIterator[Stack]:
    ours = not options.nats_url
    supervisor = Supervisor(installation, url, bound, of_ends, ours=ours)
    tell("starting a process for each member")
    async with supervisor.running() as address:
        await _until_ready(address, supervisor.failed, installation.token())
        context = installation.write_endpoints(address, url, supervisor.addresses, ours=ours)
        yield Stack(context, supervisor.failed, supervisor, None)


@asynccontextmanager
async def _working(members: Sequence[Member]) -> AsyncIterator[asyncio.Event]:
    """Run members as tasks; at the end they drain in the order in which work flows."""
    failed = asyncio.Event()

    async def work(member: Member) -> None:
        try:
            await member.run()
        finally:
            failed.set()

    async with asyncio.TaskGroup() as tasks:
        running = [(member, tasks.create_task(work(member))) for member in members]
        try:
            yield failed
        finally:
            for member, task in reversed(running):
                member.stop()
                await asyncio.wait({task})


async def _until_ready(address: str, failed: asyncio.Event, token: str) -> None:
    """Return once the stack answers that it can do its work, reads included."""
    headers = {"Authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(timeout=2.0, headers=headers, verify=verifying(address)) as http:
        missing = "nothing answers yet"
        try:
            async with asyncio.timeout(READY_SECONDS):
                while missing := await _missing(http, address):
                    if failed.is_set():
                        raise Expected("a member ended while the stack was starting")
                    await asyncio.sleep(_POLL_SECONDS)
        except TimeoutError:
            raise Expected(
                f"the stack was not ready after {READY_SECONDS:.0f} s: {missing}"
            ) from None


async def _missing(http: httpx.AsyncClient, address: str) -> str:
    """Return what is not ready yet; empty if all is."""
    for path in ("/readyz", "/v1/state/organizations?limit=1"):
        try:
            answer = await http.get(f"{address}{path}")
        except httpx.HTTPError as error:
            return f"{path} does not answer ({type(error).__name__})"
        if answer.status_code != httpx.codes.OK:
            try:
                body = answer.json()
            except ValueError:
                return f"{path} answers {answer.status_code}, and not in JSON"
            checks = {name: said for name, said in body.get("checks", {}).items() if said != "ok"}
            told = "; ".join(f"{name}: {said}" for name, said in checks.items())
            return told or body.get("detail", f"{path} answers {answer.status_code}")
    return ""
