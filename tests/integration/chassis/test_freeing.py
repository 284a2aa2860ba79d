"""What is set aside and freed while others are at it, or die over it: each once, none lost."""

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from tests.integration.chassis.test_parking_rivals import BROKEN
from tests.support import log as writing
from tests.support.broker import Access
from tests.support.crashes import FaultyBroker, Stopper
from tests.support.invariants import check_log
from tests.support.rig import ORGANIZATIONS, Sender, acme, runtime, working
from tests.support.sequential import CREATE, RESUME, SUSPEND
from tests.support.waiting import until
from typing_extensions import override

from catalyst.chassis import deciding, parking, states
from catalyst.chassis.guard import Guard
from catalyst.chassis.jetstream import topology
from catalyst.chassis.jetstream.broker import JetStream
from catalyst.chassis.jetstream.connection import connect
from catalyst.chassis.jetstream.port import Outgoing, Stored
from catalyst.chassis.worker import Worker
from catalyst.contracts import runtime_v1
from catalyst.contracts import topology as contract

pytestmark = pytest.mark.real

RETRY = "environment.retry.v1"
REF = writing.organization("acme")
PLACE = REF.dead_letter("c", 1)
LETTER = parking.Letter(
    stream="CMD",
    sequence=1,
    time=datetime(2026, 1, 1, tzinfo=UTC),
    subject=REF.command("resume-organization", 1),
    message_id="c-1",
    message_type=RESUME,
    reason="bug",
    body=b"{}",
)


async def facts(js: JetStream) -> list[str]:
    found = await js.replay("EV", f"{REF.guard}")
    return [item.subject.split(".")[5] for item in found]


async def parked(js: JetStream, number: int) -> None:
    """Wait until so many messages were set aside, and nothing is in the queue."""

    async def there() -> bool:
        return (await facts(js)).count("parked") >= number and not (
            await js.stream_state("CMD")
        ).messages

    await until(there)


async def two_parked(sender: Sender) -> list[str]:
    """Set two commands of one Organization aside; return their ids."""
    await sender.outcome("acme", await sender.send(CREATE, "acme", acme()))
    ids = [
        await sender.send(SUSPEND, "acme", {"reason": "a"}),
        await sender.send(RESUME, "acme"),
    ]
    await parked(sender.js, 2)
    return ids


async def freed(sender: Sender) -> Any:
    sent = await sender.send(RETRY, "acme", aggregate="organization")
    return (await sender.outcome("acme", sent)).result


async def free_as_another(js: JetStream, subject: str) -> None:
    """Write what another worker writes that frees a message, and its outcome left out."""
    last = await js.last("EV", REF.guard, leader=True)
    assert last is not None
    event = runtime_v1.Unparked(subject=subject, message_id="c-x", how="retried")
    guard = Guard(REF.guard, last.seq)
    await js.publish(writing.message((REF, event), subject, 0, datetime.now(UTC), guard=guard))


@pytest.mark.guarantee("G7.1", "G1.2")
@pytest.mark.usefixtures("quick")
async def test_a_message_is_set_aside_once_though_its_worker_dies_before_it_is_settled(
    js: JetStream, access: Access
) -> None:
    sender, stopper = Sender(js), Stopper()
    await topology.ensure(js, contract.topology_of("environment"))
    await sender.send(CREATE, "acme", acme())
    await sender.send(SUSPEND, "acme", {"reason": "a"})
    async with connect(access.url, name="w", user=access.user, password=access.password) as dying:
        faulty = FaultyBroker(dying, 1, "before", stopper, ("settle Acked",))
        running = asyncio.ensure_future(Worker(BROKEN, runtime(dying, broker=faulty)).run())
        await stopper.reached.wait()
        running.cancel()
        await asyncio.wait([running])
    await js.publish(Outgoing("$KV.leases.environment", b""))
    assert (await facts(js)).count("parked") == 1
    async with working(js):
        await parked(js, 1)
        assert (await js.stream_state("DLQ")).messages == 1
        assert await freed(sender) == {"freed": 1}
    assert (await facts(js)).count("parked") == 1
    await check_log(js)


@pytest.mark.guarantee("G7.3", "G1.1")
async def test_what_has_its_outcome_by_now_is_freed_and_not_decided_again(js: JetStream) -> None:
    """Both came again with a token that does not hold, and were refused under their ids."""
    sender = Sender(js)
    async with working(js, BROKEN):
        ids = await two_parked(sender)
        bad = {"Authorization": "Bearer nothing"}
        for type_, data, name in ((SUSPEND, {"reason": "a"}, ids[0]), (RESUME, {}, ids[1])):
            await sender.send(type_, "acme", data, command_id=name, headers=bad)
            assert (await sender.outcome("acme", name)).code == "unauthenticated"
        assert await freed(sender) == {"freed": 2}
        assert (await js.stream_state("DLQ")).messages == 0
        later = await sender.outcome("acme", await sender.send(RESUME, "acme"))
        assert later.code == "organization-not-suspended"
    assert (await facts(js))[1:] == ["parked", "parked", "unparked", "unparked"]
    await check_log(js)


@pytest.mark.guarantee("G7.2")
async def test_what_another_worker_has_freed_keeps_nobody_waiting(js: JetStream) -> None:
    """This worker holds the Organization as parked; it looks before it sets anything aside."""
    sender = Sender(js)
    async with working(js, BROKEN):
        await sender.outcome("acme", await sender.send(CREATE, "acme", acme()))
        await sender.send(SUSPEND, "acme", {"reason": "a"})
        await parked(js, 1)
        (letter,) = await js.replay("DLQ", ">")
        await free_as_another(js, letter.subject)
        later = await sender.outcome("acme", await sender.send(RESUME, "acme"))
        assert later.code == "organization-not-suspended"
    assert (await facts(js)).count("parked") == 1


async def set_aside_once_more(js: JetStream, subject: str) -> None:
    """Free a message and set it aside again, as if it had come behind the others."""
    await free_as_another(js, subject)
    last = await js.last("EV", REF.guard, leader=True)
    assert last is not None
    event = runtime_v1.Parked(
        subject=subject, message_id="c-x", message_type=SUSPEND, reason="redelivered"
    )
    guard = Guard(REF.guard, last.seq)
    await js.publish(writing.message((REF, event), subject, 1, datetime.now(UTC), guard=guard))


@pytest.mark.guarantee("G7.2")
async def test_what_was_set_aside_in_another_order_is_decided_in_that_of_its_arrival(
    js: JetStream,
) -> None:
    """After a death the second of two may be delivered again, and set aside, before the first."""
    sender = Sender(js)
    async with working(js, BROKEN):
        ids = await two_parked(sender)
        first, _ = sorted(item.subject for item in await js.replay("DLQ", ">"))
    await set_aside_once_more(js, first)
    async with working(js):
        assert await freed(sender) == {"freed": 2}
        assert [(await sender.outcome("acme", name)).status for name in ids] == ["accepted"] * 2
    await check_log(js)


@pytest.mark.guarantee("G7.3")
async def test_a_snapshot_keeps_what_is_set_aside(
    js: JetStream, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is written by the retry of the first, and read by whoever is asked to free the rest."""
    monkeypatch.setattr(deciding, "SNAPSHOT_EVERY", 1)
    monkeypatch.setattr(states, "_SHORT", 2)
    sender = Sender(js)
    async with working(js, BROKEN):
        ids = await two_parked(sender)
        first, _ = sorted(item.subject for item in await js.replay("DLQ", ">"))
    async with working(js):
        sent = await sender.send(RETRY, "acme", {"subject": first}, aggregate="organization")
        assert (await sender.outcome("acme", sent)).result == {"freed": 1}
    stored = await js.last("EV", REF.snapshot)
    assert stored is not None
    assert stored.seq > (await js.replay("EV", REF.guard))[2].seq
    async with working(js):
        assert await freed(sender) == {"freed": 1}
        assert (await sender.outcome("acme", ids[1])).status == "accepted"
    await check_log(js)


@dataclass
class FreedMeanwhile(FaultyBroker):
    """After a retry has read the letters, another worker frees the oldest."""

    js: JetStream | None = None
    read: list[str] = field(default_factory=list)

    @override
    async def last(self, stream: str, subject: str, *, leader: bool = False) -> Stored | None:
        found = await super().last(stream, subject, leader=leader)
        if stream == "DLQ" and self.js is not None:
            self.read.append(subject)
            if len(self.read) == 2:
                await free_as_another(self.js, self.read[0])
        return found


@pytest.mark.guarantee("G7.3")
async def test_what_another_worker_frees_during_a_retry_is_freed_once(js: JetStream) -> None:
    sender = Sender(js)
    async with working(js, BROKEN):
        await two_parked(sender)
    broker = FreedMeanwhile(js, js=js)
    async with working(js, ORGANIZATIONS, broker=broker):
        assert await freed(sender) == {"freed": 2}
    assert len(set(broker.read)) == 2
    assert (await facts(js)).count("unparked") == 2


@pytest.mark.guarantee("G7.1")
async def test_a_letter_waits_for_its_place_while_another_one_stands_there(
    js: JetStream, caplog: pytest.LogCaptureFixture
) -> None:
    """A queue that was made anew counts from 1 again: the same place, and another message."""
    await topology.ensure(js, contract.topology_of("environment"))
    newer = msgspec.structs.replace(LETTER, time=datetime(2026, 1, 2, tzinfo=UTC))
    await parking.put_aside(js, PLACE, LETTER)
    async with asyncio.TaskGroup() as tasks:
        waiting = tasks.create_task(parking.put_aside(js, PLACE, newer))
        await until(lambda: "dead-letter queue is full" in caplog.text)
        assert not waiting.done()
        await parking.discard(js, PLACE)
    stored = await js.last("DLQ", PLACE)
    assert stored is not None
    assert parking.read(stored) == newer


@dataclass
class FreedInBetween(FaultyBroker):
    """Takes away what stands in the dead-letter queue, just before it is looked at."""

    @override
    async def last(self, stream: str, subject: str, *, leader: bool = False) -> Stored | None:
        await parking.discard(self.inner, subject)
        return await super().last(stream, subject, leader=leader)


@pytest.mark.guarantee("G7.1")
async def test_a_letter_whose_place_is_freed_as_it_is_looked_at_is_not_taken_for_stored(
    js: JetStream,
) -> None:
    await topology.ensure(js, contract.topology_of("environment"))
    await parking.put_aside(js, PLACE, LETTER)
    await parking.put_aside(FreedInBetween(js), PLACE, LETTER)
    assert [parking.read(item) for item in await js.replay("DLQ", ">")] == [LETTER]
