"""The next bucket is built beside the current one, held against it, and switched to once."""

import asyncio
import itertools
from datetime import timedelta

import msgspec
import pytest
from tests.support import log as writing
from tests.support.faults import Killed, Script, ScriptedModel
from tests.support.log import LogWriter
from tests.support.projecting import LaterLog, agrees, following, stored
from tests.support.waiting import until

from catalyst.chassis.jetstream.broker import JetStream
from catalyst.projector import rebuild, replay
from catalyst.projector.adapters.buckets import StreamReadModel
from catalyst.projector.adapters.log import StreamLog
from catalyst.projector.ports import Change, Doubt, GuardLost, Loaded

pytestmark = pytest.mark.real

ACME = "acme._.organization._.acme"


async def projected(js: JetStream) -> Loaded:
    """A read model with three rows that nobody follows any more."""
    log = LogWriter(js)
    await log.prepare()
    for slug in ("acme", "beta"):
        await log.decide(writing.created(slug))
    seq = await log.decide(*writing.environment_created("acme"))
    async with following(js):
        await agrees(js, seq)
    loaded = await stored(js)
    assert loaded is not None
    return loaded


async def overwrite(
    js: JetStream, loaded: Loaded, key: str, value: bytes, **changes: object
) -> int:
    """Write a row that the log does not give, as a bug or another fold would have."""
    checkpoint = msgspec.structs.replace(loaded.checkpoint, **changes)
    bucket = StreamReadModel(js, "test").bucket(loaded.checkpoint.epoch)
    return await bucket.write([Change(key, value, deleted=False)], checkpoint, loaded.revision)


async def rebuilt(js: JetStream, *, accept: bool = False) -> rebuild.Report:
    model = StreamReadModel(js, "test")
    return await rebuild.rebuild(
        StreamLog(js, "test"), model, await model.current(), against=True, accept=accept
    )


@pytest.mark.guarantee("G3.5")
async def test_equal_rows_are_switched_to(js: JetStream) -> None:
    before = await projected(js)
    report = await rebuilt(js)
    after = await stored(js)
    assert after is not None
    assert after.rows == before.rows
    assert after.checkpoint.epoch == report.epoch != before.checkpoint.epoch
    assert (report.compared_at, report.differences) == (before.checkpoint.seq, ())
    assert after.checkpoint.seq >= before.checkpoint.seq


@pytest.mark.guarantee("G3.5")
async def test_rows_that_differ_under_the_same_fold_are_not_switched_to(js: JetStream) -> None:
    before = await projected(js)
    wrong = before.rows[ACME].replace(b"Acme", b"Wrong")
    await overwrite(js, before, ACME, wrong)
    with pytest.raises(rebuild.Differs) as refused:
        await rebuilt(js)
    (difference,) = refused.value.report.differences
    assert difference.key == ACME
    assert difference.stored == wrong.decode()
    assert difference.folded == before.rows[ACME].decode()
    now = await stored(js)
    assert now is not None
    assert now.checkpoint.epoch == before.checkpoint.epoch
    await rebuilt(js, accept=True)
    mended = await stored(js)
    assert mended is not None
    assert mended.rows == before.rows


@pytest.mark.guarantee("G3.5")
async def test_rows_in_the_middle_of_a_decision_are_not_switched_from_uncompared(
    js: JetStream,
) -> None:
    before = await projected(js)
    half = before.checkpoint.seq + 1
    await overwrite(js, before, ACME, before.rows[ACME], to=half)
    with pytest.raises(Doubt):
        await rebuilt(js)
    assert set(await StreamReadModel(js, "test").epochs()) == {before.checkpoint.epoch}


@pytest.mark.guarantee("G3.5")
async def test_a_new_fold_builds_its_rows_beside_the_old_ones_and_reports_what_differs(
    js: JetStream,
) -> None:
    before = await projected(js)
    older = before.rows[ACME].replace(b'"display_name"', b'"name"')
    await overwrite(js, before, ACME, older, fold=0)
    async with following(js) as follower:
        await until(lambda: follower.report is not None)
        assert follower.report is not None
        assert [item.key for item in follower.report.differences] == [ACME]
        rows = await agrees(js, before.checkpoint.seq)
    assert rows == before.rows


@pytest.mark.guarantee("G3.5")
async def test_of_two_rebuilds_one_is_published_and_the_other_leaves_nothing(js: JetStream) -> None:
    await projected(js)
    lost = []

    async def one() -> None:
        try:
            await rebuilt(js)
        except GuardLost as error:
            lost.append(error)

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(one())
        tasks.create_task(one())
    model = StreamReadModel(js, "test")
    pointer = await model.current()
    assert pointer is not None
    assert len(lost) == 1
    assert set(await model.epochs()) == {pointer.epoch, pointer.previous}


@pytest.mark.guarantee("G3.1", "G3.5")
async def test_killed_before_and_after_every_call_of_a_rebuild(js: JetStream) -> None:
    await projected(js)
    recording = Script()
    await killed(js, recording)
    assert {"load", "create", "write", "last", "switch"} <= set(recording.calls)
    log, model = LogWriter(js, "meanwhile"), StreamReadModel(js, "test")
    for number, after in itertools.product(range(len(recording.calls)), (False, True)):
        before = await model.current()
        script = Script(number, after=after)
        await killed(js, script)
        assert script.dead
        there = await model.current()
        switched = after and script.calls[-1] == "switch"
        assert (there != before) == switched
        # Whichever bucket serves goes on, and another rebuild is in nobody's way.
        seq = await log.decide(writing.renamed("acme", f"after {number} {after}"))
        async with following(js):
            await agrees(js, seq)
        await rebuilt(js)


async def killed(js: JetStream, script: Script) -> None:
    """Rebuild, up to the call at which the script says that the process is gone."""
    model = ScriptedModel(StreamReadModel(js, "test"), script)
    pointer = await StreamReadModel(js, "test").current()
    try:
        await rebuild.rebuild(StreamLog(js, "test"), model, pointer, against=True, accept=False)
    except Killed:
        assert script.dead


async def test_a_projector_stops_when_the_pointer_moves_and_follows_the_new_bucket(
    js: JetStream,
) -> None:
    before = await projected(js)
    async with following(js) as follower:
        await until(lambda: follower.status == "following")
        report = await rebuilt(js)
        await until(
            lambda: (
                follower.session is not None
                and follower.session.flusher.checkpoint.epoch == report.epoch
            ),
        )
        log = LogWriter(js, "later")
        seq = await log.decide(writing.renamed("acme", "in the new bucket"))
        rows = await agrees(js, seq)
    assert b"in the new bucket" in rows[ACME]
    model = StreamReadModel(js, "test")
    left = await model.bucket(before.checkpoint.epoch).load()
    assert left.rows == before.rows


async def test_old_buckets_are_deleted_when_nobody_can_still_be_writing_them(
    js: JetStream,
) -> None:
    await projected(js)
    model = StreamReadModel(js, "test")
    await model.create("abandoned")
    for _ in range(2):
        await rebuilt(js)
    pointer = await model.current()
    assert pointer is not None
    assert len(await model.epochs()) == 4
    log = LaterLog(js, "test")
    assert await rebuild.clean_up(log, model, pointer) == []
    log.later = timedelta(hours=1, seconds=5)
    deleted = await rebuild.clean_up(log, model, pointer)
    assert len(deleted) == 2
    assert set(await model.epochs()) == {pointer.epoch, pointer.previous}


@pytest.mark.guarantee("G3.7")
async def test_a_check_finds_the_same_content(js: JetStream) -> None:
    before = await projected(js)
    found = await replay.check(StreamLog(js, "test"), StreamReadModel(js, "test"))
    assert found.equal
    assert (found.rows, found.as_of, found.differences) == (3, before.checkpoint.seq, ())
    assert found.stored_hash == replay.content_hash(before.rows)


@pytest.mark.guarantee("G3.7")
async def test_a_check_while_events_keep_coming_compares_at_one_place(js: JetStream) -> None:
    await projected(js)
    log = LogWriter(js, "more")
    async with following(js):
        for number in range(20):
            seq = await log.decide(writing.renamed("acme", f"name {number}"))
            if number % 5 == 0:
                found = await replay.check(StreamLog(js, "test"), StreamReadModel(js, "test"))
                assert found.equal
        await agrees(js, seq)


@pytest.mark.guarantee("G3.7")
async def test_a_check_names_the_row_that_differs(js: JetStream) -> None:
    before = await projected(js)
    await overwrite(js, before, "zeta._.organization._.zeta", before.rows[ACME])
    found = await replay.check(StreamLog(js, "test"), StreamReadModel(js, "test"))
    assert not found.equal
    assert [item.key for item in found.differences] == ["zeta._.organization._.zeta"]
    assert found.differences[0].folded is None


async def test_a_check_without_a_read_model_says_so(js: JetStream) -> None:
    log = LogWriter(js)
    await log.prepare()
    with pytest.raises(replay.NotComparable):
        await replay.check(StreamLog(js, "test"), StreamReadModel(js, "test"))
