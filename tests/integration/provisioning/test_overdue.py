"""What was seen before a deadline was decided counts before it, however late somebody reads it."""

import dataclasses
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.integration.provisioning.test_believed import committed
from tests.integration.provisioning.town import PROD, Town, passes
from tests.support import facts, planning
from tests.support.rig import working
from tests.support.waiting import until

from catalyst.chassis import firing
from catalyst.chassis.asking import Asked
from catalyst.chassis.errors import Retry
from catalyst.chassis.jetstream.broker import JetStream
from catalyst.chassis.jetstream.objects import Objects
from catalyst.chassis.jetstream.port import Outgoing
from catalyst.contracts import provisioning_v1 as pro1
from catalyst.contracts.decision import Arrived, Context, Decision
from catalyst.contracts.topology import DLQ, FACTS
from catalyst.provisioning import handlers
from catalyst.provisioning.adapters import hearing
from catalyst.provisioning.queries import Planner

pytestmark = [pytest.mark.real, pytest.mark.guarantee("G14.22")]

COMMITS = {name: f"commit-of-{name}" for name in ("wiki", "wiki-postgres")}
READ = f"CONSUMER.INFO.{FACTS}.provisioning--observation"
"""How somebody asks the broker how far facts are decided."""


@pytest.fixture
async def place(js: JetStream, tmp_path: Path) -> AsyncIterator[Town]:
    """A town in which a change has committed, and waits until it is seen."""
    async with committed(js, tmp_path) as found:
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


class Slow:
    """What decides facts once it is let: whatever else has come by then may be decided before."""

    def __init__(self) -> None:
        self.let = False
        self.source = hearing.source()

    def react(self, state: Any, items: tuple[Arrived, ...], context: Context) -> Decision:
        if not self.let:
            raise Retry("not yet", after_seconds=0.3)
        return self.source.react(state, items, context)


@asynccontextmanager
async def back(
    place: Town, monkeypatch: pytest.MonkeyPatch, *, ever: bool = True
) -> AsyncIterator[Town]:
    """Let somebody work as provisioning again, who decides no fact before a timer looks for it.

    Unless `ever`, nor after that.
    """
    slow = Slow()
    asked: list[str] = []
    ask = place.js.api

    async def api(path: str, body: Any) -> dict[str, Any]:
        asked.append(path)
        return await ask(path, body)

    monkeypatch.setattr(place.js, "api", api)
    asking = Asked(place.js, place.keys.service("provisioning").service)
    planner = Planner(Objects(place.js), asking, "OMR", planning.GIT_URL)
    source = dataclasses.replace(slow.source, react=slow.react)
    again = handlers.service(planner, sources=(source,))
    async with working(place.js, again, keys=place.keys) as worker:
        asked.clear()
        await until(lambda: READ in asked)
        slow.let = ever
        yield dataclasses.replace(place, worker=worker)


async def test_a_change_that_was_seen_healthy_while_nobody_read_it_is_not_taken_back(
    place: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = await place.change("ch-1")
    async with away(place):
        await say(place, COMMITS)
        await passes(place.js, "ch-1", state)
    async with back(place, monkeypatch) as anew:
        found = await anew.over("ch-1")
        assert (found.status, found.reason) == ("completed", "")


async def test_a_change_that_nobody_saw_healthy_is_taken_back_once_its_deadline_passes(
    place: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = await place.change("ch-1")
    async with away(place):
        await say(place, {**COMMITS, "wiki": "another-commit"})
        await passes(place.js, "ch-1", state)
    async with back(place, monkeypatch) as anew:

        async def given_up() -> bool:
            return (await anew.change("ch-1")).status == "undoing"

        await until(given_up)
        found = await anew.change("ch-1")
        assert found.gave_up == "observe"
        assert "wiki in acme-prod (healthy, but ch-1 is not applied)" in found.reason
        assert found.reason.count(PROD) == 1


@pytest.mark.guarantee("G7.19")
async def test_whoever_stops_a_change_does_not_wait_for_what_its_deadline_waits_for(
    place: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As if the deadline waited for ever.
    monkeypatch.setattr(firing, "LONGEST_SECONDS", 3600.0)
    state = await place.change("ch-1")
    async with away(place):
        await say(place, COMMITS)
        await passes(place.js, "ch-1", state)
    async with back(place, monkeypatch, ever=False) as anew:
        stopped = await anew.money.ask(pro1.CancelChange(reason="not like this"), "acme", "ch-1")
        assert stopped.status == "accepted", stopped
        found = await anew.change("ch-1")
        assert (found.status, found.gave_up) == ("undoing", "observe")
        assert found.reason == "cancelled: not like this"
