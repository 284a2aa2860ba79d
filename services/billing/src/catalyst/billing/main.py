"""billing, wired: its worker and its HTTP surface."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from catalyst.billing.handlers import service
from catalyst.billing.settings import Settings
from catalyst.chassis import app as process
from catalyst.chassis.member import WorkerMember
from catalyst.chassis.runtime import standing

NAME: Final = "billing"


@asynccontextmanager
async def build(settings: Settings) -> AsyncIterator[WorkerMember]:
    """Connect, and hold the member for the block."""
    async with standing(NAME, settings) as runtime:
        yield WorkerMember(NAME, service(runtime.asking), runtime)


def run() -> int:
    """Run the member as a process; returns its exit code."""
    return process.main(NAME, Settings, build)
