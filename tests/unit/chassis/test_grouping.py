"""Which decisions stand in one batch, and that each keeps its turn."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, cast

from catalyst.chassis.batch import Draft, Written
from catalyst.chassis.grouping import Grouping, Placed, Superseded
from catalyst.chassis.guard import Guard
from catalyst.chassis.jetstream.port import Ack, Outgoing
from catalyst.contracts import environment_v1
from catalyst.contracts.message import Outcome
from catalyst.contracts.subjects import Ref
from catalyst.contracts.topology import MAX_GROUP_COMMANDS

NOW = datetime(2026, 3, 2, tzinfo=UTC)


class Recorder:
    """Takes batches in place of the broker, one at a time."""

    def __init__(self) -> None:
        self.batches: list[list[str]] = []

    async def batch(self, messages: Sequence[Outgoing]) -> Ack:
        self.batches.append([item.subject for item in messages if item.subject[:5] == "done."])
        await asyncio.sleep(0)
        return Ack(stream="EV", seq=1000 * len(self.batches))

    async def publish(self, message: Outgoing) -> Ack:
        return await self.batch([message])


def draft(name: str, *, guarded: str = "", at: int = 0, alone: bool = False) -> Draft:
    """A refusal: its outcome, and a guard on what it read."""
    outcome = Outcome(id=name, type="t.v1", status="rejected", digest="", time=NOW)
    checks = [Guard(guarded, at)] if guarded else []
    return Draft(
        done=f"done.acme.{name}",
        outcome=outcome,
        checks=checks,
        check_subject=("acme", name),
        guards={guarded: at} if guarded else {},
        alone=alone,
    )


async def committed(*drafts: Draft) -> list[list[str]]:
    """Hand all drafts over at once; return the outcomes of each batch, in order."""
    recorder = Recorder()
    grouping = Grouping(cast("Any", recorder))
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(grouping.run())
        async with asyncio.TaskGroup() as commits:
            for item in drafts:
                commits.create_task(grouping.commit(item))
        running.cancel()
    assert grouping.commands == len(drafts)
    return [[subject.rpartition(".")[2] for subject in batch] for batch in recorder.batches]


async def test_what_does_not_fit_into_a_full_batch_keeps_its_order() -> None:
    names = [f"c{number:03d}" for number in range(2 * MAX_GROUP_COMMANDS + 5)]

    batches = await committed(*map(draft, names))

    assert [len(batch) for batch in batches] == [MAX_GROUP_COMMANDS, MAX_GROUP_COMMANDS, 5]
    assert [name for batch in batches for name in batch] == names


async def test_two_that_read_the_same_at_different_sequences_go_apart() -> None:
    first = draft("a", guarded="evt.x.>", at=1)
    second = draft("b", guarded="evt.x.>", at=2)

    assert await committed(first, second, draft("c")) == [["a", "c"], ["b"]]


async def test_two_that_only_read_the_same_go_together() -> None:
    first = draft("a", guarded="evt.x.>", at=1)
    second = draft("b", guarded="evt.x.>", at=1)

    assert await committed(first, second) == [["a", "b"]]


async def test_the_same_outcome_is_never_written_twice_in_one_batch() -> None:
    assert await committed(draft("a"), draft("a"), draft("b")) == [["a", "b"], ["a"]]


async def test_what_waits_is_not_overtaken_by_what_touches_the_same() -> None:
    first = draft("a", guarded="evt.x.>", at=1)
    second = draft("b", guarded="evt.x.>", at=2)
    third = draft("c", guarded="evt.x.>", at=1)

    assert await committed(first, second, third) == [["a"], ["b"], ["c"]]
    # By what it reads, and by what it writes.
    assert await committed(first, second, draft("b")) == [["a"], ["b"], ["b"]]


async def test_what_waits_stands_before_all_that_no_batch_had_room_for() -> None:
    first = draft("a", guarded="evt.x.>", at=1)
    second = draft("b", guarded="evt.x.>", at=2)
    others = [draft(f"c{number:03d}") for number in range(MAX_GROUP_COMMANDS + 5)]

    batches = await committed(first, second, *others)

    assert batches[0] == ["a", *(f"c{number:03d}" for number in range(MAX_GROUP_COMMANDS - 1))]
    assert batches[1][0] == "b"


async def test_who_was_decided_from_what_the_last_batch_stored_is_not_told_that_it_moved() -> None:
    recorder = Recorder()
    grouping = Grouping(cast("Any", recorder))
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(grouping.run())
        first = await grouping.commit(writing("a", 5))
        await grouping.commit(writing("b", first.events[0]))
        running.cancel()
    assert recorder.batches == [["done.acme.a"], ["done.acme.b"]]


async def test_what_is_to_go_alone_goes_alone() -> None:
    assert await committed(draft("a"), draft("b", alone=True), draft("c")) == [["a", "c"], ["b"]]
    assert await committed(draft("a", alone=True), draft("b"), draft("c")) == [["a"], ["b", "c"]]


def writing(name: str, at: int) -> Draft:
    """An acceptance that writes one event to an Organization that was read at `at`."""
    ref = Ref("acme", "environment", "organization", "acme")
    event = environment_v1.OrganizationResumed(slug="acme")
    found = draft(name)
    found.events = [Written(Outgoing(f"evt.{ref.path}.organization-resumed.v1", b""), ref, event)]
    found.guards = {ref.guard: at}
    return found


async def test_what_one_reads_and_another_writes_goes_apart() -> None:
    guard = writing("b", 5).events[0].ref.guard

    assert await committed(draft("a", guarded=guard, at=5), writing("b", 5), draft("c")) == [
        ["a", "c"],
        ["b"],
    ]


async def test_who_was_decided_from_what_has_moved_is_told_and_never_sent() -> None:
    recorder = Recorder()
    grouping = Grouping(cast("Any", recorder))
    apart = draft("c", guarded="evt.x.>", at=5)
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(grouping.run())
        first, second, _ = await asyncio.gather(
            *map(grouping.commit, (writing("a", 5), writing("b", 5), apart)), return_exceptions=True
        )
        assert isinstance(first, Placed)
        assert isinstance(second, Superseded)
        assert second.guard == "evt.acme.environment.organization.acme.>"
        # From what has been stored the next one is decided.
        await grouping.commit(writing("d", first.events[0]))
        running.cancel()
    assert recorder.batches == [["done.acme.c", "done.acme.a"], ["done.acme.d"]]
    assert not grouping.waiting
