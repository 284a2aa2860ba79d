"""provisioning, wired: its worker and its HTTP surface."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from catalyst.chassis import app as process
from catalyst.chassis.jetstream.objects import Objects
from catalyst.chassis.member import WorkerMember
from catalyst.chassis.runtime import standing
from catalyst.provisioning.adapters import hearing
from catalyst.provisioning.adapters.content import ReadVersions, StoredContents
from catalyst.provisioning.adapters.git import GitRepositories
from catalyst.provisioning.effects import effects
from catalyst.provisioning.handlers import service
from catalyst.provisioning.preparing import deletion
from catalyst.provisioning.queries import Planner
from catalyst.provisioning.settings import Settings

NAME: Final = "provisioning"


@asynccontextmanager
async def build(settings: Settings) -> AsyncIterator[WorkerMember]:
    """Connect, and hold the member for the block."""
    async with standing(NAME, settings) as runtime:
        contents = Objects(runtime.broker)
        clusters_see = settings.cluster_git_url or settings.git_url
        planner = Planner(contents, runtime.asking, settings.currency, clusters_see)
        outside = effects(
            GitRepositories(settings.git_url, runtime.token),
            ReadVersions(StoredContents(contents)),
            clusters_see,
        )
        table = service(planner, (*outside, deletion(runtime.asking)), (hearing.source(),))
        yield WorkerMember(NAME, table, runtime)


def run() -> int:
    """Run the member as a process; returns its exit code."""
    return process.main(NAME, Settings, build)
