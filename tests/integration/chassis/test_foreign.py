"""Aggregates that another service decides: read from their events, guarded, never written."""

from collections.abc import Callable, Sequence

import pytest
from tests.support import guests
from tests.support.guests import THING, Meanwhile, Thing
from tests.support.invariants import check_log
from tests.support.rig import ORGANIZATIONS, Sender, acme, working
from tests.support.sequential import CREATE

from catalyst.chassis.jetstream.broker import JetStream
from catalyst.chassis.jetstream.port import Outgoing
from catalyst.chassis.service import Aggregate, Service, on
from catalyst.contracts.decision import Context, Decision, Emit, emit
from catalyst.contracts.environment_v1 import OrganizationSuspended, SuspendOrganization
from catalyst.contracts.rejection import Rejected
from catalyst.contracts.subjects import Ref
from catalyst.environment_controller.domain.organization import Organization

pytestmark = [pytest.mark.real, pytest.mark.usefixtures("quick")]

SUSPEND = "environment.suspend-organization.v1"


@pytest.fixture(autouse=True)
def _guests(monkeypatch: pytest.MonkeyPatch) -> None:
    guests.registered(monkeypatch)


def _reads(_state: Organization, _command: SuspendOrganization, _ref: Ref) -> Sequence[Ref]:
    return (THING,)


def _suspend(state: Organization, command: SuspendOrganization, context: Context) -> Decision:
    """Refuse while the thing is where it was; else say how far it moved."""
    moved = context.reads[THING].moved
    if command.reason == "only if it moved" and not moved:
        raise Rejected("not-found", "it has not moved")
    return emit(OrganizationSuspended(slug=context.ref.id, reason=f"moved {moved}"))


def _service(rule: Callable[..., Decision] = _suspend) -> Service:
    return Service(
        name="environment",
        aggregates=(
            *ORGANIZATIONS.aggregates,
            Aggregate(name="thing", service="guest", initial=Thing(), evolve=guests.evolve),
        ),
        rules=(
            ORGANIZATIONS.rules[0],
            on(SuspendOrganization, "organization", rule, _reads),
        ),
    )


async def _reasons(js: JetStream) -> list[str]:
    found = await js.replay("EV", "evt.acme.*.organization.*.organization-suspended.v1")
    return [item.data.decode().split('"reason":"')[1].split('"')[0] for item in found]


@pytest.mark.guarantee("G2.6")
async def test_what_moved_between_reading_and_storing_is_read_again(js: JetStream) -> None:
    broker = Meanwhile(js)
    sender = Sender(js)
    async with working(js, _service(), broker=broker):
        made = await sender.send(CREATE, "acme", acme())
        assert (await sender.outcome("acme", made)).status == "accepted"
        broker.act = lambda: guests.write(js)
        sent = await sender.send(SUSPEND, "acme", {"reason": "r"})
        assert (await sender.outcome("acme", sent)).status == "accepted"

    assert await _reasons(js) == ["moved 1"]
    await check_log(js)


@pytest.mark.guarantee("G2.6")
async def test_a_refusal_that_rests_on_another_service_is_made_again_too(js: JetStream) -> None:
    broker = Meanwhile(js)
    sender = Sender(js)
    async with working(js, _service(), broker=broker):
        made = await sender.send(CREATE, "acme", acme())
        await sender.outcome("acme", made)
        broker.act = lambda: guests.write(js)
        sent = await sender.send(SUSPEND, "acme", {"reason": "only if it moved"})
        assert (await sender.outcome("acme", sent)).status == "accepted"

    assert await _reasons(js) == ["moved 1"]


async def test_it_is_folded_from_its_events_alone(js: JetStream) -> None:
    sender = Sender(js)
    async with working(js, _service()):
        # Its owner's snapshot says something else, in a shape that is the owner's.
        await guests.write(js, by=2)
        body = b'{"fold":1,"version":99,"state":{"moved":7}}'
        await js.publish(Outgoing(THING.snapshot, body, {"Nats-Rollup": "sub"}))
        await guests.write(js, "thing-painted")
        await guests.write(js, by=3)
        made = await sender.send(CREATE, "acme", acme())
        await sender.outcome("acme", made)
        sent = await sender.send(SUSPEND, "acme", {"reason": "r"})
        await sender.outcome("acme", sent)

    assert await _reasons(js) == ["moved 5"]


async def test_writing_it_is_a_bug_that_reaches_no_log(js: JetStream) -> None:
    def trespass(_state: object, _command: object, _context: Context) -> Decision:
        return Decision(events=(Emit(OrganizationSuspended(slug="acme", reason="r"), THING),))

    sender = Sender(js)
    async with working(js, _service(trespass)) as worker:
        made = await sender.send(CREATE, "acme", acme())
        await sender.outcome("acme", made)
        await sender.send(SUSPEND, "acme", {"reason": "r"})
        await guests.until_parked(js)
        assert not await js.replay("EV", THING.guard)
        assert worker.active.is_set()
