"""Which drafts may share a batch, and where their messages stand: for any drafts at all."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import Any, cast

import msgspec
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.chassis.drafts import (
    OTHER,
    OWN,
    PARENT,
    accepted,
    guard_of,
    job,
    suspended,
)

from catalyst.chassis import batch, outcome
from catalyst.chassis.batch import Draft
from catalyst.chassis.claiming import HeldClaim
from catalyst.chassis.grouping import Grouping, Placed, Superseded
from catalyst.chassis.jetstream.port import Ack, Outgoing, WrongSequence
from catalyst.chassis.states import Held
from catalyst.contracts.decision import (
    Arm,
    Cancel,
    ClaimState,
    Decision,
    Emit,
    TakeClaim,
)
from catalyst.contracts.message import Outcome
from catalyst.contracts.rejection import Rejected
from catalyst.contracts.subjects import Claim, Ref
from catalyst.contracts.topology import MAX_GROUP_COMMANDS


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
        except (Superseded, WrongSequence) as error:
            return error

    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(grouping.run())
        async with asyncio.TaskGroup() as commits:
            waiting = [commits.create_task(one(draft)) for draft in drafts]
        answers = [task.result() for task in waiting]
        running.cancel()
    for draft, answer in zip(drafts, answers, strict=True):
        if isinstance(answer, Superseded):
            # The broker would not have taken it any more.
            assert store.last[answer.guard] > draft.guards[answer.guard]
    return store, answers


REFS = [Ref("acme", "environment", "organization", name) for name in "abcd"]
NAMES = [Claim("host", name) for name in "xyz"]
# Made once: a strategy that is made anew in each draw takes longer than what is drawn from it.
REF, SOME_REFS = st.sampled_from(REFS), st.sets(st.sampled_from(REFS), max_size=2)
SOME_NAMES = st.sets(st.sampled_from(NAMES), max_size=2)
TRUTH, PLACES = st.booleans(), st.lists(st.integers(0, 11), max_size=3)


@st.composite
def drafts(draw: st.DrawFn) -> list[Draft]:
    """Drafts that read and write a few things, each from the state before all of them."""
    found = []
    for number in range(draw(st.integers(1, 12))):
        who = job(f"c-{draw(st.integers(0, number))}", ref=draw(REF))
        read = {who.ref, *draw(SOME_REFS)}
        claims = draw(SOME_NAMES)
        held = {ref: Held(ref=ref, state=None, version=0) for ref in read}
        seen = {item: HeldClaim(claim=item, state=ClaimState(), version=0) for item in claims}
        if draw(TRUTH):
            refused = outcome.rejected(who, Rejected("forbidden", "no"))
            guards = {ref.guard: 0 for ref in read} | {item.subject: 0 for item in claims}
            found.append(batch.rejection(who, refused, guards))
            continue
        # 12 is a multiple of 1, 2 and 3, so each of what was read is as likely as any other.
        known = sorted(read, key=lambda ref: ref.path)
        written = [known[place % len(known)] for place in draw(PLACES)]
        taken = [item for item in sorted(claims) if draw(TRUTH)]
        decision = Decision(
            events=tuple(Emit(suspended(), ref) for ref in written),
            claims=tuple(TakeClaim(item) for item in taken),
        )
        done = outcome.accepted(who, tuple("e" for _ in written), None)
        found.append(batch.acceptance(who, decision, done, held, seen))
        found[-1].alone = draw(TRUTH) and draw(TRUTH)
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
        assert answer.outcome == found
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
