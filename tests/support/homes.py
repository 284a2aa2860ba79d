"""Git homes that are not ready, or fail, for as long as a test says so."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from typing_extensions import override

from catalyst.chassis.errors import Retry
from catalyst.environment_controller.adapters.git import DulwichHome
from catalyst.environment_controller.adapters.git_root import GitRoot
from catalyst.environment_controller.ports import Change, HomeState


class MoodyHome(DulwichHome):
    """Real Git homes, in front of which something may stand."""

    def __init__(self, root: GitRoot) -> None:
        super().__init__(root)
        self.problem: Exception | None = None
        """Raised by every use, as long as it is set."""
        self.commits: Exception | None = None
        """Raised by every commit, as long as it is set."""
        self.asked: dict[str, int] = {}
        """How often each Organization's home was used in vain."""

    def not_ready(self) -> None:
        """Let the disk be full."""
        self.problem = Retry("the disk of the Git homes answered: full", after_seconds=0.0)

    def well(self) -> None:
        """Let everything work."""
        self.problem = None

    @override
    async def state(self, organization: str) -> HomeState:
        if self.problem is not None:
            self.asked[organization] = self.asked.get(organization, 0) + 1
            raise self.problem
        return await super().state(organization)

    @override
    async def commit(self, change: Change) -> str | None:
        if self.commits is not None:
            raise self.commits
        return await super().commit(change)


@asynccontextmanager
async def homes(folder: Path) -> AsyncIterator[MoodyHome]:
    """Hold the homes below `folder` for the block."""
    root = GitRoot(folder)
    try:
        yield MoodyHome(root)
    finally:
        root.close()
