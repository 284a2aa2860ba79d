"""A root of Git homes, its HTTP door on a port, and the real git as a caller."""

import os
import shutil
import subprocess
import threading
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
import uvicorn
from starlette.applications import Starlette

from catalyst.environment_controller.adapters.git import DulwichHome
from catalyst.environment_controller.adapters.git_http import Caller, by_token, git_app
from catalyst.environment_controller.adapters.git_root import GitRoot
from catalyst.environment_controller.ports import Change

TOKENS = {
    "provisioning": Caller(service="provisioning"),
    "alice-of-acme": Caller(reads=True),
    "nobody": Caller(reads=False),
}


async def identify(token: str, organization: str) -> Caller | None:
    """Alice reads acme alone; services read all."""
    caller = TOKENS.get(token)
    if caller is not None and caller.service is None:
        return Caller(reads=caller.reads and organization == "acme")
    return caller


def change(seq: int, files: dict[str, bytes | None] | None = None, **other: object) -> Change:
    """A change of acme that matters only where a test says so."""
    values: dict[str, object] = {
        "organization": "acme",
        "files": {"organization.yaml": b"seq: %d\n" % seq} if files is None else files,
        "summary": f"Change number {seq}",
        "actor": "user:https://issuer.test#alice",
        "command": f"c-{seq}",
        "seq": seq,
        "time": datetime.fromtimestamp(1_700_000_000 + seq, UTC),
    }
    return Change(**(values | other))  # type: ignore[arg-type]  # names are checked by Change


@dataclass(frozen=True)
class Git:
    """The real git, with nothing of the machine's configuration."""

    home: Path

    def __call__(self, *args: str | Path, fails: bool = False) -> str:
        """Run git and return what it printed, both streams."""
        env = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.home),
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_AUTHOR_NAME": "Pusher",
            "GIT_AUTHOR_EMAIL": "pusher@test",
            "GIT_COMMITTER_NAME": "Pusher",
            "GIT_COMMITTER_EMAIL": "pusher@test",
            "LC_ALL": "C",
        }
        done = subprocess.run(
            ["git", *args], env=env, capture_output=True, text=True, timeout=60, check=False
        )
        text = done.stdout + done.stderr
        assert (done.returncode != 0) == fails, text
        return text


@pytest.fixture
def git(tmp_path: Path) -> Git:
    if shutil.which("git") is None:
        assert "CI" not in os.environ, "CI has to have git"
        pytest.skip("the real git is not installed; `apt-get install git` brings it")
    home = tmp_path / "git-home"
    home.mkdir()
    return Git(home)


@pytest.fixture
def root(tmp_path: Path) -> Iterator[GitRoot]:
    root = GitRoot(tmp_path / "root")
    yield root
    root.close()


@pytest.fixture
def homes(root: GitRoot) -> DulwichHome:
    return DulwichHome(root)


@pytest.fixture
async def http(root: GitRoot, homes: DulwichHome) -> AsyncIterator[httpx.AsyncClient]:
    """A service at the door, which pushes to a home with two commits."""
    await homes.ensure("acme")
    await homes.commit(change(5))
    await homes.commit(change(9))
    transport = httpx.ASGITransport(app=git_app(root, by_token(identify)))
    headers = {
        "Authorization": "Bearer provisioning",
        "Content-Type": "application/x-git-receive-pack-request",
    }
    async with httpx.AsyncClient(
        transport=transport, base_url="http://git", headers=headers
    ) as caller:
        yield caller


class Served:
    """An application on a port of its own, in a thread of its own."""

    def __init__(self, app: Starlette) -> None:
        config = uvicorn.Config(app, port=0, log_level="warning", lifespan="off")
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run)

    def start(self) -> int:
        self._thread.start()
        deadline = time.monotonic() + 10
        while not self._server.started:
            assert time.monotonic() < deadline, "the server did not start"
            self._thread.join(0.01)
        port: int = self._server.servers[0].sockets[0].getsockname()[1]
        return port

    def stop(self) -> None:
        self._server.should_exit = True
        self._thread.join(10)
        assert not self._thread.is_alive()


@pytest.fixture
def door(root: GitRoot) -> Iterator[str]:
    """Where the repositories are served: an address without a name or token."""
    served = Served(git_app(root, by_token(identify), max_push_bytes=512 * 1024))
    port = served.start()
    yield f"127.0.0.1:{port}/git"
    served.stop()
