"""What is held of aggregates: snapshots, folds that fail, timers, and whose they are."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.each import each
from tests.support.log import message

from catalyst.chassis import timer
from catalyst.chassis.jetstream.port import Stored
from catalyst.chassis.service import Aggregate, Kind, Service
from catalyst.chassis.states import LISTED, Held, Snapshot, States
from catalyst.contracts import codec, environment_v1, runtime_v1
from catalyst.contracts.decision import Arm
from catalyst.contracts.message import Event, derived_id
from catalyst.contracts.subjects import BadSubject, Ref

Aside = Callable[[Ref, Sequence[Stored], int], Awaitable[None]]
NOW = datetime(2026, 1, 2, tzinfo=UTC)
ACME = Ref("acme", "environment", "organization", "acme")


class Tally(msgspec.Struct, frozen=True):
    """A state that shows in which order it was folded."""

    reasons: tuple[str, ...] = ()


def evolve(state: Tally, event: Event) -> Tally:
    if isinstance(event, environment_v1.OrganizationSuspended):
        if event.reason == "poison":
            raise LookupError("poison")
        return Tally((*state.reasons, event.reason))
    return state


def aggregate(fold: int = 1) -> Aggregate[Tally]:
    return Aggregate(name="organization", initial=Tally(), evolve=evolve, fold=fold)


def suspended(reason: str) -> Event:
    return environment_v1.OrganizationSuspended(slug="acme", reason=reason)


def parked(number: int) -> Event:
    return runtime_v1.Parked(
        subject=ACME.dead_letter("c", number),
        message_id=f"c-{number}",
        message_type="t",
        reason="bug",
    )


def unparked(number: int) -> Event:
    return runtime_v1.Unparked(
        subject=ACME.dead_letter("c", number), message_id=f"c-{number}", how="retried"
    )


class Log:
    """The events of one aggregate and its snapshot, as the broker hands them out."""

    def __init__(self) -> None:
        self.events: list[Stored] = []
        self.snapshot: Stored | None = None
        self.replays: list[int] = []
        self.next = 1

    def add(self, *events: Event) -> list[tuple[Event, int]]:
        added = []
        for event in events:
            made = message((ACME, event), "c", self.next, NOW)
            self.events.append(self._stored(made.subject, made.data))
            added.append((event, self.next))
            self.next += 3
        return added

    def add_raw(self, subject: str, data: bytes) -> None:
        self.events.append(self._stored(subject, data))
        self.next += 1

    def keep(self, body: bytes) -> None:
        self.snapshot = self._stored(ACME.snapshot, body)
        self.next += 1

    def _stored(self, subject: str, data: bytes) -> Stored:
        return Stored("EV", subject, self.next, NOW, data, {})

    async def last(self, stream: str, subject: str, *, leader: bool = False) -> Stored | None:
        return self.snapshot if subject == ACME.snapshot else None

    async def replay(
        self, stream: str, subject: str, *, start: int = 1, limit: int | None = None
    ) -> list[Stored]:
        self.replays.append(start)
        return [item for item in self.events if item.seq >= start][:limit]


def states(log: Log, fold: int = 1, aside: Aside | None = None) -> States:
    table: Mapping[Kind, Aggregate[Any]] = {("environment", "organization"): aggregate(fold)}
    return States(cast("Any", log), table, aside)


@given(
    reasons=st.lists(st.sampled_from("abc"), max_size=12),
    cut=st.integers(0, 12),
    every=st.integers(1, 4),
)
async def test_a_snapshot_and_what_follows_it_are_the_whole(
    reasons: list[str], cut: int, every: int
) -> None:
    log = Log()
    log.add(*map(suspended, reasons[:cut]))
    body = states(log).snapshot(await states(log).load(ACME), every)
    assert (body is None) == (len(reasons[:cut]) < every)
    if body is not None:
        log.keep(body)
    # The batch of the snapshot has events of its own, behind it.
    log.add(*map(suspended, reasons[cut:]))
    held = await states(log).load(ACME)
    assert held.state == Tally(tuple(reasons))
    assert held.version == (log.events[-1].seq if log.events else 0)
    # At first use a short history is read without its snapshot: to the same state.
    used = await states(log).get(ACME)
    assert (used.state, used.version) == (held.state, held.version)
    await states(log).load(ACME)
    if body is not None:
        assert log.replays[-1] == msgspec.json.decode(body, type=Snapshot).version + 1


async def test_a_snapshot_of_another_fold_or_shape_is_ignored() -> None:
    log = Log()
    log.add(suspended("a"), suspended("b"))
    body = states(log).snapshot(await states(log).load(ACME), 1)
    assert body is not None
    for kept, fold in ((body, 2), (b'{"fold":1}', 1), (b"\xff", 1)):
        log.keep(kept)
        held = await states(log, fold).load(ACME)
        assert (held.state, log.replays[-1]) == (Tally(("a", "b")), 1)


async def test_a_snapshot_is_due_once_for_every_so_many_events() -> None:
    log = Log()
    held_by = states(log)
    due = []
    for number in range(12):
        before = await held_by.get(ACME)
        body = held_by.snapshot(before, 4)
        due.append(body is not None)
        held_by.advance(before, log.add(suspended(str(number))), snapshot=body is not None)
    assert [number for number, is_due in enumerate(due) if is_due] == [4, 8]
    assert (await held_by.get(ACME)).state == Tally(tuple(map(str, range(12))))
    assert log.replays == [1]


async def test_a_state_as_of_a_sequence_ignores_a_later_snapshot() -> None:
    log = Log()
    (_, first), _ = log.add(suspended("a"), suspended("b"))
    body = states(log).snapshot(await states(log).load(ACME), 1)
    assert body is not None
    log.keep(body)
    assert await states(log).state(ACME, up_to=first) == Tally(("a",))


async def test_a_fold_that_fails_keeps_counting_and_reading_what_is_parked() -> None:
    log = Log()
    log.add(suspended("a"), suspended("poison"), parked(7), suspended("b"), parked(9))
    log.add(unparked(7))
    held = await states(log).load(ACME)
    assert "poison" in held.broken
    assert [entry.message_id for entry in held.parked] == ["c-9"]
    assert held.version == log.events[-1].seq
    assert states(log).snapshot(held, 1) is None


async def test_an_event_of_a_newer_program_breaks_the_fold_not_the_reading() -> None:
    log = Log()
    log.add(suspended("a"))
    log.add_raw(ACME.event("never-heard-of", 3), b'{"data":{}}')
    log.add(parked(7))
    held = await states(log).load(ACME)
    assert "never-heard-of" in held.broken
    assert [entry.message_id for entry in held.parked] == ["c-7"]


async def test_what_moved_behind_our_back_is_loaded_again() -> None:
    log = Log()
    held_by = states(log)
    before = await held_by.get(ACME)
    held_by.forget([ACME])
    log.add(suspended("theirs"))
    held_by.advance(before, log.add(suspended("ours")))
    assert (await held_by.get(ACME)).state == Tally(("theirs", "ours"))


async def test_an_aggregate_without_a_row_holds_what_is_parked_alone() -> None:
    log = Log()
    log.add(suspended("a"), parked(7))
    held = await States(cast("Any", log), {}).load(ACME)
    assert isinstance(held, Held)
    assert (held.state, held.broken, len(held.parked)) == (None, "", 1)


async def test_of_another_services_aggregate_only_the_events_count() -> None:
    log = Log()
    log.add(suspended("a"))
    log.keep(codec.encode(Snapshot(fold=1, version=99, state=msgspec.Raw(b'{"reasons":["z"]}'))))
    foreign = replace(aggregate(), service="environment")
    table: Mapping[Kind, Aggregate[Any]] = {("environment", "organization"): foreign}
    held = await States(cast("Any", log), table).load(ACME)
    assert held.state == Tally(("a",))


@pytest.mark.parametrize("service", ["", "guest"])
def test_a_second_row_for_one_kind_is_refused(service: str) -> None:
    row = replace(aggregate(), service=service)
    with pytest.raises(ValueError, match="two rows"):
        Service(name="environment", aggregates=(row, row), rules=())


def test_a_services_own_aggregates_are_not_named_as_foreign() -> None:
    row = replace(aggregate(), service="environment")
    with pytest.raises(ValueError, match="its own by name"):
        Service(name="environment", aggregates=(row,), rules=())


# ---- timers


@given(
    name=st.text(min_size=1, max_size=8),
    gen=st.text(max_size=8),
    micros=st.integers(0, 10**12),
)
def test_a_timer_fires_as_the_one_that_was_armed(name: str, gen: str, micros: int) -> None:
    after = timedelta(microseconds=micros)
    message = timer.arm(ACME, Arm(timer=name, after=after), now=NOW, done_id=gen)
    target = message.headers["Nats-Schedule-Target"]
    ref, firing, done_id = timer.fired(target, message.data)
    assert (ref, firing.timer, firing.gen) == (ACME, name, gen)
    assert done_id == derived_id(target, gen)
    at = message.headers["Nats-Schedule"].removeprefix("@at ")
    assert datetime.fromisoformat(at) == NOW + after
    assert message.headers["Nats-Schedule-TTL"] == "720h"
    assert timer.cancellation(ACME, name)["Nats-Scheduler"] == message.subject


@each(["due.tmr.acme.environment.organization", "tmr.acme.environment.a.b.c", "due.tmr."])
def test_a_firing_elsewhere_is_refused(subject: str) -> None:
    with pytest.raises(BadSubject):
        timer.fired(subject, b'{"timer":"a","gen":"b"}')


async def test_what_was_presumed_is_held_once_it_is_stored() -> None:
    log = Log()
    held = states(log)
    presumed = held.presume(ACME)
    assert (presumed.state, presumed.version, presumed.presumed) == (Tally(), 0, True)
    held.advance(presumed, log.add(suspended("a")))
    known = await held.get(ACME)
    assert (known.state, known.version, known.presumed) == (Tally(("a",)), 1, False)
    assert held.presume(ACME) is known
    assert log.replays == []


async def test_a_presumption_gives_way_to_what_was_read_meanwhile() -> None:
    log = Log()
    held = states(log)
    presumed = held.presume(ACME)
    first = log.add(suspended("a"))
    log.add(suspended("b"))
    await held.get(ACME)
    held.advance(presumed, first)
    assert (await held.get(ACME)).state == Tally(("a", "b"))


@pytest.mark.guarantee("G7.21")
@each([0, 1, LISTED, LISTED + 1, 3_000])
async def test_of_many_that_are_no_events_the_first_are_listed_and_all_counted(many: int) -> None:
    log = Log()
    log.add_raw(ACME.event("organization-suspended", 1), b"")
    log.add(suspended("a"))
    for _ in range(many):
        log.add_raw(ACME.event("organization-suspended", 1), b'{"stream":"EV","seq":1}')
    told: list[tuple[list[int], int]] = []

    async def aside(_ref: Ref, strays: Sequence[Stored], count: int) -> None:
        told.append(([one.seq for one in strays], count))

    held = await states(log, aside=aside).get(ACME)
    assert (held.state, held.version) == (Tally(("a",)), log.events[-1].seq)
    # What stands before an event was listed when that was decided.
    first = [one.seq for one in log.events[2:]][:LISTED]
    assert told == ([(first, many)] if many else [])
    assert not held.strays
