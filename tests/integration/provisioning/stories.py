"""What is told at a site: changes that go forth, go back, wait, stand in line, or end it all."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple

import msgspec
from tests.integration.billing.town import OWNER, ROOT
from tests.integration.provisioning.endings import Ending, closes, ending
from tests.integration.provisioning.site import (
    PATIENCE,
    SERVICES,
    Site,
    applying,
    ask,
    connected,
    plan,
)
from tests.integration.provisioning.town import PROD, Town, write
from tests.support import billing, planning
from tests.support.broker import emptied
from tests.support.waiting import until

from catalyst.chassis import timer
from catalyst.chassis.jetstream.broker import JetStream
from catalyst.chassis.jetstream.port import Outgoing
from catalyst.contracts import blueprint_v1 as blue1
from catalyst.contracts import environment_v1 as env1
from catalyst.contracts import provisioning_v1 as pro1
from catalyst.contracts.decision import Arm
from catalyst.contracts.message import Command
from catalyst.contracts.provisioning_values_v1 import PlanRequest, Step
from catalyst.provisioning.domain import foreign
from catalyst.provisioning.domain.change import change_ref
from catalyst.provisioning.domain.writing import DEADLINE

BEN: Final = "ben@example.org"
"""Who approves."""
DEV: Final = "acme-dev"


async def _nothing(_site: Site, _place: Town) -> None:
    """Let a story begin where everything was furnished."""


class Story(NamedTuple):
    """A story, and what it is about."""

    name: str
    tell: Callable[[Site, Town], Awaitable[None]]
    changes: tuple[str, ...]
    applications: tuple[str, ...]
    given: Callable[[Site, Town], Awaitable[None]] = _nothing
    """What was before it, while nobody dies."""
    raced: tuple[str, ...] = ()
    """Repositories that were being asked for when their change was given up: who is first may
    make one, or none, and whatever is there is archived."""


async def told(site: Site, story: Story) -> Ending:
    """Tell a story at the site, and return how it ended."""
    async with asyncio.timeout(PATIENCE), site.open() as place:
        await story.given(site, place)
        await until(lambda: is_quiet(place.js), PATIENCE, pause=0.1)
        site.begin()
        await story.tell(site, place)
        await until(lambda: is_quiet(place.js), PATIENCE, pause=0.1)
        # What has been remembered while others died is read anew.
        fresh = site.seen(place.js)
        found = await ending(fresh, site.folder, story.changes, story.applications)
        for name in story.raced:
            closes(found, name)
    async with connected(site.access) as js:
        await emptied(js)
    return found


async def _forth(_site: Site, place: Town) -> None:
    """Install a wiki with its database, and take the wiki away again."""
    await apply(place, "ch-1", planning.install())
    await over(place, "ch-1")
    gone = PlanRequest(action="uninstall", environment=PROD, application="wiki")
    await apply(place, "ch-2", gone)
    await over(place, "ch-2")


async def _back(site: Site, place: Town) -> None:
    """Install a wiki and upgrade it; then two databases: one never runs, one is cancelled."""
    await apply(place, "ch-1", planning.install())
    await over(place, "ch-1")
    locks = place.others.locks
    locks["wiki"] = [
        planning.entry("wiki-postgres", "bp-postgres", "16.9.1", "shared"),
        planning.entry("wiki", "bp-wiki", "2.1.1", postgres="wiki-postgres"),
    ]
    upgrade = PlanRequest(action="upgrade", environment=PROD, application="wiki")
    await apply(place, "ch-2", upgrade)
    await over(place, "ch-2")

    locks["orders"] = [planning.entry("orders", "bp-postgres", "16.9.1")]
    word = msgspec.json.encode({"mode": "crash-loop"})
    await place.js.publish(Outgoing(f"ws.{PROD}.simulator.orders", word))
    await apply(place, "ch-3", planning.install("orders", blueprint="bp-postgres"))
    await _reached(place, "ch-3", "observe")
    await _let_pass(place, "ch-3")
    await over(place, "ch-3")

    locks["spare"] = [planning.entry("spare", "bp-postgres", "16.9.1")]
    site.shut.add("spare")
    await apply(place, "ch-4", planning.install("spare", blueprint="bp-postgres"))
    await _reached(place, "ch-4", "repository")
    await _accepted(place, pro1.CancelChange(reason="no longer needed"), "ch-4")
    site.shut.clear()
    await over(place, "ch-4")


async def _watched(_site: Site, place: Town) -> None:
    """Install a wiki with its database, and let every further change need an approval."""
    people = tuple(env1.Owner(email=who, role="owner") for who in (OWNER, BEN))
    await _accepted(place, env1.ChangeOwners(owners=people), "acme", ROOT)
    await apply(place, "ch-1", planning.install(values={"domain": "wiki.example.com"}))
    await over(place, "ch-1")
    gate = env1.DefinePolicy(promotion=env1.Promotion(required_approvers=1))
    await _accepted(place, gate, "gate", ROOT)
    await _accepted(place, env1.AttachPolicy(policy="gate"), PROD, ROOT)


async def _on(site: Site, place: Town) -> None:
    """Configure the wiki with an approval, and roll it back behind that, with one of its own.

    Its public host is another one in between.
    """
    debug = {"logLevel": "debug", "domain": "docs.example.com"}
    configure = PlanRequest(action="configure", environment=PROD, application="wiki", values=debug)
    site.shut.add("wiki")
    await _approve(place, "ch-2", await apply(place, "ch-2", configure))
    await _reached(place, "ch-2", "commit")
    back = PlanRequest(action="rollback", environment=PROD, application="wiki")
    await _approve(place, "ch-3", await apply(place, "ch-3", back))
    assert (await place.change("ch-3")).status == "waiting"
    site.shut.clear()
    await over(place, "ch-2")
    await over(place, "ch-3")


async def _bare(_site: Site, place: Town) -> None:
    """Install a wiki with its database, and buy no package for it."""
    await apply(place, "ch-1", planning.install())
    await over(place, "ch-1")


async def _line(site: Site, place: Town) -> None:
    """Let changes of the wiki stand in line, then a neighbour that shares its database.

    The neighbour's second change waits, and the version that it was planned for is yanked.
    """
    locks = place.others.locks
    small, medium = (
        PlanRequest(action="configure", environment=PROD, application="wiki", plan=sku)
        for sku in ("s", "m")
    )
    site.shut.add("wiki")
    await apply(place, "ch-2", small)
    await _reached(place, "ch-2", "commit")
    await apply(place, "ch-3", medium)
    shared = planning.entry("wiki-postgres", "bp-postgres", "16.9.1", "shared")
    newest = planning.entry("wiki", "bp-wiki", "2.1.1", postgres="wiki-postgres")
    locks["wiki"] = [shared, newest]
    upgrade = PlanRequest(action="upgrade", environment=PROD, application="wiki")
    await apply(place, "ch-4", upgrade)
    back = PlanRequest(action="rollback", environment=PROD, application="wiki")
    await apply(place, "ch-5", back)
    site.shut.clear()
    for name in ("ch-2", "ch-3", "ch-4", "ch-5"):
        await over(place, name)

    neighbour = planning.entry("notes", "bp-wiki", "2.1.1", postgres="wiki-postgres")
    locks["notes"] = [shared, neighbour]
    site.shut.add("notes")
    hosted = {"domain": "notes.example.com"}
    await apply(place, "ch-6", planning.install("notes", blueprint="bp-wiki", values=hosted))
    await _reached(place, "ch-6", "repository")
    debug = {"logLevel": "debug"}
    configure = PlanRequest(action="configure", environment=PROD, application="notes", values=debug)
    await apply(place, "ch-7", configure)
    yanked = blue1.VersionYanked(name="bp-wiki", origin="public", version="2.1.1", reason="a hole")
    await write(place.js, foreign.blueprint_ref("acme", "public", "bp-wiki"), yanked)
    site.shut.clear()
    await over(place, "ch-6")
    await over(place, "ch-7")


async def _two(_site: Site, place: Town) -> None:
    """Install a wiki with its database, and another database in a second Environment."""
    region = env1.Region(provider="hetzner", region="fsn", building_block="rtz")
    second = env1.CreateEnvironment(env_type="dev", placement="single-region", regions=(region,))
    await _accepted(place, second, DEV)
    await apply(place, "ch-1", planning.install(values={"domain": "wiki.example.com"}))
    place.others.locks["orders"] = [planning.entry("orders", "bp-postgres", "16.9.1")]
    await apply(place, "ch-2", planning.install("orders", blueprint="bp-postgres", environment=DEV))
    await over(place, "ch-1")
    await over(place, "ch-2")


async def _away(_site: Site, place: Town) -> None:
    """Delete an Environment with what runs in it, then the Organization with all data."""
    first = PlanRequest(action="delete-environment", environment=PROD)
    await apply(place, "ch-3", first)
    await over(place, "ch-3")
    month = (await place.money.state(billing.ACCOUNT)).due_month
    await apply(place, "ch-4", PlanRequest(action="delete-organization", keep_data=False), ROOT)
    await over(place, "ch-4")

    async def invoiced() -> bool:
        # By a timer that nobody waits for, once the account is closed.
        return bool((await place.money.state(billing.ACCOUNT)).due_month != month)

    await until(invoiced, PATIENCE, pause=0.1)


FORTH: Final = Story("forth", _forth, ("ch-1", "ch-2"), ("wiki", "wiki-postgres"))
BACK: Final = Story(
    "back",
    _back,
    ("ch-1", "ch-2", "ch-3", "ch-4"),
    ("wiki", "wiki-postgres", "orders", "spare"),
    raced=("spare",),
)
ON: Final = Story("on", _on, ("ch-1", "ch-2", "ch-3"), ("wiki", "wiki-postgres"), _watched)
AWAY: Final = Story(
    "away", _away, ("ch-1", "ch-2", "ch-3", "ch-4"), ("wiki", "wiki-postgres", "orders"), _two
)
LINE: Final = Story(
    "line",
    _line,
    tuple(f"ch-{number}" for number in range(1, 8)),
    ("wiki", "wiki-postgres", "notes"),
    _bare,
)
STORIES: Final = (FORTH, BACK, ON, AWAY, LINE)


async def apply(place: Town, name: str, request: PlanRequest, by: str = OWNER) -> str:
    """Plan and apply; return the hash of the plan."""
    found = await plan(place, request, by)
    await _accepted(place, applying(found), name, by)
    return found.hash


async def _approve(place: Town, name: str, hash_: str) -> None:
    await _accepted(place, pro1.ApproveChange(hash=hash_), name, BEN)


async def _accepted(place: Town, command: Command, name: str, by: str = OWNER) -> None:
    done = await ask(place, command, name, by)
    assert done.status == "accepted", done


async def over(place: Town, name: str) -> None:
    """Wait until a change is over."""

    async def ended() -> bool:
        return (await place.change(name)).is_over

    # Each look folds the change anew, and it takes a second or more.
    await until(ended, PATIENCE, pause=0.2)


async def _reached(place: Town, name: str, step: Step) -> None:
    async def reached() -> bool:
        state = await place.change(name)
        assert not state.is_over, state
        return state.step == step

    await until(reached, PATIENCE, pause=0.05)


async def _let_pass(place: Town, name: str) -> None:
    """Let the deadline of the step in progress come now, and not in a day."""
    arm = Arm(timer=DEADLINE, after=timedelta())
    gen = (await place.change(name)).gen
    now = datetime.now(UTC)
    await place.js.publish(timer.arm(change_ref("acme", name), arm, now=now, done_id=gen))


async def is_quiet(js: JetStream) -> bool:
    """Return whether no worker has anything left to do, to tell, or to hear of the log."""
    before = (await js.stream_state("EV")).last_seq
    if (await js.stream_state("CMD")).messages:
        return False
    answer: dict[str, Any] = await js.api("CONSUMER.LIST.EV", {})
    own = [one for one in answer["consumers"] if one["name"].startswith(SERVICES)]
    busy = any(one["num_pending"] or one["num_ack_pending"] for one in own)
    return not busy and (await js.stream_state("EV")).last_seq == before
