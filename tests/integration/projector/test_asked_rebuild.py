"""A rebuild that somebody asks for: who may, what it answers, and what a second one is told."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.support import log as writing
from tests.support.crashes import Stopper
from tests.support.log import LogWriter
from tests.support.projecting import agrees, bearer, projector, running, served, stored, token
from tests.support.streams import data, reading
from tests.support.waiting import until

from catalyst.chassis.jetstream.broker import JetStream
from catalyst.chassis.jetstream.connection import connect
from catalyst.chassis.jetstream.port import Outgoing
from catalyst.cli.broker import BrokerProcess
from catalyst.projector.adapters.buckets import StreamReadModel
from catalyst.projector.main import Projector
from catalyst.projector.ports import Pointer

pytestmark = pytest.mark.real

ROOT = bearer("root@example.org", "sovereign-admin")
REBUILD = "/v1/read-model/rebuild"
ACCEPT = {"accept_differences": "true"}
BETA = "beta._.organization._.beta"


async def prepared(js: JetStream) -> int:
    log = LogWriter(js)
    await log.prepare()
    for slug in ("acme", "beta"):
        seq = await log.decide(writing.created(slug))
    return seq


async def corrupt(js: JetStream, member: Projector, key: str = BETA) -> None:
    """Change a row in the bucket behind the projector's back."""
    raw = member.hub.rows[key].raw.replace(b"Beta", b"Zeta")
    await write(js, member, key, raw)
    await until(lambda: member.hub.rows[key].raw == raw)


async def write(js: JetStream, member: Projector, key: str, raw: bytes, **headers: str) -> None:
    bucket = StreamReadModel(js, "t").bucket(member.hub.epoch)
    _, checkpoint = await bucket.last()
    sent = {"Catalyst-Checkpoint": checkpoint.encode().decode(), **headers}
    await js.publish(Outgoing(f"$KV.rm_{member.hub.epoch}.{key}", raw, sent))


async def ask(http: httpx.AsyncClient, **params: str) -> Any:
    answer = await http.post(REBUILD, params=params, headers=ROOT)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def condition(http: httpx.AsyncClient) -> Any:
    answer = await http.get("/v1/read-model", headers=ROOT)
    assert answer.status_code == 200, answer.text
    return answer.json()


class Gate:
    """A projector that comes as far as the switch, and goes on when it is let."""

    def __init__(self, member: Projector, monkeypatch: pytest.MonkeyPatch) -> None:
        self.reached = asyncio.Event()
        self.opened = asyncio.Event()
        self._switch = member.model.switch
        monkeypatch.setattr(member.model, "switch", self._held)

    async def _held(self, pointer: Pointer) -> None:
        self.reached.set()
        await self.opened.wait()
        await self._switch(pointer)


@asynccontextmanager
async def asked(http: httpx.AsyncClient) -> AsyncIterator[asyncio.Task[httpx.Response]]:
    async with asyncio.TaskGroup() as tasks:
        yield tasks.create_task(http.post(REBUILD, headers=ROOT))


@pytest.mark.guarantee("G3.5")
async def test_whoever_asks_gets_a_new_bucket_and_every_stream_begins_anew(js: JetStream) -> None:
    seq = await prepared(js)
    member = projector(js)
    async with served(member) as http:
        await agrees(js, seq)
        before = await stored(js)
        assert before is not None
        async with reading(http) as stream:
            await stream.until("synced")
            found = await ask(http)
            assert data(await stream.until("reset"))["reason"] == "epoch-changed"
            await stream.until("synced")
            assert stream.rows.keys() == before.rows.keys()
        assert found["status"] == "switched"
        assert found["old_epoch"] == before.checkpoint.epoch != found["epoch"]
        assert (found["rows"], found["differing"], found["differences"]) == (2, 0, [])
        assert found["compared_at"] == seq
        assert (await condition(http))["epoch"] == found["epoch"]
        after = await stored(js)
        assert after is not None
        assert (after.checkpoint.epoch, after.rows) == (found["epoch"], before.rows)
        log = LogWriter(js, "later")
        await agrees(js, await log.decide(writing.renamed("acme", "in the new bucket")))


@pytest.mark.guarantee("G3.5")
async def test_rows_that_differ_are_named_and_switched_to_only_if_that_is_accepted(
    js: JetStream,
) -> None:
    seq = await prepared(js)
    member = projector(js)
    async with served(member) as http:
        before = await agrees(js, seq)
        await corrupt(js, member)
        await write(js, member, "zeta._.organization._.zeta", before[BETA])
        await write(js, member, "acme._.organization._.acme", b"", **{"KV-Operation": "PURGE"})
        refused = await ask(http)
        assert (refused["status"], refused["differing"]) == ("differs", 3)
        assert refused["epoch"] == refused["old_epoch"] == member.hub.epoch
        assert [tuple(item.values()) for item in refused["differences"]] == [
            ("acme._.organization._.acme", "missing"),
            (BETA, "changed"),
            ("zeta._.organization._.zeta", "surplus"),
        ]
        mended = await ask(http, **ACCEPT)
        assert (mended["status"], mended["differing"]) == ("switched", 3)
        assert {key: entry.raw for key, entry in member.hub.rows.items()} == before


@pytest.mark.guarantee("G3.5")
async def test_a_log_that_lost_messages_replaces_nothing_and_one_that_was_restored_does(
    own_server: BrokerProcess, tmp_path: Path
) -> None:
    async with connect(own_server.url, name="projector", user="own", password="own") as js:
        seq = await prepared(js)
        await own_server.stop()
        (folder,) = own_server.settings.directory.glob("store/**/streams/EV")
        shutil.copytree(folder, tmp_path / "backup")
        await own_server.start()
        await js.ready()
        member = projector(js)
        async with served(member) as http:
            before = await agrees(js, seq)
            await js.api("STREAM.PURGE.EV", {"keep": 1})
            for params in ({}, ACCEPT):
                refused = await ask(http, **params)
                assert (refused["status"], refused["epoch"]) == ("lost", refused["old_epoch"])
                assert "the event at" in refused["reason"]
                assert "restore the broker's data from a backup" in refused["reason"]
            assert {key: entry.raw for key, entry in member.hub.rows.items()} == before
        await own_server.stop()
        shutil.rmtree(folder)
        shutil.copytree(tmp_path / "backup", folder)
        await own_server.start()
        await js.ready()
        async with served(projector(js)) as http:
            await agrees(js, seq)
            restored = await ask(http)
            assert (restored["status"], restored["differing"]) == ("switched", 0)


@pytest.mark.guarantee("G3.9")
async def test_a_second_request_is_told_that_one_is_running(
    js: JetStream, monkeypatch: pytest.MonkeyPatch
) -> None:
    await prepared(js)
    member = projector(js)
    async with served(member) as http:
        gate = Gate(member, monkeypatch)
        async with asked(http) as first:
            await until(gate.reached.is_set)
            second = await http.post(REBUILD, headers=ROOT)
            assert (second.status_code, second.json()["code"]) == (409, "rebuild-running")
            assert (await condition(http))["rebuilding"] is True
            gate.opened.set()
        assert first.result().json()["status"] == "switched"
        assert (await condition(http))["rebuilding"] is False
        assert (await ask(http))["status"] == "switched"


@pytest.mark.guarantee("G3.9")
async def test_what_was_begun_is_carried_out_though_whoever_asked_went_away(
    js: JetStream, monkeypatch: pytest.MonkeyPatch
) -> None:
    await prepared(js)
    member = projector(js)
    async with served(member) as http:
        old = member.hub.epoch
        gate = Gate(member, monkeypatch)
        async with asked(http) as first:
            await until(gate.reached.is_set)
            first.cancel()
        gate.opened.set()
        await until(lambda: not member.rebuilder.busy)
        assert member.hub.epoch != old


@pytest.mark.guarantee("G3.9")
async def test_of_two_projectors_that_are_asked_at_once_one_is_told_that_it_was_overtaken(
    js: JetStream, monkeypatch: pytest.MonkeyPatch
) -> None:
    await prepared(js)
    slow, quick = projector(js), projector(js)
    async with served(slow) as at_slow, served(quick) as at_quick:
        gate = Gate(slow, monkeypatch)
        async with asked(at_slow) as first:
            await until(gate.reached.is_set)
            won = await ask(at_quick)
            gate.opened.set()
        lost = first.result().json()
        assert (won["status"], lost["status"]) == ("switched", "overtaken")
        assert lost["epoch"] == won["epoch"]
        model = StreamReadModel(js, "test")
        assert set(await model.epochs()) == {won["old_epoch"], won["epoch"]}


@pytest.mark.guarantee("G3.9")
async def test_a_rebuild_that_is_killed_half_way_leaves_the_old_bucket_serving(
    js: JetStream, monkeypatch: pytest.MonkeyPatch
) -> None:
    seq = await prepared(js)
    member = projector(js)
    stop = Stopper()

    async def never(_pointer: Pointer) -> None:
        await stop()

    async with asyncio.TaskGroup() as tasks:
        work = tasks.create_task(member.run())
        await until(lambda: member.hub.loaded.is_set() or work.done())
        old = member.hub.epoch
        monkeypatch.setattr(member.model, "switch", never)
        answer = member.rebuilder.ask(accept=False)
        await until(stop.reached.is_set)
        half = set(await StreamReadModel(js, "test").epochs()) - {old}
        assert len(half) == 1
        work.cancel()
    assert answer.result().status == "failed"
    async with served(projector(js)) as http:
        found = await http.get("/v1/state/all", params={"min_seq": seq}, headers=ROOT)
        assert found.json()["epoch"] == old
        await agrees(js, await LogWriter(js, "later").decide(writing.renamed("acme", "goes on")))
        assert (await condition(http))["epoch"] == old
        assert (await ask(http))["status"] == "switched"


async def test_a_projector_that_ends_answers_whoever_waits(
    js: JetStream, monkeypatch: pytest.MonkeyPatch
) -> None:
    await prepared(js)
    member = projector(js)
    async with served(member) as http:
        gate = Gate(member, monkeypatch)
        async with asked(http) as first:
            await until(gate.reached.is_set)
            member.stop()
        told = first.result().json()
        assert (told["status"], told["epoch"]) == ("failed", told["old_epoch"])
        assert "about to end" in told["reason"]


@pytest.mark.guarantee("G6.5")
async def test_only_a_sovereign_admin_with_a_token_in_the_header_may(js: JetStream) -> None:
    await prepared(js)
    member = projector(js)
    cookie = {"Cookie": f"catalyst={token('root@example.org', 'sovereign-admin')}"}
    unproved: tuple[dict[str, str], ...] = ({}, {"Authorization": "Bearer nonsense"}, cookie)
    others = (
        bearer("ann@example.org"),
        bearer("sec@example.org", "security-officer"),
        bearer("bill@example.org", "billing-admin"),
    )
    async with served(member) as http:
        for headers in (*unproved, *others):
            wanted = (403, "forbidden") if headers in others else (401, "unauthenticated")
            for method, path in (("GET", "/v1/read-model"), ("POST", REBUILD)):
                answer = await http.request(method, path, headers=headers)
                assert (answer.status_code, answer.json()["code"]) == wanted, (path, headers)
            assert not member.rebuilder.busy


@pytest.mark.parametrize("query", ["accept_differences=yes", "force=true", "accept_differences="])
async def test_what_is_asked_wrongly_begins_nothing(js: JetStream, query: str) -> None:
    await prepared(js)
    member = projector(js)
    async with served(member) as http:
        answer = await http.post(f"{REBUILD}?{query}", headers=ROOT)
        assert (answer.status_code, answer.json()["code"]) == (400, "invalid-query")
        assert not member.rebuilder.busy


@pytest.mark.guarantee("G3.7")
async def test_a_row_that_differed_is_told_until_it_is_equal_again(js: JetStream) -> None:
    seq = await prepared(js)
    member = projector(js)
    async with served(member) as http:
        before = await agrees(js, seq)
        await member.sampler.sample()
        found = await condition(http)
        assert (found["checked"], found["differing"]) == (2, 0)
        await corrupt(js, member)
        await member.sampler.sample()
        found = await condition(http)
        assert [item["key"] for item in found["differences"]] == [BETA]
        since = found["differences"][0]["since"]
        await member.sampler.sample(0)
        await member.sampler.sample(1)
        found = await condition(http)
        assert found["differences"] == [{"key": BETA, "since": since}]
        await write(js, member, BETA, before[BETA])
        await until(lambda: member.hub.rows[BETA].raw == before[BETA])
        await member.sampler.sample(1)
        assert (await condition(http))["differing"] == 0


@pytest.mark.guarantee("G3.7")
async def test_a_row_without_a_reason_is_told_until_it_is_gone(js: JetStream) -> None:
    seq = await prepared(js)
    member = projector(js)
    zeta = "zeta._.organization._.zeta"
    async with running(member):
        before = await agrees(js, seq)
        await write(js, member, zeta, before[BETA])
        await until(lambda: zeta in member.hub.rows)
        await member.sampler.sample()
        assert [item.key for item in member.sampler.differing] == [zeta]
        await write(js, member, zeta, b"", **{"KV-Operation": "PURGE"})
        await until(lambda: zeta not in member.hub.rows)
        await member.sampler.sample()
        assert member.sampler.differing == []


@pytest.mark.guarantee("G3.7")
async def test_what_was_found_in_the_old_bucket_is_not_told_of_the_new_one(js: JetStream) -> None:
    await prepared(js)
    member = projector(js)
    async with served(member) as http:
        await corrupt(js, member)
        await member.sampler.sample()
        assert (await condition(http))["differing"] == 1
        await ask(http, **ACCEPT)
        assert (await condition(http))["differing"] == 0
        await member.sampler.sample()
        assert (await condition(http))["differing"] == 0
