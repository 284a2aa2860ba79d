"""The environment-controller as a whole: rules, processes, effects and Git homes, really run."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from tests.support.rig import DEADLINE_SECONDS, Sender, acme, working

from catalyst.chassis.jetstream.broker import JetStream
from catalyst.chassis.keyring import KeyRing
from catalyst.chassis.worker import Worker
from catalyst.contracts.subjects import Ref
from catalyst.environment_controller.adapters.git import DulwichHome
from catalyst.environment_controller.adapters.git_root import GitRoot
from catalyst.environment_controller.handlers import service

pytestmark = pytest.mark.real

REGION = {"provider": "hetzner", "region": "fsn", "building_block": "rtz"}


@pytest.fixture
async def controller(js: JetStream, tmp_path: Path) -> AsyncIterator[tuple[Worker, DulwichHome]]:
    root = GitRoot(tmp_path / "git")
    home = DulwichHome(root)
    keys = KeyRing.open(tmp_path / "keys")
    async with working(js, service(home), keys=keys) as worker:
        yield worker, home
    root.close()


async def until(what: Callable[[], Awaitable[Any]], holds: Callable[[Any], bool] = bool) -> Any:
    """Return what `what` gives once it holds."""
    async with asyncio.timeout(DEADLINE_SECONDS):
        while True:
            found = await what()
            if holds(found):
                return found
            await asyncio.sleep(0.02)


async def test_an_organization_is_onboarded_and_gets_a_git_home(
    js: JetStream, controller: tuple[Worker, DulwichHome]
) -> None:
    worker, home = controller
    sender = Sender(js)
    sent = await sender.send("environment.create-organization.v1", "acme", acme())
    assert (await sender.outcome("acme", sent)).status == "accepted"
    acme_ref = Ref("acme", "environment", "organization", "acme")
    ready = await until(lambda: worker.states.state(acme_ref), lambda s: s.phase == "ready")
    assert ready.phase == "ready"
    # The home's commits are told to the Organization itself, so that its row can show them.
    told = await until(lambda: worker.states.state(acme_ref), lambda s: s.manifest.commit)
    assert await home.covering("acme", told.manifest.event_seq) == told.manifest.commit

    sent = await sender.send(
        "environment.create-environment.v1",
        "acme-dev",
        {"env_type": "dev", "placement": "single-region", "regions": [REGION]},
        organization="acme",
    )
    found = await sender.outcome("acme", sent)
    assert found.status == "accepted", found
    before = (await home.head("acme")).seq  # type: ignore[union-attr]
    moved = await until(lambda: home.head("acme"), lambda h: h.seq >= found.seq - 1)
    assert moved.seq >= before
