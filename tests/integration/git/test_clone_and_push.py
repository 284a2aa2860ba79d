"""The real git against our door: what it clones, fetches, pushes, and what it is refused."""

import secrets
from pathlib import Path

import pytest
from tests.integration.git.conftest import Git, change

from catalyst.environment_controller.adapters.git import DulwichHome
from catalyst.environment_controller.adapters.git_root import GitRoot

pytestmark = pytest.mark.real


def address(door: str, token: str, path: str = "acme/home.git") -> str:
    return f"http://x:{token}@{door}/{path}"


@pytest.fixture
async def acme(homes: DulwichHome) -> DulwichHome:
    await homes.ensure("acme")
    await homes.commit(change(5))
    await homes.commit(change(9, {"environments/acme-dev.yaml": b"kind: Environment\n"}))
    return homes


def head_of(git: Git, repository: Path, ref: str = "HEAD") -> str:
    return git("-C", repository, "rev-parse", ref).strip()


async def test_a_clone_shows_files_authors_and_trailers(
    acme: DulwichHome, door: str, git: Git, tmp_path: Path
) -> None:
    copy = tmp_path / "copy"
    git("clone", address(door, "alice-of-acme"), copy)
    assert (copy / "organization.yaml").read_bytes() == b"seq: 5\n"
    assert (copy / "environments/acme-dev.yaml").read_bytes() == b"kind: Environment\n"
    form = "--format=%an|%ae|%cn|%at|%s|%(trailers:key=Catalyst-Command,valueonly,separator=)"
    shown = git("-C", copy, "log", form + "|%(trailers:key=Catalyst-Seq,valueonly,separator=)")
    assert shown.splitlines() == [
        "alice|user:https://issuer.test#alice|Catalyst|1700000009|Change number 9|c-9|9",
        "alice|user:https://issuer.test#alice|Catalyst|1700000005|Change number 5|c-5|5",
    ]
    assert head_of(git, copy) == (await acme.head("acme")).commit  # type: ignore[union-attr]
    git("-C", copy, "fsck", "--strict")


async def test_a_fetch_brings_what_is_new(
    acme: DulwichHome, door: str, git: Git, tmp_path: Path
) -> None:
    copy = tmp_path / "copy"
    git("clone", address(door, "alice-of-acme"), copy)
    made = [await acme.commit(change(seq)) for seq in range(10, 60)]
    git("-C", copy, "pull", "--ff-only")
    assert head_of(git, copy) == made[-1]


async def test_a_shallow_clone_can_be_deepened(
    acme: DulwichHome, door: str, git: Git, tmp_path: Path
) -> None:
    copy = tmp_path / "copy"
    git("clone", "--depth", "1", address(door, "alice-of-acme"), copy)
    assert git("-C", copy, "rev-list", "--count", "HEAD").strip() == "1"
    git("-C", copy, "fetch", "--unshallow")
    assert git("-C", copy, "rev-list", "--count", "HEAD").strip() == "2"


async def test_each_version_of_the_protocol_is_answered(
    acme: DulwichHome, door: str, git: Git, tmp_path: Path
) -> None:
    for version in "012":
        copy = tmp_path / f"copy{version}"
        git("-c", f"protocol.version={version}", "clone", address(door, "alice-of-acme"), copy)
        assert (copy / "organization.yaml").exists()


async def test_an_empty_home_can_be_cloned(
    homes: DulwichHome, door: str, git: Git, tmp_path: Path
) -> None:
    await homes.ensure("acme")
    assert "empty repository" in git("clone", address(door, "alice-of-acme"), tmp_path / "copy")


def committed(git: Git, copy: Path, name: str, content: bytes) -> str:
    (copy / name).write_bytes(content)
    git("-C", copy, "add", name)
    git("-C", copy, "commit", "-m", f"Write {name}")
    return head_of(git, copy)


async def test_a_service_pushes_and_our_next_commit_builds_on_it(
    acme: DulwichHome, door: str, git: Git, tmp_path: Path
) -> None:
    copy = tmp_path / "copy"
    git("clone", address(door, "provisioning"), copy)
    pushed = committed(git, copy, "notes.txt", b"from a service\n")
    git("-C", copy, "push", "origin", "main")
    head = await acme.head("acme")
    assert head is not None
    assert (head.commit, head.seq) == (pushed, 9)
    assert await acme.commit(change(9)) is None
    ours = await acme.commit(change(10))
    git("-C", copy, "pull", "--ff-only")
    assert head_of(git, copy) == ours
    assert (copy / "notes.txt").read_bytes() == b"from a service\n"


async def test_a_large_push_arrives_whole(
    acme: DulwichHome, door: str, git: Git, root: GitRoot, tmp_path: Path
) -> None:
    copy = tmp_path / "copy"
    git("clone", address(door, "provisioning"), copy)
    # Above git's post buffer, so that it sends the pack in chunks; random, so that it stays large.
    content = secrets.token_bytes(300 * 1024)
    pushed = committed(git, copy, "blob.bin", content)
    git("-C", copy, "-c", "http.postBuffer=65536", "push", "origin", "main")
    again = tmp_path / "again"
    git("clone", address(door, "provisioning"), again)
    assert head_of(git, again) == pushed
    assert (again / "blob.bin").read_bytes() == content
    git("-C", root.repository("acme"), "fsck", "--strict")


async def test_a_push_above_the_limit_is_refused_and_changes_nothing(
    acme: DulwichHome, door: str, git: Git, tmp_path: Path
) -> None:
    copy = tmp_path / "copy"
    git("clone", address(door, "provisioning"), copy)
    committed(git, copy, "blob.bin", secrets.token_bytes(700 * 1024))
    before = await acme.head("acme")
    assert "413" in git("-C", copy, "push", "origin", "main", fails=True)
    assert await acme.head("acme") == before


async def test_branches_and_tags_of_a_service_come_and_go(
    acme: DulwichHome, door: str, git: Git, tmp_path: Path
) -> None:
    copy = tmp_path / "copy"
    git("clone", address(door, "provisioning"), copy)
    git("-C", copy, "push", "--atomic", "origin", "HEAD:refs/heads/staging", "HEAD:refs/tags/v1")
    assert "refs/tags/v1" in git("ls-remote", address(door, "alice-of-acme"))
    git("-C", copy, "push", "origin", ":refs/heads/staging", ":refs/tags/v1")
    shown = git("ls-remote", address(door, "alice-of-acme"))
    assert "staging" not in shown
    assert "v1" not in shown


@pytest.mark.parametrize(
    ("refspec", "reason"),
    [
        ("+older:main", "only forwards"),
        (":main", "not deleted"),
        ("HEAD:refs/meta/config", "only branches and tags"),
    ],
)
async def test_a_push_that_breaks_a_rule_is_refused_and_changes_nothing(
    refspec: str, reason: str, acme: DulwichHome, door: str, git: Git, tmp_path: Path
) -> None:
    copy = tmp_path / "copy"
    git("clone", address(door, "provisioning"), copy)
    git("-C", copy, "branch", "older", "HEAD~1")
    before = git("ls-remote", address(door, "provisioning"))
    assert reason in git("-C", copy, "push", "origin", refspec, fails=True)
    assert git("ls-remote", address(door, "provisioning")) == before


async def test_one_refused_branch_stops_an_atomic_push(
    acme: DulwichHome, door: str, git: Git, tmp_path: Path
) -> None:
    copy = tmp_path / "copy"
    git("clone", address(door, "provisioning"), copy)
    before = git("ls-remote", address(door, "provisioning"))
    text = git("-C", copy, "push", "--atomic", "origin", "HEAD:new", "HEAD:refs/x/y", fails=True)
    assert "atomic" in text
    assert git("ls-remote", address(door, "provisioning")) == before


async def test_the_push_that_comes_second_is_refused(
    acme: DulwichHome, door: str, git: Git, tmp_path: Path
) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    for copy in (one, two):
        git("clone", address(door, "provisioning"), copy)
        committed(git, copy, f"{copy.name}.txt", b"x\n")
    git("-C", one, "push", "origin", "main")
    git("-C", two, "push", "origin", "main", fails=True)
    assert (await acme.head("acme")).commit == head_of(git, one)  # type: ignore[union-attr]


async def test_a_person_who_pushes_is_told_why_not(
    acme: DulwichHome, door: str, git: Git, tmp_path: Path
) -> None:
    copy = tmp_path / "copy"
    git("clone", address(door, "alice-of-acme"), copy)
    before = await acme.head("acme")
    committed(git, copy, "notes.txt", b"from a person\n")
    text = git("-C", copy, "push", "origin", "main", fails=True)
    assert "403" in text
    assert "Pushing is for services" in text
    assert await acme.head("acme") == before


@pytest.mark.guarantee("G6.4")
async def test_the_homes_of_others_look_as_if_they_were_not_there(
    acme: DulwichHome, door: str, git: Git, tmp_path: Path
) -> None:
    await acme.ensure("globex")
    await acme.commit(change(12, organization="globex"))
    there = git("ls-remote", address(door, "alice-of-acme", "globex/home.git"), fails=True)
    nowhere = git("ls-remote", address(door, "alice-of-acme", "nobody/home.git"), fails=True)
    assert there.replace("globex", "nobody") == nowhere
    assert "not found" in there


async def test_an_archived_home_is_no_longer_served(
    acme: DulwichHome, door: str, git: Git, root: GitRoot, tmp_path: Path
) -> None:
    await acme.archive("acme")
    assert "not found" in git("ls-remote", address(door, "provisioning"), fails=True)
    git("clone", root.archived("acme") / "home.git", tmp_path / "copy")
    assert (tmp_path / "copy/organization.yaml").exists()


@pytest.mark.guarantee("G6.5")
@pytest.mark.parametrize("token", ["wrong", ""])
async def test_without_a_valid_token_there_is_nothing(
    token: str, acme: DulwichHome, door: str, git: Git
) -> None:
    git("ls-remote", address(door, token), fails=True)
