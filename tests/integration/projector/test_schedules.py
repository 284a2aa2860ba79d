"""Whatever happens to projectors, broker and consumers: the rows are those of a fresh fold."""

import asyncio
import itertools
import random
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager

import pytest
from tests.support import log as writing
from tests.support.faults import Killed, Script, ScriptedModel
from tests.support.log import LogWriter, On
from tests.support.projecting import agrees, caught_up, following, stored
from tests.support.waiting import until

from catalyst.chassis.jetstream.broker import JetStream
from catalyst.chassis.jetstream.connection import connect
from catalyst.cli.broker import BrokerProcess
from catalyst.projector.adapters import log as adapter
from catalyst.projector.adapters.buckets import StreamReadModel
from catalyst.projector.adapters.log import StreamLog
from catalyst.projector.feed import Feed
from catalyst.projector.follower import Follower
from catalyst.projector.hub import Hub

pytestmark = pytest.mark.real


def decisions(seed: int) -> Iterator[Sequence[On]]:
    """Endless changes to a few Organizations, the same for the same seed."""
    chosen = random.Random(seed)  # noqa: S311
    for number in itertools.count():
        yield from _turn(chosen, number)


def _turn(chosen: random.Random, number: int) -> list[Sequence[On]]:
    slug = f"org{chosen.randrange(6)}"
    return [
        [writing.created(slug)],
        [writing.renamed(slug, f"name {number}")],
        list(writing.environment_created(slug)),
        [writing.deleted(slug)] if chosen.random() < 0.2 else [writing.renamed(slug, "again")],
    ]


@asynccontextmanager
async def writing_on(log: LogWriter, seed: int) -> AsyncIterator[list[int]]:
    """Write decisions for the block; yields the sequences written so far."""
    written: list[int] = []

    async def write() -> None:
        for events in decisions(seed):
            written.append(await log.decide(*events))
            await asyncio.sleep(0)

    async with asyncio.TaskGroup() as tasks:
        work = tasks.create_task(write())
        try:
            yield written
        finally:
            work.cancel()


async def grown(written: list[int], by: int) -> None:
    target = len(written) + by
    await until(lambda: len(written) >= target)


@pytest.mark.guarantee("G3.1")
@pytest.mark.parametrize(("far", "near"), [(adapter.FAR, adapter.NEAR), (0, 3)])
async def test_killed_at_any_moment_and_started_again(
    js: JetStream, monkeypatch: pytest.MonkeyPatch, far: int, near: int
) -> None:
    monkeypatch.setattr(adapter, "FAR", far)
    monkeypatch.setattr(adapter, "NEAR", near)
    log = LogWriter(js)
    await log.prepare()
    chosen = random.Random(7)  # noqa: S311
    async with writing_on(log, 7) as written:
        for _ in range(12):
            async with following(js, max_keys=3):
                await grown(written, chosen.randrange(1, 12))
    refused = await log.reject("org1")
    async with following(js):
        await agrees(js, refused)


async def delete_others(model: StreamReadModel) -> None:
    """Delete what the killed left behind, as the clean-up would after an hour."""
    pointer = await model.current()
    for epoch in await model.epochs():
        if pointer is not None and epoch != pointer.epoch:
            await model.delete(epoch)


async def run_until_killed(js: JetStream, script: Script, seq: int, *, max_keys: int = 2) -> None:
    """Run a projector that dies at its script's call, or until it has written `seq`."""
    model = ScriptedModel(StreamReadModel(js, "test"), script)
    follower = Follower(StreamLog(js, "test"), model, max_keys=max_keys)

    def done() -> bool:
        session = follower.session
        return script.dead or (session is not None and session.flusher.checkpoint.seq >= seq)

    try:
        async with asyncio.TaskGroup() as tasks:
            work = tasks.create_task(follower.run())
            await until(done)
            work.cancel()
    except* Killed:
        assert script.dead


@pytest.mark.guarantee("G3.1")
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
async def test_killed_before_and_after_every_call(js: JetStream, after: bool) -> None:  # noqa: FBT001
    log = LogWriter(js, f"k{after}")
    await log.prepare()
    seqs = [await log.decide(*events) for events in itertools.islice(decisions(3), 6)]
    recording = Script()
    await run_until_killed(js, recording, seqs[-1])
    assert {"current", "create", "write", "switch", "last", "load"} <= set(recording.calls)
    model = StreamReadModel(js, "test")
    for number in range(len(recording.calls)):
        # Half of the kills hit a first start, where the rows have to be built.
        if number % 2 == 0:
            await js.api("STREAM.PURGE.KV_rm", {})
        seq = await log.decide(writing.created(f"new{number}-{after}".lower()))
        await run_until_killed(js, Script(number, after=after), seq)
        async with following(js):
            await agrees(js, seq)
        await delete_others(model)


@pytest.mark.guarantee("G3.1", "G3.8")
@pytest.mark.guarantee("G3.8")
async def test_killed_between_the_parts_of_a_large_decision(js: JetStream) -> None:
    log = LogWriter(js)
    await log.prepare()
    first = await log.decide(writing.created("first"))
    async with following(js):
        await agrees(js, first)
    (_, made), _ = writing.environment_created("acme")
    refs = [writing.environment("acme", f"acme-{number}") for number in range(7)]
    await log.decide(*((ref, made) for ref in refs))
    # Each counts one more: folded twice into the same row, it would show.
    wide = [(ref, writing.parked(ref)) for ref in refs]
    for number in itertools.count():
        seq = await log.decide(*wide)
        script = Script(kill_at_write=number)
        await run_until_killed(js, script, seq)
        async with following(js, max_keys=2):
            await agrees(js, seq)
        if not script.dead:
            break
    assert number >= 4


@pytest.mark.guarantee("G3.2")
@pytest.mark.guarantee("G3.8")
async def test_a_decision_written_in_parts_is_shown_at_once(js: JetStream) -> None:
    log = LogWriter(js)
    await log.prepare()
    slugs = [f"org{number}" for number in range(7)]
    await log.decide(*(writing.created(slug, display_name="at 0") for slug in slugs))
    hub = Hub()
    feed = Feed(hub, StreamLog(js, "hub"), StreamReadModel(js, "hub"))
    seen: set[frozenset[str]] = set()

    def look() -> bool:
        names = frozenset(entry.doc.display_name for entry in hub.rows.values())
        seen.add(names)
        return names == {"at 20"}

    async with following(js, max_keys=2), asyncio.TaskGroup() as tasks:
        showing = tasks.create_task(feed.run())
        await until(hub.loaded.is_set)
        writing_ = tasks.create_task(_renamed_together(log, slugs))
        await until(look)
        await writing_
        showing.cancel()
    assert all(len(names) == 1 for names in seen)


async def _renamed_together(log: LogWriter, slugs: Sequence[str]) -> None:
    for number in range(1, 21):
        await log.decide(*(writing.renamed(slug, f"at {number}") for slug in slugs))


@pytest.mark.guarantee("G3.1", "G3.8")
async def test_killed_while_it_catches_up_with_a_long_log(js: JetStream) -> None:
    """Far behind, many decisions are written at once, in parts: as whole as a single one."""
    log = LogWriter(js)
    await log.prepare()
    first = await log.decide(writing.created("first"))
    async with following(js):
        await agrees(js, first)
    seq, each = first, 400
    for turn in range(adapter.FAR // each + 2):
        changes = [writing.created(f"org{number}") for number in range(each)]
        seq = await log.decide(*(changes if turn == 0 else [_again(on, turn) for on in changes]))
    for number in range(4):
        script = Script(kill_at_write=number)
        await run_until_killed(js, script, seq, max_keys=150)
    async with following(js):
        rows = await agrees(js, seq)
    assert len(rows) == 1 + each


def _again(on: On, turn: int) -> On:
    return writing.renamed(on[0].id, f"turn {turn}")


@pytest.mark.guarantee("G3.2")
async def test_two_projectors_write_each_row_once(js: JetStream) -> None:
    log = LogWriter(js)
    await log.prepare()
    async with following(js) as one, following(js) as two:
        async with writing_on(log, 11) as written:
            await until(lambda: len(written) >= 60)
            await until(lambda: "standing-by" in {one.status, two.status})
        await agrees(js, written[-1])
        assert sorted([one.status, two.status]) == ["following", "standing-by"]


@pytest.mark.guarantee("G3.2")
async def test_the_second_projector_takes_over_when_the_first_one_stops(js: JetStream) -> None:
    log = LogWriter(js)
    await log.prepare()
    first = await log.decide(writing.created("acme"))
    async with following(js) as two:
        async with following(js) as one:
            await agrees(js, first)
            seq = first
            while "standing-by" not in {one.status, two.status}:
                seq = await log.decide(writing.renamed("acme", f"at {seq}"))
            stands_by = one if one.status == "standing-by" else two
        if stands_by is one:
            # The one that was left alone is the one that writes: nothing to take over.
            await agrees(js, seq)
        seq = await log.decide(writing.renamed("acme", "after the first one stopped"))
        await agrees(js, seq)
        assert two.status == "following"


@pytest.mark.guarantee("G3.4")
async def test_a_projector_that_was_thought_dead_cannot_write(js: JetStream) -> None:
    log = LogWriter(js)
    await log.prepare()
    first = await log.decide(writing.created("acme"))
    script = Script()
    model = ScriptedModel(StreamReadModel(js, "zombie"), script)
    zombie = Follower(StreamLog(js, "zombie"), model)
    async with asyncio.TaskGroup() as tasks:
        work = tasks.create_task(zombie.run())
        await agrees(js, first)
        script.hold = asyncio.Event()
        held = await log.decide(writing.renamed("acme", "written by the zombie, too late"))
        async with asyncio.timeout(60):
            await script.holding.wait()
        async with following(js):
            await caught_up(js, held)
            last = await log.decide(writing.renamed("acme", "written by the other one"))
            await agrees(js, last)
            before = await stored(js)
            script.hold.set()
            await until(lambda: zombie.status == "standing-by")
            assert await stored(js) == before
        work.cancel()


@pytest.mark.guarantee("G3.3")
async def test_a_consumer_deleted_under_us_is_made_again(js: JetStream) -> None:
    log = LogWriter(js)
    await log.prepare()
    async with following(js) as follower:
        seq = await log.decide(writing.created("acme"))
        await agrees(js, seq)
        await until(lambda: follower.status == "following")
        for name in (await js.api("CONSUMER.NAMES.EV", {}))["consumers"]:
            await js.api(f"CONSUMER.DELETE.EV.{name}", None)
        seq = await log.decide(writing.renamed("acme", "after the consumer was deleted"))
        await agrees(js, seq)
        assert follower.doubts > 0


@pytest.mark.guarantee("G3.3")
async def test_another_log_gets_another_read_model(js: JetStream) -> None:
    log = LogWriter(js)
    await log.prepare()
    async with following(js):
        await log.decide(writing.created("acme"))
        seq = await log.decide(writing.created("gone"))
        await agrees(js, seq)
        old = await stored(js)
        assert old is not None
        await js.api("STREAM.DELETE.EV", None)
        again = LogWriter(js, "again")
        await again.prepare()
        for number in range(5):
            seq = await again.decide(writing.created(f"new{number}"))

        async def switched() -> bool:
            now = await stored(js)
            return now is not None and now.checkpoint.epoch != old.checkpoint.epoch

        await until(switched)
        rows = await agrees(js, seq)
    assert len(rows) == 5


@pytest.mark.guarantee("G3.3")
async def test_the_broker_restarts_in_the_middle(own_server: BrokerProcess) -> None:
    async with connect(own_server.url, name="projector", user="own", password="own") as js:
        log = LogWriter(js)
        await log.prepare()
        async with following(js):
            seqs = [await log.decide(*events) for events in itertools.islice(decisions(5), 20)]
            await own_server.kill()
            await own_server.start()
            await js.ready()
            more = LogWriter(js, "later")
            seqs += [await more.decide(*events) for events in itertools.islice(decisions(6), 20)]
            await agrees(js, seqs[-1])


@pytest.mark.guarantee("G3.6")
async def test_a_bad_event_freezes_one_row_and_the_others_go_on(js: JetStream) -> None:
    log = LogWriter(js)
    await log.prepare()
    async with following(js):
        await log.decide(writing.created("acme"))
        await log.decide(writing.created("other"))
        await log.raw("evt.acme.environment.organization.acme.organization-updated.v1", b"\xff")
        await log.decide(writing.renamed("acme", "never shown"))
        seq = await log.decide(writing.renamed("other", "goes on"))
        rows = await agrees(js, seq)
    frozen = rows["acme._.organization._.acme"]
    assert b'"code":"unreadable-event","count":2' in frozen
    assert b'"display_name":"Acme"' in frozen
    assert b"goes on" in rows["other._.organization._.other"]


async def test_expired_outcomes_at_the_end_do_not_keep_it_behind(js: JetStream) -> None:
    log = LogWriter(js)
    await log.prepare()
    await log.decide(writing.created("acme"))
    seq = await log.reject("acme")
    # What expiry leaves of the log's end: nothing.
    await js.api("STREAM.PURGE.EV", {"filter": "chk.>"})
    await js.api("STREAM.PURGE.EV", {"filter": "done.>"})
    async with following(js):
        loaded = await caught_up(js, seq)
    assert loaded.checkpoint.seq == seq
