"""Rows of before, kept for what the log lost at its end until somebody asks for a rebuild."""

from collections.abc import Awaitable, Callable
from datetime import timedelta

import msgspec
import pytest
from tests.support import log as writing
from tests.support.log import LogWriter
from tests.support.projecting import (
    LaterLog,
    agrees,
    bearer,
    following,
    projector,
    served,
    stored,
)
from tests.support.waiting import until

from catalyst.chassis.jetstream.broker import JetStream
from catalyst.chassis.jetstream.port import Outgoing
from catalyst.projector import rebuild
from catalyst.projector.adapters.buckets import StreamReadModel
from catalyst.projector.adapters.log import StreamLog
from catalyst.projector.checkpoint import KEY
from catalyst.projector.older import lost_before
from catalyst.projector.ports import Change, Pointer

pytestmark = pytest.mark.real

ACME = "acme._.organization._.acme"
NAMED = ("gone-first", "gone-second")


def model(js: JetStream) -> StreamReadModel:
    return StreamReadModel(js, "test")


async def pointed(js: JetStream) -> Pointer:
    found = await model(js).current()
    assert found is not None
    return found


async def built_anew(js: JetStream) -> str:
    """Let a projector find what there is, and make its rows of it; return their epoch."""
    async with following(js) as follower:
        await until(lambda: follower.report is not None)
        assert follower.report is not None
        await agrees(js, (await StreamLog(js, "test").state()).last_seq)
        return follower.report.epoch


async def lose_end(js: JetStream, name: str) -> str:
    """Lose what a row was made from, with all that knows of it; return the epoch of that row."""
    seq = await LogWriter(js, name).decide(writing.renamed("acme", name))
    async with following(js):
        await agrees(js, seq)
    for subject in ("evt.acme.environment.organization.acme.organization-updated.v1", "done.>"):
        await js.api("STREAM.PURGE.EV", {"filter": subject})
    return (await pointed(js)).epoch


async def begun(js: JetStream) -> str:
    log = LogWriter(js)
    await log.prepare()
    await log.decide(writing.created("acme"))
    older = await lose_end(js, NAMED[0])
    assert await built_anew(js) != older
    return older


async def cleaned_up(js: JetStream) -> set[str]:
    """Delete what may go hours later; return the epochs that are left."""
    log = LaterLog(js, "test")
    log.later = timedelta(hours=2)
    await rebuild.clean_up(log, model(js), await pointed(js))
    return set(await model(js).epochs())


async def another_fold(js: JetStream) -> None:
    loaded = await stored(js)
    assert loaded is not None
    older = msgspec.structs.replace(loaded.checkpoint, fold=0)
    await model(js).bucket(older.epoch).write([], older, loaded.revision)


async def no_row(js: JetStream) -> None:
    loaded = await stored(js)
    assert loaded is not None
    garbled = [Change(ACME, b"garbled", deleted=False)]
    bucket = model(js).bucket(loaded.checkpoint.epoch)
    await bucket.write(garbled, loaded.checkpoint, loaded.revision)


async def no_pointer(js: JetStream) -> None:
    await js.publish(Outgoing("$KV.rm.current", b"garbled"))


async def name_of(js: JetStream, epoch: str) -> str:
    rows = (await model(js).bucket(epoch).load()).rows
    found: str = msgspec.json.decode(rows[ACME])["doc"]["display_name"]
    return found


@pytest.mark.guarantee("G3.10")
@pytest.mark.parametrize("unfit", [another_fold, no_row, no_pointer])
async def test_no_rebuild_of_its_own_lets_the_last_copy_go(
    js: JetStream, unfit: Callable[[JetStream], Awaitable[None]]
) -> None:
    older = await begun(js)
    told = await lost_before(StreamLog(js, "test"), model(js), await pointed(js))
    assert told.startswith("the log lost messages")
    for _ in range(2):
        await unfit(js)
        epoch = await built_anew(js)
        assert {older, epoch} <= await cleaned_up(js)
        now = await lost_before(StreamLog(js, "test"), model(js), await pointed(js))
        assert now == told
    assert await name_of(js, older) == NAMED[0]


@pytest.mark.guarantee("G3.10")
@pytest.mark.parametrize("accepting", ["false", "true"])
async def test_what_was_lost_twice_is_kept_twice_until_somebody_lets_it_go(
    js: JetStream, accepting: str
) -> None:
    first = await begun(js)
    second = await lose_end(js, NAMED[1])
    assert second != first
    await built_anew(js)
    await another_fold(js)
    third = await built_anew(js)
    assert {first, second, third} <= await cleaned_up(js)
    assert [await name_of(js, epoch) for epoch in (first, second)] == list(NAMED)
    root = bearer("root@example.org", "sovereign-admin")
    async with served(projector(js)) as http:
        params = {"accept_losses": accepting}
        answer = await http.post("/v1/read-model/rebuild", params=params, headers=root)
        assert answer.json()["status"] == "switched", answer.text
    now = await pointed(js)
    assert await cleaned_up(js) == {third, now.epoch}
    assert await lost_before(StreamLog(js, "test"), model(js), now) == ""


async def deleted(js: JetStream, epoch: str) -> None:
    await model(js).delete(epoch)


async def unreadable(js: JetStream, epoch: str) -> None:
    await js.publish(Outgoing(f"$KV.rm_{epoch}.{KEY}", b"garbled"))


@pytest.mark.parametrize("spoil", [deleted, unreadable])
async def test_older_rows_that_are_gone_keep_nobody_from_new_ones(
    js: JetStream, spoil: Callable[[JetStream, str], Awaitable[None]]
) -> None:
    older = await begun(js)
    await spoil(js, older)
    assert await lost_before(StreamLog(js, "test"), model(js), await pointed(js)) == ""
    await another_fold(js)
    assert await built_anew(js) != older
    assert (await pointed(js)).kept == ()
