"""What was seen before a deadline was decided counts before it, however late somebody reads it."""

import dataclasses
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from tests.integration.provisioning.town import PROD, Town, passes, town
from tests.support import facts, planning
from tests.support.rig import working
from tests.support.waiting import until

from catalyst.chassis.asking import Asked
from catalyst.chassis.jetstream.broker import JetStream
from catalyst.chassis.jetstream.objects import Objects
from catalyst.chassis.jetstream.port import Outgoing
from catalyst.chassis.keyring import KeyRing
from catalyst.contracts.topology import DLQ
from catalyst.provisioning import handlers
from catalyst.provisioning.adapters import hearing
from catalyst.provisioning.queries import Planner

pytestmark = [pytest.mark.real, pytest.mark.guarantee("G14.22")]

COMMITS = {name: f"commit-of-{name}" for name in ("wiki", "wiki-postgres")}
OTHERS = 3000
"""Facts that wait before those that count, so that a timer alone is read much sooner."""


@pytest.fixture
async def place(js: JetStream, tmp_path: Path) -> AsyncIterator[Town]:
    """A town in which a change has committed, and waits until it is seen."""
    keys = KeyRing.open(tmp_path / "keys")
    async with town(js, keys, tmp_path, sources=(hearing.source(),)) as found:
        done = await found.apply("ch-1", await found.plan(planning.install()))
        assert done.status == "accepted", done
        for step in ("repository", "commit"):
            await found.reached("ch-1", step)
            for name in COMMITS:
                await found.report("ch-1", step, name)
        await found.reached("ch-1", "observe")
        yield found
        assert not (await js.stream_state(DLQ)).messages


async def say(place: Town, commits: dict[str, str], version: int = 1) -> None:
    """Let an observer say of each Application what it applied, and that it is healthy."""
    for name, commit in commits.items():
        for subject, data in (facts.kustomization(version, commit), facts.pod(version)):
            body = data.replace(b"blog", name.encode())
            await place.js.publish(Outgoing(subject.replace("blog", name), body))


@asynccontextmanager
async def away(place: Town) -> AsyncIterator[None]:
    """Let nobody work as provisioning in the block."""
    place.worker.stop()
    await until(lambda: not place.worker.active.is_set())
    yield


@asynccontextmanager
async def back(place: Town) -> AsyncIterator[Town]:
    """Let somebody work as provisioning again."""
    asking = Asked(place.js, place.keys.service("provisioning").service)
    planner = Planner(Objects(place.js), asking, "OMR", planning.GIT_URL)
    again = handlers.service(planner, sources=(hearing.source(),))
    async with working(place.js, again, keys=place.keys) as worker:
        yield dataclasses.replace(place, worker=worker)


async def test_a_change_that_was_seen_healthy_while_nobody_read_it_is_not_taken_back(
    place: Town,
) -> None:
    state = await place.change("ch-1")
    async with away(place):
        for number in range(OTHERS):
            subject, data = facts.pod(number + 1, name=f"other-{number % 50}")
            await place.js.publish(Outgoing(subject, data))
        await say(place, COMMITS)
        await passes(place.js, "ch-1", state)
    async with back(place) as anew:
        found = await anew.over("ch-1")
        assert (found.status, found.reason) == ("completed", "")


async def test_a_change_that_nobody_saw_healthy_is_taken_back_once_its_deadline_passes(
    place: Town,
) -> None:
    state = await place.change("ch-1")
    async with away(place):
        await say(place, {**COMMITS, "wiki": "another-commit"})
        await passes(place.js, "ch-1", state)
    async with back(place) as anew:

        async def given_up() -> bool:
            return (await anew.change("ch-1")).status == "undoing"

        await until(given_up)
        found = await anew.change("ch-1")
        assert found.gave_up == "observe"
        assert "wiki in acme-prod (healthy, but ch-1 is not applied)" in found.reason
        assert found.reason.count(PROD) == 1
