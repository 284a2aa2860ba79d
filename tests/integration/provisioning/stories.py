"""What is told at a site: changes that go forth, and changes that are taken back."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple

import msgspec
from tests.integration.provisioning.endings import Ending, ending
from tests.integration.provisioning.site import (
    PATIENCE,
    SERVICES,
    Site,
    applying,
    ask,
    connected,
    plan,
)
from tests.integration.provisioning.town import PROD, Town
from tests.support import planning
from tests.support.broker import emptied
from tests.support.waiting import until

from catalyst.chassis import timer
from catalyst.chassis.jetstream.broker import JetStream
from catalyst.chassis.jetstream.port import Outgoing
from catalyst.contracts import provisioning_v1 as pro1
from catalyst.contracts.decision import Arm
from catalyst.contracts.provisioning_values_v1 import PlanRequest, Step
from catalyst.provisioning.domain.change import change_ref
from catalyst.provisioning.domain.writing import DEADLINE


class Story(NamedTuple):
    """A story, and what it is about."""

    name: str
    tell: Callable[[Site, Town], Awaitable[None]]
    changes: tuple[str, ...]
    applications: tuple[str, ...]


async def told(site: Site, story: Story) -> Ending:
    """Tell a story at the site, and return how it ended."""
    async with asyncio.timeout(PATIENCE), site.open() as place:
        site.begin()
        await story.tell(site, place)
        await until(lambda: _is_quiet(place.js), PATIENCE, pause=0.1)
        # What has been remembered while others died is read anew.
        fresh = site.seen(place.js)
        found = await ending(fresh, site.folder, story.changes, story.applications)
    async with connected(site.access) as js:
        await emptied(js)
    return found


async def _forth(_site: Site, place: Town) -> None:
    """Install a wiki with its database, and take the wiki away again."""
    await _apply(place, "ch-1", planning.install())
    await _over(place, "ch-1")
    gone = PlanRequest(action="uninstall", environment=PROD, application="wiki")
    await _apply(place, "ch-2", gone)
    await _over(place, "ch-2")


async def _back(site: Site, place: Town) -> None:
    """Install a wiki and upgrade it; then two databases: one never runs, one is cancelled."""
    await _apply(place, "ch-1", planning.install())
    await _over(place, "ch-1")
    locks = place.others.locks
    locks["wiki"] = [
        planning.entry("wiki-postgres", "bp-postgres", "16.9.0", "shared"),
        planning.entry("wiki", "bp-wiki", "2.1.0", postgres="wiki-postgres"),
    ]
    upgrade = PlanRequest(action="upgrade", environment=PROD, application="wiki")
    await _apply(place, "ch-2", upgrade)
    await _over(place, "ch-2")

    locks["orders"] = [planning.entry("orders", "bp-postgres", "16.9.0")]
    word = msgspec.json.encode({"mode": "crash-loop"})
    await place.js.publish(Outgoing(f"ws.{PROD}.simulator.orders", word))
    await _apply(place, "ch-3", planning.install("orders", blueprint="bp-postgres"))
    await _reached(place, "ch-3", "observe")
    await _let_pass(place, "ch-3")
    await _over(place, "ch-3")

    locks["spare"] = [planning.entry("spare", "bp-postgres", "16.9.0")]
    site.shut.add("spare")
    await _apply(place, "ch-4", planning.install("spare", blueprint="bp-postgres"))
    await _reached(place, "ch-4", "repository")
    done = await ask(place, pro1.CancelChange(reason="no longer needed"), "ch-4")
    assert done.status == "accepted", done
    site.shut.clear()
    await _over(place, "ch-4")


FORTH: Final = Story("forth", _forth, ("ch-1", "ch-2"), ("wiki", "wiki-postgres"))
BACK: Final = Story(
    "back", _back, ("ch-1", "ch-2", "ch-3", "ch-4"), ("wiki", "wiki-postgres", "orders", "spare")
)
STORIES: Final = (FORTH, BACK)


async def _apply(place: Town, name: str, request: PlanRequest) -> None:
    done = await ask(place, applying(await plan(place, request)), name)
    assert done.status == "accepted", done


async def _over(place: Town, name: str) -> None:
    async def over() -> bool:
        return (await place.change(name)).is_over

    await until(over, PATIENCE)


async def _reached(place: Town, name: str, step: Step) -> None:
    async def reached() -> bool:
        state = await place.change(name)
        assert not state.is_over, state
        return state.step == step

    await until(reached, PATIENCE)


async def _let_pass(place: Town, name: str) -> None:
    """Let the deadline of the step in progress come now, and not in a day."""
    arm = Arm(timer=DEADLINE, after=timedelta())
    gen = (await place.change(name)).gen
    now = datetime.now(UTC)
    await place.js.publish(timer.arm(change_ref("acme", name), arm, now=now, done_id=gen))


async def _is_quiet(js: JetStream) -> bool:
    """Return whether no worker has anything left to do, to tell, or to hear of the log."""
    before = (await js.stream_state("EV")).last_seq
    if (await js.stream_state("CMD")).messages:
        return False
    answer: dict[str, Any] = await js.api("CONSUMER.LIST.EV", {})
    own = [one for one in answer["consumers"] if one["name"].startswith(SERVICES)]
    busy = any(one["num_pending"] or one["num_ack_pending"] for one in own)
    return not busy and (await js.stream_state("EV")).last_seq == before
