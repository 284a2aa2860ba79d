"""Nobody plays anything: changes go through real repositories and a simulated cluster."""

import hashlib
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from tests.integration.git.conftest import Served, identify
from tests.integration.provisioning.town import PROD, Town, town
from tests.integration.simulator.test_simulating import simulated
from tests.support import billing, planning
from tests.support.broker import Access
from tests.support.waiting import until

from catalyst.blueprints.findings import Finding, Severity
from catalyst.blueprints.lint import Linted
from catalyst.blueprints.package import Package
from catalyst.chassis.asking import Asked
from catalyst.chassis.jetstream.broker import JetStream
from catalyst.chassis.jetstream.objects import Objects
from catalyst.chassis.jetstream.port import Outgoing
from catalyst.chassis.keyring import KeyRing
from catalyst.contracts import provisioning_v1 as pro1
from catalyst.contracts.provisioning_values_v1 import PlanRequest
from catalyst.contracts.topology import DLQ
from catalyst.environment_controller.adapters.git_http import by_token, git_app
from catalyst.environment_controller.adapters.git_root import GitRoot
from catalyst.provisioning import checking
from catalyst.provisioning import effects as writing
from catalyst.provisioning.adapters import hearing
from catalyst.provisioning.adapters.content import ReadVersions, StoredContents
from catalyst.provisioning.adapters.git import GitRepositories
from catalyst.provisioning.domain import rendered
from catalyst.provisioning.domain.plan import Plan
from catalyst.provisioning.domain.rollup import Everything
from catalyst.provisioning.effects import effects

pytestmark = pytest.mark.real


@pytest.fixture
async def place(js: JetStream, tmp_path: Path) -> AsyncIterator[Town]:
    async with outside(js, tmp_path) as found:
        yield found


@asynccontextmanager
async def outside(
    js: JetStream, tmp_path: Path, named: str = planning.GIT_URL
) -> AsyncIterator[Town]:
    """Run everything for the block; the files of commits name this address."""
    keys = KeyRing.open(tmp_path / "keys")
    root = GitRoot(tmp_path / "git")
    served = Served(git_app(root, by_token(identify)))
    url = f"http://127.0.0.1:{served.start()}"
    effect = effects(
        GitRepositories(url, lambda: "provisioning"),
        ReadVersions(StoredContents(Objects(js))),
        named,
    )
    try:
        async with town(
            js, keys, tmp_path, root=root, effects=effect, sources=(hearing.source(),)
        ) as found:
            yield found
            assert not (await js.stream_state(DLQ)).messages
    finally:
        served.stop()


async def health(place: Town) -> Everything:
    token = place.keys.service("provisioning").service
    answer = await Asked(place.js, token).ask("provisioning", "health", 1, "acme", {})
    return msgspec.convert(answer, Everything)


def fsck(folder: Path) -> None:
    for repository in sorted((folder / "git" / "homes" / "acme").glob("*.git")):
        done = subprocess.run(
            ["git", "-C", repository, "fsck", "--strict"], capture_output=True, check=False
        )
        assert done.returncode == 0, done.stderr


def git(repository: Path, *arguments: str) -> bytes:
    done = subprocess.run(["git", "-C", repository, *arguments], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def archived(folder: Path, name: str) -> dict[str, bool]:
    """Return of each branch of an Application's repository whether it takes no commits any more."""
    repository = folder / "git" / "homes" / "acme" / f"{name}.git"
    names = git(repository, "for-each-ref", "--format=%(refname:short)", "refs/heads").decode()
    return {
        branch: b"ARCHIVED\n" in git(repository, "ls-tree", "--name-only", branch)
        for branch in names.split()
    }


def committed(folder: Path, name: str, subject: str) -> dict[str, tuple[str, str]]:
    """Return what the one commit with this first line did: change and digest, by path."""
    repository = folder / "git" / "homes" / "acme" / f"{name}.git"
    lines = git(repository, "log", "--format=%H %s", "main").decode().splitlines()
    (commit,) = (line.split()[0] for line in lines if line.partition(" ")[2].startswith(subject))
    words = {"A": "added", "M": "changed", "D": "removed"}
    found = {}
    names = git(repository, "diff", "--no-renames", "--name-status", f"{commit}^", commit).decode()
    for line in names.splitlines():
        word, path = line.split("\t")
        content = b"" if word == "D" else git(repository, "show", f"{commit}:{path}")
        found[path] = (words[word], hashlib.sha256(content).hexdigest() if content else "")
    return found


def planned(found: Plan, name: str) -> dict[str, tuple[str, str]]:
    """Return what a plan says of a repository's branch `main`, likewise."""
    return {
        one.path: (one.change, one.digest)
        for one in found.files
        if (one.repository, one.branch) == (name, "main")
    }


def uninstall(name: str) -> PlanRequest:
    """Return what is asked for to take away one of both; the wiki alone leaves its data."""
    return PlanRequest(
        action="uninstall", environment=PROD, application=name, keep_data=name == "wiki"
    )


def strict(_package: Package, *, own: bool) -> Linted:
    """Find what a later version of Catalyst might in an Organization's own Blueprint."""
    found = Finding(
        severity=Severity.ERROR,
        rule="came-later",
        file="",
        line=0,
        column=0,
        pointer="",
        message="too old",
        fix="make it new",
    )
    return Linted(blueprint=None, findings=(found,) if own else ())


async def refusing(_self: checking.Checking, _digest: str, _package: Package) -> str:
    """Return what a later version of Catalyst might."""
    return "too old"


def later(*args: Any, **more: Any) -> rendered.Standing:
    """Make files as a later version of Catalyst might: each is another one."""
    found = rendered.standing(*args, **more)
    made = {path: content + b"# later\n" for path, content in found.files.items()}
    return msgspec.structs.replace(found, files=made)


@pytest.mark.guarantee("G14.13", "G14.21")
async def test_other_files_than_were_planned_are_not_committed(
    place: Town, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As by a later version of Catalyst."""
    monkeypatch.setattr(writing, "rendered", SimpleNamespace(standing=later))
    accepted = await place.apply("ch-1", await place.plan(planning.install()))
    assert accepted.status == "accepted"
    state = await place.over("ch-1")
    words = "plan-stale: its files come out otherwise than planned; plan it again"
    assert (state.status, state.gave_up, state.reason) == ("failed", "commit", words)
    assert (state.attempt, state.left) == (1, ())
    assert {"admit", "hold", "repository"} <= set(state.undone)
    for name in ("wiki", "wiki-postgres"):
        repository = tmp_path / "git" / "homes" / "acme" / f"{name}.git"
        told = git(repository, "log", "--format=%s", "--name-only", "main").decode()
        assert "environments/" not in told
        assert "Install" not in told
    fsck(tmp_path)


@pytest.mark.guarantee("G20.11")
async def test_a_version_that_a_rule_came_after_is_not_committed_either(
    place: Town, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As by a version of Catalyst that came while the change waited; what runs goes on."""
    for one in place.others.locks["wiki"]:
        one["origin"] = "private"
    found = await place.plan(planning.install())
    monkeypatch.setattr(checking, "lint", strict)
    await place.apply("ch-1", found)
    state = await place.over("ch-1")
    said = "bp-postgres 16.9.1 would not be registered any more: too old (came-later)"
    assert (state.status, state.gave_up) == ("failed", "commit")
    assert (state.reason, state.attempt) == (f"version-refused: {said}", 1)
    assert {"admit", "hold", "repository"} <= set(state.undone)
    assert b"Install" not in git(tmp_path / "git" / "homes" / "acme" / "wiki.git", "log", "--all")


@pytest.mark.guarantee("G14.13", "G14.21")
async def test_where_the_repositories_are_is_no_part_of_what_was_planned(
    js: JetStream, access: Access, tmp_path: Path
) -> None:
    """As after a start on another port: what was planned goes on."""
    async with outside(js, tmp_path, "https://moved.example") as place, simulated(access):
        accepted = await place.apply("ch-1", await place.plan(planning.install()))
        assert accepted.status == "accepted"
        assert (await place.over("ch-1")).status == "completed"
    repository = tmp_path / "git" / "homes" / "acme" / "wiki-postgres.git"
    source = git(repository, "show", f"main:environments/{PROD}/flux/gitrepository.yaml")
    assert b"url: https://moved.example/git/acme/wiki-postgres.git" in source


@pytest.mark.guarantee("G14.13")
async def test_only_what_keeps_data_is_written_where_it_is_given_up(
    place: Town, access: Access, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with simulated(access):
        await place.apply("ch-1", await place.plan(planning.install()))
        assert (await place.over("ch-1")).status == "completed"
        monkeypatch.setattr(writing, "rendered", SimpleNamespace(standing=later))
        for number, name in enumerate(("wiki", "wiki-postgres"), 2):
            await place.apply(f"ch-{number}", await place.plan(uninstall(name)))
            assert (await place.over(f"ch-{number}")).status == "completed"
    given_up = committed(tmp_path, "wiki-postgres", "Give up the data of")
    assert {path.rpartition("/")[2] for path in given_up} == {
        *("volume.yaml", "secrets.yaml", "kustomization.yaml")
    }


@pytest.mark.guarantee("G14.12", "G14.13")
async def test_from_a_plan_to_a_healthy_application_and_back(
    place: Town, access: Access, tmp_path: Path
) -> None:
    first = await place.plan(planning.install())
    done = await place.apply("ch-1", first)
    assert done.status == "accepted", (done.code, done.message, done.errors)
    await place.reached("ch-1", "observe")
    for name in ("wiki", "wiki-postgres"):
        assert planned(first, name) == committed(tmp_path, name, "Install")
    assert {one.repository for one in first.files} == {"wiki", "wiki-postgres"}
    account = await place.money.state(billing.ACCOUNT)
    assert account.balances.get("revenue:OMR", 0) == 0
    told = await health(place)
    assert (told.health, told.reason, told.of) == ("unknown", "no-cluster", PROD)
    (home,) = told.environments
    assert all(link.since for item in home.applications for link in item.blocked_by)
    assert {item.blocked_by[-1].code for item in home.applications} == {"no-cluster"}

    async with simulated(access):
        assert (await place.over("ch-1")).status == "completed"
        account = await place.money.state(billing.ACCOUNT)
        assert account.balances["revenue:OMR"] == 2000
        assert (await health(place)).health == "healthy"

        for number, name in enumerate(("wiki", "wiki-postgres"), 2):
            found = await place.plan(uninstall(name))
            done = await place.apply(f"ch-{number}", found)
            assert done.status == "accepted", done
            state = await place.over(f"ch-{number}")
            assert state.status == "completed", state
            assert planned(found, name) == committed(tmp_path, name, "Uninstall")
        assert "unprotect" in state.completed
        given_up = committed(tmp_path, "wiki-postgres", "Give up the data of")
        assert {path.rpartition("/")[2] for path in given_up} == {
            *("volume.yaml", "secrets.yaml", "kustomization.yaml")
        }
        assert (await place.application("wiki")).archived
        await paid_once(place)
    fsck(tmp_path)


async def paid_once(place: Town) -> None:
    """Install again what has been paid for this month: plan, hold and ledger say the same."""
    again = await place.plan(planning.install())
    assert again.price is not None
    assert again.price.quote.total == billing.omr(2000)
    assert again.price.delta == billing.omr(0)
    done = await place.apply("ch-4", again)
    assert done.status == "accepted", done
    await place.reached("ch-4", "observe")
    account = await place.money.state(billing.ACCOUNT)
    held = [posting for hold in account.holds.values() for posting in hold.journal.postings]
    assert ("ch-4" in account.holds, held) == (True, [])
    state = await place.over("ch-4")
    assert state.status == "completed", state
    account = await place.money.state(billing.ACCOUNT)
    assert account.balances["revenue:OMR"] == 2000
    assert f"wiki-postgres.{PROD}" in account.subscriptions


async def test_what_cannot_be_pulled_is_told_and_taken_back(
    place: Town, access: Access, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for one in place.others.locks["wiki"]:
        one["origin"] = "private"
    word = msgspec.json.encode({"mode": "image-pull"})
    await place.js.publish(Outgoing(f"ws.{PROD}.simulator.wiki", word))
    async with simulated(access):
        done = await place.apply("ch-1", await place.plan(planning.install()))
        assert done.status == "accepted", done

        async def told() -> bool:
            found = [x for one in (await health(place)).environments for x in one.applications]
            wiki = next((item for item in found if item.application == "wiki"), None)
            return wiki is not None and "image-not-pulled" in {x.code for x in wiki.blocked_by}

        await until(told)
        # What is taken back is not judged, by whatever rules came meanwhile.
        monkeypatch.setattr(checking.Checking, "reason", refusing)
        stopped = await place.money.ask(pro1.CancelChange(reason="wrong image"), "acme", "ch-1")
        assert stopped.status == "accepted", stopped
        state = await place.over("ch-1")
        assert (state.status, state.left) == ("failed", ())
        assert state.undone[:2] == ("commit", "repository")
        for name in ("wiki", "wiki-postgres"):
            assert archived(tmp_path, name) == {"develop": True, "staging": True, "main": True}
        monkeypatch.undo()
        # The name is free, and its repository is taken into use again.
        done = await place.apply("ch-2", await place.plan(planning.install()))
        assert done.status == "accepted", (done.code, done.message, done.errors)
        await place.reached("ch-2", "observe")
        assert set(archived(tmp_path, "wiki").values()) == {False}
    account = await place.money.state(billing.ACCOUNT)
    assert list(account.holds) == ["ch-2"]
    assert account.balances.get("revenue:OMR", 0) == 0
    fsck(tmp_path)
