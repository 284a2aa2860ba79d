"""What the live stream outlives: lost consumers, restarts, backups and logs made anew."""

import shutil
from pathlib import Path

import pytest
from tests.integration.projector.streamed import ACME, ROOT, listed, prepared
from tests.support import log as writing
from tests.support.log import LogWriter
from tests.support.projecting import bearer, projector, served
from tests.support.streams import data, reading
from tests.support.waiting import until

from catalyst.chassis.jetstream.broker import JetStream
from catalyst.chassis.jetstream.connection import connect
from catalyst.cli.broker import BrokerProcess
from catalyst.projector import rebuild
from catalyst.projector.adapters.buckets import StreamReadModel
from catalyst.projector.adapters.log import StreamLog

pytestmark = pytest.mark.real


@pytest.mark.guarantee("G3.5", "G4.4")
async def test_another_bucket_resets_open_streams_and_old_cursors(js: JetStream) -> None:
    log = await prepared(js, "acme")
    member = projector(js)
    async with served(member) as http, reading(http) as stream:
        await stream.until("synced")
        cursor = stream.cursor
        model = StreamReadModel(js, "test")
        await rebuild.rebuild(
            StreamLog(js, "test"), model, await model.current(), against=True, accept=False
        )
        reset = await stream.until("reset")
        assert data(reset)["reason"] == "epoch-changed"
        await stream.until("synced")
        seq = await log.decide(writing.renamed("acme", "in the new bucket"))
        await stream.at(seq)
        assert stream.rows == await listed(http, seq)
        async with reading(http, cursor=cursor) as late:
            assert data(await late.next())["reason"] == "epoch-changed"


@pytest.mark.guarantee("G4.1")
async def test_the_hub_reads_on_when_its_consumer_is_deleted(js: JetStream) -> None:
    log = await prepared(js, "acme")
    member = projector(js)
    async with served(member) as http, reading(http) as stream:
        await stream.until("synced")
        name = f"KV_rm_{member.hub.epoch}"
        for consumer in (await js.api(f"CONSUMER.NAMES.{name}", {}))["consumers"]:
            await js.api(f"CONSUMER.DELETE.{name}.{consumer}", None)
        seq = await log.decide(writing.renamed("acme", "after the consumer was deleted"))
        await stream.at(seq)
        assert stream.names.count("reset") == 1
        assert stream.rows == await listed(http, seq)


@pytest.mark.guarantee("G4.4")
async def test_a_hub_that_was_cut_off_for_long_reads_everything_again(js: JetStream) -> None:
    """Deletions may have come and gone meanwhile: nobody may go on from what they have."""
    log = await prepared(js, "acme")
    member = projector(js)
    async with served(member) as http, reading(http) as stream:
        await stream.until("synced")
        name = f"KV_rm_{member.hub.epoch}"
        for consumer in (await js.api(f"CONSUMER.NAMES.{name}", {}))["consumers"]:
            await js.api(f"CONSUMER.DELETE.{name}.{consumer}", None)

        def long_ago() -> bool:
            member.feed._contact = float("-inf")
            return member.feed.doubts > 0

        await until(long_ago)
        assert data(await stream.until("reset"))["reason"] == "too-old"
        await stream.until("synced")
        seq = await log.decide(writing.renamed("acme", "after the long silence"))
        await stream.at(seq)
        assert stream.rows == await listed(http, seq)


@pytest.mark.guarantee("G4.1")
async def test_streams_live_through_a_restart_of_the_broker(own_server: BrokerProcess) -> None:
    async with connect(own_server.url, name="projector", user="own", password="own") as js:
        await prepared(js, "acme")
        async with served(projector(js)) as http, reading(http) as stream:
            await stream.until("synced")
            await own_server.kill()
            await own_server.start()
            await js.ready()
            log = LogWriter(js, "later")
            seq = await log.decide(writing.renamed("acme", "after the restart"))
            await stream.at(seq)
            assert stream.names.count("reset") == 1
            assert stream.rows == await listed(http, seq)


@pytest.mark.guarantee("G4.4")
async def test_a_new_log_resets_the_streams(js: JetStream) -> None:
    await prepared(js, "acme", "gone")
    async with served(projector(js)) as http, reading(http) as stream:
        await stream.until("synced")
        await js.api("STREAM.DELETE.EV", None)
        again = LogWriter(js, "again")
        await again.prepare()
        await again.decide(writing.created("acme", display_name="Another Acme"))
        reset = await stream.until("reset")
        assert data(reset)["reason"] == "epoch-changed"
        await stream.until("synced")
        while stream.rows.get(ACME, {}).get("doc", {}).get("display_name") != "Another Acme":
            await stream.next()


@pytest.mark.guarantee("G4.4")
async def test_a_log_restored_from_a_backup_resets_the_streams(
    own_server: BrokerProcess, tmp_path: Path
) -> None:
    async with connect(own_server.url, name="projector", user="own", password="own") as js:
        log = await prepared(js, "acme")
        await own_server.stop()
        (folder,) = own_server.settings.directory.glob("store/**/streams/EV")
        shutil.copytree(folder, tmp_path / "backup")
        await own_server.start()
        await js.ready()
        async with served(projector(js)) as http, reading(http) as stream:
            await stream.until("synced")
            for number in range(5):
                seq = await log.decide(writing.renamed("acme", f"lost {number}"))
            await stream.at(seq)
            await own_server.stop()
            shutil.rmtree(folder)
            shutil.copytree(tmp_path / "backup", folder)
            await own_server.start()
            assert data(await stream.until("reset"))["reason"] == "epoch-changed"
            await stream.until("synced")
            assert stream.as_of < seq
            assert stream.rows[ACME]["doc"]["display_name"] == "Acme"


@pytest.mark.guarantee("G4.1")
async def test_a_cursor_outlives_the_process_that_gave_it(js: JetStream) -> None:
    log = await prepared(js, "acme", "beta")
    async with served(projector(js)) as http, reading(http, headers=bearer(*ROOT)) as stream:
        await stream.until("synced")
    async with served(projector(js)) as http:
        await log.decide(writing.deleted("beta"))
        seq = await log.decide(writing.renamed("acme", "while nobody looked"))
        await listed(http, seq, *ROOT)
    async with (
        served(projector(js)) as http,
        reading(http, cursor=stream.cursor, headers=bearer(*ROOT)) as again,
    ):
        again.rows = stream.rows
        await again.until("synced")
        assert again.names == ["del", "put", "synced"]
        assert again.rows == await listed(http, seq, *ROOT)
