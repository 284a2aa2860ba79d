"""What the log has lost is told by what is left of it, and nothing is ever told of a whole one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalyst.projector.holes import Holes
from catalyst.projector.ports import ELSEWHERE, LogMessage

AGGREGATES: Final = ("acme", "beta", "cora")


def outcome(counts: dict[str, int]) -> bytes:
    """Return an outcome whose sender has called it so that it looks like one with events."""
    return msgspec.json.encode({"id": '"evt"', "correlationid": "evt", "counts": counts})


@dataclass
class Written:
    """A log as workers write it."""

    messages: list[LogMessage] = field(default_factory=list)
    last: dict[str, int] = field(default_factory=dict)

    @property
    def seq(self) -> int:
        return len(self.messages)

    def add(self, subject: str, data: bytes = b"", *, guard: int | None = None) -> None:
        self.messages.append(
            LogMessage(self.seq + 1, subject, self.seq, None, False, data, guard)  # noqa: FBT003
        )

    def event(self, name: str, *, guarded: bool) -> None:
        guard = self.last.get(name, 0) if guarded else None
        self.add(f"evt.o.s.a.{name}.changed.v1", guard=guard)
        self.last[name] = self.seq

    def decide(self, names: Sequence[str], *, before: Sequence[str] = ()) -> None:
        """Write a decision with an event on each of these, behind its outcome and other things."""
        classes = [subject.partition(".")[0] for subject in before]
        counts = {one: classes.count(one) for one in classes} | {"evt": len(names)}
        self.add(f"done.o.{self.seq}", outcome(counts))
        for subject in before:
            self.add(subject)
        written: set[str] = set()
        for name in names:
            self.event(name, guarded=name not in written)
            written.add(name)

    def batch(self, since: int) -> None:
        """Make one batch of everything behind `since`."""
        for message in self.messages[since:]:
            message.batch = f"b{since}".encode()
        self.messages[-1].commit = True


def told(
    messages: Sequence[LogMessage], head: int | None = None, rows: Mapping[str, bytes] | None = None
) -> tuple[int, str] | None:
    """Return place and aggregate of the first event that is found to be gone."""
    holes = Holes()
    holes.watch(rows or {})
    holes.take(messages)
    end = messages[-1].seq if head is None else head
    holes.rest(end)
    holes.expect(end)
    found = holes.first
    return None if found is None else (found.seq, found.aggregate)


EXPIRING: Final = ("chk.o.x", "clm.o.x", "st.o.s.a.x", "tmr.o.s.a.x.t", "out.o.s.a.x.go.v1")


@st.composite
def logs(draw: st.DrawFn) -> Written:
    """Accepted and rejected decisions, in batches of several, and what stands alone."""
    log = Written()
    for _ in range(draw(st.integers(1, 6))):
        since = log.seq
        shape = draw(st.sampled_from(["batch", "rejected", "fired", "alone", "parked"]))
        match shape:
            case "batch":
                for _ in range(draw(st.integers(1, 3))):
                    names = draw(st.lists(st.sampled_from(AGGREGATES), min_size=1, max_size=4))
                    # One batch writes an aggregate in one decision only.
                    names = [name for name in names if log.last.get(name, 0) <= since]
                    before = draw(st.lists(st.sampled_from(EXPIRING), max_size=3))
                    if names:
                        log.decide(names, before=before)
                if log.seq > since:
                    log.batch(since)
            case "rejected":
                checks = draw(st.integers(0, 3))
                for _ in range(checks):
                    log.add("chk.o.x")
                log.add("done.o.x", outcome({"chk": checks} if checks else {}))
                log.batch(since)
            case "fired":
                log.add("due.tmr.o.s.a.acme.t")
            case "alone":
                log.event(draw(st.sampled_from(AGGREGATES)), guarded=True)
            case _:
                log.add("chk.o.x")
                log.event(draw(st.sampled_from(AGGREGATES)), guarded=True)
                log.batch(since)
    return log


def is_event(message: LogMessage) -> bool:
    return message.subject.startswith("evt.")


def expired(log: Written, draw: st.DataObject) -> list[LogMessage]:
    """Return what is left when some of what may leave the log has left it."""
    leaving = {
        message.seq
        for message in log.messages
        if not is_event(message) and draw.draw(st.booleans(), label=message.subject)
    }
    return [message for message in log.messages if message.seq not in leaving]


@pytest.mark.guarantee("G3.10")
@given(logs(), st.data())
def test_of_a_whole_log_nothing_is_told_whatever_has_left_it_by_itself(
    log: Written, draw: st.DataObject
) -> None:
    left = expired(log, draw)
    rows = {name: b'{"seq":%d}' % seq for name, seq in log.last.items()}
    if left:
        assert told(left, log.seq, rows) is None


@pytest.mark.guarantee("G3.10")
@given(logs(), st.data())
def test_an_event_that_is_gone_is_told_if_anything_that_is_left_knows_of_it(
    log: Written, draw: st.DataObject
) -> None:
    events = [message for message in log.messages if is_event(message)]
    if not events:
        return
    gone = draw.draw(st.sampled_from(events))
    left = [message for message in expired(log, draw) if message.seq != gone.seq]
    if not left:
        return
    found = told(left, log.seq)
    if knows(log, left, gone):
        assert found is not None
        assert found[0] <= gone.seq
        # Nothing that is there is taken for gone: what has left by itself may stand before it.
        assert found[0] not in {message.seq for message in left}
    else:
        assert found is None
    # A row of the read model that was made from it tells of it in any case.
    row = {"key": b'{"seq":%d}' % gone.seq}
    assert told(left, log.seq, row) is not None


def knows(log: Written, left: Sequence[LogMessage], gone: LogMessage) -> bool:
    """Whether an outcome, a guard, its own decision or its batch's end tells of an event."""
    name = gone.subject.split(".")[4]
    later = [one for one in left if is_event(one) and one.seq > gone.seq]
    following = next((one for one in later if one.subject == gone.subject), None)
    if following is not None and following.guard == gone.seq:
        return True
    after = log.messages[gone.seq] if gone.seq < log.seq else None
    if after is not None and is_event(after) and after.guard is None:
        return True
    in_batch = [
        one for one in left if is_event(one) and gone.batch is not None and one.batch == gone.batch
    ]
    if gone.commit and in_batch:
        return True
    return any(gone.seq in owed(one) for one in left if one.subject.startswith("done.") and name)


def owed(recorded: LogMessage) -> range:
    counts: dict[str, int] = msgspec.json.decode(recorded.data)["counts"]
    end = recorded.seq + 1 + sum(counts.values())
    return range(end - counts.get("evt", 0), end)


def decided() -> Written:
    log = Written()
    log.decide(["acme", "acme", "beta"])
    log.batch(0)
    log.decide(["acme"])
    log.batch(4)
    return log


def without(log: Written, *gone: int) -> list[LogMessage]:
    return [message for message in log.messages if message.seq not in gone]


@pytest.mark.guarantee("G3.10")
@pytest.mark.parametrize(
    ("gone", "place", "aggregate"),
    [
        ((1, 3), 3, "o.s.a.acme"),
        ((1, 2), 2, ""),
        ((1, 4), 4, ""),
        ((1, 2, 3, 4), 3, "o.s.a.acme"),
        ((4,), 4, ""),
        ((6,), 6, ""),
    ],
    ids=[
        "by-a-guard",
        "by-what-follows-it",
        "by-the-end-of-its-batch",
        "a-decision",
        "the-last-of-a-batch",
        "by-its-outcome",
    ],
)
def test_the_first_event_that_is_gone_is_named(
    gone: tuple[int, ...], place: int, aggregate: str
) -> None:
    assert told(without(decided(), *gone), 6) == (place, aggregate)


@pytest.mark.guarantee("G3.10")
def test_the_last_event_of_all_whose_outcome_is_gone_too_is_told_by_its_row_alone() -> None:
    left = without(decided(), 5, 6)
    assert told(left, 6) is None
    assert told(left, 6, {"acme": b'{"seq":6}'}) == (6, "")
    assert told(left, 6, {"acme": b'{"seq":3}', "beta": b"garbage"}) is None


@pytest.mark.guarantee("G3.10")
def test_an_event_under_a_guard_of_something_else_says_nothing_of_its_aggregate() -> None:
    log = Written()
    log.add("evt.o.s.a.acme.changed.v1", guard=ELSEWHERE)
    log.add("done.o.x", b'{"counts":"evt"}')
    log.add("done.o.y", b'"evt"')
    assert told(log.messages, 9) is None


@pytest.mark.guarantee("G3.10")
def test_a_refusal_that_is_called_like_an_event_owes_none() -> None:
    log = Written()
    for checks in (2, 3):
        since = log.seq
        for _ in range(checks):
            log.add("chk.o.x")
        log.add("done.o.x", outcome({"chk": checks}))
        log.batch(since)
    log.decide(["acme"])
    # Checks leave the log after a minute, outcomes after a month.
    left = [one for one in log.messages if not one.subject.startswith("chk.")]
    assert told(left) is None
