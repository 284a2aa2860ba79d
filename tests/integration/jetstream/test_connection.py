"""The connection itself: lost, found again, refused, closed."""

import asyncio
import logging
from pathlib import Path

import pytest
from tests.integration.jetstream.streams import fill, log_stream
from tests.support.broker import Access, own_connection
from tests.support.waiting import until

from catalyst.chassis.jetstream import wire
from catalyst.chassis.jetstream.broker import JetStream
from catalyst.chassis.jetstream.connection import connect
from catalyst.chassis.jetstream.port import BrokerError, Denied, Outgoing, Unavailable
from catalyst.cli.broker import Account, BrokerProcess, BrokerSettings, User

pytestmark = pytest.mark.real


async def test_a_restarted_broker_is_found_again(own_server: BrokerProcess) -> None:
    async with own_connection(own_server) as js:
        await log_stream(js)
        await fill(js, 10)
        first = js.server_name

        await own_server.kill()
        await own_server.start()
        await js.ready()

        assert js.server_name != first
        assert (await js.publish(Outgoing("evt.a"))).seq == 11
        assert len(await js.replay("EV", "evt.a")) == 11
        assert not js.closed.is_set()


async def test_a_call_under_way_fails_at_once_when_the_broker_dies(
    own_server: BrokerProcess,
) -> None:
    async with own_connection(own_server) as js:
        listening = asyncio.Event()
        await js.link.tap("quiet.>", lambda _: listening.set())

        async def ask() -> None:
            await js.link.call(
                lambda inbox: [wire.frame("quiet.a", b"", None, inbox)], ("quiet.a",), timeout=600
            )

        async with asyncio.TaskGroup() as group:
            call = group.create_task(_refused(ask()))
            await listening.wait()
            await own_server.kill()

        assert call.result() == "the connection to the broker was lost"


async def test_without_a_connection_a_call_waits_no_longer_than_it_was_told(
    own_server: BrokerProcess,
) -> None:
    async with own_connection(own_server) as js:
        await log_stream(js)
        await own_server.kill()
        await until(lambda: not js.link.is_connected)

        for call in (
            js.publish(Outgoing("evt.a"), timeout=0.05),
            js.batch([Outgoing("evt.a")], timeout=0.05),
            js.api("INFO", None, timeout=0.05),
            js.rtt(timeout=0.05),
        ):
            with pytest.raises(Unavailable):
                await call

        await own_server.start()
        await js.ready()
        # What failed while nobody was there was not kept for later.
        assert (await js.stream_state("EV")).messages == 0


async def test_what_waits_for_the_socket_is_not_sent_after_a_reconnect(
    own_server: BrokerProcess,
) -> None:
    async with own_connection(own_server) as js:
        await log_stream(js)
        before = js.link.drops
        # Without an await in between, nothing of this has reached the socket yet.
        js.link._pending.append(wire.frame("evt.late", b"", None))
        js.link._pending_data_size += 1
        await js.link.force_reconnect()
        await until(lambda: js.link.drops > before)
        await js.ready()

        await js.publish(Outgoing("evt.a"))

        assert [message.subject for message in await js.replay("EV", "evt.>")] == ["evt.a"]


async def test_a_call_waits_for_a_broker_that_comes_back(own_server: BrokerProcess) -> None:
    async with own_connection(own_server) as js:
        await log_stream(js)
        await own_server.kill()
        await until(lambda: not js.link.is_connected)

        async with asyncio.TaskGroup() as group:
            sent = group.create_task(js.publish(Outgoing("evt.a"), timeout=20))
            await own_server.start()

        assert sent.result().seq == 1


async def test_wrong_credentials_are_refused_at_once(access: Access) -> None:
    with pytest.raises(Denied, match="credentials"):
        async with connect(access.url, name="test", user=access.user, password="wrong"):
            pass


async def test_a_broker_that_is_not_there_is_waited_for_and_given_up(
    own_server: BrokerProcess,
) -> None:
    await own_server.stop()

    with pytest.raises(Unavailable) as caught:
        async with own_connection(own_server, timeout=0.2):
            pass

    assert "own" not in str(caught.value).replace("Unknown", "")


async def test_a_url_may_hold_the_credentials(broker_url: str) -> None:
    async with connect(broker_url, name="test") as js:
        assert await js.rtt() > 0


async def test_a_closed_connection_says_so_and_answers_nothing(access: Access) -> None:
    async with connect(access.url, name="test", user=access.user, password=access.password) as js:
        await js.link.close()

        assert js.closed.is_set()
        for call in (
            js.publish(Outgoing("evt.a")),
            js.core_publish("evt.a", b""),
            js.rtt(),
            js.ready(),
        ):
            with pytest.raises(Unavailable, match="closed"):
                await call


async def test_a_protocol_error_closes_for_good(js: JetStream) -> None:
    await js.link.send(b"NONSENSE\r\n")

    async with asyncio.timeout(60):
        await js.closed.wait()


async def test_a_read_loop_that_ends_is_begun_again(
    js: JetStream, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = js.link.drops

    async def fail(_: object) -> None:
        raise RuntimeError("not expected by nats-py")

    # Its own subscriptions run in tasks; only the parser's errors reach the read loop.
    monkeypatch.setattr(js.link._ps, "parse", fail)
    with caplog.at_level(logging.CRITICAL, logger="nats.aio.client"):
        await js.link.send(b"PING\r\n")
        await until(lambda: js.link.drops > before)
    monkeypatch.undo()

    await js.ready()
    assert await js.rtt() > 0


async def test_an_answer_to_whoever_has_left_ends_no_connection(js: JetStream) -> None:
    gone = asyncio.get_running_loop().create_future()
    gone.cancel()
    await js.link._send_ping(gone)
    await js.rtt()
    assert js.link.drops == 0


async def test_a_tap_that_fails_does_not_stop_the_others(
    js: JetStream, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(_: wire.Raw) -> None:
        raise RuntimeError("broken tap")

    heard = asyncio.Event()
    await js.link.tap("a.>", fail)
    await js.link.tap("b.>", lambda _: heard.set())

    await js.core_publish("a.1", b"")
    await js.core_publish("b.1", b"")

    async with asyncio.timeout(60):
        await heard.wait()
    assert "a tap failed" in caplog.text


async def test_an_ended_tap_hears_nothing(js: JetStream) -> None:
    heard: list[bytes] = []
    number = await js.link.tap("a.>", lambda raw: heard.append(raw.data))
    await js.core_publish("a.1", b"1")
    await js.rtt()
    await js.link.untap(number)
    await js.core_publish("a.1", b"2")
    await js.rtt()

    assert heard == [b"1"]
    await js.link.untap(number)


async def test_what_the_permissions_forbid_is_denied_at_once(tmp_path: Path) -> None:
    user = User(
        "few", "few", publish=["evt.own.>", "$JS.API.STREAM.CREATE.EV"], subscribe=["_INBOX_few.>"]
    )
    server = BrokerProcess(BrokerSettings(tmp_path, [Account("A", [user])], min_free_bytes=0))
    await server.start()
    try:
        async with connect(server.url, name="few", user="few", password="few") as js:
            await log_stream(js)

            with pytest.raises(Denied):
                await js.publish(Outgoing("evt.Other.a"), timeout=600)
            with pytest.raises(Denied):
                await js.batch([Outgoing("evt.other.a"), Outgoing("evt.own.a")], timeout=600)
            with pytest.raises(Denied):
                await js.stream_state("EV")
            assert (await js.publish(Outgoing("evt.own.a"))).seq == 1
    finally:
        await server.stop()


async def test_who_may_hear_no_reply_is_told_so(tmp_path: Path) -> None:
    user = User("deaf", "deaf", subscribe=["evt.>"])
    server = BrokerProcess(BrokerSettings(tmp_path, [Account("A", [user])], min_free_bytes=0))
    await server.start()
    try:
        async with connect(server.url, name="deaf", user="deaf", password="deaf") as js:
            for _ in range(2):
                with pytest.raises(Denied, match="subscription"):
                    await js.api("INFO", None, timeout=600)
    finally:
        await server.stop()


async def test_replies_arrive_under_a_prefix_of_ones_own(js: JetStream, access: Access) -> None:
    heard: list[bytes] = []
    await js.link.tap("svc.ask", lambda raw: heard.append(raw.reply))
    async with connect(
        access.url, name="other", user=access.user, password=access.password
    ) as other:
        await _refused(
            other.link.call(
                lambda inbox: [wire.frame("svc.ask", b"", None, inbox)], ("svc.ask",), timeout=0.05
            )
        )
    await until(lambda: bool(heard))

    assert heard[0].startswith(b"_INBOX_other.")


async def _refused(call: object) -> str:
    with pytest.raises(BrokerError) as caught:
        await call  # type: ignore[misc]
    return caught.value.description
