"""Deleting on the real broker: one batch for all that goes, and names that are free again."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.integration.environment_controller.test_story import REGION, until
from tests.support.build import SOVEREIGN_ADMIN
from tests.support.rig import Sender, acme, working

from catalyst.chassis.jetstream.broker import JetStream
from catalyst.chassis.keyring import KeyRing
from catalyst.chassis.worker import Worker
from catalyst.contracts.message import Outcome
from catalyst.contracts.subjects import Claim
from catalyst.contracts.topology import EV
from catalyst.environment_controller import queries
from catalyst.environment_controller.adapters.git import DulwichHome
from catalyst.environment_controller.adapters.git_root import GitRoot
from catalyst.environment_controller.domain.environment import environment_ref, name_claim
from catalyst.environment_controller.domain.organization import ref_of
from catalyst.environment_controller.domain.registration import slug_claim
from catalyst.environment_controller.handlers import service

pytestmark = pytest.mark.real

ACME = ref_of("acme")
MANY = 199
"""With the Organization itself: as many events as one command may write."""


@pytest.fixture
async def worker(js: JetStream, tmp_path: Path) -> AsyncIterator[Worker]:
    root = GitRoot(tmp_path / "git")
    keys = KeyRing.open(tmp_path / "keys")
    async with working(js, service(DulwichHome(root)), keys=keys) as running:
        yield running
    root.close()


async def onboarded(sender: Sender, worker: Worker) -> None:
    await said(sender, "environment.create-organization.v1", "acme", acme())
    await until(lambda: worker.states.state(ACME), lambda state: state.phase == "ready")


async def said(sender: Sender, type_: str, id_: str, data: dict[str, Any]) -> Outcome:
    """Return the outcome of a command under `acme`."""
    sent = await sender.send(type_, id_, data, organization="acme")
    return await sender.outcome("acme", sent)


async def create(sender: Sender, name: str) -> Outcome:
    label = name.removeprefix("acme-").removesuffix("dev").removesuffix("-")
    data = {
        "env_type": "dev",
        "label": label,
        "placement": "single-region",
        "regions": [REGION],
    }
    return await said(sender, "environment.create-environment.v1", name, data)


async def planned(worker: Worker) -> dict[str, Any]:
    """Return what an apply sends back of a fresh plan for the whole Organization."""
    answer = await queries.plan_organization_deletion(
        {}, "acme", SOVEREIGN_ADMIN, worker.states.state
    )
    return {name: answer[name] for name in ("request", "hash", "inputs", "expires")}


async def holder(js: JetStream, claim: Claim) -> str | None:
    stored = await js.last(EV, claim.subject)
    assert stored is not None
    found: str | None = msgspec.json.decode(stored.data).get("holder")
    return found


async def test_an_environments_name_is_free_again_after_its_deletion(
    js: JetStream, worker: Worker
) -> None:
    sender = Sender(js)
    await onboarded(sender, worker)
    assert (await create(sender, "acme-dev")).status == "accepted"
    assert await holder(js, name_claim("acme-dev")) == environment_ref("acme", "acme-dev").path

    answer = await queries.plan_environment_deletion(
        {"environment": "acme-dev"}, "acme", SOVEREIGN_ADMIN, worker.states.state
    )
    plan = {name: answer[name] for name in ("request", "hash", "inputs", "expires")}
    apply = "environment.apply-environment-deletion.v1"
    assert (await said(sender, apply, "acme-dev", plan)).status == "accepted"
    assert await holder(js, name_claim("acme-dev")) is None
    assert (await said(sender, apply, "acme-dev", plan)).code == "environment-not-found"

    assert (await create(sender, "acme-dev")).status == "accepted"
    assert await holder(js, name_claim("acme-dev")) == environment_ref("acme", "acme-dev").path


async def test_a_plan_that_an_environment_overtook_is_refused(
    js: JetStream, worker: Worker
) -> None:
    sender = Sender(js)
    await onboarded(sender, worker)
    plan = await planned(worker)
    await create(sender, "acme-dev")
    apply = "environment.apply-organization-deletion.v1"
    refused = await said(sender, apply, "acme", plan)
    assert refused.code == "plan-stale"
    assert [error.pointer for error in refused.errors] == [
        "/data/inputs/environment:acme-dev",
        "/data/inputs/organization:acme",
    ]


async def test_a_deletion_and_an_environment_at_once_never_both_hold(
    js: JetStream, worker: Worker
) -> None:
    sender = Sender(js)
    await onboarded(sender, worker)
    plan = await planned(worker)
    apply = "environment.apply-organization-deletion.v1"
    async with asyncio.TaskGroup() as tasks:
        deleting = tasks.create_task(said(sender, apply, "acme", plan))
        creating = tasks.create_task(create(sender, "acme-dev"))
    codes = {deleting.result().code, creating.result().code}
    assert codes in ({"", "organization-deleted"}, {"", "plan-stale"})


async def test_a_whole_organization_goes_in_one_batch(js: JetStream, worker: Worker) -> None:
    sender = Sender(js)
    await onboarded(sender, worker)
    names = [f"acme-e{number}-dev" for number in range(MANY)]
    for name in names:
        assert (await create(sender, name)).status == "accepted"
    apply = "environment.apply-organization-deletion.v1"
    done = await said(sender, apply, "acme", await planned(worker))
    assert done.status == "accepted", done
    assert len(done.events) == MANY + 1
    assert (await worker.states.state(ACME)).phase == "deleted"
    for name in (names[0], names[-1]):
        assert await holder(js, name_claim(name)) is None
        assert not (await worker.states.state(environment_ref("acme", name))).exists
    assert await holder(js, slug_claim("acme")) == ACME.path
    again = await said(sender, "environment.create-organization.v1", "acme", acme())
    assert again.code == "slug-taken"
