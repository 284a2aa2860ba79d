"""Repositories of Applications, as provisioning writes them through the Git door."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest
from tests.integration.git.conftest import Git

from catalyst.chassis.errors import Poison, Retry
from catalyst.environment_controller.adapters.git import DulwichHome
from catalyst.environment_controller.adapters.git_root import GitRoot
from catalyst.provisioning.adapters.git import GitRepositories
from catalyst.provisioning.domain import files
from catalyst.provisioning.ports import Edit, Signed, Tree

TRUNK = files.TRUNK
BEGUN = partial(files.reopened, organization="acme", application="blog")


def signed(seq: int, repository: str = "blog", organization: str = "acme") -> Signed:
    return Signed(
        organization=organization,
        repository=repository,
        summary=f"Change number {seq}",
        actor="user:https://issuer.test#alice",
        email="alice@acme.test",
        command=f"c-{seq}",
        change=f"ch-{seq}",
        seq=seq,
        time=datetime.fromtimestamp(1_700_000_000 + seq, UTC),
    )


def adding(path: str, text: str = "x\n") -> Edit:
    def edit(tree: Tree) -> Tree:
        return {**tree, path: text.encode()}

    return edit


def at(door: str) -> GitRepositories:
    return GitRepositories(f"http://{door.removesuffix('/git')}", lambda: "provisioning")


@pytest.fixture
async def repositories(door: str, homes: DulwichHome) -> GitRepositories:
    await homes.ensure("acme")
    return at(door)


def cloned(git: Git, door: str, tmp_path: Path, name: str = "blog", branch: str = "main") -> Path:
    into = tmp_path / f"{name}-{branch}"
    git("clone", "-q", "-b", branch, f"http://x:alice-of-acme@{door}/acme/{name}.git", into)
    git("-C", into, "fsck", "--strict")
    return into


async def test_a_repository_is_made_by_the_service_alone(
    repositories: GitRepositories, door: str, git: Git, tmp_path: Path
) -> None:
    url = f"{door}/acme/blog.git"
    for who in ("alice-of-acme", "provisioning"):
        git("clone", f"http://x:{who}@{url}", tmp_path / who, fails=True)
    git("ls-remote", f"http://x:alice-of-acme@{url}", fails=True)

    await repositories.prepare(signed(5), TRUNK, BEGUN)
    await repositories.prepare(signed(5), TRUNK, BEGUN)

    assert await repositories.branches("acme", "blog") == TRUNK
    into = cloned(git, door, tmp_path)
    assert git("-C", into, "log", "--format=%an <%ae>|%cn|%s", "main").splitlines() == [
        "alice <alice@acme.test>|Catalyst|Change number 5"
    ]
    assert git("-C", into, "log", "-1", "--format=%(trailers:unfold)").split() == [
        *("Catalyst-Command:", "c-5", "Catalyst-Seq:", "5", "Catalyst-Change:", "ch-5")
    ]


@pytest.mark.parametrize("name", ["home", "iac", "acme-environment", "shared-blueprints", "a--b"])
async def test_names_of_the_platform_are_not_given_away(
    repositories: GitRepositories, root: GitRoot, name: str
) -> None:
    before = sorted(path.name for path in root.live("acme").iterdir())
    if name == "home":
        assert await repositories.branches("acme", name) == ()
    else:
        with pytest.raises(Poison):
            await repositories.prepare(signed(5, name), TRUNK, BEGUN)
    assert sorted(path.name for path in root.live("acme").iterdir()) == before


async def test_an_organization_without_a_home_gets_no_repository(
    repositories: GitRepositories, root: GitRoot
) -> None:
    with pytest.raises(Poison):
        await repositories.prepare(signed(5, organization="omantel"), TRUNK, BEGUN)
    assert not root.live("omantel").exists()


@pytest.mark.guarantee("G13.2")
async def test_a_commit_is_made_once_and_never_over_a_later_one(
    repositories: GitRepositories, door: str, git: Git, tmp_path: Path
) -> None:
    await repositories.prepare(signed(5), TRUNK, BEGUN)
    first = await repositories.commit(signed(10), "main", adding("a"))
    assert await repositories.commit(signed(10), "main", adding("a")) == first
    second = await repositories.commit(signed(20), "main", adding("b"))
    # Killed between push and report, and delivered again after others went on.
    assert await repositories.commit(signed(10), "main", adding("a", "other\n")) == first
    assert await repositories.commit(signed(15), "main", adding("c")) == second

    into = cloned(git, door, tmp_path)
    assert git("-C", into, "log", "--format=%H", "-2").split() == [second, first]
    assert git("-C", into, "ls-files").split() == ["CODEOWNERS", "README.md", "a", "b"]


@pytest.mark.guarantee("G13.2")
async def test_a_further_attempt_finds_what_an_earlier_one_committed_and_told_nobody(
    repositories: GitRepositories, door: str, git: Git, tmp_path: Path
) -> None:
    await repositories.prepare(signed(5), TRUNK, BEGUN)
    once = signed(10)
    first = await repositories.commit(once, "main", adding("a"))
    # Its deadline passed meanwhile: the next attempt comes with a higher sequence, by a timer.
    again = replace(once, seq=12, command="c-timer", time=signed(12).time)
    assert await repositories.commit(again, "main", adding("a")) == first
    # Other files, other words or another change are another thing, the same files or not.
    others = [
        await repositories.commit(replace(again, seq=14), "main", adding("a", "other\n")),
        await repositories.commit(replace(again, seq=16, summary="Back"), "main", adding("a")),
        await repositories.commit(replace(again, seq=18, change="ch-2"), "main", adding("a")),
    ]

    into = cloned(git, door, tmp_path)
    made = git("-C", into, "log", "--format=%H", "--reverse").split()
    assert made[1:] == [first, *others]


@pytest.mark.guarantee("G13.1")
async def test_a_lost_race_is_fetched_and_made_again(
    repositories: GitRepositories, door: str, git: Git, tmp_path: Path
) -> None:
    await repositories.prepare(signed(5), TRUNK, BEGUN)
    others = [at(door) for _ in range(4)]
    seen: list[Tree] = []

    def edit(name: str, tree: Tree) -> Tree:
        seen.append(tree)
        return {**tree, name: b"x\n"}

    # The same sequence from writers that know nothing of each other, each with a file of its own.
    async with asyncio.TaskGroup() as tasks:
        made = [
            tasks.create_task(other.commit(signed(10), "main", partial(edit, f"f{number}")))
            for number, other in enumerate(others)
        ]
    assert len({task.result() for task in made}) == 1
    into = cloned(git, door, tmp_path)
    assert git("-C", into, "rev-list", "--count", "main").strip() == "2"


@pytest.mark.guarantee("G13.1")
async def test_a_commit_of_somebody_else_in_between_is_kept(
    repositories: GitRepositories, door: str, git: Git, tmp_path: Path
) -> None:
    await repositories.prepare(signed(5), TRUNK, BEGUN)
    into = cloned(git, door, tmp_path)
    asked = 0

    def edit(tree: Tree) -> Tree:
        nonlocal asked
        asked += 1
        if asked == 1:
            (into / "theirs").write_text("x\n")
            git("-C", into, "add", ".")
            git("-C", into, "commit", "-qm", "Theirs")
            git("-C", into, "push", f"http://x:provisioning@{door}/acme/blog.git", "main")
        return {**tree, "ours": b"x\n"}

    await repositories.commit(signed(10), "main", edit)
    assert asked == 2
    git("-C", into, "pull", "-q", "--ff-only")
    assert git("-C", into, "ls-files").split() == ["CODEOWNERS", "README.md", "ours", "theirs"]
    # What carries no sequence on top does not hide the one below it.
    assert len(await repositories.commit(signed(10), "main", edit)) == 40


@pytest.mark.guarantee("G13.1")
async def test_many_commits_at_once_lose_nothing(
    repositories: GitRepositories, door: str, git: Git, tmp_path: Path
) -> None:
    names = [f"app-{number}" for number in range(4)]
    branches = ("develop", "main")
    async with asyncio.TaskGroup() as tasks:
        for name in names:
            tasks.create_task(repositories.prepare(signed(1, name), TRUNK, BEGUN))

    async def write(name: str, branch: str, number: int) -> None:
        # Two writers that do not know of each other, at once, and each change twice.
        change = signed(10 + number, name)
        async with asyncio.TaskGroup() as both:
            for writer in (repositories, other):
                both.create_task(writer.commit(change, branch, adding(f"{number:02}")))

    other = at(door)
    for number in range(6):
        async with asyncio.TaskGroup() as tasks:
            for name in names:
                for branch in branches:
                    tasks.create_task(write(name, branch, number))

    for name in names:
        for branch in branches:
            into = cloned(git, door, tmp_path, name, branch)
            subjects = git("-C", into, "log", "--format=%s", "--reverse").splitlines()
            assert subjects == [f"Change number {seq}" for seq in (1, *range(10, 16))]
            assert git("-C", into, "rev-list", "--min-parents=2", "--all").strip() == ""
            assert git("-C", into, "ls-files").split() == [
                *(f"{number:02}" for number in range(6)),
                *("CODEOWNERS", "README.md"),
            ]


async def test_an_archived_repository_takes_no_commits_until_it_is_taken_into_use_again(
    repositories: GitRepositories, door: str, git: Git, tmp_path: Path
) -> None:
    await repositories.prepare(signed(5), TRUNK, BEGUN)
    made = await repositories.commit(signed(10), "main", files.closed)
    # A second attempt at the same step comes with a higher sequence.
    assert await repositories.commit(signed(12), "main", files.closed) == made
    with pytest.raises(Poison, match="archived"):
        await repositories.commit(signed(20), "main", adding("a"))
    # What made it is heard again.
    await repositories.prepare(signed(5), TRUNK, BEGUN)
    with pytest.raises(Poison, match="archived"):
        await repositories.commit(signed(20), "main", adding("a"))
    into = cloned(git, door, tmp_path)
    (into / "theirs").write_text("x\n")
    git("-C", into, "add", ".")
    git("-C", into, "commit", "-qm", "Theirs")
    said = git(
        "-C", into, "push", f"http://x:provisioning@{door}/acme/blog.git", "main", fails=True
    )
    assert "archived" in said

    await repositories.prepare(signed(30), (*TRUNK, "uat"), BEGUN)
    await repositories.commit(signed(31), "main", adding("a"))
    await repositories.commit(signed(31), "uat", adding("a"))
    assert await repositories.branches("acme", "blog") == (*TRUNK, "uat")


async def test_a_door_that_is_away_is_waited_for() -> None:
    away = GitRepositories("http://127.0.0.1:9", lambda: "provisioning")
    with pytest.raises(Retry, match="away"):
        await away.commit(signed(10), "main", adding("a"))
    with pytest.raises(Retry, match="away"):
        await away.prepare(signed(10), TRUNK, BEGUN)


async def test_a_token_that_is_not_believed_yet_is_tried_again(door: str) -> None:
    stranger = GitRepositories(f"http://{door.removesuffix('/git')}", lambda: "unknown")
    with pytest.raises(Retry, match="token"):
        await stranger.prepare(signed(10), TRUNK, BEGUN)
