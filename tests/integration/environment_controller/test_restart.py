"""A failed onboarding is started again on the real broker, whatever happens around it."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

import pytest
from dulwich.repo import Repo
from tests.integration.chassis.test_processes import Site
from tests.integration.environment_controller.test_deletion import planned, said
from tests.support.broker import SharedBroker
from tests.support.crashes import SIDES
from tests.support.homes import MoodyHome, homes
from tests.support.invariants import check_log
from tests.support.rig import Sender, acme, deliver_again_after, working
from tests.support.waiting import until

from catalyst.chassis import effect as effects
from catalyst.chassis.jetstream import topology
from catalyst.chassis.jetstream.broker import JetStream
from catalyst.chassis.keyring import KeyRing
from catalyst.chassis.worker import Worker
from catalyst.contracts import topology as contract
from catalyst.environment_controller.adapters.git_root import GitRoot
from catalyst.environment_controller.domain.organization import ref_of
from catalyst.environment_controller.domain.progress import onboarding_ref
from catalyst.environment_controller.handlers import service

pytestmark = pytest.mark.real

CREATE = "environment.create-organization.v1"
RESTART = "environment.restart-onboarding.v1"
APPLY = "environment.apply-organization-deletion.v1"
STEPS = 3


@pytest.fixture(autouse=True)
def _hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let an effect that fails be given up soon."""
    monkeypatch.setattr(effects, "_FIRST_PAUSE_SECONDS", 0.001)


@asynccontextmanager
async def failed(
    js: JetStream, folder: Path, keys: KeyRing | None = None
) -> AsyncIterator[tuple[MoodyHome, Worker]]:
    """Work in a world where the onboarding of `acme` failed because no commit could be made."""
    keys = keys or KeyRing.open(folder / "keys")
    async with homes(folder / "git") as home, working(js, service(home), keys=keys) as worker:
        home.commits = RuntimeError("the disk is gone")
        assert (await said(Sender(js), CREATE, "acme", acme())).status == "accepted"
        await until(lambda: _phase(worker, "failed"), 60)
        assert not GitRoot(folder / "git").repository("acme").exists()
        home.commits = None
        yield home, worker


async def _phase(worker: Worker, phase: str) -> bool:
    found: bool = (await worker.states.state(ref_of("acme"))).phase == phase
    return found


async def _facts(js: JetStream, aggregate: str) -> Counter[str]:
    found = await js.replay("EV", f"evt.acme.environment.{aggregate}.acme.>")
    return Counter(item.subject.split(".")[5] for item in found)


@pytest.mark.guarantee("G7.9")
async def test_an_onboarding_that_failed_completes_once_it_is_started_again(
    js: JetStream, tmp_path: Path
) -> None:
    sender = Sender(js)
    async with failed(js, tmp_path) as (home, worker):
        before = await _facts(js, "onboarding")
        assert (before["onboarding-failed"], before["step-failed"]) == (1, STEPS)
        home.not_ready()
        found = await said(sender, RESTART, "acme", {})
        assert found.status == "accepted"
        assert found.events == (
            "environment.onboarding-started.v1",
            "environment.onboarding-restarted.v1",
            "environment.step-started.v1",
        )

        # While it runs there is nothing to start, and nothing to delete.
        assert (await said(sender, RESTART, "acme", {})).code == "onboarding-not-failed"
        assert (await said(sender, APPLY, "acme", await planned(worker))).code == (
            "onboarding-in-progress"
        )
        home.well()
        await until(lambda: _phase(worker, "ready"))
        state = await worker.states.state(onboarding_ref("acme"))
        await until(lambda: _committed(js))
        assert (await said(sender, RESTART, "acme", {})).code == "onboarding-not-failed"
    assert state.run == 2
    after = await _facts(js, "onboarding") - before
    assert after == {
        "onboarding-started": 1,
        "step-started": STEPS,
        "step-completed": STEPS,
        "onboarding-completed": 1,
    }
    with closing(Repo(str(GitRoot(tmp_path / "git").repository("acme")))) as repo:
        assert len([entry.commit for entry in repo.get_walker()]) == 2
    await check_log(js)


async def _committed(js: JetStream) -> bool:
    return (await _facts(js, "organization"))["manifest-committed"] == 1


@pytest.mark.guarantee("G7.9")
async def test_the_same_request_again_has_the_same_outcome(js: JetStream, tmp_path: Path) -> None:
    sender = Sender(js)
    async with failed(js, tmp_path) as (_, worker):
        for _turn in range(3):
            await sender.send(RESTART, "acme", command_id="c-again")
        first = await sender.outcome("acme", "c-again")
        await until(lambda: _phase(worker, "ready"))
        await sender.send(RESTART, "acme", command_id="c-again")
        # A later command in the same lane shows that the repeat was decided.
        assert (await said(sender, RESTART, "acme", {})).code == "onboarding-not-failed"
        assert await sender.outcome("acme", "c-again") == first
    assert (await _facts(js, "organization"))["onboarding-restarted"] == 1
    await check_log(js)


@pytest.mark.guarantee("G7.9")
async def test_a_restart_and_a_deletion_at_once_never_both_hold(
    js: JetStream, tmp_path: Path
) -> None:
    sender = Sender(js)
    async with failed(js, tmp_path) as (_, worker):
        plan = await planned(worker)
        async with asyncio.TaskGroup() as tasks:
            restarting = tasks.create_task(said(sender, RESTART, "acme", {}))
            deleting = tasks.create_task(said(sender, APPLY, "acme", plan))
        codes = (restarting.result().code, deleting.result().code)
        assert codes in {("", "onboarding-in-progress"), ("organization-deleted", "")}
        if codes[0]:
            assert (await said(sender, RESTART, "acme", {})).code == "organization-deleted"
        else:
            await until(lambda: _phase(worker, "ready"))
    await check_log(js)


@pytest.mark.guarantee("G7.9", "G1.10")
async def test_a_restart_is_carried_out_once_wherever_its_worker_dies(
    shared_broker: SharedBroker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before and after calls of the broker, from the first one on that the restart needs."""
    deliver_again_after(monkeypatch, 2.0)
    keys = KeyRing.open(tmp_path / "keys")
    counted = ("batch", "settle Acked", "publish")
    points = [(at, SIDES[turn % 2]) for turn, at in enumerate(range(0, 14, 3))]
    turns = asyncio.Semaphore(5)
    reached: list[bool] = []

    async def one(number: int, at: int, side: str) -> None:
        folder = tmp_path / f"{number}"
        site = Site(shared_broker.account(), keys, folder / "git")
        async with turns, site.connected() as js:
            await topology.ensure(js, contract.topology())
            async with failed(js, folder, keys):
                before = await _facts(js, "onboarding")
            await Sender(js).send(RESTART, "acme", command_id="c-again")
            reached.append((await site.run(at, side, counted)).crashed)
            await site.run()
            after = await _facts(js, "onboarding") - before
            assert after == {
                "onboarding-started": 1,
                "step-started": STEPS,
                "step-completed": STEPS,
                "onboarding-completed": 1,
            }, (at, side)
            organization = await _facts(js, "organization")
            assert organization["onboarding-restarted"] == 1, (at, side)
            assert organization["organization-ready"] == 1, (at, side)
            assert not (await js.stream_state("DLQ")).messages, (at, side)
            await check_log(js)

    async with asyncio.TaskGroup() as tasks:
        for number, (at, side) in enumerate(points):
            tasks.create_task(one(number, at, side))
    assert sum(reached) >= len(points) - 2
