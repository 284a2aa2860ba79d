"""blueprint-controller, wired: its worker and its HTTP surface."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.types import ASGIApp

from catalyst.blueprint_controller.handlers import service
from catalyst.blueprint_controller.settings import Settings
from catalyst.chassis import app as process
from catalyst.chassis.http import Measured, Metrics, Readiness, SecureHeaders, health_routes
from catalyst.chassis.measures import Measures
from catalyst.chassis.probe import Probe
from catalyst.chassis.runtime import Runtime, standing
from catalyst.chassis.worker import Worker

NAME: Final = "blueprint-controller"


class BlueprintController:
    """The member: decides sources and Blueprints."""

    def __init__(self, runtime: Runtime) -> None:
        """Work on `runtime`."""
        self.metrics = Metrics(NAME)
        self.worker = Worker(service(), runtime, Measures(self.metrics.registry))
        self._probe = Probe(runtime.js, NAME)
        readiness = Readiness({"broker": self._probe.check, "owners": self._owners})
        self._app = Starlette(
            routes=health_routes(readiness, self.metrics),
            middleware=[Middleware(SecureHeaders), Middleware(Measured, self.metrics)],
        )

    @property
    def app(self) -> ASGIApp:
        """Health and metrics."""
        return self._app

    async def run(self) -> None:
        """Work until `stop`, then drain and return."""
        # The probe runs until the drain is over, so that readiness is told to the end.
        async with asyncio.TaskGroup() as tasks:
            probing = tasks.create_task(self._probe.run(), name="probe")
            try:
                await self.worker.run()
            finally:
                probing.cancel()

    def stop(self) -> None:
        """Ask `run` to drain and return."""
        self.worker.stop()

    async def _owners(self) -> str | None:
        return None if self.worker.table.ready.is_set() else "the owners are being read"


@asynccontextmanager
async def build(settings: Settings) -> AsyncIterator[BlueprintController]:
    """Connect, and hold the member for the block."""
    async with standing(NAME, settings) as runtime:
        yield BlueprintController(runtime)


def run() -> int:
    """Run the member as a process; returns its exit code."""
    return process.main(NAME, Settings, build)
