"""The same pack, pushed by several at one moment, or again after a writer died over it."""

import asyncio
from pathlib import Path

import httpx
import pytest
from dulwich.objects import Blob, Commit, Tree
from dulwich.protocol import ZERO_SHA
from tests.integration.git.conftest import Git
from tests.integration.git.pushing import commit_on, heads, pack, push
from tests.support.each import each

from catalyst.environment_controller.adapters.git import DulwichHome
from catalyst.environment_controller.adapters.git_root import GitRoot
from catalyst.environment_controller.adapters.git_tidy import PACKS_KEPT

pytestmark = [pytest.mark.real, pytest.mark.guarantee("G13.1")]

ROUNDS = 20
AT_ONCE = 8


def packs(root: GitRoot) -> Path:
    return root.repository("acme") / "objects/pack"


def clean(git: Git, root: GitRoot) -> None:
    git("-C", root.repository("acme"), "fsck", "--strict", "--full")


async def test_of_those_who_push_the_same_pack_at_one_moment_none_is_refused(
    http: httpx.AsyncClient, homes: DulwichHome, root: GitRoot, git: Git
) -> None:
    _, newer = await heads(homes)
    for number in range(ROUNDS):
        objects = commit_on(newer, b"round-%d" % number)
        # The same objects in other bytes make a pack of the same name.
        sent = [pack(objects, level) for level in (-1, 0, 9)]
        async with asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(
                    push(
                        http,
                        ZERO_SHA,
                        objects[0].id,
                        b"refs/heads/x-%d-%d" % (number, rival),
                        sent=sent[rival % len(sent)],
                    )
                )
                for rival in range(AT_ONCE)
            ]
        for rival, task in enumerate(tasks):
            assert "unpack ok" in task.result(), task.result()
            assert f"ok refs/heads/x-{number}-{rival}" in task.result(), task.result()
    clean(git, root)
    assert await homes.head("acme", f"x-{ROUNDS - 1}-{AT_ONCE - 1}") is not None


async def test_of_those_who_push_the_same_commit_to_one_branch_one_moves_it(
    http: httpx.AsyncClient, homes: DulwichHome, root: GitRoot, git: Git
) -> None:
    _, newer = await heads(homes)
    for number in range(ROUNDS):
        objects = commit_on(newer, b"round-%d" % number)
        async with asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(push(http, newer, objects[0].id, b"refs/heads/main", objects))
                for _ in range(AT_ONCE)
            ]
        told = sorted(task.result().split("\n", 1)[1] for task in tasks)
        assert all("unpack ok" in task.result() for task in tasks)
        moved = [text for text in told if "ok refs/heads/main" in text]
        late = [text for text in told if "ng refs/heads/main the branch moved meanwhile" in text]
        assert (len(moved), len(late)) == (1, AT_ONCE - 1), told
        newer = objects[0].id
    clean(git, root)


@each(["pack", "index", "lock", "both", "half"])
async def test_what_a_writer_left_that_died_over_a_pack_is_in_nobodys_way(
    left: str,
    *,
    http: httpx.AsyncClient,
    homes: DulwichHome,
    root: GitRoot,
    git: Git,
) -> None:
    _, newer = await heads(homes)
    objects: tuple[Commit, Tree, Blob] = commit_on(newer, left.encode())
    branch = b"refs/heads/" + left.encode()
    before = set(packs(root).iterdir())
    await push(http, ZERO_SHA, objects[0].id, branch, objects)
    (made,) = (path for path in set(packs(root).iterdir()) - before if path.suffix == ".pack")
    index = made.with_suffix(".idx")
    await push(http, objects[0].id, ZERO_SHA, branch)
    if left in {"pack", "lock", "half"}:
        index.unlink()
    if left == "index":
        made.unlink()
    if left == "lock":
        index.with_suffix(".idx.lock").write_bytes(b"half")
    if left == "half":
        made.chmod(0o600)
        made.write_bytes(made.read_bytes()[:40])

    # In other bytes, so that an index that stayed would point into nothing.
    text = await push(http, ZERO_SHA, objects[0].id, branch, sent=pack(objects[::-1], level=0))
    assert "unpack ok" in text, text
    assert f"ok refs/heads/{left}" in text, text
    index.with_suffix(".idx.lock").unlink(missing_ok=True)
    clean(git, root)


async def test_halves_of_packs_are_cleared_at_start(
    http: httpx.AsyncClient, homes: DulwichHome, root: GitRoot, git: Git
) -> None:
    _, newer = await heads(homes)
    objects = commit_on(newer, b"whole")
    await push(http, ZERO_SHA, objects[0].id, b"refs/heads/x", objects)
    whole = set(packs(root).iterdir())
    assert len(whole) == 2
    for name in ("pack-1.pack", "tmpabc.pack", "pack-2.idx", "pack-3.idx.lock"):
        (packs(root) / name).write_bytes(b"half")
    root.close()
    assert await homes.head("acme", "x") is not None
    assert set(packs(root).iterdir()) == whole
    clean(git, root)


async def test_however_many_pushes_come_a_repository_stays_few_files(
    http: httpx.AsyncClient, homes: DulwichHome, root: GitRoot, git: Git, tmp_path: Path
) -> None:
    _, newer = await heads(homes)
    commits = 3 * PACKS_KEPT
    for number in range(commits):
        objects = commit_on(newer, b"%d" % number)
        assert "ok refs/heads/main" in await push(
            http, newer, objects[0].id, b"refs/heads/main", objects
        )
        # A branch at a commit that is there comes with an empty pack.
        branch = b"refs/heads/b-%d" % number
        assert b"ok " + branch in (await push(http, ZERO_SHA, newer, branch)).encode()
        newer = objects[0].id
        assert len(list(packs(root).glob("*.pack"))) <= PACKS_KEPT + 1
    clean(git, root)
    assert list(root.path.glob("work/*")) == []
    git("clone", "-q", root.repository("acme"), tmp_path / "copy")
    assert git("-C", tmp_path / "copy", "rev-list", "--count", "main").strip() == str(commits + 2)
