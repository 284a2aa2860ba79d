"""A change ends in one way whoever is there twice, away too long, or loses what it reads with."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import pytest
from tests.integration.provisioning.endings import Ending, letters
from tests.integration.provisioning.proving import Prover, differences, sampled
from tests.integration.provisioning.site import PATIENCE, SERVICES, Point, Site
from tests.integration.provisioning.stories import FORTH, Story, apply, is_quiet, over, told
from tests.integration.provisioning.town import PROD, Town, passes
from tests.support import billing, planning
from tests.support.invariants import check_log
from tests.support.projecting import agrees, following
from tests.support.rig import FreeLease
from tests.support.waiting import until

from catalyst.chassis import worker
from catalyst.chassis.jetstream.broker import JetStream
from catalyst.chassis.jetstream.port import BrokerError
from catalyst.contracts.topology import CMD, EV, FACTS, USE
from catalyst.provisioning.domain import foreign
from catalyst.provisioning.domain.change import Change

pytestmark = pytest.mark.real

LATE = {"environment.admit-application.v1 change-over", "billing.capture-hold.v1 change-over"}
Durables = set[tuple[str, str]]
"""Stream and name of each."""


@pytest.mark.guarantee("G1.4", "G3.2", "G14.9")
async def test_a_saga_ends_in_one_way_with_two_workers_and_two_projectors_at_once(
    prover: Prover, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected, _ = await prover.recorded(FORTH)
    monkeypatch.setattr(worker, "Lease", FreeLease)
    rows: list[int] = []

    async def beside(site: Site, place: Town) -> None:
        async with following(place.js), following(place.js):
            await FORTH.tell(site, place)
            seq = (await place.js.stream_state(EV)).last_seq
            rows.append(len(await agrees(place.js, seq)))

    site = prover.site({}, twice=("billing", "provisioning"))
    found = await told(site, FORTH._replace(tell=beside))
    assert differences(found, expected) == {}
    assert rows[0] > 0


@pytest.mark.guarantee("G14.9")
async def test_a_saga_ends_in_one_way_though_all_durables_are_lost_again_and_again(
    prover: Prover,
) -> None:
    expected, _ = await prover.recorded(FORTH)
    lost: list[str] = []

    async def uprooted(site: Site, place: Town) -> None:
        there = await durables(place.js)
        async with losing(place.js, there, lost):
            await FORTH.tell(site, place)

        async def back() -> bool:
            return await durables(place.js) == there

        await until(back, pause=0.1)

    found = await told(prover.site({}), FORTH._replace(tell=uprooted))
    assert differences(found, expected) == {}
    assert {name.partition("--")[0] for name in lost} >= set(SERVICES)


async def durables(js: JetStream) -> Durables:
    """Return the durables of the three services."""
    found: Durables = set()
    for stream in (CMD, EV, FACTS, USE):
        answer: dict[str, Any] = await js.api(f"CONSUMER.LIST.{stream}", {})
        names = [one["name"] for one in answer["consumers"]]
        found |= {(stream, name) for name in names if name.startswith(SERVICES)}
    return found


@asynccontextmanager
async def losing(js: JetStream, names: Durables, lost: list[str]) -> AsyncIterator[None]:
    """Delete one durable after the other during the block, and say which."""

    async def lose() -> None:
        while True:
            for stream, name in sorted(names):
                try:
                    await js.api(f"CONSUMER.DELETE.{stream}.{name}", None)
                except BrokerError:
                    # It has not come back yet.
                    pass
                else:
                    lost.append(name)
                await asyncio.sleep(0.02)

    async with asyncio.TaskGroup() as tasks:
        work = tasks.create_task(lose())
        try:
            yield
        finally:
            work.cancel()


@pytest.mark.guarantee("G14.3", "G14.9")
async def test_a_saga_ends_in_one_way_though_deadlines_pass_while_a_worker_is_dead(
    prover: Prover,
) -> None:
    expected, calls = await prover.recorded(FORTH)
    told_ = [at for at, call in enumerate(calls["provisioning"]) if call == "publish cmd"]
    points: list[Point] = [
        # Done and not told: the next attempt finds what the first one did.
        *({"provisioning": ((at, "before"),)} for at in told_[4:7]),
        {"billing": (sampled(calls["billing"], 4)[1],)},
        {"environment": (sampled(calls["environment"], 4)[1],)},
    ]
    passed: list[str] = []
    sites = [prover.site(point, meanwhile=overdue(FORTH, passed)) for point in points]
    ends: list[Ending] = []
    async with asyncio.TaskGroup() as tasks:
        for site in sites:
            tasks.create_task(_ended(site, ends))
    for found in ends:
        # What was asked once more may be decided when the change is over, and is refused then.
        assert set(found.refused) <= LATE
        # There are more attempts, and so more events.
        kept = {"events": expected.events, "refused": expected.refused}
        assert differences(msgspec.structs.replace(found, **kept), expected) == {}
    assert sum(site.died.total() for site in sites) == len(points)
    assert "ch-1 commit" in passed


async def _ended(site: Site, ends: list[Ending]) -> None:
    ends.append(await told(site, FORTH))


def overdue(story: Story, passed: list[str]) -> Callable[[Town], Awaitable[None]]:
    """Return what lets the deadline of each step in progress pass, but of what is only seen."""

    async def let_pass(place: Town) -> None:
        for name in story.changes:
            state = await place.change(name)
            if state.gen and state.step not in {None, "observe"}:
                await passes(place.js, name, state)
                passed.append(f"{name} {state.step}")

    return let_pass


@pytest.mark.parametrize("service", ["environment", "billing"])
@pytest.mark.guarantee("G14.3", "G14.16", "G14.18")
async def test_what_was_asked_of_a_service_that_was_dead_for_too_long_leaves_nothing(
    prover: Prover, service: str
) -> None:
    site = prover.site({service: ((0, "before"),)}, meanwhile=given_up)
    async with site.open() as place:
        site.begin()
        await apply(place, "ch-1", planning.install())
        await over(place, "ch-1")
        await until(lambda: is_quiet(place.js), PATIENCE, pause=0.1)
        assert site.died == {service: 1}
        await check_log(place.js)
        assert await letters(place.js) == []
        # What has been remembered while others died is read anew.
        fresh = site.seen(place.js)
        state = await fresh.change("ch-1")
        assert (state.status, state.left, state.passed) == ("failed", (), ())
        home = await fresh.worker.states.state(foreign.environment_ref("acme", PROD))
        account = await fresh.money.state(billing.ACCOUNT)
        assert (home.applications, account.holds, account.subscriptions) == ((), {}, ())
        await apply(place, "ch-2", planning.install())
        await over(place, "ch-2")
        assert (await place.change("ch-2")).status == "completed"


async def given_up(place: Town) -> None:
    """Let deadlines pass until the change is over."""
    while not (state := await place.change("ch-1")).is_over:
        if state.gen:
            await passes(place.js, "ch-1", state)

        async def moved(before: Change = state) -> bool:
            return await place.change("ch-1") != before

        await until(moved)
