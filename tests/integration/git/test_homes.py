"""Git homes under repeats, rivals and crashes; judged by the real git."""

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.integration.git.conftest import Git, change

from catalyst.chassis.errors import Retry
from catalyst.environment_controller.adapters.git import DulwichHome
from catalyst.environment_controller.adapters.git_root import BadName, GitRoot
from catalyst.environment_controller.ports import HomeMissing

pytestmark = pytest.mark.real


def seqs(git: Git, repository: Path) -> list[int]:
    """The trailers of main, oldest first, as git reads them."""
    form = "--format=%(trailers:key=Catalyst-Seq,valueonly,separator=)"
    return [int(line) for line in git("-C", repository, "log", "--reverse", form).split()]


async def test_a_repeat_is_no_second_commit(homes: DulwichHome, root: GitRoot, git: Git) -> None:
    assert await homes.ensure("acme")
    assert not await homes.ensure("acme")
    first = await homes.commit(change(5))
    assert first is not None
    for late in (5, 4, 1):
        assert await homes.commit(change(late)) is None
    assert await homes.commit(change(6)) is not None
    assert seqs(git, root.repository("acme")) == [5, 6]


async def test_the_same_change_is_the_same_commit_everywhere(tmp_path: Path) -> None:
    made = []
    for name in ("one", "two"):
        root = GitRoot(tmp_path / name)
        homes = DulwichHome(root)
        await homes.ensure("acme")
        made.append([await homes.commit(change(seq)) for seq in (5, 9, 12)])
        root.close()
    assert made[0] == made[1]


async def test_the_commit_that_covers_an_event_is_found(homes: DulwichHome) -> None:
    await homes.ensure("acme")
    assert await homes.covering("acme", 1) is None
    made = {seq: await homes.commit(change(seq)) for seq in (5, 9, 12)}
    found = {seq: await homes.covering("acme", seq) for seq in (1, 5, 6, 9, 12, 13)}
    assert found == {1: made[5], 5: made[5], 6: made[9], 9: made[9], 12: made[12], 13: None}


async def test_two_writers_of_one_home_lose_nothing(
    homes: DulwichHome, root: GitRoot, git: Git
) -> None:
    await homes.ensure("acme")
    other = DulwichHome(root)

    async def write(which: DulwichHome, first: int) -> list[str | None]:
        return [await which.commit(change(seq)) for seq in range(first, 60, 2)]

    async with asyncio.TaskGroup() as group:
        one = group.create_task(write(homes, 1))
        two = group.create_task(write(other, 2))
    made = [commit for commit in one.result() + two.result() if commit is not None]
    found = seqs(git, root.repository("acme"))
    assert found == sorted(set(found))
    assert len(found) == len(made)
    git("-C", root.repository("acme"), "fsck", "--strict", "--full")


async def test_many_commits_stay_few_files(homes: DulwichHome, root: GitRoot, git: Git) -> None:
    await homes.ensure("acme")
    for seq in range(1, 61):
        files: dict[str, bytes | None] = {
            f"environments/acme-e{number}.yaml": b"%d %d\n" % (seq, number) for number in range(25)
        }
        await homes.commit(change(seq, files))
    counted = git("-C", root.repository("acme"), "count-objects", "-v")
    numbers = dict(line.split(": ") for line in counted.splitlines())
    assert int(numbers["in-pack"]) > 0
    assert int(numbers["count"]) + int(numbers["in-pack"]) == 60 * 28
    assert seqs(git, root.repository("acme")) == list(range(1, 61))
    git("-C", root.repository("acme"), "fsck", "--strict", "--full")


async def test_a_commit_with_many_files_is_whole(
    homes: DulwichHome, root: GitRoot, git: Git
) -> None:
    await homes.ensure("acme")
    files: dict[str, bytes | None] = {
        f"environments/acme-e{number}.yaml": b"number: %d\n" % number for number in range(195)
    }
    await homes.commit(change(5, files))
    names = git("-C", root.repository("acme"), "ls-tree", "-r", "--name-only", "main").split()
    assert names == sorted(files)
    git("-C", root.repository("acme"), "fsck", "--strict", "--full")


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/etc/x",
        "a//b",
        "../x",
        "a/../b",
        ".git/config",
        "a/.GIT/hooks",
        "a\\b",
        "a\nb",
        "a/",
        "c:x",
    ],
)
async def test_a_hostile_path_is_refused_and_nothing_is_written(
    path: str, homes: DulwichHome
) -> None:
    await homes.ensure("acme")
    with pytest.raises(BadName):
        await homes.commit(change(5, {path: b"x"}))
    assert await homes.head("acme") is None


async def test_there_is_no_commit_without_a_home(homes: DulwichHome) -> None:
    with pytest.raises(HomeMissing):
        await homes.commit(change(5))
    assert await homes.head("acme") is None
    assert await homes.covering("acme", 1) is None


async def test_an_archived_home_is_kept_and_never_made_anew(
    homes: DulwichHome, root: GitRoot, git: Git
) -> None:
    await homes.ensure("acme")
    await homes.commit(change(5))
    for _ in range(2):
        await homes.archive("acme")
    assert await homes.state("acme") == "archived"
    assert not await homes.ensure("acme")
    with pytest.raises(HomeMissing):
        await homes.commit(change(6))
    assert seqs(git, root.archived("acme") / "home.git") == [5]


async def test_a_removed_home_is_gone_and_can_be_made_anew(
    homes: DulwichHome, root: GitRoot
) -> None:
    await homes.ensure("acme")
    await homes.commit(change(5))
    for _ in range(2):
        await homes.remove("acme")
    assert await homes.state("acme") == "absent"
    assert list((root.path / "work").iterdir()) == []
    assert await homes.ensure("acme")
    assert await homes.head("acme") is None


# ---- rivals and crashes

CHILD = """
import asyncio, os, signal, sys
from pathlib import Path
from tests.integration.git.conftest import change
from catalyst.environment_controller.adapters.git import DulwichHome
from catalyst.environment_controller.adapters.git_root import GitRoot

base, kind = Path(sys.argv[1]), sys.argv[2]

def die_at(step, when):
    real, count = {name: getattr(os, name) for name in ("replace", "rename")}, 0

    def counted(name):
        def call(*args, **other):
            nonlocal count
            count += 1
            if count == step and when == "before":
                os.kill(os.getpid(), signal.SIGKILL)
            result = real[name](*args, **other)
            if count == step and when == "after":
                os.kill(os.getpid(), signal.SIGKILL)
            return result
        return call

    for name in real:
        setattr(os, name, counted(name))

async def write(root):
    homes = DulwichHome(GitRoot(root))
    await homes.ensure("acme")
    await homes.commit(change(5))
    files = {"environments/acme-dev.yaml": b"x\\n", "policies/p.yaml": b"y\\n"}
    await homes.commit(change(9, files))
    if kind == "stay":
        print("done", flush=True)
        await asyncio.sleep(600)

if kind == "stay":
    asyncio.run(write(base))

step = 0
while kind == "die":
    step += 1
    killed = set()
    for when in ("before", "after"):
        process = os.fork()
        if process == 0:
            die_at(step, when)
            asyncio.run(write(base / f"{step}-{when}"))
            os._exit(0)
        _, status = os.waitpid(process, 0)
        killed.add(os.WIFSIGNALED(status))
    if killed == {False}:
        break
    assert killed == {True}, status
"""


def child(folder: Path, kind: str) -> subprocess.Popen[str]:
    """A process that writes acme's home below `folder`.

    `stay` goes on holding it. `die` does it again and again in roots of their own, each time
    killed a step later: before or after each time that a file takes its final name.
    """
    return subprocess.Popen(
        [sys.executable, "-c", CHILD, str(folder), kind],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[3],
        env=os.environ | {"PYTHONPATH": "."},
    )


async def finish(root: GitRoot) -> str:
    """Do what a restarted process does: all of it again."""
    homes = DulwichHome(root)
    await homes.ensure("acme")
    await homes.commit(change(5))
    files: dict[str, bytes | None] = {
        "environments/acme-dev.yaml": b"x\n",
        "policies/p.yaml": b"y\n",
    }
    await homes.commit(change(9, files))
    head = await homes.head("acme")
    assert head is not None
    return head.commit


async def test_killed_at_any_step_the_next_process_ends_at_the_same_commit(
    tmp_path: Path, git: Git
) -> None:
    calm = GitRoot(tmp_path / "calm")
    wanted = await finish(calm)
    calm.close()
    process = child(tmp_path / "killed", "die")
    process.communicate(timeout=60)
    assert process.returncode == 0
    roots = sorted((tmp_path / "killed").iterdir())
    assert len(roots) > 20
    before = set()
    for folder in roots:
        root = GitRoot(folder)
        repository = root.repository("acme")
        if repository.is_dir():
            git("-C", repository, "fsck", "--strict", "--full")
            before.add(len(git("-C", repository, "rev-list", "--all").split()))
        assert await finish(root) == wanted
        git("-C", repository, "fsck", "--strict", "--full")
        assert list(root.path.rglob("*.lock")) == []
        assert list((root.path / "work").iterdir()) == []
        root.close()
    # The kills hit every stage: no commit yet, one, and both.
    assert before == {0, 1, 2}


async def test_locks_that_a_killed_writer_left_are_cleared_at_start(
    homes: DulwichHome, root: GitRoot
) -> None:
    await homes.ensure("acme")
    await homes.commit(change(5))
    repository = root.repository("acme")
    left = [repository / "refs/heads/main.lock", repository / "HEAD.lock"]
    left += [repository / "objects/pack/tmp_pack_x", repository / "packed-refs.lock"]
    for path in left:
        path.write_bytes(b"")
    (root.path / "work/half/home.git").mkdir(parents=True)
    with pytest.raises(Retry, match="locked"):
        await homes.commit(change(6))
    root.close()
    assert await homes.commit(change(6)) is not None
    assert not any(path.exists() for path in left)
    assert list((root.path / "work").iterdir()) == []


async def test_one_process_holds_the_root_until_it_dies(tmp_path: Path) -> None:
    root = GitRoot(tmp_path / "root")
    process = child(root.path, "stay")
    try:
        assert process.stdout is not None
        assert await asyncio.to_thread(process.stdout.readline) == "done\n"
        homes = DulwichHome(root)
        with pytest.raises(Retry, match="another process"):
            await homes.commit(change(20))
        assert not root.held
    finally:
        process.kill()
        process.wait(10)
        process.stdout.close()  # type: ignore[union-attr]
    assert await homes.commit(change(20)) is not None
    root.close()


async def test_a_standby_takes_over_when_the_holder_lets_go(root: GitRoot) -> None:
    standby = GitRoot(root.path)
    await DulwichHome(root).ensure("acme")
    with pytest.raises(Retry):
        await DulwichHome(standby).state("acme")
    root.close()
    assert await DulwichHome(standby).state("acme") == "live"
    standby.close()


CONTENT = st.sampled_from([None, b"a\n", b"b\n", b"c\n"])
PATHS = st.sampled_from(["organization.yaml", "environments/x.yaml", "environments/y.yaml"])
STATES = st.lists(st.dictionaries(PATHS, CONTENT, min_size=1), min_size=1, max_size=6)


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(states=STATES, data=st.data())
async def test_any_order_and_number_of_whole_changes_ends_in_the_newest_tree(
    states: list[dict[str, bytes | None]],
    data: st.DataObject,
    git: Git,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    changes = [
        change(seq, files, emptied=("organization.yaml", "environments"))
        for seq, files in enumerate(states, start=1)
    ]
    played = data.draw(st.lists(st.sampled_from(changes), max_size=12))
    played.append(changes[-1])
    played += data.draw(st.lists(st.sampled_from(changes), max_size=6))
    root = GitRoot(tmp_path_factory.mktemp("any"))
    homes = DulwichHome(root)
    await homes.ensure("acme")
    for item in played:
        await homes.commit(item)
    repository = root.repository("acme")
    shown = git("-C", repository, "ls-tree", "-r", "--name-only", "main").split()
    wanted = {path: content for path, content in states[-1].items() if content is not None}
    assert shown == sorted(wanted)
    for path, content in wanted.items():
        assert git("-C", repository, "show", f"main:{path}").encode() == content
    found = seqs(git, repository)
    assert found == sorted(set(found))
    assert found[-1] == len(states)
    root.close()
