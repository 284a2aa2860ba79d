"""provisioning, wired: its worker and its HTTP surface."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from catalyst.chassis import app as process
from catalyst.chassis.jetstream.objects import Objects
from catalyst.chassis.member import WorkerMember
from catalyst.chassis.runtime import standing
from catalyst.provisioning.handlers import service
from catalyst.provisioning.queries import Planner
from catalyst.provisioning.settings import Settings

NAME: Final = "provisioning"


@asynccontextmanager
async def build(settings: Settings) -> AsyncIterator[WorkerMember]:
    """Connect, and hold the member for the block."""
    async with standing(NAME, settings) as runtime:
        planner = Planner(Objects(runtime.broker), runtime.asking, settings.currency)
        yield WorkerMember(NAME, service(planner), runtime)


def run() -> int:
    """Run the member as a process; returns its exit code."""
    return process.main(NAME, Settings, build)
