"""What a change does in Git: its effect against the real door, from the states of real changes."""

import asyncio
import threading
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest
import yaml
from tests.integration.git.conftest import Git
from tests.integration.git.test_applications import at, cloned, signed
from tests.support import build, planning, plans
from tests.support.changing import Started, Town
from tests.support.planning import CONTENTS, Shelf

from catalyst.chassis.service import Report
from catalyst.contracts import provisioning_v1 as pro1
from catalyst.contracts.decision import Recorded
from catalyst.contracts.provisioning_values_v1 import Locked
from catalyst.contracts.subjects import Ref
from catalyst.environment_controller.adapters.git import DulwichHome
from catalyst.provisioning.adapters.content import ReadVersions
from catalyst.provisioning.domain import files
from catalyst.provisioning.domain.change import change_ref
from catalyst.provisioning.domain.plan import Plan
from catalyst.provisioning.effects import effects
from catalyst.provisioning.ports import Tree

REDIS = planning.READ["bp-redis"]


def blog() -> Locked:
    """A Blueprint that is really there."""
    assert REDIS is not None
    item = plans.locked("blog")
    digest = planning.digest("bp-redis", REDIS.version)
    return msgspec.structs.replace(item, blueprint="bp-redis", version=REDIS.version, digest=digest)


class World:
    """A town whose steps are carried out in Git."""

    def __init__(self, door: str) -> None:
        self.town = plans.town()
        self.seq = 100
        self.door = door
        self.restart()

    def restart(self) -> None:
        """Forget what a process knows."""
        url = f"http://{self.door.removesuffix('/git')}"
        (self.effect,) = effects(at(self.door), ReadVersions(Shelf()), url)

    def plan(self, action: str = "install", **more: object) -> Plan:
        return plans.planned(self.town, action, lock=(blog(),), **more)  # type: ignore[arg-type]

    async def load(self, ref: Ref, *, up_to: int | None = None) -> object:
        return self.town.state(ref)

    def recorded(self, started: Started) -> Recorded:
        self.seq += 3
        return Recorded(
            event=started.event,
            type="provisioning.change-step-started.v1",
            id=f"e-{self.seq}",
            ref=started.change,
            seq=self.seq,
            time=build.NOW + timedelta(seconds=self.seq),
            actor="service:provisioning",
            correlationid="c-apply",
            causationid="x",
        )

    async def carry_out(self, name: str, *, twice: bool = False) -> list[pro1.ReportStep]:
        """Answer and carry out whatever a change asks for, until nothing follows."""
        told: list[pro1.ReportStep] = []
        self.town.answer_all()
        while self.town.started:
            recorded = self.recorded(self.town.started.pop(0))
            reports = await self.effect.run(recorded, self.load)
            if twice:
                self.restart()
                assert await self.effect.run(recorded, self.load) == reports
            for report in reports if isinstance(reports, tuple) else ():
                assert isinstance(report.command, pro1.ReportStep)
                told.append(report.command)
                self.town.command(report.ref, report.command, build.service("provisioning"))
                self.town.pass_on()
            self.town.answer_all()
            if self.town.change(name).step == "observe":
                break
        return told


@pytest.fixture
async def world(door: str, homes: DulwichHome) -> World:
    await homes.ensure("acme")
    assert CONTENTS
    return World(door)


@pytest.mark.guarantee("G13.2")
async def test_an_install_is_committed_by_the_person_and_can_be_cloned(
    world: World, door: str, git: Git, tmp_path: Path
) -> None:
    values = {"maxMemoryMiB": 128, "password": "secret:cache/password"}
    plans.apply(world.town, "ch-1", world.plan(values=values))
    told = await world.carry_out("ch-1", twice=True)

    assert [(report.step, report.status) for report in told] == [
        ("repository", "done"),
        ("commit", "done"),
    ]
    into = cloned(git, door, tmp_path)
    head = git("-C", into, "rev-parse", "HEAD").strip()
    assert told[1].commits == {plans.PROD: head}
    committed = world.town.application("blog").binding(plans.PROD).committed
    assert committed is not None
    assert committed.commit == head
    assert git("-C", into, "log", "-1", "--format=%ae|%s").strip() == (
        f"dev@acme.example|Install blog in acme-prod: bp-redis {REDIS and REDIS.version}"
    )
    assert "Catalyst-Change: ch-1" in git("-C", into, "log", "-1", "--format=%B")

    place = into / "environments" / plans.PROD
    listed = yaml.safe_load((place / "kustomization.yaml").read_text())["resources"]
    assert "secrets/cache.yaml" in listed
    assert all((place / name).is_file() for name in listed)
    reference = yaml.safe_load((place / "secrets" / "cache.yaml").read_text())
    assert reference["spec"]["data"][0]["remoteRef"]["property"] == "password"
    flux = yaml.safe_load((place / "flux" / "kustomization.yaml").read_text())
    assert flux["metadata"]["labels"]["openova.io/application"] == "blog"
    assert (into / flux["spec"]["path"] / "kustomization.yaml").is_file()
    source = yaml.safe_load((place / "flux" / "gitrepository.yaml").read_text())
    assert source["spec"]["secretRef"]
    assert source["spec"]["ref"] == {"branch": "main"}
    assert source["spec"]["url"].endswith("/git/acme/blog.git")


async def test_what_is_given_up_is_taken_back_out_of_git(
    world: World, door: str, git: Git, tmp_path: Path
) -> None:
    plans.apply(world.town, "ch-1", world.plan())
    await world.carry_out("ch-1")
    world.town.command(
        change_ref("acme", "ch-1"),
        pro1.CancelChange(reason="changed my mind"),
        plans.DEVELOPER,
    )
    told = await world.carry_out("ch-1", twice=True)
    assert [(report.step, report.undo) for report in told] == [
        ("commit", True),
        ("repository", True),
    ]
    assert world.town.change("ch-1").status == "failed"
    into = cloned(git, door, tmp_path)
    assert not (into / "environments").exists()
    # What runs nowhere is no open repository.
    assert (into / "ARCHIVED").exists()
    assert "Take back: install blog" in git("-C", into, "log", "-2", "--format=%s")


@pytest.mark.guarantee("G14.9")
async def test_a_repository_that_is_asked_for_again_once_it_was_taken_back_stays_closed(
    world: World, door: str, git: Git, tmp_path: Path
) -> None:
    """As where a worker dies over the first event, and the next one hears the second one first."""
    plans.apply(world.town, "ch-1", world.plan())
    world.town.answer_all()
    late = next(world.recorded(one) for one in world.town.started if one.event.step == "repository")
    world.town.started.clear()
    world.town.command(
        change_ref("acme", "ch-1"), pro1.CancelChange(reason="changed my mind"), plans.DEVELOPER
    )
    told = await world.carry_out("ch-1")
    assert [(report.step, report.undo) for report in told] == [("repository", True)]
    assert world.town.change("ch-1").status == "failed"
    assert await world.effect.run(late, world.load)
    closed(git, cloned(git, door, tmp_path))


def closed(git: Git, into: Path) -> None:
    """Check that every branch is there and archived."""
    for branch in files.TRUNK:
        found = git("-C", into, "ls-tree", "-r", "--name-only", f"origin/{branch}").split()
        assert "ARCHIVED" in found


@pytest.mark.guarantee("G14.3")
@pytest.mark.parametrize("before", ["never", "archived"])
async def test_a_push_that_comes_once_its_repository_was_taken_back_opens_nothing(
    world: World, door: str, git: Git, tmp_path: Path, before: str
) -> None:
    """As where the deadline of a step passes while its push is on its way."""
    if before == "archived":
        await come_and_go(world)
    plans.apply(world.town, "ch-1", world.plan())
    world.town.answer_all()
    late = next(world.recorded(one) for one in world.town.started if one.event.step == "repository")
    world.town.started.clear()
    asked, answered = threading.Event(), threading.Event()

    def edit(tree: Tree) -> Tree:
        asked.set()
        assert answered.wait(60)
        return files.reopened(tree, "acme", "blog")

    push = asyncio.create_task(at(door).prepare(signed(late.seq), files.TRUNK, edit))
    assert await asyncio.to_thread(asked.wait, 60)
    world.town.command(
        change_ref("acme", "ch-1"), pro1.CancelChange(reason="too late"), plans.DEVELOPER
    )
    await world.carry_out("ch-1", twice=True)
    assert world.town.change("ch-1").left == ()
    answered.set()
    await push
    closed(git, cloned(git, door, tmp_path))
    # An install opens it again.
    plans.apply(world.town, "ch-2", world.plan())
    await world.carry_out("ch-2")
    into = cloned(git, door, tmp_path / "again")
    assert not (into / "ARCHIVED").exists()
    if before == "never":
        assert git("-C", into, "rev-list", "--count", "HEAD").strip() == "3"


@pytest.mark.guarantee("G14.7")
async def test_what_never_came_is_taken_away_without_making_its_repository(
    world: World, door: str
) -> None:
    """As by a deletion that was planned on an install which was stopped before it began."""
    plans.apply(world.town, "ch-1", world.plan("uninstall"))
    told = await world.carry_out("ch-1", twice=True)
    assert [(one.step, one.status, one.commits) for one in told[:1]] == [("commit", "done", {})]
    assert await at(door).branches("acme", "blog") == ()


async def come_and_go(world: World) -> list[pro1.ReportStep]:
    """Install and uninstall the Application; return what was reported last."""
    plans.apply(world.town, "come", world.plan())
    await world.carry_out("come")
    world.town.see("blog", "come")
    await world.carry_out("come")
    assert world.town.change("come").status == "completed"

    plans.apply(world.town, "go", world.plan("uninstall"))
    await world.carry_out("go")
    world.town.see("blog", "go", health="missing")
    told = await world.carry_out("go", twice=True)
    assert world.town.change("go").status == "completed"
    return told


async def test_an_uninstall_leaves_an_archived_repository(
    world: World, door: str, git: Git, tmp_path: Path
) -> None:
    told = await come_and_go(world)
    assert [report.step for report in told] == ["archive"]
    into = cloned(git, door, tmp_path)
    assert sorted(path.name for path in into.iterdir() if path.name != ".git") == [
        *("ARCHIVED", "CODEOWNERS", "README.md")
    ]


def test_giving_up_is_reported_of_every_application(door: str) -> None:
    world = World(door)
    event = pro1.ChangeStepStarted(
        step="commit",
        applications=("blog", "db"),
        attempt=2,
        gen="g",
        deadline=build.NOW,
    )
    recorded = world.recorded(Started(change_ref("acme", "ch-1"), event))
    found = world.effect.failed(recorded, "disk\nfull")
    assert isinstance(found, tuple)
    assert all(isinstance(report, Report) for report in found)
    assert [msgspec.to_builtins(report.command)["detail"] for report in found] == ["disk full"] * 2
    admitted = world.recorded(
        Started(change_ref("acme", "ch-1"), msgspec.structs.replace(event, step="admit"))
    )
    assert world.effect.failed(admitted, "x") is None
    assert isinstance(world.town, Town)
