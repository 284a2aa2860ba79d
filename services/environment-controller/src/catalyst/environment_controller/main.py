"""The environment-controller, wired: its worker, its Git homes, its HTTP surface."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from starlette.routing import Mount
from starlette.types import ASGIApp

from catalyst.chassis import app as process
from catalyst.chassis import clock
from catalyst.chassis.member import WorkerMember
from catalyst.chassis.runtime import Runtime, standing
from catalyst.chassis.tokens import BadToken
from catalyst.contracts.roles import HOME, in_git, may_read
from catalyst.environment_controller.adapters.git import DulwichHome
from catalyst.environment_controller.adapters.git_http import Caller, by_token, git_app
from catalyst.environment_controller.adapters.git_root import GitRoot
from catalyst.environment_controller.handlers import service
from catalyst.environment_controller.settings import Settings

NAME: Final = "environment-controller"
_OTHER: Final = "other"
"""Stands for every repository but the home: each is an Application's."""


class EnvironmentController(WorkerMember):
    """The member: decides Organizations, Environments and policies, and keeps their Git homes."""

    def __init__(self, runtime: Runtime, root: GitRoot) -> None:
        """Work on `runtime`; Git homes are below `root`."""
        self._runtime = runtime
        self.git: ASGIApp = git_app(root, by_token(self._identify))
        """Serves the Git homes; behind the gateway, or mounted by it."""
        super().__init__(NAME, service(DulwichHome(root)), runtime, routes=[Mount("/", self.git)])

    async def _identify(self, token: str, organization: str) -> Caller | None:
        """Return who a token stands for, with the same roles as at every other door."""
        if self._runtime.verifier is None:
            return None
        try:
            claims = await self._runtime.verifier.verify(token, at=clock.now())
        except BadToken:
            # Not told apart from no token at all: the answer is 401 in both cases.
            return None
        if claims.service is not None:
            return Caller(service=claims.service)
        own = self.worker.table.own_roles(claims.verified_email, organization)

        def reads(repository: str) -> bool:
            return all(may_read(kind, claims.roles, own) for kind in in_git(repository))

        return Caller(reads=reads(HOME), home_alone=not reads(_OTHER))


@asynccontextmanager
async def build(settings: Settings) -> AsyncIterator[EnvironmentController]:
    """Connect, and hold the member for the block."""
    async with standing(NAME, settings) as runtime:
        root = GitRoot(Path(settings.git_root))
        try:
            yield EnvironmentController(runtime, root)
        finally:
            root.close()


def run() -> int:
    """Run the member as a process; returns its exit code."""
    return process.main(NAME, Settings, build)
