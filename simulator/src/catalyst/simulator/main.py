"""The simulator, wired: its worker, and the HTTP surface that every member has.

The worker is like a third party's and knows nothing of the chassis; what looks after it here does.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import msgspec
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.types import ASGIApp

from catalyst.chassis import app as process
from catalyst.chassis.http import Measured, Metrics, Readiness, SecureHeaders, health_routes
from catalyst.chassis.jetstream.port import BrokerError, NotFound, Unavailable
from catalyst.chassis.runtime import Runtime, password_of, standing
from catalyst.simulator.settings import Settings
from catalyst.simulator.worker import Simulator

NAME: Final = "simulator"
LOOK_SECONDS: Final = 2.0
"""How often the broker is asked whether it still knows the worker's readers."""
WAIT_SECONDS: Final = 0.2
"""Between two looks for the streams, until they are there."""
NO_CONSUMER: Final = 10014
"""The broker's code for a consumer that it does not know, on a stream that it does."""


class ReaderLost(Exception):
    """The broker has forgotten a reader: whoever runs the process has to start it anew.

    Nothing is lost by that: at each start everything is said again.
    """


class SimulatorMember:
    """The member: one simulated cluster, watched from outside."""

    def __init__(self, runtime: Runtime, simulator: Simulator) -> None:
        """Look after `simulator` on `runtime`; nothing happens before `run`."""
        self._js = runtime.js
        self._simulator = simulator
        metrics = Metrics(NAME)
        readiness = Readiness({"readers": self._missing})
        self._app = Starlette(
            routes=health_routes(readiness, metrics),
            middleware=[Middleware(SecureHeaders), Middleware(Measured, metrics)],
        )

    @property
    def app(self) -> ASGIApp:
        """Health and measures."""
        return self._app

    async def run(self) -> None:
        """Simulate until `stop`.

        Raises:
            ExceptionGroup: With `ReaderLost` or `Unavailable`, if only a new start helps.
        """
        async with asyncio.TaskGroup() as tasks:
            watching = tasks.create_task(self._watch(), name="readers")
            try:
                if await self._streams():
                    await self._simulator.run()
            finally:
                watching.cancel()

    def stop(self) -> None:
        """Ask `run` to return."""
        self._simulator.stop()

    async def _streams(self) -> bool:
        """Wait for the streams, which the workers make; False if `stop` came before them."""
        for stream in self._simulator.readers:
            while not _forgotten(await self._refused(stream, "nobody")):
                if self._simulator.stopping:
                    return False
                await asyncio.sleep(WAIT_SECONDS)
        return True

    async def _watch(self) -> None:
        await self._simulator.reading.wait()
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            if self._js.closed.is_set():
                raise Unavailable(503, 0, "the connection to the broker is gone for good")
            for stream, reader in self._simulator.readers.items():
                if _forgotten(await self._refused(stream, reader)):
                    raise ReaderLost(f"the broker has forgotten the reader of {stream}")

    async def _refused(self, stream: str, reader: str) -> BrokerError | None:
        """Return None if the broker knows a reader, else why it does not say so."""
        try:
            await self._js.api(f"CONSUMER.INFO.{stream}.{reader}", None)
        except BrokerError as error:
            return error
        return None

    async def _missing(self) -> str | None:
        for stream, reader in self._simulator.readers.items():
            refused = await self._refused(stream, reader or "nobody")
            if refused is not None:
                return f"{stream} is not read: {refused.description}"
        return None


def _forgotten(refused: BrokerError | None) -> bool:
    """Return whether the stream is there and the reader is not."""
    return isinstance(refused, NotFound) and refused.err_code == NO_CONSUMER


@asynccontextmanager
async def build(settings: Settings) -> AsyncIterator[SimulatorMember]:
    """Connect, and hold the member for the block."""
    # It signs nothing and believes nobody, so it needs no keys, wherever they are said to be.
    unsigned = msgspec.structs.replace(settings, key_file="", jwks="")
    async with standing(NAME, unsigned) as runtime:
        simulator = Simulator(
            settings.nats_url,
            settings.nats_user,
            password_of(settings) or "",
            seed=settings.seed,
            pace=settings.pace,
        )
        yield SimulatorMember(runtime, simulator)


def run() -> int:
    """Run the member as a process; returns its exit code."""
    return process.main(NAME, Settings, build)
