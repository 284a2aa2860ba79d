"""catalog-svc, wired: its worker and its HTTP surface."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from catalyst.catalog_svc.adapters.content import StoredContents
from catalyst.catalog_svc.adapters.engine import Tantivy
from catalyst.catalog_svc.handlers import service
from catalyst.catalog_svc.settings import Settings
from catalyst.chassis import app as process
from catalyst.chassis.jetstream.objects import Objects
from catalyst.chassis.member import WorkerMember
from catalyst.chassis.runtime import standing

NAME: Final = "catalog-svc"


@asynccontextmanager
async def build(settings: Settings) -> AsyncIterator[WorkerMember]:
    """Connect, and hold the member for the block."""
    async with standing(NAME, settings) as runtime:
        contents = StoredContents(Objects(runtime.broker))
        yield WorkerMember(NAME, service(Tantivy, contents), runtime)


def run() -> int:
    """Run the member as a process; returns its exit code."""
    return process.main(NAME, Settings, build)
