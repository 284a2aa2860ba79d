"""The layout of a batch: what stands in it in which order, its guards and its limits."""

from datetime import timedelta

import msgspec
import pytest
from tests.unit.chassis.drafts import (
    HOST,
    MAX_PAYLOAD,
    OTHER,
    OWN,
    PARENT,
    SLUG,
    accepted,
    guard_of,
    job,
    suspended,
)

from catalyst.chassis import batch, outcome
from catalyst.chassis.batch import TooLarge
from catalyst.chassis.guard import Guard
from catalyst.chassis.jetstream.port import Outgoing
from catalyst.contracts import environment_v1
from catalyst.contracts.decision import (
    Arm,
    Cancel,
    Decision,
    Emit,
    Send,
    TakeClaim,
)
from catalyst.contracts.message import Envelope, FieldError, derived_id
from catalyst.contracts.rejection import Rejected
from catalyst.contracts.topology import MAX_GROUP_MESSAGES

WHOLE = Decision(
    events=(Emit(suspended("1")), Emit(suspended("2"), OTHER), Emit(suspended("3"))),
    claims=(TakeClaim(SLUG),),
    timers=(Arm(timer="deadline", after=timedelta(seconds=60)), Cancel("older")),
    commands=(Send(ref=OTHER, command=environment_v1.CompleteOnboarding()),),
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
    said = msgspec.json.decode(draft.before_done()[-1].data, type=Envelope)
    answer = msgspec.json.decode(said.data)["answer"]
    assert (answer["status"], answer["code"], answer["message"]) == ("rejected", "forbidden", "no")


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


def test_each_command_has_an_answer_of_its_own_though_all_belong_together() -> None:
    """Of two with the same id the second would be taken for a repeat, and its process wait on."""
    ids = [
        msgspec.json.decode(message.data, type=Envelope).id
        for done_id in ("c-1", "c-2")
        for message in accepted(Decision(), job(done_id, process=OTHER)).before_done()
        if message.subject.startswith("out.")
    ]
    assert ids == [derived_id("c-1", "answer"), derived_id("c-2", "answer")]


@pytest.mark.parametrize(("hears", "named"), [(True, OWN.path), (False, None)])
def test_who_takes_no_answers_is_not_named_as_wanting_one(
    named: str | None, *, hears: bool
) -> None:
    messages = accepted(WHOLE, job(hears=hears)).after_done()
    sent = [item for item in messages if item.subject[:4] == "out."]
    assert [msgspec.json.decode(item.data, type=Envelope).process for item in sent] == [named]


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
    draft = msgspec.structs.replace(draft, snapshot=Outgoing(OWN.snapshot, b"x" * MAX_PAYLOAD))
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


def test_a_guard_is_carried_by_an_empty_message() -> None:
    message = Guard("evt.a.>", 4).message("chk.acme.c-1")
    assert guard_of(message) == ("evt.a.>", "4")
    assert message.data == b""
