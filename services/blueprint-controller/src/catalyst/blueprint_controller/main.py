"""blueprint-controller, wired: its worker, its sources and content, its HTTP surface."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from typing_extensions import override

from catalyst.blueprint_controller.adapters.content import StoredContent
from catalyst.blueprint_controller.adapters.directory import read_built_in
from catalyst.blueprint_controller.adapters.sources import AllSources
from catalyst.blueprint_controller.domain.places import source_ref
from catalyst.blueprint_controller.domain.source import STARTER
from catalyst.blueprint_controller.handlers import service
from catalyst.blueprint_controller.settings import Settings
from catalyst.chassis import app as process
from catalyst.chassis.errors import Retry
from catalyst.chassis.events import encode
from catalyst.chassis.jetstream.port import BrokerError, Outgoing
from catalyst.chassis.member import WorkerMember
from catalyst.chassis.reconcile import Reconciler
from catalyst.chassis.runtime import Runtime, standing
from catalyst.contracts import blueprint_v1 as bp1
from catalyst.contracts import codec
from catalyst.contracts.message import Envelope, derived_id
from catalyst.contracts.registry import BY_SHAPE

NAME: Final = "blueprint-controller"
_PAUSE_SECONDS: Final = 1.0

log = logging.getLogger(__name__)


class BlueprintController(WorkerMember):
    """The member: decides sources and Blueprints."""

    def __init__(self, runtime: Runtime, sources: AllSources, *, starter: bool) -> None:
        """Work on `runtime`; with `starter`, register what comes with Catalyst."""
        self._runtime = runtime
        self._starter = starter
        super().__init__(NAME, service(sources, StoredContent(runtime.broker)), runtime)

    @override
    async def run(self) -> None:
        """Work until `stop`, then drain and return."""
        async with asyncio.TaskGroup() as tasks:
            seeding = tasks.create_task(self.seed(), name="starter")
            try:
                await super().run()
            finally:
                seeding.cancel()

    async def seed(self) -> None:
        """Have the starter catalogue registered, behind everything that a start waits for."""
        if not self._starter:
            return
        await self.worker.active.wait()
        async with asyncio.TaskGroup() as tasks:
            Reconciler(tasks, self._seed).mark(STARTER)

    async def _seed(self, _key: str) -> None:
        """Ask for what comes with this version; a repeat is the same command."""
        revision = (await asyncio.to_thread(read_built_in)).revision
        command = bp1.SeedSource(revision=revision)
        message = BY_SHAPE[bp1.SeedSource]
        envelope = Envelope(
            specversion="1.0",
            id=derived_id(f"{STARTER}/{revision}", 0),
            source=f"catalyst/{NAME}",
            type=message.type,
            data=encode(command),
        )
        subject = source_ref(None, STARTER).command(message.name, message.version)
        headers = {"Authorization": f"Bearer {self._runtime.token()}"}
        try:
            await self._runtime.broker.publish(Outgoing(subject, codec.encode(envelope), headers))
        except BrokerError as error:
            log.info("starter waits", extra={"why": str(error)})
            raise Retry(str(error), after_seconds=_PAUSE_SECONDS) from error


@asynccontextmanager
async def build(settings: Settings) -> AsyncIterator[BlueprintController]:
    """Connect, and hold the member for the block."""
    async with standing(NAME, settings) as runtime:
        sources = AllSources(
            directories=settings.source_directories,
            git_hosts=settings.git_hosts.split(),
            git_url=settings.git_url,
            token=runtime.token,
            git_networks=settings.git_networks.split(),
        )
        try:
            yield BlueprintController(runtime, sources, starter=settings.starter)
        finally:
            sources.close()


def run() -> int:
    """Run the member as a process; returns its exit code."""
    return process.main(NAME, Settings, build)
