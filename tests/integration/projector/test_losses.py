"""A log that lost events: in its middle, where no rows are made of the rest; or at its end."""

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from tests.support import log as writing
from tests.support.log import LogWriter
from tests.support.projecting import agrees, bearer, following, fresh, projector, served, stored
from tests.support.waiting import until

from catalyst.chassis.jetstream.broker import JetStream
from catalyst.chassis.jetstream.connection import connect
from catalyst.chassis.jetstream.port import Outgoing
from catalyst.cli import brokercheck
from catalyst.cli.broker import BrokerProcess
from catalyst.cli.findings import Health
from catalyst.cli.replay import checked
from catalyst.cli.target import Target
from catalyst.projector.adapters.buckets import StreamReadModel
from catalyst.projector.adapters.log import StreamLog
from catalyst.projector.holes import Hole, Holes, look
from catalyst.projector.older import KEEP_BEFORE
from catalyst.projector.rebuild import rebuild
from catalyst.projector.replay import check

pytestmark = pytest.mark.real

ROOT = bearer("root@example.org", "sovereign-admin")
ACME = "acme.environment.organization.acme"
PROD = "acme.environment.environment.acme-prod"


async def written(js: JetStream) -> LogWriter:
    """Write, in this order, with each outcome before its events:

    1-2 `acme` is created, 3-5 an Environment in one decision with it, 6-8 it gets owners and
    something is parked, 9-10 `beta` is created, 11-12 a command is refused, 13-14 `acme` is
    renamed.
    """
    log = LogWriter(js)
    await log.prepare()
    await log.decide(writing.created("acme"))
    await log.decide(*writing.environment_created("acme"))
    acme = writing.organization("acme")
    await log.decide(
        writing.owned("acme", ("bo@example.org", "owner")), (acme, writing.parked(acme))
    )
    await log.decide(writing.created("beta"))
    await log.reject("acme")
    assert await log.decide(writing.renamed("acme", "in the end")) == 14
    return log


async def lose(js: JetStream, *subjects: str, upto: int = 14) -> None:
    for subject in subjects:
        found = await js.api("STREAM.PURGE.EV", {"filter": subject, "seq": upto + 1})
        assert found["purged"] > 0, subject


async def first(js: JetStream) -> Hole | None:
    source, holes = StreamLog(js, "test"), Holes()
    async with source.open_whole() as reader:
        await look(reader, holes, (await source.state()).last_seq)
    return holes.first


LOSSES: dict[str, tuple[tuple[str, ...], int, str]] = {
    "the first event of an aggregate": ((f"evt.{ACME}.organization-created.v1",), 2, ACME),
    "the same, its outcome gone before": (
        (f"evt.{ACME}.organization-created.v1", "done.acme.>"),
        2,
        ACME,
    ),
    "the first of a decision": ((f"evt.{PROD}.environment-created.v1",), 4, ""),
    "the second of a decision": (
        (f"evt.{ACME}.environment-added.v1", "done.acme.>"),
        5,
        ACME,
    ),
    "what another follows without a guard": (
        (f"evt.{ACME}.owners-changed.v1", "done.acme.>"),
        7,
        "",
    ),
    "the end of a batch": ((f"evt.{ACME}.parked.v1", "done.acme.>"), 8, ACME),
    "all that an aggregate did": (("evt.beta.>",), 10, ""),
    "a whole Organization, its outcomes too": (("evt.acme.>",), 2, ""),
    "the last event of the log": ((f"evt.{ACME}.organization-updated.v1",), 14, ""),
}


@pytest.mark.guarantee("G3.10")
@pytest.mark.parametrize("name", LOSSES)
async def test_the_first_event_that_is_gone_is_named(js: JetStream, name: str) -> None:
    subjects, seq, aggregate = LOSSES[name]
    await written(js)
    assert await first(js) is None
    await lose(js, *subjects)
    found = await first(js)
    assert found is not None
    assert (found.seq, found.aggregate) == (seq, aggregate)


@pytest.mark.guarantee("G3.10")
async def test_what_may_leave_the_log_is_missed_by_nobody(js: JetStream) -> None:
    log = await written(js)
    await js.publish(Outgoing("st.acme.environment.organization.acme", b"{}"))
    await js.publish(Outgoing("clm._.organization.acme", b"{}", {"Nats-TTL": "60s"}))
    await log.raw("tmr.acme.environment.organization.acme.t", b"{}")
    await log.raw("due.tmr.acme.environment.organization.acme.t", b"{}")
    await lose(js, "done.>", "chk.>", "st.>", "clm.>", "tmr.>", "due.>", upto=99)
    assert await first(js) is None
    assert len(await fresh(js, 14)) == 3


@pytest.mark.guarantee("G3.10")
async def test_what_nothing_in_the_log_knows_of_any_more_is_told_by_its_row(js: JetStream) -> None:
    await written(js)
    async with following(js):
        await agrees(js, 14)
    await lose(js, "evt.beta.>", "done.beta.>")
    assert await first(js) is None
    found = await check(StreamLog(js, "test"), StreamReadModel(js, "test"))
    assert found.lost == (
        "the log lost messages: the event at 10 is gone, "
        "and the row beta._.organization._.beta was made from it"
    )


@pytest.mark.guarantee("G3.10")
async def test_a_check_comes_to_an_end_where_the_log_lost_its_end(js: JetStream) -> None:
    log = await written(js)
    seq = await log.decide(*writing.environment_created("beta"))
    async with following(js):
        await agrees(js, seq)
    await lose(js, "evt.beta.environment.organization.beta.environment-added.v1", upto=seq)
    found = await check(StreamLog(js, "test"), StreamReadModel(js, "test"))
    assert found.lost.startswith(f"the log lost messages: the event at {seq} is gone")
    assert not found.equal


async def ask(http: httpx.AsyncClient, **params: str) -> Any:
    answer = await http.post("/v1/read-model/rebuild", params=params, headers=ROOT)
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.mark.guarantee("G3.10")
async def test_a_rebuild_that_is_asked_for_takes_losses_only_if_they_are_accepted(
    js: JetStream,
) -> None:
    await written(js)
    member = projector(js)
    async with served(member) as http:
        before = await agrees(js, 14)
        await lose(js, f"evt.{ACME}.owners-changed.v1")
        for params in ({}, {"accept_differences": "true"}):
            refused = await ask(http, **params)
            assert (refused["status"], refused["epoch"]) == ("lost", refused["old_epoch"])
            assert "the event at 7 is gone" in refused["reason"]
            assert "restore the broker's data from a backup" in refused["reason"]
        assert {key: entry.raw for key, entry in member.hub.rows.items()} == before
        built = await ask(http, accept_losses="true")
        assert (built["status"], built["compared_at"]) == ("switched", 14)
        assert member.hub.epoch == built["epoch"] != built["old_epoch"]


@asynccontextmanager
async def refusing(js: JetStream) -> AsyncIterator[tuple[Any, httpx.AsyncClient]]:
    """Run a projector that makes no rows, behind its door."""
    member = projector(js)
    async with served(member, shown=False) as http:
        await until(lambda: member.follower.status == "refusing")
        yield member, http


@pytest.mark.guarantee("G3.10")
async def test_a_projector_that_has_to_begin_anew_makes_no_rows_and_says_why(
    js: JetStream,
) -> None:
    await written(js)
    await lose(js, f"evt.{ACME}.owners-changed.v1")
    async with refusing(js) as (member, http):
        ready = await http.get("/readyz")
        assert ready.status_code == 503
        assert "the event at 7 is gone" in ready.json()["checks"]["rows"]
        assert "PROJECTOR_ACCEPT_LOSSES=true" in ready.json()["checks"]["rows"]
        assert await stored(js) is None
        unbuilt = await http.post("/v1/read-model/rebuild", headers=ROOT)
        assert (unbuilt.status_code, unbuilt.json()["code"]) == (503, "unavailable")
        read = await http.get("/v1/state/organizations", headers=ROOT)
        assert (read.status_code, read.json()["code"]) == (503, "unavailable")
        for answer in (ready, unbuilt, read):
            assert "the event at 7 is gone" in answer.text
            assert "acme" not in answer.text
        built = await ask(http, accept_losses="true")
        assert (built["status"], built["old_epoch"]) == ("switched", "")
        await until(lambda: member.follower.status == "following")
        assert (await http.get("/readyz")).status_code == 200
        seq = await LogWriter(js, "later").decide(writing.renamed("beta", "goes on"))
        loaded = await stored_at(js, seq)
        assert b"goes on" in loaded["beta._.organization._.beta"]


@pytest.mark.guarantee("G3.10")
async def test_a_projector_that_is_told_to_makes_rows_of_what_is_left(js: JetStream) -> None:
    await written(js)
    await lose(js, f"evt.{ACME}.owners-changed.v1")
    async with served(projector(js, accept_losses=True)) as http:
        assert (await http.get("/readyz")).status_code == 200
        loaded = await stored(js)
        assert loaded is not None
        assert (loaded.checkpoint.seq, len(loaded.rows)) == (14, 3)


@pytest.mark.guarantee("G3.10")
async def test_a_new_fold_replaces_no_rows_by_those_of_what_is_left(js: JetStream) -> None:
    await written(js)
    async with following(js):
        before = await agrees(js, 14)
    loaded = await stored(js)
    assert loaded is not None
    older = msgspec.structs.replace(loaded.checkpoint, fold=0)
    bucket = StreamReadModel(js, "test").bucket(older.epoch)
    await bucket.write([], older, loaded.revision)
    await lose(js, f"evt.{ACME}.owners-changed.v1")
    async with refusing(js) as (member, http):
        await until(member.hub.loaded.is_set)
        assert {key: entry.raw for key, entry in member.hub.rows.items()} == before
        assert "the event at 7 is gone" in (await http.get("/readyz")).json()["checks"]["rows"]
        built = await ask(http, accept_losses="true")
        assert (built["status"], built["old_epoch"]) == ("switched", older.epoch)


@pytest.mark.guarantee("G3.10")
async def test_a_decision_that_was_left_half_written_is_not_finished_from_what_is_left(
    js: JetStream,
) -> None:
    await written(js)
    async with following(js):
        await agrees(js, 14)
    loaded = await stored(js)
    assert loaded is not None
    half = msgspec.structs.replace(loaded.checkpoint, seq=12, to=14)
    await StreamReadModel(js, "test").bucket(half.epoch).write([], half, loaded.revision)
    await lose(js, f"evt.{ACME}.owners-changed.v1")
    async with refusing(js) as (member, http):
        assert "the event at 7 is gone" in member.follower.lost
        now = await stored(js)
        assert now is not None
        assert (now.checkpoint, now.rows) == (half, loaded.rows)
        built = await ask(http, accept_losses="true")
        assert (built["status"], built["old_epoch"]) == ("switched", half.epoch)
        # What never became whole is waited for no longer than it is the read model.
        await until(lambda: member.hub.epoch == built["epoch"])
        await until(lambda: member.follower.status == "following")
        assert (await http.get("/readyz")).status_code == 200


async def stored_at(js: JetStream, seq: int) -> dict[str, bytes]:
    found: dict[str, bytes] = {}

    async def reached() -> bool:
        loaded = await stored(js)
        if loaded is None or loaded.checkpoint.seq < seq:
            return False
        found.update(loaded.rows)
        return True

    await until(reached, 30.0)
    return found


# ---- at its end


@pytest.mark.guarantee("G3.3")
@pytest.mark.parametrize("longer", [False, True], ids=["shorter", "other-events"])
async def test_a_log_restored_from_a_backup_is_noticed(
    own_server: BrokerProcess,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    longer: bool,  # noqa: FBT001
) -> None:
    """The same stream with fewer messages, and maybe others behind them."""
    # What is seen at a glance is looked at here, however slow the machine is.
    for limit in ("LESS_SECONDS", "LOOK_SECONDS", "WHOLE_SECONDS"):
        monkeypatch.setattr(brokercheck, limit, 60.0)
    async with connect(own_server.url, name="projector", user="own", password="own") as js:
        log = LogWriter(js)
        await log.prepare()
        first = await log.decide(writing.created("acme"))
        async with following(js):
            await agrees(js, first)
        await own_server.stop()
        (folder,) = own_server.settings.directory.glob("store/**/streams/EV")
        shutil.copytree(folder, tmp_path / "backup")
        await own_server.start()
        await js.ready()
        async with following(js):
            seq = await log.decide(writing.renamed("acme", "lost by the restore"))
            await agrees(js, seq)
        before = await stored(js)
        await own_server.stop()
        shutil.rmtree(folder)
        shutil.copytree(tmp_path / "backup", folder)
        await own_server.start()
        await js.ready()
        other = LogWriter(js, "other")
        seq = first
        for number in range(3 if longer else 0):
            seq = await other.decide(writing.created(f"new{number}"))
        async with following(js) as follower:
            await until(lambda: follower.report is not None)
            rows = await agrees(js, seq)
        # The new rows agree with what there is: those of before alone know that more was there.
        whole = await brokercheck.whole(js)
        assert (whole.health, whole.fix) == (Health.FAIL, KEEP_BEFORE)
        assert before is not None
        assert f"the rows before these were as of {before.checkpoint.seq}" in whole.detail
        target = Target(nats=own_server.url, user="own", password="own")
        found = await checked(target)
        assert (found.equal, found.lost, found.lost_before) == (True, "", whole.detail)
        assert await brokercheck.built_from_less(target) == whole.detail
        model = StreamReadModel(js, "projector")
        await rebuild(
            StreamLog(js, "projector"),
            model,
            await model.current(),
            against=True,
            accept=False,
            let_go=True,
        )
        assert (await brokercheck.whole(js)).health is Health.OK
        assert (await checked(target)).lost_before == ""
        assert await brokercheck.built_from_less(target) == ""
    told = [one for one in caplog.records if one.message == "the read model is built anew"]
    reason = "event-differs" if longer else "log-shorter"
    assert [vars(one)["reason"] for one in told if one.levelname == "WARNING"] == [reason]
    assert b"lost by the restore" in before.rows["acme._.organization._.acme"]
    assert b"lost by the restore" not in rows["acme._.organization._.acme"]
