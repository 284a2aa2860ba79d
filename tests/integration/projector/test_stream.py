"""The live stream over real sockets and the real broker."""

import asyncio
import random
import socket
from typing import Any

import httpx
import msgspec
import pytest
from tests.integration.projector.streamed import ACME, ROOT, listed, prepared
from tests.support import log as writing
from tests.support.forward import Forward
from tests.support.projecting import agrees, bearer, projector, served, token
from tests.support.streams import Reading, data, reading
from tests.support.waiting import until

from catalyst.chassis.jetstream.broker import JetStream

pytestmark = pytest.mark.real


async def test_a_stream_is_a_snapshot_and_then_every_change(js: JetStream) -> None:
    log = await prepared(js, "acme")
    async with served(projector(js)) as http, reading(http) as stream:
        await stream.until("synced")
        assert stream.names == ["reset", "put", "synced"]
        assert data(stream.seen[0])["reason"] == "start"
        assert [bool(event.last_id) for event in stream.seen] == [False, False, True]
        seq = await log.decide(writing.renamed("acme", "Acme Limited"))
        await stream.at(seq)
        assert stream.rows[ACME]["doc"]["display_name"] == "Acme Limited"
        assert stream.rows == await listed(http, seq)


async def test_headers_of_a_stream_keep_proxies_and_caches_away(js: JetStream) -> None:
    await prepared(js, "acme")
    async with served(projector(js)) as http, reading(http) as stream:
        headers = stream.response.headers
        assert headers["content-type"].startswith("text/event-stream")
        assert headers["x-accel-buffering"] == "no"
        assert "no-store" in headers["cache-control"]
        assert headers["x-content-type-options"] == "nosniff"
        assert "content-length" not in headers
        assert int(headers["catalyst-as-of"]) > 0


@pytest.mark.guarantee("G4.1")
@pytest.mark.parametrize("how", ["header", "query"])
async def test_a_stream_goes_on_where_it_was_cut(js: JetStream, how: str) -> None:
    log = await prepared(js, "acme", "beta")
    async with served(projector(js)) as http:
        async with reading(http, headers=bearer(*ROOT)) as stream:
            await stream.until("synced")
            rows, cursor = stream.rows, stream.cursor
        await log.decide(writing.renamed("acme", "while nobody looked"))
        seq = await log.decide(writing.deleted("beta"))
        await listed(http, seq, *ROOT)
        resumed = (
            reading(http, cursor=cursor, headers=bearer(*ROOT))
            if how == "header"
            else reading(http, headers=bearer(*ROOT), last_event_id=cursor)
        )
        async with resumed as again:
            again.rows = rows
            await again.until("synced")
            assert again.names == ["put", "del", "synced"]
            assert again.rows == await listed(http, seq, *ROOT)


async def test_a_quiet_stream_is_told_how_far_the_rows_are(js: JetStream) -> None:
    log = await prepared(js, "acme", "beta")
    async with served(projector(js)) as http, reading(http, organization="acme") as stream:
        await stream.until("synced")
        cursor = stream.cursor
        seq = await log.decide(writing.renamed("beta", "not for this filter"))
        await stream.at(seq)
        assert stream.names == ["reset", "put", "synced", "applied"]
        assert stream.cursor != cursor


@pytest.mark.guarantee("G4.5")
async def test_a_filtered_stream_shows_what_a_filtered_list_shows(js: JetStream) -> None:
    log = await prepared(js, "acme", "beta")
    where: dict[str, Any] = {"kinds": "organizations", "field": "tier=sme"}
    async with served(projector(js)) as http:
        async with reading(http, **where) as stream:
            await stream.until("synced")
            assert len(stream.rows) == 2
            seq = await log.decide(writing.renamed("acme", "Acme", tier="corporate"))
            await stream.at(seq)
            assert await _filtered(http, seq) == stream.rows != {}
            assert stream.names[-2:] == ["del", "applied"]
        await log.decide(writing.renamed("beta", "Beta", tier="corporate"))
        seq = await log.decide(writing.renamed("acme", "Acme", tier="sme"))
        await _filtered(http, seq)
        async with reading(http, cursor=stream.cursor, **where) as again:
            again.rows = stream.rows
            await again.until("synced")
            assert again.names == ["del", "put", "synced"]
            assert await _filtered(http, seq) == again.rows != {}


async def _filtered(http: httpx.AsyncClient, seq: int) -> dict[str, object]:
    query: dict[str, Any] = {"field": "tier=sme", "min_seq": seq}
    answer = await http.get("/v1/state/organizations", params=query, headers=bearer())
    return {item["key"]: item["value"] for item in answer.json()["items"]}


async def test_heartbeats_say_how_current_the_stream_is(js: JetStream) -> None:
    log = await prepared(js, "acme")
    async with served(projector(js)) as http, reading(http) as stream:
        await stream.until("synced")
        seq = await log.decide(writing.renamed("acme", "x"))
        await stream.at(seq)
        beat = await stream.until("heartbeat")
        found = data(beat)
        assert found["as_of"] == seq
        assert found["head"] >= seq
        assert beat.last_id


async def test_asking_only_for_the_head_of_a_stream_opens_none(js: JetStream) -> None:
    await prepared(js, "acme")
    member = projector(js)
    async with served(member) as http:
        answer = await http.head("/v1/stream", headers=bearer())
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/event-stream")
        assert not member.hub.streams


async def test_no_more_streams_than_allowed_are_opened(js: JetStream) -> None:
    await prepared(js, "acme")
    async with served(projector(js, max_streams=1)) as http, reading(http):
        refused = await http.get("/v1/stream", headers=bearer())
        assert (refused.status_code, refused.json()["code"]) == (503, "unavailable")


async def test_one_reader_does_not_take_every_stream(js: JetStream) -> None:
    await prepared(js, "acme")
    async with served(projector(js, max_streams_per_subject=2)) as http:
        async with reading(http) as one, reading(http) as two:
            await one.until("synced")
            await two.until("synced")
            refused = await http.get("/v1/stream", headers=bearer())
            assert (refused.status_code, refused.json()["code"]) == (429, "rate-limited")
            assert int(refused.headers["retry-after"]) >= 1
            async with reading(http, headers=bearer(*ROOT)) as other:
                await other.until("synced")

        async def free() -> bool:
            async with http.stream("GET", "/v1/stream", headers=bearer()) as answer:
                return answer.status_code == 200

        await until(free)


@pytest.mark.guarantee("G4.8")
async def test_a_stream_ends_when_the_token_does(js: JetStream) -> None:
    await prepared(js, "acme")
    short = bearer("ann@example.org", minutes=0.02)
    async with served(projector(js)) as http, reading(http, headers=short) as stream:
        bye = data(await stream.until("bye"))
        assert (bye["reason"], bye["retryable"]) == ("token-expired", False)
        assert bye["cursor"] == stream.cursor
        with pytest.raises(StopAsyncIteration):
            await stream.next()


async def test_a_stream_says_goodbye_when_the_projector_stops(js: JetStream) -> None:
    await prepared(js, "acme")
    member = projector(js)
    async with served(member) as http, reading(http) as stream:
        await stream.until("synced")
        member.stop()
        bye = data(await stream.until("bye"))
        assert (bye["reason"], bye["retryable"]) == ("shutdown", True)


async def test_readers_are_moved_now_and_then(js: JetStream) -> None:
    await prepared(js, "acme")
    async with served(projector(js, rotate_seconds=0.3)) as http, reading(http) as stream:
        bye = data(await stream.until("bye"))
        assert (bye["reason"], bye["retryable"]) == ("rotation", True)


async def test_a_closed_connection_leaves_no_stream_behind(js: JetStream) -> None:
    await prepared(js, "acme")
    member = projector(js)
    async with served(member) as http:
        async with reading(http) as stream:
            await stream.until("synced")
            assert len(member.hub.streams) == 1
        await until(lambda: not member.hub.streams)


@pytest.mark.guarantee("G4.6", "G4.7")
async def test_roles_apply_to_open_streams_before_the_rows_of_the_same_flush(
    js: JetStream,
) -> None:
    log = await prepared(js, "acme", "beta")
    async with served(projector(js)) as http, reading(http) as stream:
        await stream.until("synced")
        seq = await log.decide(
            writing.owned("acme", ("bob@example.org", "owner")),
            writing.renamed("acme", "a secret"),
        )
        reset = await stream.until("reset")
        assert data(reset)["reason"] == "access-changed"
        await stream.until("synced")
        await stream.at(seq)
        assert list(stream.rows) == ["beta._.organization._.beta"]
        assert not any("a secret" in event.data for event in stream.seen)


@pytest.mark.guarantee("G4.6", "G6.2")
async def test_nothing_of_another_organization_is_ever_sent(js: JetStream) -> None:
    log = await prepared(js, "acme")
    await log.decide(writing.created("other", owners=()))
    async with served(projector(js)) as http:
        async with reading(http) as stream:
            await stream.until("synced")
            for number in range(20):
                await log.decide(writing.renamed("other", f"hidden {number}"))
                await log.decide(*writing.environment_created("other"))
            seq = await log.decide(writing.renamed("acme", "shown"))
            await stream.at(seq)
            assert not any("other" in event.data for event in stream.seen)
            cursor = stream.cursor
        for query in ({"organization": "other"}, {"organization": "nobody"}):
            refused = await http.get("/v1/stream", params=query, headers=bearer())
            assert (refused.status_code, refused.json()["code"]) == (404, "not-found")
        # What changed while nobody looked is neither told as a row nor as gone.
        await log.decide(writing.renamed("other", "hidden meanwhile"))
        await log.decide(*writing.environment_created("other", "dev"))
        await listed(http, await log.decide(writing.deleted("other")))
        async with reading(http, cursor=cursor) as again:
            await again.until("synced")
            assert again.names == ["synced"]
            assert again.rows == {}
            assert again.cursor != cursor


@pytest.mark.guarantee("G4.3")
async def test_a_slow_reader_gets_the_latest_values_and_delays_nobody(js: JetStream) -> None:
    """One reader takes no byte while thousands of changes pass; another one takes all.

    What it gets then of values long gone is what lay in the kernel, and there is little of it.
    """
    log = await prepared(js)
    slugs = [f"org{number:02}" for number in range(20)]
    await log.decide(*(writing.created(slug) for slug in slugs))
    text = "x" * 120
    member = projector(js)
    async with served(member) as http, reading(http, headers=bearer(*ROOT)) as quick:
        await quick.until("synced")
        with socket.socket() as slow:
            # Its own side holds next to nothing, so that the rest lies with the sender.
            slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            slow.connect((http.base_url.host, http.base_url.port or 0))
            slow.setblocking(False)  # noqa: FBT003
            loop = asyncio.get_running_loop()
            request = f"GET /v1/stream HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token(*ROOT)}"
            await loop.sock_sendall(slow, f"{request}\r\n\r\n".encode())
            await until(lambda: len(member.hub.streams) == 2)
            rounds = 0
            while max(stream.coalesced for stream in member.hub.streams) < 100:
                rounds += 1
                seq = await log.decide(
                    *(writing.renamed(slug, f"{text}{rounds}") for slug in slugs)
                )
                await quick.at(seq)
            rows, told, size = await _read_raw(slow, seq)
        assert rows == quick.rows == await listed(http, seq, *ROOT)
        assert told > 0
        # The server's own buffer and what the kernel may hold unsent; megabytes if it held more.
        assert size < 512 * 1024


async def _read_raw(connection: socket.socket, seq: int) -> tuple[dict[str, object], int, int]:
    """Read a chunked response until `applied` says `seq`; rows, values passed over, and bytes."""
    loop = asyncio.get_running_loop()
    rows: dict[str, object] = {}
    coalesced = size = 0
    forward = Forward()
    rest = b""
    async with asyncio.timeout(60):
        while True:
            received = await loop.sock_recv(connection, 65536)
            assert received, "the stream ended"
            size += len(received)
            *lines, rest = (rest + received).split(b"\n")
            for line in lines:
                if not line.startswith(b"data: {"):
                    continue
                found = msgspec.json.decode(line[6:])
                if "value" in found:
                    forward.met(found["key"], found["value"]["seq"])
                    rows[found["key"]] = found["value"]
                    coalesced += found.get("coalesced", 0)
                elif found.get("as_of") == seq and "head" not in found:
                    return rows, coalesced, size


@pytest.mark.guarantee("G4.1", "G4.2")
async def test_many_tabs_that_come_and_go_agree_with_the_rows(js: JetStream) -> None:
    log = await prepared(js, "acme", "beta", "gamma")
    chosen = random.Random(23)  # noqa: S311
    async with served(projector(js)) as http, asyncio.TaskGroup() as tasks:
        done = asyncio.Event()
        written: list[int] = []

        async def write() -> None:
            for number in range(150):
                slug = chosen.choice(["acme", "beta", "gamma"])
                await log.decide(writing.renamed(slug, f"name {number}"))
                if number % 10 == 0:
                    await log.decide(*writing.environment_created(slug))
                await asyncio.sleep(0)
            written.append(await log.decide(writing.renamed("acme", "the last word")))
            done.set()

        async def tab(number: int) -> tuple[dict[str, dict[str, object]], str]:
            rows: dict[str, dict[str, object]] = {}
            cursor = ""
            query: dict[str, Any] = {"organization": "acme"} if number % 2 else {}
            while True:
                async with reading(http, cursor=cursor, **query) as stream:
                    stream.rows, stream.cursor = rows, cursor
                    await _some(stream, chosen.randrange(1, 25))
                    rows, cursor = stream.rows, stream.cursor
                    if done.is_set():
                        await stream.at(written[0])
                        return stream.rows, query.get("organization", "")

        tabs = [tasks.create_task(tab(number)) for number in range(6)]
        tasks.create_task(write())
        await asyncio.wait(tabs)
        await agrees(js, written[0])
        everything = await listed(http, written[0])
        for found in tabs:
            rows, organization = found.result()
            assert rows == {
                key: value
                for key, value in everything.items()
                if not organization or key.startswith(f"{organization}.")
            }


async def _some(stream: Reading, count: int) -> None:
    """Read so many events, and on to the end of a snapshot."""
    for _ in range(count):
        await stream.next()
    if not stream.cursor:
        await stream.until("synced")
