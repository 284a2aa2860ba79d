"""The Git effect: which event becomes which commit and which report, and what a repeat does."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import yaml
from dulwich.objects import Blob, Commit, Tree
from dulwich.refs import Ref
from dulwich.repo import Repo
from tests.integration.git.log import Acme, Log

from catalyst.chassis.errors import Retry
from catalyst.chassis.service import Report, Reports
from catalyst.contracts import environment_v1 as env1
from catalyst.contracts.decision import Recorded
from catalyst.environment_controller.adapters.git import DulwichHome
from catalyst.environment_controller.adapters.git_root import GitRoot
from catalyst.environment_controller.effects import FOLLOWED, effects, summary
from catalyst.environment_controller.ports import Change, GitHome

pytestmark = pytest.mark.real


class World:
    """The effect, a log, and Git homes on disk."""

    def __init__(self, folder: Path) -> None:
        self.root = GitRoot(folder)
        self.git: GitHome = DulwichHome(self.root)
        self.log = Log()
        self.acme = Acme(self.log)
        self.restart()

    def restart(self) -> None:
        """Forget what a process knows."""
        (self.effect,) = effects(self.git)

    async def run(self, *events: Recorded) -> list[Reports]:
        return [await self.effect.run(event, self.log.load) for event in events]

    async def onboard(self) -> None:
        """Bring acme to the end of its onboarding."""
        created = self.acme.created()
        home, manifests = self.acme.step("git-home"), self.acme.step("manifests")
        await self.run(created, home, manifests)
        self.acme.step_completed("manifests")

    def repository(self) -> Repo:
        return Repo(str(self.root.repository("acme")))

    def tree(self) -> dict[str, bytes]:
        """The files on main."""
        with closing(self.repository()) as repo:
            return dict(files(repo, tip(repo).tree, ""))

    def subjects(self) -> list[str]:
        """First lines of the commits on main, oldest first."""
        with closing(self.repository()) as repo:
            walked = repo.get_walker(include=[tip(repo).id])
            return [entry.commit.message.decode().split("\n")[0] for entry in walked][::-1]


def tip(repo: Repo) -> Commit:
    """The commit that main stands at."""
    found = repo.object_store[repo.refs[Ref(b"refs/heads/main")]]
    assert isinstance(found, Commit)
    return found


def files(repo: Repo, tree: Any, above: str) -> Iterator[tuple[str, bytes]]:
    found = repo.object_store[tree]
    assert isinstance(found, Tree)
    for entry in found.iteritems():
        child = repo.object_store[entry.sha]
        path = above + entry.path.decode()
        if isinstance(child, Blob):
            yield path, child.data
        else:
            yield from files(repo, entry.sha, f"{path}/")


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path / "root")
    yield world
    world.root.close()


def report_of(report: Reports) -> Any:
    assert isinstance(report, Report)
    return report.command


async def test_onboarding_makes_the_home_and_then_the_manifests(world: World) -> None:
    created = world.acme.created()
    assert await world.run(created) == [None]
    first, second = world.acme.step("git-home"), world.acme.step("manifests", attempt=2)
    home = report_of((await world.run(first))[0])
    assert home == env1.ReportStep(
        step="git-home", status="done", detail="/git/acme/home.git", attempt=1
    )
    assert await world.git.head("acme") is None
    reports = await world.run(second)
    manifests = report_of(reports[0])
    head = await world.git.head("acme")
    assert head is not None
    assert manifests == env1.ReportStep(
        step="manifests", status="done", detail=head.commit, attempt=2
    )
    assert isinstance(reports[0], Report)
    assert reports[0].ref == second.ref
    assert world.tree().keys() == {"organization.yaml"}
    assert world.subjects() == ["Write the manifests of Organization acme"]


async def test_the_step_ready_is_none_of_gits(world: World) -> None:
    await world.onboard()
    assert await world.run(world.acme.step("ready")) == [None]


async def test_what_came_before_the_step_stands_in_its_commit(world: World) -> None:
    world.acme.created()
    dev, strict = world.acme.environment("dev"), world.acme.policy("strict")
    assert await world.run(dev, strict) == [None, None]
    await world.run(world.acme.step("git-home"), world.acme.step("manifests"))
    assert world.tree().keys() == {
        "organization.yaml",
        "environments/acme-dev.yaml",
        "policies/strict.yaml",
    }


async def test_what_comes_after_is_not_in_an_earlier_commit(world: World) -> None:
    world.acme.created()
    home, manifests = world.acme.step("git-home"), world.acme.step("manifests")
    world.acme.renamed("Acme Renamed")
    world.acme.environment("dev")
    await world.run(home, manifests)
    assert world.tree().keys() == {"organization.yaml"}
    assert yaml.safe_load(world.tree()["organization.yaml"])["spec"]["displayName"] == "Acme"


async def test_a_following_commit_shows_its_own_event_and_no_later_one(world: World) -> None:
    await world.onboard()
    await world.run(world.acme.environment("dev"))
    first, second = world.acme.moved("dev", "hel"), world.acme.moved("dev", "nbg")
    await world.run(first)
    assert b"region: hel" in world.tree()["environments/acme-dev.yaml"]
    await world.run(second)
    assert b"region: nbg" in world.tree()["environments/acme-dev.yaml"]


async def test_each_change_is_one_commit_and_one_report(world: World) -> None:
    await world.onboard()
    story = [
        world.acme.environment("dev"),
        world.acme.policy("strict"),
        world.acme.attached("dev", "strict"),
        world.acme.moved("dev", "hel"),
        world.acme.attached("dev", None),
        world.acme.renamed("Acme Renamed"),
        world.acme.suspended("unpaid"),
        world.acme.environment_deleted("dev"),
    ]
    for event in story:
        (report,) = await world.run(event)
        head = await world.git.head("acme")
        assert head is not None
        assert head.seq == event.seq
        assert isinstance(report, Report)
        assert report.ref == event.ref
        assert report_of(report).commit == head.commit
        assert report_of(report).event_seq == event.seq
    assert world.subjects()[1:] == [
        "Create Environment acme-dev",
        "Set EnvironmentPolicy strict",
        "Put Environment acme-dev under policy strict",
        "Update Environment acme-dev",
        "Take Environment acme-dev out of its policy",
        "Update Organization acme",
        "Suspend Organization acme",
        "Delete Environment acme-dev",
    ]
    assert world.tree().keys() == {"organization.yaml", "policies/strict.yaml"}


async def test_a_commit_names_actor_command_and_the_time_of_the_event(world: World) -> None:
    await world.onboard()
    event = world.acme.renamed("Acme Renamed")
    await world.run(event)
    with closing(world.repository()) as repo:
        commit = tip(repo)
        assert commit.author == b"alice <user:https://issuer.test#alice>"
        assert commit.committer == b"Catalyst <service:environment>"
        assert commit.author_time == commit.commit_time == int(event.time.timestamp())
        assert commit.message.endswith(
            f"\n\nCatalyst-Command: {event.causationid}\nCatalyst-Seq: {event.seq}\n".encode()
        )


async def test_a_step_names_the_command_that_started_everything(world: World) -> None:
    await world.onboard()
    with closing(world.repository()) as repo:
        commit = tip(repo)
        assert b"Catalyst-Command: c-create\n" in commit.message


async def test_a_repeat_changes_nothing_and_reports_the_same(world: World) -> None:
    await world.onboard()
    story = [world.acme.environment("dev"), world.acme.moved("dev", "hel"), world.acme.renamed("B")]
    reports = await world.run(*story)
    head = await world.git.head("acme")
    world.restart()
    assert await world.run(*story) == reports
    assert await world.git.head("acme") == head


async def test_a_change_that_a_later_commit_covers_is_reported_with_that_commit(
    world: World,
) -> None:
    world.acme.created()
    early = world.acme.environment("dev")
    home, manifests = world.acme.step("git-home"), world.acme.step("manifests")
    reports = await world.run(home, manifests, early)
    assert report_of(reports[2]).commit == report_of(reports[1]).detail


async def test_a_following_commit_loads_its_own_aggregate_alone(world: World) -> None:
    await world.onboard()
    types: tuple[env1.EnvType, ...] = ("dev", "stg", "uat", "prod")
    for env_type in types:
        await world.run(world.acme.environment(env_type))
    world.log.loads = 0
    await world.run(world.acme.moved("dev", "hel"))
    assert world.log.loads == 1


@pytest.mark.parametrize("process", ["same", "restarted"])
async def test_what_a_failure_left_out_is_made_good_by_the_next_commit(
    process: str, world: World
) -> None:
    await world.onboard()
    await world.run(world.acme.environment("dev"))
    lost = world.acme.moved("dev", "hel")
    world.root.path.joinpath("homes").rename(world.root.path / "elsewhere")
    (world.root.path / "homes").touch()
    with pytest.raises(Retry):
        await world.run(lost)
    (world.root.path / "homes").unlink()
    world.root.path.joinpath("elsewhere").rename(world.root.path / "homes")
    if process == "restarted":
        world.restart()
    await world.run(world.acme.renamed("Acme Renamed"))
    assert b"region: hel" in world.tree()["environments/acme-dev.yaml"]


async def test_one_broken_aggregate_does_not_stop_the_others(world: World) -> None:
    await world.onboard()
    dev = world.acme.environment("dev")
    await world.run(dev)
    world.log.broken.add(dev.ref)
    world.restart()
    before = world.tree()["environments/acme-dev.yaml"]
    await world.run(world.acme.renamed("Acme Renamed"))
    assert world.tree()["environments/acme-dev.yaml"] == before
    assert b"Acme Renamed" in world.tree()["organization.yaml"]


async def test_files_of_others_stay(world: World) -> None:
    await world.onboard()
    foreign = Change(
        organization="acme",
        files={"docs/readme.md": b"hello\n", "environments/acme-gone.yaml": b"stale\n"},
        summary="Something else",
        actor="service:provisioning",
        command="c",
        seq=world.log.entries[-1].seq + 1,
        time=world.log.entries[-1].time,
    )
    await world.git.commit(foreign)
    await world.run(world.acme.renamed("Acme Renamed"))
    assert world.tree().keys() == {"organization.yaml", "docs/readme.md"}


async def test_a_home_that_was_lost_is_written_anew(world: World) -> None:
    await world.onboard()
    await world.run(world.acme.environment("dev"), world.acme.policy("strict"))
    await world.git.remove("acme")
    event = world.acme.renamed("Acme Renamed")
    (report,) = await world.run(event)
    assert world.tree().keys() == {
        "organization.yaml",
        "environments/acme-dev.yaml",
        "policies/strict.yaml",
    }
    head = await world.git.head("acme")
    assert head is not None
    assert (report_of(report).commit, head.seq) == (head.commit, event.seq)


async def test_giving_up_removes_the_home_and_later_changes_make_none(world: World) -> None:
    await world.onboard()
    undo = world.acme.undo()
    for _ in range(2):
        (report,) = await world.run(undo)
        assert report_of(report) == env1.ReportStep(
            step="undo-git-home", status="done", detail="the Git home is removed", attempt=2
        )
    assert await world.run(world.acme.renamed("B")) == [None]
    assert await world.git.state("acme") == "absent"


async def test_deletion_commits_a_last_time_and_archives(world: World) -> None:
    await world.onboard()
    await world.run(world.acme.environment("dev"))
    gone, deleted = world.acme.environment_deleted("dev"), world.acme.deleted()
    reports = await world.run(gone, deleted)
    assert await world.git.state("acme") == "archived"
    with closing(Repo(str(world.root.archived("acme") / "home.git"))) as repo:
        head = tip(repo)
        assert report_of(reports[1]).commit == head.id.decode()
        assert head.message.startswith(b"Delete Organization acme\n")
        assert dict(files(repo, head.tree, "")) == {}


async def test_nothing_revives_an_archived_home(world: World) -> None:
    await world.onboard()
    await world.run(world.acme.environment("dev"), world.acme.deleted())
    world.restart()
    assert set(await world.run(*world.log.entries[1:4], *world.log.entries[5:])) == {None}
    assert await world.git.state("acme") == "archived"


async def test_an_organization_without_a_home_is_deleted_without_one(world: World) -> None:
    world.acme.created()
    assert await world.run(world.acme.deleted()) == [None]
    assert await world.git.state("acme") == "absent"


async def test_giving_up_on_a_step_is_reported_on_one_line(world: World) -> None:
    reason = "disk\nfull\x00 " + "x" * 500
    step = report_of(world.effect.failed(world.acme.step("manifests", attempt=3), reason))
    assert (step.step, step.status, step.attempt) == ("manifests", "failed", 3)
    assert step.detail.startswith("disk full  x")
    assert len(step.detail) == 253
    undo = report_of(world.effect.failed(world.acme.undo(), "no"))
    assert (undo.step, undo.status, undo.detail) == ("undo-git-home", "failed", "no")


async def test_giving_up_on_a_commit_is_nobodys_step(world: World) -> None:
    assert world.effect.failed(world.acme.renamed("x"), "why") is None
    assert world.effect.failed(world.acme.step("ready"), "why") is None


async def test_each_organization_is_a_lane_of_its_own(world: World) -> None:
    other = Acme(world.log, "globex").renamed("G")
    assert world.effect.lane(world.acme.step("git-home")) == "acme"
    assert world.effect.lane(world.acme.environment("dev")) == "acme"
    assert world.effect.lane(other) == "globex"


async def test_every_event_that_is_followed_has_a_sentence(world: World) -> None:
    told = [
        (world.acme.ready(), "Complete the onboarding of Organization acme"),
        (world.acme.renamed("B"), "Update Organization acme"),
        (world.acme.suspended("unpaid"), "Suspend Organization acme"),
        (world.acme.resumed(), "Resume Organization acme"),
        (world.acme.owners_changed("a@acme.test"), "Change the owners of Organization acme"),
        (world.acme.environment("dev"), "Create Environment acme-dev"),
        (world.acme.moved("dev", "hel"), "Update Environment acme-dev"),
        (world.acme.attached("dev", "strict"), "Put Environment acme-dev under policy strict"),
        (world.acme.environment_deleted("dev"), "Delete Environment acme-dev"),
        (world.acme.policy("strict"), "Set EnvironmentPolicy strict"),
        (world.acme.policy_deleted("strict"), "Delete EnvironmentPolicy strict"),
    ]
    assert {type(recorded.event) for recorded, _ in told} == set(FOLLOWED)
    assert [summary(recorded) for recorded, _ in told] == [text for _, text in told]
