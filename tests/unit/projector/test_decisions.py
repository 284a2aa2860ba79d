"""Messages become whole decisions, whatever has expired between them."""

from hypothesis import given
from hypothesis import strategies as st

from catalyst.projector.decisions import Assembler, Whole
from catalyst.projector.ports import LogMessage


def message(seq: int, subject: str, batch: str | None = None, *, last: bool = False) -> LogMessage:
    return LogMessage(seq, subject, seq, batch.encode() if batch else None, last, b"{}")


def sequences(wholes: list[Whole]) -> list[tuple[int, list[int]]]:
    return [(whole.seq, [event.seq for event in whole.events]) for whole in wholes]


def test_a_batch_is_one_decision_that_ends_with_its_commit() -> None:
    assembler = Assembler(0)
    first = list(assembler.take([message(1, "done.a.1", "x"), message(2, "evt.a.s.k.i.f.v1", "x")]))
    assert first == []
    rest = list(assembler.take([message(3, "evt.a.s.k.i.f.v1", "x", last=True)]))
    assert sequences(rest) == [(3, [2, 3])]


def test_nothing_is_over_while_a_decision_with_events_is_open() -> None:
    assembler = Assembler(0)
    assert list(assembler.take([message(1, "evt.a.s.k.i.f.v1", "x")])) == []
    assert assembler.rest(9) is None
    assert assembler.seq == 0


def test_a_message_alone_is_a_decision() -> None:
    assembler = Assembler(0)
    found = list(assembler.take([message(1, "evt.a.s.k.i.f.v1"), message(2, "due.tmr.a.s.k.i.t")]))
    assert sequences(found) == [(1, [1]), (2, [])]


def test_a_decision_whose_last_message_has_expired_ends_where_the_next_begins() -> None:
    assembler = Assembler(0)
    found = list(
        assembler.take(
            [message(1, "out.a.s.k.i.f.v1", "x"), message(4, "evt.a.s.k.i.f.v1", "y", last=True)]
        )
    )
    assert sequences(found) == [(1, []), (4, [4])]


def test_expired_messages_at_the_end_count_as_read() -> None:
    assembler = Assembler(0)
    list(assembler.take([message(1, "evt.a.s.k.i.f.v1", "x", last=True)]))
    assert assembler.rest(5) == Whole(5, [])
    assert assembler.rest(5) is None


def test_what_is_left_of_a_rejection_counts_as_read() -> None:
    assembler = Assembler(0)
    assert list(assembler.take([message(1, "out.a.s.k.i.f.v1", "x")])) == []
    assert assembler.rest(2) == Whole(2, [])


@st.composite
def logs(draw: st.DrawFn) -> tuple[list[LogMessage], list[list[int]]]:
    """A log as it is written, then thinned by expiry; and the events of each decision."""
    messages: list[LogMessage] = []
    decisions: list[list[int]] = []
    seq = 0
    for number in range(draw(st.integers(0, 8))):
        shape = draw(st.sampled_from(["accepted", "rejected", "fired", "alone"]))
        batch = f"b{number}"
        subjects = {
            "accepted": ["done.a.1", "chk.a.1", *["evt.a.s.k.i.f.v1"] * draw(st.integers(1, 4))],
            "rejected": ["chk.a.1", "out.a.s.k.i.f.v1", "done.a.1"],
            "fired": ["due.tmr.a.s.k.i.t"],
            "alone": ["evt.a.s.k.i.f.v1"],
        }[shape]
        events = []
        for place, subject in enumerate(subjects, 1):
            seq += 1
            grouped = shape in {"accepted", "rejected"}
            expires = subject[:4] in {"done", "chk."}
            if expires and draw(st.booleans()):
                continue
            last = grouped and place == len(subjects)
            messages.append(message(seq, subject, batch if grouped else None, last=last))
            if subject.startswith("evt."):
                events.append(seq)
        if events:
            decisions.append(events)
    return messages, decisions


@given(logs(), st.data())
def test_decisions_come_whole_and_in_order_however_the_log_is_read(
    log: tuple[list[LogMessage], list[list[int]]], data: st.DataObject
) -> None:
    messages, decisions = log
    assembler = Assembler(0)
    found: list[Whole] = []
    rest = list(messages)
    while rest:
        size = data.draw(st.integers(1, len(rest)))
        found.extend(assembler.take(rest[:size]))
        rest = rest[size:]
    assert [[event.seq for event in whole.events] for whole in found if whole.events] == decisions
    assert [whole.seq for whole in found] == sorted({whole.seq for whole in found})
