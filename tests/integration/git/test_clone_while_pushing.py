"""Clones of a repository that grows, and whose packs are put together, while it is read."""

import asyncio
import random
from pathlib import Path

import httpx
import pytest
from dulwich.objects import Blob, ShaFile, Tree
from dulwich.protocol import ZERO_SHA
from tests.integration.git.conftest import Git
from tests.integration.git.pushing import commit_of, commit_on, push

from catalyst.environment_controller.adapters.git import DulwichHome
from catalyst.environment_controller.adapters.git_root import GitRoot

pytestmark = [pytest.mark.real, pytest.mark.guarantee("G13.1")]

FILES = 200
FILE_BYTES = 1000
PUSHES = 40
READERS = 2


def large() -> list[ShaFile]:
    """Return a commit with many files, itself first."""
    noise = random.Random(7)  # noqa: S311 - it only has to be long when packed
    blobs = [Blob.from_string(noise.randbytes(FILE_BYTES)) for _ in range(FILES)]
    tree = Tree()
    for number, blob in enumerate(blobs):
        tree.add(b"%04d" % number, 0o100644, blob.id)
    return [commit_of(tree.id, None, b"large"), tree, *blobs]


async def test_each_clone_is_whole_while_pushes_go_on(
    door: str, homes: DulwichHome, root: GitRoot, git: Git, tmp_path: Path
) -> None:
    await homes.ensure("acme")
    headers = {
        "Authorization": "Bearer provisioning",
        "Content-Type": "application/x-git-receive-pack-request",
    }
    door_url = f"http://{door.removesuffix('/git')}"
    origin = f"http://x:alice-of-acme@{door}/acme/home.git"
    pushed = asyncio.Event()
    clones = 0

    async def write(http: httpx.AsyncClient) -> None:
        objects = large()
        old, new = ZERO_SHA, objects[0].id
        assert "ok refs/heads/main" in await push(http, old, new, b"refs/heads/main", objects)
        for number in range(PUSHES):
            old, (commit, *rest) = new, commit_on(new, b"%d" % number)
            new = commit.id
            text = await push(http, old, new, b"refs/heads/main", [commit, *rest])
            assert "ok refs/heads/main" in text, text
        pushed.set()

    async def read(reader: int) -> None:
        nonlocal clones
        while not pushed.is_set():
            into = tmp_path / f"{reader}-{clones}"
            clones += 1
            await asyncio.to_thread(git, "clone", "-q", origin, into)
            await asyncio.to_thread(git, "-C", into, "fsck", "--strict")

    async with (
        httpx.AsyncClient(base_url=door_url, headers=headers, timeout=60) as http,
        asyncio.TaskGroup() as group,
    ):
        group.create_task(write(http))
        for reader in range(READERS):
            group.create_task(read(reader))
    assert clones >= READERS
    git("clone", "-q", origin, tmp_path / "last")
    assert git("-C", tmp_path / "last", "rev-list", "--count", "main").strip() == str(PUSHES + 1)
    git("-C", root.repository("acme"), "fsck", "--strict", "--full")
