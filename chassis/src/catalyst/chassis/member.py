"""A member that works for one service: its worker, its readiness, its measures, its HTTP surface.

Built by the `main` of each service, which adds what it alone has.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import BaseRoute
from starlette.types import ASGIApp

from catalyst.chassis.errors import Expected
from catalyst.chassis.http import (
    Check,
    Measured,
    Metrics,
    Readiness,
    SecureHeaders,
    health_routes,
)
from catalyst.chassis.measures import Measures
from catalyst.chassis.probe import Probe
from catalyst.chassis.runtime import Runtime
from catalyst.chassis.service import Service
from catalyst.chassis.worker import Worker
from catalyst.contracts.registry import TABLES


class WorkerMember:
    """One process of one service."""

    def __init__(
        self,
        name: str,
        service: Service,
        runtime: Runtime,
        *,
        checks: Mapping[str, Check] | None = None,
        routes: Sequence[BaseRoute] = (),
    ) -> None:
        """Work for `service` on `runtime`; nothing happens before `run`.

        Args:
            name: The deployable's name.
            service: Its table.
            runtime: What it stands on.
            checks: What readiness asks besides broker and memory; None as an answer is well.
            routes: What it serves besides health and measures.

        Raises:
            Expected: If a part is missing that its contract names, or the other way round.
        """
        self.metrics = Metrics(name)
        self.worker = Worker(whole(service), runtime, Measures(self.metrics.registry))
        self._probe = Probe(runtime.js, name, replicas=runtime.replicas)
        readiness = Readiness(
            {"broker": self._probe.check, "memory": self._memory, **(checks or {})},
            # Without those of one issuer it still decides for others, and for services.
            runtime.of_keys,
        )
        self._app = Starlette(
            routes=[*health_routes(readiness, self.metrics), *routes],
            middleware=[Middleware(SecureHeaders), Middleware(Measured, self.metrics)],
        )
        # A redirect would be built from the request's Host, which anybody can write.
        self._app.router.redirect_slashes = False

    @property
    def app(self) -> ASGIApp:
        """Health, measures, and what else it serves."""
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

    async def _memory(self) -> str | None:
        return self.worker.reading()


def whole(service: Service) -> Service:
    """Return a service as it is, if it has the sources and reactions that its contract names.

    A durable without a part fills up unheard; a part without a durable waits for what never comes.

    Raises:
        Expected: If one of them is missing or has no durable, with the names of all of them.
    """
    table = next((item for item in TABLES if item.service == service.name), None)
    if table is None:
        return service
    hearing = (process.name for process in service.processes if process.events)
    pairs = (
        (
            "reaction",
            {item.name for item in table.reactions},
            {*hearing, *(item.name for item in service.effects)},
        ),
        (
            "source",
            {item.name for item in table.sources},
            {item.name for item in service.sources},
        ),
    )
    wrong: list[str] = []
    for kind, named, there in pairs:
        wrong += [f"the {kind} {name!r} is missing" for name in sorted(named - there)]
        wrong += [f"the {kind} {name!r} has no durable" for name in sorted(there - named)]
    if wrong:
        raise Expected(
            f"the service {service.name!r} is not whole: {', '.join(wrong)}",
            hint="hand every part to its service(), and name each in its table of contracts",
        )
    return service
