"""The projector, wired: follower, hub, HTTP surface."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from starlette.types import ASGIApp

from catalyst.chassis import app as process
from catalyst.chassis.http import Metrics, Readiness
from catalyst.chassis.jetstream.port import Unavailable
from catalyst.chassis.probe import Probe
from catalyst.chassis.runtime import Runtime, standing
from catalyst.projector import http
from catalyst.projector.adapters.buckets import StreamReadModel
from catalyst.projector.adapters.log import StreamLog
from catalyst.projector.feed import Feed
from catalyst.projector.follower import Follower
from catalyst.projector.hub import LOADING, Hub
from catalyst.projector.measures import Measures
from catalyst.projector.rebuilder import Rebuilder
from catalyst.projector.replay import Sampler
from catalyst.projector.settings import Settings
from catalyst.projector.sse import Pace
from catalyst.projector.tracing import Tracing
from catalyst.projector.upkeep import Upkeep

NAME: Final = "projector"
REFUSED: Final = (
    "restore the broker's data from a backup; without one, a start with "
    "PROJECTOR_ACCEPT_LOSSES=true makes them of what is left"
)
"""What to do where the log lost what rows are made from."""


class Projector:
    """The member: folds the log into the read model and serves it."""

    def __init__(self, runtime: Runtime, settings: Settings) -> None:
        """Work on `runtime`; nothing happens before `run`."""
        self._runtime = runtime
        self._max_lag_seconds = settings.max_lag_seconds
        self.log = StreamLog(runtime.js, NAME)
        self.model = StreamReadModel(runtime.js, NAME, replicas=runtime.replicas)
        tracing = Tracing(runtime.telemetry)
        self.follower = Follower(
            self.log, self.model, tracing=tracing, accept_losses=settings.accept_losses
        )
        self.hub = Hub(tracing)
        self.hub.absent = self._absent
        self.feed = Feed(self.hub, self.log, self.model)
        self.sampler = Sampler(self.hub, self.log, settings.check_seconds)
        self.rebuilder = Rebuilder(self.hub, self.log, self.model)
        self._probe = Probe(runtime.js, NAME, replicas=runtime.replicas)
        self._stopping = asyncio.Event()
        self.metrics = Metrics(NAME)
        self.metrics.registry.register(Measures(self.follower, self.feed, self.hub, self.sampler))
        needed = {"broker": self._probe.check, "rows": self._rows}
        readiness = Readiness(needed, runtime.of_keys)
        pace = Pace(
            heartbeat_seconds=settings.heartbeat_seconds,
            drain_seconds=settings.drain_seconds,
            rotate_seconds=settings.rotate_seconds,
            retry_seconds=settings.retry_seconds,
        )
        door = http.Door(
            self.hub,
            runtime.verifier,
            pace=pace,
            wait_seconds=settings.wait_seconds,
            max_streams=settings.max_streams,
            max_own_streams=settings.max_streams_per_subject,
        )
        upkeep = Upkeep(self.hub, self.sampler, self.rebuilder, runtime.verifier)
        self._app = http.app(door, readiness, self.metrics, upkeep.routes())

    @property
    def app(self) -> ASGIApp:
        """Reads, streams, health and metrics."""
        return self._app

    async def run(self) -> None:
        """Work until `stop`, then say goodbye to every stream and return.

        Raises:
            ExceptionGroup: With `Unavailable`, when the connection to the broker is gone for good.
        """
        async with asyncio.TaskGroup() as tasks:
            working = [
                tasks.create_task(self.follower.run(), name="projector-follower"),
                tasks.create_task(self.feed.run(), name="projector-hub"),
                tasks.create_task(self._probe.run(), name="projector-probe"),
                tasks.create_task(self.sampler.run(), name="projector-sampler"),
                tasks.create_task(self.rebuilder.run(), name="projector-rebuilder"),
                tasks.create_task(self._watch_connection(), name="projector-connection"),
            ]
            await self._stopping.wait()
            self.hub.end("shutdown")
            for task in working:
                task.cancel()

    def stop(self) -> None:
        """Ask `run` to return."""
        self._stopping.set()

    async def _watch_connection(self) -> None:
        await self._runtime.js.closed.wait()
        raise Unavailable(503, 0, "the connection to the broker is gone for good")

    def _absent(self) -> str:
        lost = self.follower.lost
        return f"no rows are made: {lost}; {REFUSED}" if lost else LOADING

    async def _rows(self) -> str | None:
        if self.follower.lost or not self.hub.loaded.is_set():
            return self._absent()
        lag = self.hub.fresh().lag_ms / 1000
        if lag > self._max_lag_seconds:
            return f"the rows are {lag:.0f} s behind the log"
        return None


@asynccontextmanager
async def build(settings: Settings) -> AsyncIterator[Projector]:
    """Connect, and hold the member for the block."""
    async with standing(NAME, settings) as runtime:
        yield Projector(runtime, settings)


def run() -> int:
    """Run the member as a process; returns its exit code."""
    return process.main(NAME, Settings, build)
