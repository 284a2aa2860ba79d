"""The layout of batches, and which drafts may share one: for any drafts at all."""

import asyncio
import dataclasses
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalyst.chassis import batch, outcome
from catalyst.chassis.batch import Draft, TooLarge
from catalyst.chassis.grouping import Grouping, Placed
from catalyst.chassis.guard import Guard
from catalyst.chassis.jetstream.port import Ack, Outgoing, WrongSequence
from catalyst.chassis.job import Job
from catalyst.chassis.states import Held, HeldClaim
from catalyst.contracts import environment_v1
from catalyst.contracts.decision import (
    Actor,
    Arm,
    Cancel,
    ClaimState,
    Decision,
    Emit,
    Send,
    TakeClaim,
)
from catalyst.contracts.message import Envelope, FieldError, Outcome, derived_id
from catalyst.contracts.rejection import Rejected
from catalyst.contracts.subjects import Claim, Ref
from catalyst.contracts.topology import MAX_GROUP_COMMANDS, MAX_GROUP_MESSAGES

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
OWN = Ref("acme", "environment", "onboarding", "acme")
OTHER = Ref("acme", "environment", "organization", "acme")
PARENT = Ref("parent", "environment", "organization", "parent")
SLUG, HOST = Claim("organization", "acme"), Claim("host", "a.example.org")
MAX_PAYLOAD = 1024 * 1024


def job(name: str = "c-1", **more: Any) -> Job:
    values: dict[str, Any] = {
        "ref": OWN,
        "type": "environment.report-step.v1",
        "input_id": name,
        "done_id": name,
        "digest": "d",
        "now": NOW,
        "actor": Actor(name="service:environment", proven=True),
        "correlationid": "corr",
        "payload": None,
        "origin": "c",
        "sequence": 7,
        "delivery": None,
    }
    return Job(**{**values, **more})


def suspended(text: str = "a") -> environment_v1.OrganizationSuspended:
    return environment_v1.OrganizationSuspended(slug="acme", reason=text)


HELD = {
    OWN: Held(ref=OWN, state=None, version=5),
    OTHER: Held(ref=OTHER, state=None, version=9),
    PARENT: Held(ref=PARENT, state=None, version=3),
}
CLAIMS = {
    SLUG: HeldClaim(claim=SLUG, state=ClaimState(), version=0),
    HOST: HeldClaim(claim=HOST, state=ClaimState(), version=4),
}
WHOLE = Decision(
    events=(Emit(suspended("1")), Emit(suspended("2"), OTHER), Emit(suspended("3"))),
    claims=(TakeClaim(SLUG),),
    timers=(Arm(timer="deadline", after=timedelta(seconds=60)), Cancel("older")),
    commands=(Send(ref=OTHER, command=environment_v1.CompleteOnboarding()),),
)


def accepted(decision: Decision, given_job: Job | None = None) -> Draft:
    who = given_job or job()
    return batch.acceptance(who, decision, outcome.accepted(who, (), None), HELD, CLAIMS)


def guard_of(message: Outgoing) -> tuple[str | None, str | None]:
    return (
        message.headers.get("Nats-Expected-Last-Subject-Sequence-Subject"),
        message.headers.get("Nats-Expected-Last-Subject-Sequence"),
    )


def test_where_there_are_events_the_outcome_is_first_and_an_event_last() -> None:
    draft = accepted(WHOLE)
    assert draft.before_done() == []
    messages = draft.after_done()
    assert [item.subject.split(".")[0] for item in messages] == [
        *["chk"] * 2,
        "clm",
        "tmr",
        "out",
        *["evt"] * 3,
    ]
    assert draft.counts() == {"chk": 2, "clm": 1, "tmr": 1, "out": 1, "evt": 3}
    assert draft.size() == len(messages) + 1


def test_each_aggregate_is_guarded_by_one_string_on_its_first_event() -> None:
    events = [item for item in accepted(WHOLE).after_done() if item.subject[:4] == "evt."]
    assert guard_of(events[0]) == (OWN.guard, "5")
    assert guard_of(events[1]) == (OTHER.guard, "9")
    assert guard_of(events[2]) == (None, None)


def test_what_was_only_read_is_guarded_by_messages_that_expire() -> None:
    checks = [item for item in accepted(WHOLE).after_done() if item.subject[:4] == "chk."]
    assert {guard_of(item) for item in checks} == {(PARENT.guard, "3"), (HOST.subject, "4")}
    assert [item.subject for item in checks] == ["chk.acme.c-1", "chk.acme.c-1.1"]
    assert all(item.headers["Nats-TTL"] == "60s" and item.data == b"" for item in checks)


def test_a_refusal_guards_all_that_was_read_and_ends_in_the_outcome() -> None:
    who = job(process=OWN)
    refused = outcome.rejected(who, Rejected("forbidden", "no"))
    draft = batch.rejection(who, refused, {OWN.guard: 5, HOST.subject: 4})
    assert draft.after_done() == []
    subjects = [item.subject for item in draft.before_done()]
    assert subjects == [
        "chk.acme.c-1",
        "chk.acme.c-1.1",
        "out.acme.environment.onboarding.acme.take-answer.v1",
    ]


def test_ids_derive_from_the_outcome_and_the_place() -> None:
    messages = accepted(WHOLE).after_done()
    ids = [
        msgspec.json.decode(item.data, type=Envelope).id
        for item in messages
        if item.subject[:4] in {"evt.", "out."}
    ]
    assert ids == [derived_id("c-1", "out0"), *(derived_id("c-1", n) for n in range(3))]
    again = accepted(WHOLE).after_done()
    assert [item.data for item in again] == [item.data for item in messages]


def test_a_cancellation_travels_on_an_event_one_each() -> None:
    events = [item for item in accepted(WHOLE).after_done() if item.subject[:4] == "evt."]
    carrying = [item for item in events if "Nats-Scheduler" in item.headers]
    assert [item.headers["Nats-Scheduler"] for item in carrying] == [OWN.timer("older")]
    assert carrying[0].headers["Nats-Schedule-Next"] == "purge"
    # The guard on the same event stays.
    assert guard_of(carrying[0]) == (OWN.guard, "5")


@pytest.mark.parametrize(
    "timers",
    [
        (Cancel("a"), Cancel("b")),
        (Arm(timer="a", after=timedelta(seconds=1)), Cancel("a")),
    ],
    ids=["more-than-events", "cancels-what-it-arms"],
)
def test_timers_that_cannot_be_written_are_a_bug(timers: tuple[Arm | Cancel, ...]) -> None:
    with pytest.raises(ValueError, match="cancels"):
        accepted(Decision(events=(Emit(suspended()),), timers=timers))


def test_an_event_outside_the_organization_is_a_bug() -> None:
    with pytest.raises(ValueError, match="outside"):
        accepted(Decision(events=(Emit(suspended(), PARENT),)))


def test_too_many_events_are_refused() -> None:
    accepted(Decision(events=tuple(Emit(suspended()) for _ in range(200))))
    with pytest.raises(TooLarge):
        accepted(Decision(events=tuple(Emit(suspended()) for _ in range(201))))


def test_too_many_messages_are_refused() -> None:
    send = Send(ref=OTHER, command=environment_v1.CompleteOnboarding())
    draft = accepted(Decision(commands=(send,) * MAX_GROUP_MESSAGES))
    with pytest.raises(TooLarge):
        batch.measure(draft, MAX_PAYLOAD)


def test_a_message_above_the_brokers_limit_is_refused_a_snapshot_left_out() -> None:
    draft = accepted(Decision(events=(Emit(suspended("x" * 3000)),)))
    batch.measure(draft, MAX_PAYLOAD)
    draft = dataclasses.replace(draft, snapshot=Outgoing(OWN.snapshot, b"x" * MAX_PAYLOAD))
    batch.measure(draft, MAX_PAYLOAD)
    assert draft.snapshot is None
    with pytest.raises(TooLarge):
        batch.measure(draft, 4096 + 3000)


def test_a_command_to_be_sent_has_the_limit_of_any_command() -> None:
    told = environment_v1.FailOnboarding(step="git-home", reason="x" * 300_000)
    draft = accepted(Decision(commands=(Send(ref=OTHER, command=told),)))
    with pytest.raises(TooLarge):
        batch.measure(draft, MAX_PAYLOAD)


def test_the_text_of_a_refusal_has_a_limit() -> None:
    errors = [
        FieldError(pointer="/data" * 1000, rule="type", message="m" * 100_000) for _ in range(300)
    ]
    found = outcome.rejected(job(), Rejected("invalid-data", "m" * 300_000, errors))
    draft = batch.rejection(job(), found, {})
    batch.measure(draft, MAX_PAYLOAD)
    assert found.errors[0].rule == "type"
    assert 0 < len(found.errors) < 300


class Store:
    """Numbers what it is given, as the broker does, and checks what the broker would."""

    def __init__(self) -> None:
        self.log: list[Outgoing] = []
        self.batches: list[Sequence[Outgoing]] = []
        self.last: dict[str, int] = {}

    async def batch(self, messages: Sequence[Outgoing]) -> Ack:
        await asyncio.sleep(0)
        subjects = [item.subject for item in messages if item.subject[:4] in {"clm.", "done"}]
        assert len(subjects) == len(set(subjects)), "one subject twice in a batch"
        # All guards are judged against what was stored before the batch.
        for message in messages:
            string, at = guard_of(message)
            if at is not None and int(at) != self.last.get(string or message.subject, 0):
                raise WrongSequence(400, 10071, "wrong last sequence")
        for message in messages:
            self.log.append(message)
            self.last[message.subject] = len(self.log)
            if message.subject.startswith("evt."):
                self.last[".".join(message.subject.split(".")[:5]) + ".>"] = len(self.log)
        self.batches.append(messages)
        return Ack("EV", len(self.log), len(messages))

    async def publish(self, message: Outgoing) -> Ack:
        return await self.batch([message])


async def stored(drafts: Sequence[Draft]) -> tuple[Store, list[Placed | Exception]]:
    store = Store()
    grouping = Grouping(cast("Any", store))
    answers: list[Placed | Exception] = []

    async def one(draft: Draft) -> Placed | Exception:
        try:
            return await grouping.commit(draft)
        except WrongSequence as error:
            return error

    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(grouping.run())
        async with asyncio.TaskGroup() as commits:
            waiting = [commits.create_task(one(draft)) for draft in drafts]
        answers = [task.result() for task in waiting]
        running.cancel()
    return store, answers


REFS = [Ref("acme", "environment", "organization", name) for name in "abcd"]
NAMES = [Claim("host", name) for name in "xyz"]


@st.composite
def drafts(draw: st.DrawFn) -> list[Draft]:
    """Drafts that read and write a few things, each from the state before all of them."""
    found = []
    for number in range(draw(st.integers(1, 12))):
        who = job(f"c-{draw(st.integers(0, number))}", ref=draw(st.sampled_from(REFS)))
        read = {who.ref, *draw(st.sets(st.sampled_from(REFS), max_size=2))}
        claims = draw(st.sets(st.sampled_from(NAMES), max_size=2))
        held = {ref: Held(ref=ref, state=None, version=0) for ref in read}
        seen = {item: HeldClaim(claim=item, state=ClaimState(), version=0) for item in claims}
        if draw(st.booleans()):
            refused = outcome.rejected(who, Rejected("forbidden", "no"))
            guards = {ref.guard: 0 for ref in read} | {item.subject: 0 for item in claims}
            found.append(batch.rejection(who, refused, guards))
            continue
        written = draw(st.lists(st.sampled_from(sorted(read)), max_size=3))
        taken = draw(st.sets(st.sampled_from(sorted(claims)))) if claims else set()
        decision = Decision(
            events=tuple(Emit(suspended(), ref) for ref in written),
            claims=tuple(TakeClaim(item) for item in sorted(taken)),
        )
        done = outcome.accepted(who, tuple("e" for _ in written), None)
        found.append(batch.acceptance(who, decision, done, held, seen))
        found[-1].alone = draw(st.booleans()) and draw(st.booleans())
    return found


@given(drafts=drafts())
async def test_no_two_drafts_of_one_batch_touch_each_other(drafts: list[Draft]) -> None:
    store, answers = await stored(drafts)
    by_done: dict[str, list[Draft]] = {}
    for draft, answer in zip(drafts, answers, strict=True):
        if isinstance(answer, Placed):
            by_done.setdefault(draft.done, []).append(draft)
    # One outcome each: whoever came second under an id was refused by its guard.
    assert all(len(winners) == 1 for winners in by_done.values())
    for messages in store.batches:
        members = [by_done[item.subject][0] for item in messages if item.subject in by_done]
        assert len(members) <= MAX_GROUP_COMMANDS
        assert sum(member.size() for member in members) == len(messages)
        if any(member.alone for member in members):
            assert len(members) == 1
        for member in members:
            for other in members:
                if member is not other:
                    assert member.writes().isdisjoint(other.writes() | other.guards.keys())
        if any(item.subject.startswith("evt.") for item in messages):
            assert messages[-1].subject.startswith("evt.")


@given(drafts=drafts())
async def test_an_outcome_says_where_its_messages_stand(drafts: list[Draft]) -> None:
    store, answers = await stored(drafts)
    for draft, answer in zip(drafts, answers, strict=True):
        if not isinstance(answer, Placed):
            continue
        own = next(
            number for number, message in enumerate(store.log, 1) if message.subject == draft.done
        )
        found = msgspec.json.decode(store.log[own - 1].data, type=Outcome)
        assert own + found.after == answer.last
        assert found.counts == draft.counts()
        assert answer.outcome is not None
        assert (answer.outcome.seq, answer.outcome.after) == (answer.last, found.after)
        # Its own messages stand around it: `before` in front, the rest right behind.
        whole = store.log[own - 1 - found.before : own - 1 - found.before + draft.size()]
        assert [item.subject for item in whole] == [
            *(item.subject for item in draft.before_done()),
            draft.done,
            *(item.subject for item in draft.after_done()),
        ]
        assert [store.log[seq - 1].subject for seq in answer.events] == [
            item.message.subject for item in draft.events
        ]


async def test_two_that_only_read_the_same_go_together() -> None:
    refused = [
        batch.rejection(
            job(f"c-{number}"),
            outcome.rejected(job(f"c-{number}"), Rejected("forbidden", "no")),
            {OWN.guard: 0},
        )
        for number in range(3)
    ]
    store, _ = await stored(refused)
    assert len(store.batches) == 1


async def test_one_that_read_another_sequence_waits() -> None:
    refused = [
        batch.rejection(
            job(f"c-{number}"),
            outcome.rejected(job(f"c-{number}"), Rejected("forbidden", "no")),
            {OWN.guard: number},
        )
        for number in range(2)
    ]
    store, answers = await stored(refused)
    assert len(store.batches) == 1
    assert isinstance(answers[1], WrongSequence)


async def test_what_cancels_a_timer_waits_for_what_arms_it() -> None:
    arms = accepted(
        Decision(
            events=(Emit(suspended(), OTHER),),
            timers=(Arm(timer="deadline", after=timedelta(seconds=1)),),
        )
    )
    cancels = accepted(
        Decision(events=(Emit(suspended(), OTHER),), timers=(Cancel("deadline"),)), job("c-2")
    )
    for draft in (arms, cancels):
        draft.events = [
            batch.Written(
                message=Outgoing(item.message.subject, b"", {}), ref=item.ref, event=item.event
            )
            for item in draft.events
        ]
        draft.checks, draft.claims, draft.guards = [], [], {}
    arms.events[0] = batch.Written(
        message=arms.events[0].message, ref=PARENT, event=arms.events[0].event
    )
    store, _ = await stored([arms, cancels])
    assert len(store.batches) == 2


def test_a_guard_is_carried_by_an_empty_message() -> None:
    message = Guard("evt.a.>", 4).message("chk.acme.c-1")
    assert guard_of(message) == ("evt.a.>", "4")
    assert message.data == b""
