"""Real brokers and stacks in directories of their own, for as long as something is measured."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import nats
from nats.aio.client import Client

from catalyst.chassis.jetstream.broker import JetStream
from catalyst.chassis.jetstream.connection import connect
from catalyst.chassis.jetstream.topology import ensure
from catalyst.chassis.keyring import KeyRing
from catalyst.cli.broker import Account, BrokerProcess, BrokerSettings, User
from catalyst.contracts.roles import BILLING_ADMIN
from catalyst.contracts.topology import topology

USER: Final = "bench"
PROVISIONING: Final = "provisioning"
START_SECONDS: Final = 60.0


@asynccontextmanager
async def broker(sync_interval: str) -> AsyncIterator[BrokerProcess]:
    """Run a broker with nothing in it; user and password are `bench`."""
    with tempfile.TemporaryDirectory(prefix="catalyst-bench-") as folder:
        process = BrokerProcess(
            BrokerSettings(
                directory=Path(folder),
                accounts=[Account("BENCH", [User(USER, USER)])],
                sync_interval=sync_interval,
            )
        )
        await process.start()
        try:
            yield process
        finally:
            await process.stop()


@asynccontextmanager
async def prepared(sync_interval: str) -> AsyncIterator[tuple[JetStream, str]]:
    """Run a broker with all streams; yields a connection, and the address for others."""
    async with (
        broker(sync_interval) as process,
        connect(process.url, name=USER, user=USER, password=USER) as js,
    ):
        await ensure(js, topology())
        yield js, process.url.replace("://", f"://{USER}:{USER}@")


class Up:
    """What `catalyst up` runs, as a process that knows nothing of being measured."""

    def __init__(self, endpoints: Mapping[str, Any], keys: KeyRing, began: float, pid: int) -> None:
        """Hold what `endpoints.json` says, the signing keys, when the process began, and which."""
        self._keys = keys
        self.pid = pid
        self.http: str = endpoints["http"]
        self.nats: str = endpoints["nats"]
        self.operator: Mapping[str, str] = endpoints["operator"]
        self.began = began

    @property
    def token(self) -> dict[str, str]:
        """The header that says who asks."""
        return {"Authorization": f"Bearer {self.operator['token']}"}

    @property
    def provisioning(self) -> dict[str, str]:
        """The header of the service `provisioning`, which admits Applications to Environments."""
        return {"Authorization": f"Bearer {self._keys.service(PROVISIONING).service()}"}

    @property
    def billing(self) -> str:
        """A token of somebody who may set prices and take payments."""
        return self._keys.people().person("billing@localhost", [BILLING_ADMIN])

    async def connect(self) -> Client:
        """Return a plain connection to its broker."""
        return await nats.connect(
            self.nats, user=self.operator["user"], password=self.operator["password"]
        )


@asynccontextmanager
async def up(*options: str, **variables: str) -> AsyncIterator[Up]:
    """Run `catalyst up` in a new directory; yields as soon as it says where it is."""
    with tempfile.TemporaryDirectory(prefix="catalyst-bench-") as folder:
        place = Path(folder)
        endpoints = place / "data" / "endpoints.json"
        keys = KeyRing.open(place / "data" / "keys", services=(PROVISIONING,))
        program = Path(sys.executable).with_name("catalyst")
        began = time.perf_counter()
        process = await asyncio.create_subprocess_exec(
            program,
            *("up", "--data", str(place / "data"), "--port", "0", *options),
            env=os.environ | variables | {"XDG_CONFIG_HOME": str(place / "config")},
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        try:
            async with asyncio.timeout(START_SECONDS):
                while not endpoints.exists():
                    if process.returncode is not None:
                        raise RuntimeError(f"catalyst up ended with {process.returncode}")
                    await asyncio.sleep(0.005)
            yield Up(json.loads(endpoints.read_text("utf-8")), keys, began, process.pid)
        finally:
            if process.returncode is None:
                process.send_signal(signal.SIGINT)
            await process.wait()


def organization(slug: str, **changes: Any) -> dict[str, Any]:
    """Return the data of a `create-organization` that is accepted."""
    return {
        "display_name": slug.title(),
        "kind": "customer",
        "tier": "sme",
        "billing_mode": "real",
        "sovereign_ref": "cloud.example.org",
        "owners": [{"email": f"owner@{slug}.example", "role": "owner"}],
        **changes,
    }


def command(
    verb: str, slug: str, command_id: str, data: Mapping[str, Any], *, environment: str = ""
) -> tuple[str, bytes]:
    """Return subject and body of a command, as any program writes them.

    It goes to the Organization `slug`, or to an Environment of it.
    """
    body = {
        "specversion": "1.0",
        "id": command_id,
        "source": "benchmark",
        "type": f"environment.{verb}.v1",
        "data": data,
    }
    place = f"environment.{environment}" if environment else f"organization.{slug}"
    return f"cmd.{slug}.environment.{place}.{verb}.v1", json.dumps(body).encode()
