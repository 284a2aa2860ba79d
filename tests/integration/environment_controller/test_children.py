"""Organizations below a parent on the real broker: admitted, named by its deletion, and let go."""

import asyncio
import dataclasses
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.integration.chassis.onboarded import facts, homes, settled
from tests.integration.chassis.test_processes import Site
from tests.support.broker import SharedBroker
from tests.support.build import SOVEREIGN_ADMIN
from tests.support.crashes import SIDES
from tests.support.invariants import check_log
from tests.support.rig import Sender, acme, deliver_again_after, working
from tests.support.waiting import until

from catalyst.chassis.jetstream import topology
from catalyst.chassis.jetstream.broker import JetStream
from catalyst.chassis.keyring import KeyRing
from catalyst.chassis.service import Input, Service
from catalyst.chassis.worker import Worker
from catalyst.contracts import environment_v1 as env1
from catalyst.contracts import topology as contract
from catalyst.contracts.decision import Context, Decision, Recorded
from catalyst.contracts.message import Outcome
from catalyst.environment_controller import queries
from catalyst.environment_controller.domain import onboarding
from catalyst.environment_controller.domain.organization import Organization, ref_of
from catalyst.environment_controller.domain.progress import Onboarding, onboarding_ref
from catalyst.environment_controller.handlers import service
from catalyst.environment_controller.ports import GitHome

pytestmark = pytest.mark.real

CREATE = "environment.create-organization.v1"
SUSPEND = "environment.suspend-organization.v1"
RESUME = "environment.resume-organization.v1"
RESTART = "environment.restart-onboarding.v1"
APPLY = "environment.apply-organization-deletion.v1"
PARENT, CHILD = "umbrella", "acme"
BELOW = acme(parent_org=PARENT)


async def said(sender: Sender, type_: str, slug: str, data: Mapping[str, Any]) -> Outcome:
    return await sender.outcome(slug, await sender.send(type_, slug, data))


async def asked(worker: Worker, slug: str) -> dict[str, Any]:
    """Return the plan of a deletion as it is answered."""
    load = worker.states.state
    found: dict[str, Any] = await queries.plan_organization_deletion(
        {}, slug, SOVEREIGN_ADMIN, load
    )
    return found


def sent_back(plan: Mapping[str, Any]) -> dict[str, Any]:
    return {name: plan[name] for name in ("request", "hash", "inputs", "expires")}


async def organization(worker: Worker, slug: str) -> Organization:
    found: Organization = await worker.states.state(ref_of(slug))
    return found


async def becomes(worker: Worker, slug: str, phase: str) -> None:
    async def there() -> bool:
        return (await organization(worker, slug)).phase == phase

    await until(there, 60)


async def knows(worker: Worker, *slugs: str) -> None:
    async def there() -> bool:
        return (await organization(worker, PARENT)).children == slugs

    await until(there, 60)


@asynccontextmanager
async def parented(
    js: JetStream, folder: Path, made: Any = service, keys: KeyRing | None = None
) -> AsyncIterator[Worker]:
    """Work in a world in which the parent is ready."""
    keys = keys or KeyRing.open(folder / "keys")
    async with homes(folder / "git") as home, working(js, made(home), keys=keys) as worker:
        assert (await said(Sender(js), CREATE, PARENT, acme())).status == "accepted"
        await becomes(worker, PARENT, "ready")
        yield worker


@pytest.mark.guarantee("G2.8")
async def test_a_parent_goes_after_its_child_and_says_so_before(
    js: JetStream, tmp_path: Path
) -> None:
    sender = Sender(js)
    async with parented(js, tmp_path) as worker:
        early = sent_back(await asked(worker, PARENT))
        assert (await said(sender, CREATE, CHILD, BELOW)).status == "accepted"
        await becomes(worker, CHILD, "ready")
        assert (await organization(worker, PARENT)).children == (CHILD,)

        plan = await asked(worker, PARENT)
        [blocker] = plan["blocked_by"]
        assert (blocker["code"], blocker["names"]) == ("children-present", (CHILD,))
        for answer in (early, sent_back(plan)):
            refused = await said(sender, APPLY, PARENT, answer)
            assert refused.code == "children-present"
            assert [error.message for error in refused.errors] == [CHILD]

        gone = await said(sender, APPLY, CHILD, sent_back(await asked(worker, CHILD)))
        assert gone.status == "accepted"
        await knows(worker)
        # What was planned before there was a child holds again.
        assert (await said(sender, APPLY, PARENT, early)).status == "accepted"
        late = await said(sender, CREATE, "labs-of-it", acme(parent_org=PARENT))
        assert late.errors[0].rule == "parent-not-found"
    await check_log(js)


@pytest.mark.guarantee("G2.8")
async def test_a_parents_deletion_and_a_child_at_once_never_both_hold(
    js: JetStream, tmp_path: Path
) -> None:
    sender = Sender(js)
    children = [f"child{number}" for number in range(4)]
    async with parented(js, tmp_path) as worker:
        plan = sent_back(await asked(worker, PARENT))

        async def deleted() -> Outcome:
            # Some are created by then, and perhaps admitted.
            await said(sender, CREATE, children[0], BELOW)
            return await said(sender, APPLY, PARENT, plan)

        async with asyncio.TaskGroup() as tasks:
            deleting = tasks.create_task(deleted())
            for slug in children[1:]:
                tasks.create_task(said(sender, CREATE, slug, BELOW))
        await until(lambda: settled(js), 60)
        parent = await organization(worker, PARENT)
        phases = Counter([(await organization(worker, slug)).phase for slug in children])
        if deleting.result().status == "accepted":
            assert parent.phase == "deleted"
            assert set(phases) <= {"failed", "absent"}
        else:
            assert deleting.result().code == "children-present"
            assert (parent.phase, parent.children) == ("ready", tuple(children))
            assert phases == {"ready": len(children)}
    await check_log(js)


@pytest.mark.guarantee("G2.8")
async def test_a_child_of_a_parent_that_is_suspended_fails_until_it_is_resumed(
    js: JetStream, tmp_path: Path
) -> None:
    sender = Sender(js)
    keys = KeyRing.open(tmp_path / "keys")
    async with parented(js, tmp_path, keys=keys):
        pass
    async with homes(tmp_path / "git") as home:
        deaf = dataclasses.replace(service(home), processes=())
        async with working(js, deaf, keys=keys):
            assert (await said(sender, CREATE, CHILD, BELOW)).status == "accepted"
            stopped = await said(sender, SUSPEND, PARENT, {"reason": "between us"})
            assert stopped.status == "accepted"
        async with working(js, service(home), keys=keys) as worker:
            await becomes(worker, CHILD, "failed")
            state: Onboarding = await worker.states.state(onboarding_ref(CHILD))
            assert state.reason == f"the Organization '{PARENT}' above it is suspended"
            refused = await said(sender, CREATE, "labs-of-it", BELOW)
            assert refused.errors[0].rule == "organization-suspended"

            await said(sender, RESUME, PARENT, {})
            assert (await said(sender, RESTART, CHILD, {})).status == "accepted"
            await becomes(worker, CHILD, "ready")
            assert (await organization(worker, PARENT)).children == (CHILD,)
            await until(lambda: settled(js), 60)
    await check_log(js)


def of_before(home: GitHome) -> Service:
    """Return the service as it was when no onboarding asked a parent."""

    def react(state: Onboarding, given: Input, context: Context) -> Decision:
        if isinstance(given, Recorded) and isinstance(given.event, env1.OrganizationCreated):
            alone = msgspec.structs.replace(given.event, parent_org=None)
            given = msgspec.structs.replace(given, event=alone)
        return onboarding.react(state, given, context)

    made = service(home)
    first = dataclasses.replace(made.processes[0], react=react)
    return dataclasses.replace(made, processes=(first,))


@pytest.mark.guarantee("G2.8")
async def test_children_of_before_are_known_once_a_worker_of_today_starts(
    js: JetStream, tmp_path: Path
) -> None:
    sender = Sender(js)
    keys = KeyRing.open(tmp_path / "keys")
    async with parented(js, tmp_path, of_before, keys) as worker:
        for slug in ("first", "second"):
            assert (await said(sender, CREATE, slug, BELOW)).status == "accepted"
            await becomes(worker, slug, "ready")
        gone = await said(sender, APPLY, "first", sent_back(await asked(worker, "first")))
        assert gone.status == "accepted"
        assert (await organization(worker, PARENT)).children == ()
    async with homes(tmp_path / "git") as home, working(js, service(home), keys=keys) as worker:
        await knows(worker, "second")
        await until(lambda: settled(js), 60)
    assert (await facts(js, "organization", PARENT)).count("child-admitted") == 1
    await check_log(js)


@pytest.mark.guarantee("G2.8", "G1.9")
async def test_a_child_is_admitted_and_let_go_once_wherever_the_worker_dies(
    shared_broker: SharedBroker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While the child is onboarded, and when it is deleted."""
    deliver_again_after(monkeypatch, 2.0)
    keys = KeyRing.open(tmp_path / "keys")
    counted = ("batch", "settle Acked", "publish")
    points = [(at, end, SIDES[turn % 2]) for turn, (at, end) in enumerate(POINTS)]
    turns = asyncio.Semaphore(5)
    reached: list[bool] = []

    async def one(folder: Path, at: int, end: int, side: str) -> None:
        site = Site(shared_broker.account(), keys, folder / "git")
        async with turns, site.connected() as js:
            await topology.ensure(js, contract.topology())
            async with parented(js, folder, keys=keys):
                pass
            await Sender(js).send(CREATE, CHILD, BELOW)
            reached.append((await site.run(at, side, counted)).crashed)
            await site.run()
            assert (await facts(js, "organization", PARENT)).count("child-admitted") == 1
            async with homes(folder / "git") as home, working(js, service(home), keys=keys) as now:
                plan = sent_back(await asked(now, CHILD))
            await Sender(js).send(APPLY, CHILD, plan)
            reached.append((await site.run(end, side, counted)).crashed)
            await site.run()
            told = Counter(await facts(js, "organization", PARENT))
            assert (told["child-admitted"], told["child-released"]) == (1, 1), (at, end, side)
            child = Counter(await facts(js, "organization", CHILD))
            assert (child["organization-ready"], child["organization-deleted"]) == (1, 1)
            assert not (await js.stream_state("DLQ")).messages, (at, end, side)
            await check_log(js)

    async with asyncio.TaskGroup() as tasks:
        for number, (at, end, side) in enumerate(points):
            tasks.create_task(one(tmp_path / f"{number}", at, end, side))
    assert sum(reached) >= 2 * len(points) - 3


POINTS = ((0, 1), (2, 3), (4, 0), (7, 4), (10, 2))
"""Calls from the first one on: of the child's onboarding, and of its deletion."""
