"""What a rule finds out before it reads, and what a process manager reads beside its own state."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
from tests.support import guests
from tests.support.guests import THING, Meanwhile, Thing
from tests.support.invariants import check_log
from tests.support.rig import ORGANIZATIONS, Sender, acme, working
from tests.support.sequential import CREATE, SUSPEND

from catalyst.chassis.errors import Retry
from catalyst.chassis.jetstream.broker import JetStream
from catalyst.chassis.service import Aggregate, Asking, Input, Process, Service, on
from catalyst.contracts.decision import Actor, Context, Decision, Recorded, emit
from catalyst.contracts.environment_v1 import (
    OnboardingStarted,
    OrganizationCreated,
    OrganizationSuspended,
    SuspendOrganization,
)
from catalyst.contracts.rejection import Rejected
from catalyst.contracts.subjects import Ref
from catalyst.environment_controller.domain import progress

pytestmark = [pytest.mark.real, pytest.mark.usefixtures("quick")]

Finding = Callable[[], Awaitable[Any]]
GUEST = Aggregate(name="thing", service="guest", initial=Thing(), evolve=guests.evolve)


@pytest.fixture(autouse=True)
def _guests(monkeypatch: pytest.MonkeyPatch) -> None:
    guests.registered(monkeypatch)


def _thing(*_: object) -> Sequence[Ref]:
    return (THING,)


def _suspend(_state: object, _command: object, context: Context) -> Decision:
    reason = f"found {context.facts}, moved {context.reads[THING].moved}"
    return emit(OrganizationSuspended(slug=context.ref.id, reason=reason))


def _service(finding: Finding) -> Service:
    async def prepare(
        command: SuspendOrganization, ref: Ref, actor: Actor, now: datetime, asking: Asking
    ) -> Any:
        assert (command.reason, ref.id, actor.proven) == ("r", "acme", False)
        assert now <= datetime.now(UTC)
        assert callable(asking.ask)
        return await finding()

    return Service(
        name="environment",
        aggregates=(*ORGANIZATIONS.aggregates, GUEST),
        rules=(
            ORGANIZATIONS.rules[0],
            on(SuspendOrganization, "organization", _suspend, _thing, prepare),
        ),
    )


async def _reasons(js: JetStream) -> list[str]:
    found = await js.replay("EV", "evt.acme.*.organization.*.organization-suspended.v1")
    return [item.data.decode().split('"reason":"')[1].split('"')[0] for item in found]


@pytest.mark.guarantee("G2.7")
async def test_a_conflict_lets_the_rule_prepare_anew(js: JetStream) -> None:
    found: list[int] = []

    async def finding() -> int:
        found.append(len(found))
        return found[-1]

    broker = Meanwhile(js)
    sender = Sender(js)
    async with working(js, _service(finding), broker=broker):
        await sender.outcome("acme", await sender.send(CREATE, "acme", acme()))
        broker.act = lambda: guests.write(js)
        sent = await sender.send(SUSPEND, "acme", {"reason": "r"})
        assert (await sender.outcome("acme", sent)).status == "accepted"

    assert await _reasons(js) == ["found 1, moved 1"]
    await check_log(js)


@pytest.mark.guarantee("G2.7")
async def test_a_refusal_of_the_preparation_is_the_outcome(js: JetStream) -> None:
    async def finding() -> None:
        raise Rejected("not-found", "there is no price", pointer="/data/reason")

    sender = Sender(js)
    async with working(js, _service(finding)):
        await sender.outcome("acme", await sender.send(CREATE, "acme", acme()))
        sent = await sender.send(SUSPEND, "acme", {"reason": "r"})
        found = await sender.outcome("acme", sent)

    assert (found.status, found.code, found.message) == (
        "rejected",
        "not-found",
        "there is no price",
    )
    assert [error.pointer for error in found.errors] == ["/data/reason"]
    assert await _reasons(js) == []


@pytest.mark.guarantee("G2.7")
async def test_what_is_not_there_yet_is_waited_for(js: JetStream) -> None:
    tries = 0

    async def finding() -> str:
        nonlocal tries
        tries += 1
        if tries < 5:
            raise Retry("not yet", after_seconds=0.01)
        return "it"

    sender = Sender(js)
    async with working(js, _service(finding)):
        await sender.outcome("acme", await sender.send(CREATE, "acme", acme()))
        sent = await sender.send(SUSPEND, "acme", {"reason": "r"})
        assert (await sender.outcome("acme", sent)).status == "accepted"

    assert await _reasons(js) == ["found it, moved 0"]
    assert tries == 5


async def test_a_bug_in_the_preparation_parks_the_command(js: JetStream) -> None:
    async def finding() -> None:
        raise LookupError("a bug")

    sender = Sender(js)
    async with working(js, _service(finding)):
        await sender.outcome("acme", await sender.send(CREATE, "acme", acme()))
        await sender.send(SUSPEND, "acme", {"reason": "r"})
        await guests.until_parked(js)

    assert await _reasons(js) == []


@pytest.mark.guarantee("G2.6")
async def test_what_a_process_manager_reads_is_guarded(js: JetStream) -> None:
    def react(_state: object, _input: Input, context: Context) -> Decision:
        moved = context.reads[THING].moved
        return emit(OnboardingStarted(slug="acme", steps=(), started_by=f"moved {moved}"))

    def correlate(recorded: Recorded) -> Ref:
        return Ref("acme", "environment", "onboarding", "acme")

    process = Process(
        name="onboarding",
        aggregate="onboarding",
        correlate=correlate,
        react=react,
        events=(OrganizationCreated,),
        reads=_thing,
    )
    started = Aggregate(
        name="onboarding", initial=progress.Onboarding(), evolve=lambda state, _event: state
    )
    table = Service(
        name="environment",
        aggregates=(*ORGANIZATIONS.aggregates, GUEST, started),
        rules=ORGANIZATIONS.rules,
        processes=(process,),
    )
    broker = Meanwhile(js)
    sender = Sender(js)
    async with working(js, table, broker=broker):
        broker.act = lambda: guests.write(js)
        broker.before = "onboarding-started"
        await sender.outcome("acme", await sender.send(CREATE, "acme", acme()))
        found = await guests.until_stored(js, "evt.acme.*.onboarding.*.onboarding-started.v1")

    assert b"moved 1" in found[0].data
    assert len(found) == 1
    await check_log(js)


@pytest.mark.guarantee("G7.10")
async def test_a_reaction_that_is_refused_is_set_aside_for_all_to_see(js: JetStream) -> None:
    def react(_state: object, _input: Input, _context: Context) -> Decision:
        raise Rejected("too-large", "more than one batch takes")

    def correlate(recorded: Recorded) -> Ref:
        return Ref("acme", "environment", "onboarding", "acme")

    process = Process(
        name="onboarding",
        aggregate="onboarding",
        correlate=correlate,
        react=react,
        events=(OrganizationCreated,),
    )
    started = Aggregate(
        name="onboarding", initial=progress.Onboarding(), evolve=lambda state, _event: state
    )
    table = Service(
        name="environment",
        aggregates=(*ORGANIZATIONS.aggregates, started),
        rules=ORGANIZATIONS.rules,
        processes=(process,),
    )
    sender = Sender(js)
    async with working(js, table):
        await sender.outcome("acme", await sender.send(CREATE, "acme", acme()))
        (parked,) = await guests.until_stored(js, "evt.acme.*.onboarding.*.parked.v1")

    assert b"too-large: more than one batch takes" in parked.data
