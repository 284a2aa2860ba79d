"""Members as processes: each started with its own settings, restarted when it dies.

Each gets a socket that is bound already, so no port can be lost between choosing it
and using it.
"""

from __future__ import annotations

import asyncio
import importlib
import os
import signal
import socket
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from catalyst.chassis import app as process
from catalyst.chassis import clock
from catalyst.chassis.settings import variable
from catalyst.cli.broker import ending_with_us
from catalyst.cli.installation import Installation
from catalyst.contracts.registry import TABLES

GIT_CALLERS: Final = frozenset({"blueprint", "provisioning"})
"""Services that read Organizations' repositories over our own Git door."""
RESTART_SECONDS: Final = 0.2
LONGEST_RESTART_SECONDS: Final = 10.0
DOUBLED_MOST: Final = 20
"""Doubled more often a pause is longer than any, and in the end no number at all."""
STABLE_SECONDS: Final = 30.0
"""A member that ran this long has recovered; its next end is mended at once again."""
STOP_SECONDS: Final = 15.0

MODULES: Final[Mapping[str, str]] = {
    **{table.service: f"catalyst.{table.member.replace('-', '_')}" for table in TABLES},
    "projector": "catalyst.projector",
    "gateway": "catalyst.gateway",
}
"""User at the broker → module of the member, in the order in which they start. They end the other
way round, so that nobody waits for who is gone."""
_FIRST: Final = ("pydantic", "faststream", "faststream.nats", "catalyst.chassis.member")
"""What members load before all else, in parts: a third of the time it takes to load them all."""


@contextmanager
def loading(tasks: asyncio.TaskGroup) -> Iterator[None]:
    """Load what members that are tasks of this process run, as one of `tasks`, beside the block.

    If the block fails, no more of it is loaded: whoever is refused would wait for all of it.
    """
    given_up = threading.Event()
    tasks.create_task(asyncio.to_thread(_load, given_up))
    try:
        yield
    except BaseException:
        given_up.set()
        raise


def _load(given_up: threading.Event) -> None:
    for name in (*_FIRST, *(f"{name}.main" for name in MODULES.values())):
        if given_up.is_set():
            return
        importlib.import_module(name)


@dataclass(slots=True)
class Running:
    """One member's process, over all its starts."""

    user: str
    environ: Mapping[str, str]
    descriptor: int | None = None
    """A bound socket that it inherits."""
    child: asyncio.subprocess.Process | None = None
    starts: int = 0
    log: Path = field(default=Path(os.devnull))

    async def start(self) -> asyncio.subprocess.Process:
        """Start the process and return it."""
        with self.log.open("ab") as log:
            self.child = await asyncio.create_subprocess_exec(
                # Without us nobody would drain it, and a crash loses nothing.
                *ending_with_us([sys.executable, "-m", MODULES[self.user]], signal.SIGKILL),
                env=dict(self.environ),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=() if self.descriptor is None else (self.descriptor,),
                # Ctrl-C is for the one who drains: us.
                start_new_session=True,
            )
        self.starts += 1
        return self.child

    @property
    def pid(self) -> int | None:
        """Of the process that runs now; None between two starts."""
        if self.child is None or self.child.returncode is not None:
            return None
        return self.child.pid


class Supervisor:
    """Runs every member of an installation as a process."""

    def __init__(
        self,
        installation: Installation,
        nats_url: str,
        bound: process.Socket,
        tell: Callable[[str], None],
        *,
        ours: bool,
    ) -> None:
        """Prepare; nothing is started before `running`. `tell` hears of members that end."""
        self._tell = tell
        self.failed = asyncio.Event()
        """Never set by a death that a restart mends."""
        self._bound = bound
        inner = {user: process.listen("127.0.0.1", 0) for user in MODULES if user != "gateway"}
        ports = {user: found.getsockname()[1] for user, found in inner.items()}
        self.addresses = {user: f"http://127.0.0.1:{port}" for user, port in ports.items()}
        """Where each member but the gateway says how it is and what it measures."""
        self._sockets = [*inner.values(), bound]
        self.members: dict[str, Running] = {}
        logs = installation.data / "logs"
        logs.mkdir(exist_ok=True, mode=0o700)
        for user in MODULES:
            chosen = installation.settings(user, nats_url, ours=ours)
            held = inner.get(user, bound)
            chosen["http_fd"] = held.fileno()
            if user == "gateway":
                chosen["projector_url"] = self.addresses["projector"]
            if user == "gateway" or user in GIT_CALLERS:
                chosen["git_url"] = self.addresses["environment"]
            if user == "provisioning" and not told_clusters(os.environ):
                # The members' own ports are others at each start.
                chosen["cluster_git_url"] = process.here(bound)
            os.set_inheritable(held.fileno(), True)  # noqa: FBT003 - positional only
            self.members[user] = Running(
                user, _environ(user, chosen), held.fileno(), log=logs / f"{user}.log"
            )

    @asynccontextmanager
    async def running(self) -> AsyncIterator[str]:
        """Run every member for the block; yields the address of the gateway."""
        for held in self._sockets:
            held.listen(socket.SOMAXCONN)
        host, port = self._bound.getsockname()[:2]
        stopping = asyncio.Event()

        async with asyncio.TaskGroup() as tasks:
            for member in self.members.values():
                tasks.create_task(self._keep(member, stopping), name=f"member {member.user}")
            try:
                yield f"http://{host}:{port}"
            finally:
                stopping.set()
                for user in reversed(tuple(MODULES)):
                    await _end(self.members[user])
                for held in self._sockets:
                    held.close()

    def kill(self, user: str) -> int:
        """Kill a member's process with SIGKILL, as a crash would; returns its process id.

        Raises:
            ProcessLookupError: If it does not run now.
        """
        child = self.members[user].child
        if child is None or child.returncode is not None:
            raise ProcessLookupError(f"{user} does not run")
        child.kill()
        return child.pid

    def kill_all(self) -> None:
        """Kill the processes of all members that run now."""
        for member in self.members.values():
            if member.child is not None and member.child.returncode is None:
                member.child.kill()

    async def _keep(self, member: Running, stopping: asyncio.Event) -> None:
        quick = 0
        while not stopping.is_set():
            began = clock.monotonic()
            child = await member.start()
            code = await child.wait()
            quick = quick + 1 if clock.monotonic() - began < STABLE_SECONDS else 0
            # What ended it, as Ctrl-C does, may be meant for all of us and reach us next.
            await asyncio.sleep(RESTART_SECONDS)
            if stopping.is_set():
                return
            self._tell(f"{member.user} ended ({ending(code)}), starting it again; see {member.log}")
            # Whoever stops waits for nobody's next start.
            with suppress(TimeoutError):
                await asyncio.wait_for(stopping.wait(), pause(quick) - RESTART_SECONDS)


def pause(quick: int) -> float:
    """Return the seconds until a member is started again that ended quickly so often in a row."""
    factor = float(2 ** min(quick, DOUBLED_MOST))
    return min(RESTART_SECONDS * factor, LONGEST_RESTART_SECONDS)


async def _end(member: Running) -> None:
    """Ask a process to drain, and kill it if it does not."""
    child = member.child
    if child is None or child.returncode is not None:
        return
    child.terminate()
    try:
        async with asyncio.timeout(STOP_SECONDS):
            await child.wait()
    except TimeoutError:
        child.kill()
        await child.wait()


def ending(code: int) -> str:
    """Return how a process ended: by which signal, or with which exit code."""
    if code < 0:
        return signal.Signals(-code).name
    return f"exit code {code}"


def prefix(user: str) -> str:
    """Return what the variables of a member begin with, such as `PROJECTOR`."""
    return MODULES[user].rpartition(".")[2].upper()


def told_clusters(environ: Mapping[str, str]) -> str:
    """Return where clusters find the repositories, if the environment says so; else empty."""
    return environ.get(variable(environ, prefix("provisioning"), "cluster_git_url"), "")


def _environ(user: str, fixed: Mapping[str, object]) -> dict[str, str]:
    # The names of the member itself win over those that begin with CATALYST.
    chosen = {f"{prefix(user)}_{name.upper()}": _text(value) for name, value in fixed.items()}
    return {**os.environ, **chosen}


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
