"""What cannot be decided is set aside, visibly; the rest goes on; a person frees it."""

import asyncio
from collections.abc import Sequence
from typing import Any

import msgspec
import pytest
from tests.support.crashes import FaultyBroker
from tests.support.invariants import check_log, whole_log
from tests.support.rig import ORGANIZATIONS, Sender, acme, take_and_return, working
from tests.support.sequential import CREATE, RESUME, SUSPEND
from tests.support.waiting import until
from typing_extensions import override

from catalyst.chassis import parking
from catalyst.chassis.jetstream.broker import JetStream
from catalyst.chassis.jetstream.port import Ack, Outgoing, Unavailable
from catalyst.chassis.service import Aggregate, Rule, Service
from catalyst.contracts import environment_v1
from catalyst.contracts.message import Envelope, Event
from catalyst.environment_controller.domain import organization

pytestmark = pytest.mark.real

RETRY = "environment.retry.v1"
DROP = "environment.drop.v1"


class Mood:
    """Whether a rule and a fold of these tests fail today."""

    rule = False
    fold = False


@pytest.fixture
def mood() -> Mood:
    return Mood()


@pytest.fixture
def moody(mood: Mood) -> Service:
    """Organizations whose `suspend` has a bug in its rule, or whose fold has one, when told."""

    def suspend(state: Any, command: Any, context: Any) -> Any:
        if mood.rule:
            raise ZeroDivisionError("a bug")
        return organization.suspend(state, command, context)

    def evolve(state: Any, event: Event) -> Any:
        if mood.fold and isinstance(event, environment_v1.OrganizationSuspended):
            raise KeyError("a bug")
        return organization.evolve(state, event)

    rules = [
        Rule(shape=rule.shape, aggregate=rule.aggregate, decide=suspend, reads=rule.reads)
        if rule.shape is environment_v1.SuspendOrganization
        else rule
        for rule in ORGANIZATIONS.rules
    ]
    aggregates = (
        Aggregate(name="organization", initial=organization.Organization(), evolve=evolve),
    )
    return Service(name="environment", aggregates=aggregates, rules=tuple(rules))


async def _events(js: JetStream, slug: str) -> list[tuple[str, dict[str, Any]]]:
    found = []
    for stored in await js.replay("EV", f"evt.{slug}.environment.organization.{slug}.>"):
        envelope = msgspec.json.decode(stored.data, type=Envelope)
        fact = stored.subject.split(".")[5]
        found.append((fact, msgspec.json.decode(envelope.data)))
    return found


async def _facts(js: JetStream, slug: str) -> list[str]:
    return [fact for fact, _ in await _events(js, slug)]


async def _parked(js: JetStream, slug: str, number: int) -> list[str]:
    """Wait for so many `parked` events; return the subjects that they name."""
    subjects: list[str] = []

    async def there() -> bool:
        subjects[:] = [
            data["subject"] for fact, data in await _events(js, slug) if fact == "parked"
        ]
        return len(subjects) >= number

    await until(there)
    return subjects


async def _answer(
    sender: Sender, type_: str, slug: str, data: dict[str, Any] | None = None
) -> tuple[str, Any]:
    sent = await sender.send(type_, slug, data, aggregate="organization")
    found = await sender.outcome(slug, sent)
    return found.code, found.result


async def _park_three(sender: Sender, slug: str = "acme") -> list[str]:
    """Create an Organization and send three commands; the first of them meets the bug."""
    await _answer(sender, CREATE, slug, acme())
    ids = [
        await sender.send(SUSPEND, slug, {"reason": "a"}),
        await sender.send(RESUME, slug),
        await sender.send(SUSPEND, slug, {"reason": "b"}),
    ]
    await _parked(sender.js, slug, 3)
    return ids


@pytest.mark.guarantee("G7.1")
async def test_a_bug_parks_its_aggregate_and_others_go_on(
    js: JetStream, moody: Service, mood: Mood
) -> None:
    sender = Sender(js)
    mood.rule = True
    async with working(js, moody):
        first, *_ = await _park_three(sender)
        assert await _answer(sender, CREATE, "omantel", acme()) == ("", None)
        parked = [data for fact, data in await _events(js, "acme") if fact == "parked"]
        assert [item["reason"] for item in parked] == ["bug", "behind", "behind"]
        assert parked[0]["message_id"] == first
        assert "ZeroDivisionError" in parked[0]["detail"]
        letters = {item.subject: parking.read(item) for item in await js.replay("DLQ", ">")}
        assert {item["subject"] for item in parked} == set(letters)
        assert letters[parked[0]["subject"]].actor is not None

        async def settled() -> bool:
            return not (await js.stream_state("CMD")).messages

        await until(settled)
    await check_log(js)


@pytest.mark.guarantee("G7.2", "G7.3")
async def test_a_retry_decides_all_in_their_old_order(
    js: JetStream, moody: Service, mood: Mood
) -> None:
    sender = Sender(js)
    mood.rule = True
    async with working(js, moody):
        ids = await _park_three(sender)
        assert (await _answer(sender, RETRY, "acme"))[0] == "retry-failed"
        mood.rule = False
        assert await _answer(sender, RETRY, "acme") == ("", {"freed": 3})
        assert [(await sender.outcome("acme", name)).status for name in ids] == ["accepted"] * 3
        facts = await _facts(js, "acme")
        assert facts == [
            "organization-created",
            *["parked"] * 3,
            "organization-suspended",
            "unparked",
            "organization-resumed",
            "unparked",
            "organization-suspended",
            "unparked",
        ]
        assert (await js.stream_state("DLQ")).messages == 0
        assert await _answer(sender, RETRY, "acme") == ("not-parked", None)
        assert (await _answer(sender, RESUME, "acme"))[0] == ""
    await check_log(js)


@pytest.mark.guarantee("G7.3")
async def test_a_drop_ends_in_a_recorded_rejection(
    js: JetStream, moody: Service, mood: Mood
) -> None:
    sender = Sender(js)
    mood.rule = True
    async with working(js, moody):
        first, second, third = await _park_three(sender)
        named = (await _parked(js, "acme", 3))[0]
        drop = {"subject": named, "reason": "not wanted"}
        assert await _answer(sender, DROP, "acme", drop) == ("", {"freed": 1})
        assert (await sender.outcome("acme", first)).code == "dropped"
        assert await _answer(sender, DROP, "acme", drop) == ("not-parked", None)
        mood.rule = False
        assert await _answer(sender, RETRY, "acme") == ("", {"freed": 2})
        assert (await sender.outcome("acme", second)).code == "organization-not-suspended"
        assert (await sender.outcome("acme", third)).code == ""
        # A repeat of what was dropped has the recorded outcome, and changes nothing.
        before = (await js.stream_state("EV")).last_seq
        await sender.send(SUSPEND, "acme", {"reason": "a"}, command_id=first)

        async def settled() -> bool:
            return not (await js.stream_state("CMD")).messages

        await until(settled)
        assert (await js.stream_state("EV")).last_seq == before
    await check_log(js)


@pytest.mark.guarantee("G7.2")
async def test_a_retry_of_one_message_does_not_pass_an_older_one(
    js: JetStream, moody: Service, mood: Mood
) -> None:
    sender = Sender(js)
    mood.rule = True
    async with working(js, moody):
        ids = await _park_three(sender)
        first, second, third = await _parked(js, "acme", 3)
        mood.rule = False
        for behind in (second, third):
            assert await _answer(sender, RETRY, "acme", {"subject": behind}) == ("not-oldest", None)
        assert "unparked" not in await _facts(js, "acme")
        for oldest in (first, second, third):
            assert await _answer(sender, RETRY, "acme", {"subject": oldest}) == ("", {"freed": 1})
        assert [(await sender.outcome("acme", name)).status for name in ids] == ["accepted"] * 3
    await check_log(js)


@pytest.mark.guarantee("G7.3")
async def test_a_drop_frees_what_nobody_can_read_any_more(
    js: JetStream, moody: Service, mood: Mood
) -> None:
    sender = Sender(js)
    mood.rule = True
    async with working(js, moody):
        await _park_three(sender)
        gone, unread, last = await _parked(js, "acme", 3)
        stored = await js.last("DLQ", unread)
        assert stored is not None
        letter = msgspec.structs.replace(parking.read(stored), body=b"no longer a message")
        for subject in (gone, unread):
            await js.api("STREAM.PURGE.DLQ", {"filter": subject})
        await js.publish(Outgoing(unread, msgspec.json.encode(letter)))
        mood.rule = False
        assert (await _answer(sender, RETRY, "acme"))[0] == "retry-failed"
        for subject in (gone, unread):
            drop = {"subject": subject, "reason": "nobody can read it"}
            assert await _answer(sender, DROP, "acme", drop) == ("", {"freed": 1})
        assert await _answer(sender, RETRY, "acme", {"subject": last}) == ("", {"freed": 1})
        assert (await _answer(sender, RESUME, "acme"))[0] == ""
        assert (await js.stream_state("DLQ")).messages == 0
    await check_log(js)


@pytest.mark.guarantee("G7.1", "G7.3")
async def test_a_broken_fold_parks_and_can_be_dropped_without_the_fold(
    js: JetStream, moody: Service, mood: Mood
) -> None:
    sender = Sender(js)
    async with working(js, moody):
        await _answer(sender, CREATE, "acme", acme())
        await _answer(sender, SUSPEND, "acme", {"reason": "a"})
    mood.fold = True
    async with working(js, moody):
        later = await sender.send(RESUME, "acme")
        (named,) = await _parked(js, "acme", 1)
        (parked,) = [data for fact, data in await _events(js, "acme") if fact == "parked"]
        assert parked["reason"] == "fold-failed"
        assert (await _answer(sender, CREATE, "omantel", acme()))[0] == ""
        # `retry` cannot help before the fold is mended, and says so; `drop` works without it.
        assert (await _answer(sender, RETRY, "acme"))[0] == "retry-failed"
        drop = {"subject": named, "reason": "not wanted"}
        assert await _answer(sender, DROP, "acme", drop) == ("", {"freed": 1})
        assert (await sender.outcome("acme", later)).code == "dropped"
    mood.fold = False
    async with working(js, moody):
        assert (await _answer(sender, RESUME, "acme"))[0] == ""
    await check_log(js)


async def test_what_was_delivered_too_often_is_parked_before_it_is_decided(
    js: JetStream, moody: Service
) -> None:
    sender = Sender(js)
    async with working(js, moody):
        await _answer(sender, CREATE, "acme", acme())
    sent = await sender.send(SUSPEND, "acme", {"reason": "a"})
    refused = await sender.send(RESUME, "omantel", {"colour": 1})
    for _ in range(parking.MAX_DELIVERIES):
        # Somebody takes both and gives them back, as a process does that dies over them.
        await take_and_return(js, "CMD", "environment--commands", 2)
    async with working(js, moody):
        (named,) = await _parked(js, "acme", 1)
        # What needs no deciding has its outcome however often it came.
        assert (await sender.outcome("omantel", refused)).code == "invalid-data"
        assert (await _events(js, "acme"))[-1][1]["reason"] == "redelivered"
        assert await _answer(sender, RETRY, "acme", {"subject": named}) == ("", {"freed": 1})
        assert (await sender.outcome("acme", sent)).status == "accepted"
    await check_log(js)


async def test_a_retry_that_was_delivered_too_often_is_rejected_never_parked(
    js: JetStream, moody: Service
) -> None:
    sender = Sender(js)
    async with working(js, moody):
        await _answer(sender, CREATE, "acme", acme())
    sent = await sender.send(RETRY, "acme", aggregate="organization")
    for _ in range(parking.MAX_DELIVERIES):
        await take_and_return(js, "CMD", "environment--commands", 1)
    async with working(js, moody):
        assert (await sender.outcome("acme", sent)).code == "retry-failed"
    assert await _facts(js, "acme") == ["organization-created"]


async def test_a_repeat_of_a_decided_command_is_not_parked_behind(
    js: JetStream, moody: Service, mood: Mood
) -> None:
    sender = Sender(js)
    mood.rule = True
    async with working(js, moody):
        created = await sender.send(CREATE, "acme", acme())
        await sender.outcome("acme", created)
        await sender.send(SUSPEND, "acme", {"reason": "a"})
        await _parked(js, "acme", 1)
        await sender.send(CREATE, "acme", acme(), command_id=created)
        await sender.send(RESUME, "acme")
        await _parked(js, "acme", 2)
        assert (await js.stream_state("DLQ")).messages == 2


class DeafOnce(FaultyBroker):
    """Hears no answer to the batches that free something, though they are stored."""

    deaf = 0

    @override
    async def batch(self, messages: Sequence[Outgoing], *, timeout: float = 5.0) -> Ack:
        found = await self.inner.batch(messages, timeout=timeout)
        if any("unparked" in item.subject for item in messages):
            self.deaf += 1
            raise Unavailable(408, 0, "no answer")
        return found


@pytest.mark.guarantee("G7.3")
async def test_a_retry_that_hears_no_answer_frees_each_message_once_and_counts_it(
    js: JetStream, moody: Service, mood: Mood
) -> None:
    sender = Sender(js)
    mood.rule = True
    broker = DeafOnce(js)
    async with working(js, moody, broker=broker):
        ids = await _park_three(sender)
        mood.rule = False
        assert await _answer(sender, RETRY, "acme") == ("", {"freed": 3})
        assert broker.deaf == 3
        assert (await _facts(js, "acme")).count("unparked") == 3
        async with asyncio.timeout(60):
            for name in ids:
                await sender.outcome("acme", name)
        assert (await js.stream_state("DLQ")).messages == 0
    await check_log(js)
    assert len([item for item in await whole_log(js) if item.subject.startswith("done.")]) == 5


@pytest.mark.guarantee("G1.8")
async def test_a_reused_id_does_not_free_anything(
    js: JetStream, moody: Service, mood: Mood
) -> None:
    sender = Sender(js)
    mood.rule = True
    async with working(js, moody):
        await _answer(sender, CREATE, "acme", acme())
        await sender.send(CREATE, "acme", acme(), command_id="c-used")
        await sender.outcome("acme", "c-used")
        await sender.send(SUSPEND, "acme", {"reason": "a"})
        await _parked(js, "acme", 1)
        mood.rule = False
        await sender.send(RETRY, "acme", command_id="c-used", aggregate="organization")

        async def settled() -> bool:
            return not (await js.stream_state("CMD")).messages

        await until(settled)
        assert "unparked" not in await _facts(js, "acme")
