"""A real broker for the tests: one per session, an account of its own for each test."""

import asyncio
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any, Final

import msgspec

from catalyst.chassis.jetstream.broker import JetStream
from catalyst.chassis.jetstream.connection import connect
from catalyst.cli.broker import Account, BrokerProcess, BrokerSettings, User

ACCOUNTS: Final = 2000
"""As many tests of one session may use the broker; starting with them costs some 10 ms."""


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

    def __init__(self, directory: Path) -> None:
        names = [f"t{number:03}" for number in range(ACCOUNTS)]
        self.process = BrokerProcess(settings(directory, names))
        self._free = iter(names)

    def start(self) -> None:
        asyncio.run(self.process.start())

    def stop(self) -> None:
        asyncio.run(self.process.stop())

    def account(self) -> Access:
        """A fresh one."""
        name = next(self._free)
        return Access(self.process.url, name, name)


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
    for name in (await js.api("STREAM.NAMES", {}))["streams"] or ():
        await js.api(f"STREAM.DELETE.{name}", None)


def own_connection(
    process: BrokerProcess, *, timeout: float = 5.0
) -> AbstractAsyncContextManager[JetStream]:
    """A connection to a broker of `private`."""
    return connect(process.url, name="own", user="own", password="own", timeout=timeout)


def private(directory: Path, **more: Any) -> BrokerProcess:
    """A broker that a test may kill and restart; user and password are `own`."""
    return BrokerProcess(msgspec.structs.replace(settings(directory, ["own"]), more=more))
