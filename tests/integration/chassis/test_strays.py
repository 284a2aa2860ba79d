"""What stands among the events and is none, an answer of the broker: passed over, and listed."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest
from tests.support import guests
from tests.support.guests import THING, Thing
from tests.support.homes import MoodyHome, homes
from tests.support.rig import ORGANIZATIONS, Sender, acme, runtime, working
from tests.support.sequential import CREATE
from tests.support.strays import acknowledged, answered_at_length
from tests.support.waiting import until

from catalyst.chassis import parking
from catalyst.chassis.access import RolesTable
from catalyst.chassis.jetstream.broker import JetStream
from catalyst.chassis.jetstream.port import Outgoing
from catalyst.chassis.keyring import KeyRing
from catalyst.chassis.parking import Letter
from catalyst.chassis.service import Aggregate, Service, on
from catalyst.chassis.states import States
from catalyst.chassis.worker import Worker
from catalyst.contracts.decision import Context, Decision, emit
from catalyst.contracts.environment_v1 import OrganizationSuspended, SuspendOrganization
from catalyst.contracts.subjects import Ref
from catalyst.environment_controller import handlers
from catalyst.environment_controller.domain.organization import Organization

pytestmark = [pytest.mark.real, pytest.mark.guarantee("G7.21")]

ACME = Ref("acme", "environment", "organization", "acme")
UPDATED = ACME.event("organization-updated", 1)
UPDATE = "environment.update-organization.v1"
SUSPEND = "environment.suspend-organization.v1"
RESUME = "environment.resume-organization.v1"


@asynccontextmanager
async def onboarded(js: JetStream, folder: Path, home: MoodyHome) -> AsyncIterator[Sender]:
    """Let the whole service run, with `acme` ready, and a commit that says so."""
    keys = KeyRing.open(folder / "keys")
    worker = Worker(handlers.service(home), runtime(js, keys=keys))
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(worker.run())
        await until(worker.active.is_set)
        sender = Sender(js)
        await sender.outcome("acme", await sender.send(CREATE, "acme", acme()))
        await until(lambda: committed(js, "organization-ready"))
        yield sender
        worker.stop()
        await running


async def has(js: JetStream, fact: str) -> bool:
    return fact in {item.subject.split(".")[5] for item in await js.replay("EV", ACME.guard)}


async def committed(js: JetStream, fact: str) -> bool:
    """Whether the newest commit that was reported is the one that carries out this fact."""
    report = await js.last("EV", ACME.event("manifest-committed", 1), leader=True)
    done = await js.last("EV", ACME.event(fact, 1), leader=True)
    if report is None or done is None:
        return False
    seq: int = msgspec.json.decode(report.data)["data"]["event_seq"]
    return seq == done.seq


@asynccontextmanager
async def full(js: JetStream) -> AsyncIterator[None]:
    """Let the dead-letter queue take nothing."""
    config = (await js.stream_state("DLQ")).config
    await js.api("STREAM.UPDATE.DLQ", {**config, "max_bytes": 1})
    yield
    await js.api("STREAM.UPDATE.DLQ", config)


async def letters(js: JetStream) -> dict[str, Letter]:
    return {item.subject: parking.read(item) for item in await js.replay("DLQ", ">")}


async def accepted(sender: Sender, type_: str, data: dict[str, str]) -> None:
    found = await sender.outcome("acme", await sender.send(type_, "acme", data))
    assert (found.status, found.code) == ("accepted", "")


async def test_its_aggregate_takes_commands_and_it_is_listed_until_somebody_drops_it(
    js: JetStream,
) -> None:
    sender = Sender(js)
    async with working(js):
        await accepted(sender, CREATE, acme())
        seq = await acknowledged(js, UPDATED)
        await accepted(sender, SUSPEND, {"reason": "a"})
        ((subject, letter),) = (await letters(js)).items()
        assert subject == f"dlq.acme.environment.unknown.unknown.e{seq}"
        assert (letter.reason, letter.subject, letter.sequence) == ("no-event", UPDATED, seq)
        assert letter.body.startswith(b'{"stream":"FACTS"')
        assert not await has(js, "parked")
        drop = {"subject": subject, "reason": "seen"}
        sent = await sender.send("environment.drop.v1", "acme", drop, aggregate="organization")
        assert (await sender.outcome("acme", sent)).result == {"freed": 1}
    # Nor is it listed again by whoever works next.
    async with working(js):
        await accepted(sender, RESUME, {})
    assert not await letters(js)


async def test_one_as_large_as_the_broker_takes_is_listed_by_its_beginning(js: JetStream) -> None:
    sender = Sender(js)
    async with working(js):
        await accepted(sender, CREATE, acme())
        stored = await answered_at_length(js, UPDATED)
        assert len(stored.data) > 1_000_000
        await accepted(sender, SUSPEND, {"reason": "a"})
    (letter,) = (await letters(js)).values()
    assert (letter.reason, letter.stream, letter.sequence) == ("no-event", "EV", stored.seq)
    assert (letter.size, letter.body) == (len(stored.data), stored.data[: len(letter.body)])
    assert 0 < len(letter.body) <= 4096
    assert letter.digest == hashlib.sha256(stored.data).hexdigest()


async def test_no_decision_waits_for_room_to_list_it(js: JetStream) -> None:
    sender = Sender(js)
    async with working(js):
        await accepted(sender, CREATE, acme())
    seq = await acknowledged(js, UPDATED)
    async with working(js), full(js):
        refused = await sender.outcome("acme", await sender.send(RESUME, "acme", {}))
        assert refused.status == "rejected"
        assert not await letters(js)
    # Whoever loads it next lists it, once there is room.
    async with working(js):
        await accepted(sender, SUSPEND, {"reason": "a"})
    assert [letter.sequence for letter in (await letters(js)).values()] == [seq]


async def test_no_decision_waits_where_another_answer_took_its_place_in_the_list(
    js: JetStream,
) -> None:
    sender = Sender(js)
    async with working(js):
        await accepted(sender, CREATE, acme())
        await acknowledged(js, UPDATED)
        seq = await acknowledged(js, UPDATED)
        for number in (seq - 1, seq):
            place = f"dlq.acme.environment.unknown.unknown.e{number}"
            await js.publish(Outgoing(place, b'{"stream":"FACTS","seq":1}'))
        await accepted(sender, SUSPEND, {"reason": "a"})
        assert not await has(js, "parked")


async def test_what_may_be_a_damaged_event_freezes_its_aggregate(js: JetStream) -> None:
    sender = Sender(js)
    async with working(js):
        await accepted(sender, CREATE, acme())
        await js.publish(Outgoing(UPDATED, b"{}"))
        await sender.send(SUSPEND, "acme", {"reason": "a"})
        await until(lambda: has(js, "parked"))
    assert [letter.reason for letter in (await letters(js)).values()] == ["fold-failed"]


async def test_a_process_and_an_effect_go_on_behind_it_without_room_to_list_it(
    js: JetStream, tmp_path: Path
) -> None:
    async with homes(tmp_path / "git") as home, onboarded(js, tmp_path, home) as sender:
        async with full(js):
            await acknowledged(js, ACME.event("organization-created", 1))
            await answered_at_length(js, UPDATED)
            await accepted(sender, UPDATE, {"display_name": "Behind it"})
            await until(lambda: committed(js, "organization-updated"))
        assert not await has(js, "parked")


@pytest.mark.parametrize("fact", ["organization-updated.v1", "never-heard-of.v7", "no-fact"])
async def test_it_is_passed_over_whatever_fact_its_subject_names(js: JetStream, fact: str) -> None:
    sender = Sender(js)
    async with working(js):
        await accepted(sender, CREATE, acme())
        await acknowledged(js, f"{ACME.guard.removesuffix('>')}{fact}")
        await accepted(sender, SUSPEND, {"reason": "a"})


async def test_a_process_and_an_effect_go_on_behind_it(js: JetStream, tmp_path: Path) -> None:
    async with homes(tmp_path / "git") as home, onboarded(js, tmp_path, home) as sender:
        onboarding = Ref("acme", "environment", "onboarding", "acme")
        places = (UPDATED, ACME.event("organization-created", 1))
        at = [await acknowledged(js, place) for place in places]
        at.append(await acknowledged(js, onboarding.event("onboarding-completed", 1)))

        async def listed() -> bool:
            return len(await letters(js)) == len(at)

        # Some of these nobody decides now: whoever hears events lists them.
        await until(listed)
        await accepted(sender, UPDATE, {"display_name": "Behind it"})
        await until(lambda: committed(js, "organization-updated"))
        found = await letters(js)
        assert {letter.reason for letter in found.values()} == {"no-event"}
        assert sorted(letter.sequence for letter in found.values()) == at
        assert not await has(js, "parked")


async def test_what_another_service_reads_goes_on_behind_it(
    js: JetStream, monkeypatch: pytest.MonkeyPatch
) -> None:
    guests.registered(monkeypatch)

    def suspend(_state: Organization, _command: SuspendOrganization, of: Context) -> Decision:
        return emit(OrganizationSuspended(slug="acme", reason=f"moved {of.reads[THING].moved}"))

    thing: Aggregate[Thing] = Aggregate(
        name="thing", service="guest", initial=Thing(), evolve=guests.evolve
    )
    kinds = (thing, replace(thing, events=frozenset({guests.ThingMoved})))
    for moved, kind in enumerate(kinds, 1):
        rule = on(SuspendOrganization, "organization", suspend, lambda *_: (THING,))
        service = Service(
            name="environment",
            aggregates=(*ORGANIZATIONS.aggregates, kind),
            rules=(ORGANIZATIONS.rules[0], rule),
        )
        sender = Sender(js)
        async with working(js, service):
            if moved == 1:
                await accepted(sender, CREATE, acme())
            await guests.write(js)
            await acknowledged(js, THING.event("thing-moved", 1))
            await accepted(sender, SUSPEND, {"reason": "a"})
        newest = await js.last("EV", ACME.event("organization-suspended", 1), leader=True)
        assert newest is not None
        assert f"moved {moved}".encode() in newest.data


async def test_histories_are_read_without_it(js: JetStream) -> None:
    sender = Sender(js)
    async with working(js):
        await accepted(sender, CREATE, acme())
        await acknowledged(js, UPDATED)
        await accepted(sender, SUSPEND, {"reason": "a"})
    states = States(js, ORGANIZATIONS.by_kind)
    facts = ["environment.organization-created.v1", "environment.organization-suspended.v1"]
    assert [one.type for one in await states.history(ACME)] == facts
    assert [one.type for one in (await states.histories([ACME]))[ACME]] == facts
    assert (await states.states([ACME]))[ACME].suspended_reason == "a"


async def test_who_owns_an_organization_is_known_behind_it(js: JetStream, tmp_path: Path) -> None:
    keys = KeyRing.open(tmp_path / "keys")
    verifier = keys.verifier()
    sender = Sender(js)
    async with working(js):
        await accepted(sender, CREATE, acme())
        await acknowledged(js, ACME.event("owners-changed", 1))
        new = {"owners": [{"email": "eve@example.org", "role": "owner"}]}
        found = await sender.outcome(
            "acme", await sender.send("environment.change-owners.v1", "acme", new)
        )
        assert found.status == "accepted"
    table = RolesTable(js)
    for email, roles in (("eve@example.org", {"org-admin"}), ("ann@example.org", set())):
        claims = await verifier.verify(keys.people().person(email), at=found.time)
        assert await table.roles_of("acme", claims) == roles


async def test_a_name_keeps_its_holder_behind_it(js: JetStream) -> None:
    sender = Sender(js)
    async with working(js):
        await accepted(sender, CREATE, acme())
        (claim,) = {item.subject for item in await js.replay("EV", "clm._.>")}
        await acknowledged(js, claim)
        again = await sender.outcome("acme", await sender.send(CREATE, "acme", acme()))
        assert again.code == "organization-exists"
        assert not await letters(js)
