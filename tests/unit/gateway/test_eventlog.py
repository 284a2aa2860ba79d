"""The newest events in memory: nothing is missing between memory and the log."""

import asyncio
import tracemalloc
from types import SimpleNamespace
from typing import Any, cast

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typing_extensions import override

from catalyst.chassis import clock
from catalyst.chassis.jetstream.broker import JetStream
from catalyst.chassis.jetstream.port import Stored
from catalyst.chassis.jetstream.puller import Pulled
from catalyst.chassis.jetstream.times import of_nanoseconds
from catalyst.gateway import eventlog
from catalyst.gateway.answers import Fresh
from catalyst.gateway.eventlog import EventLog
from catalyst.gateway.events import frame

SUBJECT = "evt.acme.environment.organization.acme.organization-resumed.v1"
OTHER = "evt.globex.environment.organization.globex.organization-resumed.v1"
MINE = "evt.acme.>"


def subject_of(seq: int) -> str:
    """Every third event is another Organization's."""
    return OTHER if seq % 3 == 0 else SUBJECT


def body(seq: int) -> bytes:
    return msgspec.json.encode(
        {"specversion": "1.0", "id": f"e{seq}", "source": "t", "type": "x", "data": {"n": seq}}
    )


class Log:
    """A log whose events stand at some sequences; counts how often it is read."""

    def __init__(self, seqs: list[int]) -> None:
        self.seqs = seqs
        self.reads = 0

    async def replay(self, _stream: str, subject: str, *, start: int, limit: int) -> list[Stored]:
        self.reads += 1
        whole = subject == eventlog.EVENTS
        wanted = [seq for seq in self.seqs if seq >= start]
        found = [seq for seq in wanted if whole or subject_of(seq) == SUBJECT][:limit]
        return [
            Stored("EV", subject_of(seq), seq, of_nanoseconds(seq), body(seq), {}) for seq in found
        ]


def pulled(seq: int, data: bytes | None = None, *, seconds: int = 0) -> Pulled:
    time = seconds * 1_000_000_000 or seq
    return Pulled(seq, subject_of(seq), time, 0, None, body(seq) if data is None else data)


async def collected(events: EventLog, start: int, limit: int, subject: str) -> list[int]:
    """Read on and on until nothing more comes; return the places of the first Organization."""
    found: list[int] = []
    seq = start
    while entries := await events.after(seq, limit, subject):
        assert [item.seq for item in entries] == sorted({item.seq for item in entries})
        assert entries[0].seq > seq
        own = [item for item in entries if item.event and item.event.organization == "acme"]
        found += [item.seq for item in own]
        seq = entries[-1].seq
    return found


@given(
    st.lists(st.integers(1, 400), min_size=1, max_size=60, unique=True),
    st.integers(0, 400),
    st.integers(1, 20),
    st.integers(100, 2000),
    st.integers(1, 10),
    st.sampled_from([eventlog.EVENTS, MINE]),
)
async def test_reading_on_gives_every_event_once_in_order(
    seqs: list[int], start: int, kept: int, size: int, limit: int, subject: str
) -> None:
    seqs = sorted(seqs)
    log = Log(seqs)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(eventlog, "KEPT_EVENTS", kept)
        patch.setattr(eventlog, "KEPT_BYTES", size)
        events = EventLog(cast(JetStream, log))
        events._keep([pulled(seq) for seq in seqs])
        events.ready.set()
        wanted = [seq for seq in seqs if seq > start and subject_of(seq) == SUBJECT]
        assert await collected(events, start, limit, subject) == wanted


async def test_what_is_in_memory_is_not_read_again() -> None:
    log = Log([1, 2, 3])
    events = EventLog(cast(JetStream, log))
    events._keep([pulled(seq) for seq in (1, 2, 4)])
    events.ready.set()
    assert [item.seq for item in await events.after(1, 10)] == [2, 4]
    assert log.reads == 0


def large(seq: int, size: int) -> Pulled:
    return pulled(seq, body(seq).replace(b'{"n":', b'{"text":"' + b"x" * size + b'","n":'))


async def test_of_large_events_fewer_are_kept() -> None:
    kibibytes = 200
    seqs = list(range(1, 101))
    log = Log(seqs)
    events = EventLog(cast(JetStream, log))
    tracemalloc.start()
    try:
        for seq in seqs:
            events._keep([large(seq, kibibytes * 1024)])
        held = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    events.ready.set()
    # What was let go of is read from the log, and what is kept is not.
    assert await collected(events, 0, 10, eventlog.EVENTS) == [n for n in seqs if n % 3]
    assert held < eventlog.KEPT_BYTES + 1024 * 1024
    reads = log.reads
    kept = eventlog.KEPT_BYTES // (kibibytes * 1024 + 200)
    assert [item.seq for item in await events.after(100 - kept, kept)] == seqs[-kept:]
    assert log.reads == reads


class Dated(Log):
    """A log with a clock: every event is stored at the second of its sequence, and it is 100."""

    async def stream_state(self, _stream: str) -> Any:
        return SimpleNamespace(ts=of_nanoseconds(100_000_000_000), created=of_nanoseconds(0))

    @override
    async def replay(self, _stream: str, subject: str, *, start: int, limit: int) -> list[Stored]:
        found = await super().replay(_stream, subject, start=start, limit=limit)
        return [
            msgspec.structs.replace(item, time=of_nanoseconds(item.seq * 1_000_000_000))
            for item in found
        ]


@pytest.mark.guarantee("G7.5")
@pytest.mark.parametrize(
    ("as_of", "head", "oldest", "reads"),
    [
        (90, 90, None, 0),
        # An outcome may stand behind the newest event: a refusal writes none.
        (95, 95, None, 0),
        (80, 90, 90, 0),
        (60, 90, 70, 0),
        # Older than what memory reaches.
        (5, 90, 10, 1),
    ],
)
async def test_an_answer_is_as_old_as_the_first_event_that_is_not_in_it(
    monkeypatch: pytest.MonkeyPatch, as_of: int, head: int, oldest: int | None, reads: int
) -> None:
    monkeypatch.setattr(eventlog, "KEPT_EVENTS", 3)
    monkeypatch.setattr(clock, "monotonic", lambda: 0.0)
    log = Dated([10, 50, 70, 80, 90])
    events = EventLog(cast(JetStream, log))
    events._keep([pulled(seq, seconds=seq) for seq in log.seqs])
    events.ready.set()
    found = await events.fresh(as_of, "log")
    age = 0 if oldest is None else (100 - oldest) * 1000
    assert found == Fresh(as_of=as_of, head=head, lag_ms=age, log="log")
    assert log.reads == reads


async def test_before_it_follows_everything_comes_from_the_log() -> None:
    events = EventLog(cast(JetStream, Log([1, 2, 3])))
    assert [item.seq for item in await events.after(0, 10)] == [1, 2, 3]


async def test_whoever_waits_is_woken_by_the_next_event() -> None:
    events = EventLog(cast(JetStream, Log([])))
    assert await events.wait(0, 0.01) is False
    async with asyncio.TaskGroup() as tasks, asyncio.timeout(5):
        waiting = [tasks.create_task(events.wait(seq, 5)) for seq in (0, 0, 1)]
        await asyncio.sleep(0)
        events._keep([pulled(1)])
        assert await waiting[0] is True
        assert await waiting[1] is True
        assert not waiting[2].done()
        events._keep([pulled(2)])
        assert await waiting[2] is True


async def test_an_event_that_cannot_be_read_keeps_its_place() -> None:
    events = EventLog(cast(JetStream, Log([])))
    events._keep([pulled(1, b"\xff"), pulled(2)])
    events.ready.set()
    first, second = await events.after(0, 10)
    assert (first.seq, first.event) == (1, None)
    assert second.event is not None
    assert second.event.aggregate_id == "acme"


@given(
    st.recursive(
        st.text() | st.none(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        max_leaves=10,
    )
)
def test_nothing_breaks_out_of_a_frame(value: Any) -> None:
    raw = frame("event", {"value": value}, "log.1")
    assert raw.endswith(b"\n\n")
    lines = raw[:-2].split(b"\n")
    assert [line.partition(b":")[0] for line in lines] == [b"event", b"id", b"data"]
    assert b"\r" not in raw
    assert msgspec.json.decode(lines[2].removeprefix(b"data: "))["value"] == value
