"""A real broker for the tests: one per session, an account of its own for each test."""

import asyncio
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any, Final

import msgspec

from catalyst.chassis.jetstream.broker import JetStream
from catalyst.chassis.jetstream.connection import connect
from catalyst.cli.broker import Account, BrokerProcess, BrokerSettings, User

LOT: Final = 200
"""Accounts of one server. A start with 2,000 takes 0.4 s of a processor, and most runs need few."""


class Access(msgspec.Struct, frozen=True):
    """One account of the session's broker, and how to get in."""

    url: str
    user: str
    password: str

    @property
    def address(self) -> str:
        """The url with the credentials inside, as programs other than ours want it."""
        return self.url.replace("://", f"://{self.user}:{self.password}@")


class SharedBroker:
    """The broker of a test session, with accounts that nobody has used yet."""

    def __init__(self, directory: Path, lot: int = LOT) -> None:
        self._directory = directory
        self._names = [f"t{number:03}" for number in range(lot)]
        self._free = iter(self._names)
        self._processes: list[BrokerProcess] = []
        # A server ends with the thread that started it, and the caller's may run a loop already.
        self._starter = ThreadPoolExecutor(1)

    @property
    def process(self) -> BrokerProcess:
        """The server whose accounts are handed out now."""
        return self._processes[-1]

    def start(self) -> None:
        """Start one more server; those before it stay for whoever has an account there."""
        directory = self._directory / str(len(self._processes))
        process = BrokerProcess(settings(directory, self._names))
        self._run(process.start())
        self._processes.append(process)
        self._free = iter(self._names)

    def stop(self) -> None:
        """Stop all of them."""
        for process in self._processes:
            self._run(process.stop())
        self._starter.shutdown()

    def account(self) -> Access:
        """A fresh one."""
        name = next(self._free, None)
        if name is None:
            self.start()
            name = next(self._free)
        return Access(self.process.url, name, name)

    def runs(self, server_name: str) -> bool:
        """Whether a server is one of ours, and not another one on a port that was ours."""
        return any(process.server_name == server_name for process in self._processes)

    def _run(self, work: Coroutine[Any, Any, None]) -> None:
        self._starter.submit(asyncio.run, work).result()


def settings(directory: Path, names: list[str]) -> BrokerSettings:
    """A fast broker: its data need not survive a power cut."""
    return BrokerSettings(
        directory=directory,
        accounts=[Account(name.upper(), [User(name, name)]) for name in names],
        sync_interval="10s",
        min_free_bytes=0,
    )


async def emptied(js: JetStream) -> None:
    """Delete every stream of an account that is not needed any more: the broker stops sooner."""
    names = (await js.api("STREAM.NAMES", {}))["streams"] or ()
    async with asyncio.TaskGroup() as tasks:
        for name in names:
            tasks.create_task(js.api(f"STREAM.DELETE.{name}", None))


def own_connection(
    process: BrokerProcess, *, timeout: float = 5.0
) -> AbstractAsyncContextManager[JetStream]:
    """A connection to a broker of `private`."""
    return connect(process.url, name="own", user="own", password="own", timeout=timeout)


def private(directory: Path, **more: Any) -> BrokerProcess:
    """A broker that a test may kill and restart; user and password are `own`."""
    return BrokerProcess(msgspec.structs.replace(settings(directory, ["own"]), more=more))
