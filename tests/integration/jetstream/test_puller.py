"""A reader gets everything once and in order, or says that it may not have."""

import asyncio
import os
import signal
import threading
from datetime import timedelta
from pathlib import Path

import pytest
from tests.integration.jetstream.streams import fill, log_stream
from tests.support.broker import own_connection, private
from tests.support.waiting import until

from catalyst.chassis.jetstream import wire
from catalyst.chassis.jetstream.broker import JetStream
from catalyst.chassis.jetstream.port import BrokerError, NotFound, Outgoing, Unavailable
from catalyst.chassis.jetstream.puller import BATCH, Doubt, Pulled, Puller, pull
from catalyst.chassis.jetstream.requests import SILENCE_SECONDS
from catalyst.chassis.jetstream.times import of_nanoseconds
from catalyst.cli.broker import BrokerProcess

pytestmark = pytest.mark.real


async def read(puller: Puller, count: int) -> list[Pulled]:
    """At least `count` messages."""
    found: list[Pulled] = []
    async with asyncio.timeout(60):
        while len(found) < count:
            found += await puller.read()
    return found


async def doubt(puller: Puller) -> str:
    """Why it doubts; what it reads before that is of no interest."""
    async with asyncio.timeout(60):
        while True:
            try:
                await puller.read()
            except Doubt as caught:
                return caught.reason


async def test_everything_arrives_once_and_in_order(js: JetStream) -> None:
    await log_stream(js)
    await fill(js, 10 * BATCH)

    async with pull(js, "EV", name="reader", start=1) as puller:
        found = await read(puller, 10 * BATCH)

    assert [message.seq for message in found] == list(range(1, 10 * BATCH + 1))
    assert [message.data for message in found] == [b"%d" % n for n in range(10 * BATCH)]
    assert puller.last_seq == 10 * BATCH


async def test_a_message_brings_all_that_is_known_of_it(js: JetStream) -> None:
    await log_stream(js)
    await js.publish(Outgoing("evt.a", b"x", {"Key": "value"}))
    await js.publish(Outgoing("evt.b"))

    async with pull(js, "EV", name="reader", start=1) as puller:
        first, second = await read(puller, 2)

    assert (first.subject, first.data, first.pending) == ("evt.a", b"x", 1)
    assert wire.fields(first.headers) == {"Key": "value"}
    assert (second.subject, second.data, second.headers, second.pending) == ("evt.b", b"", None, 0)
    stored = await js.message("EV", 1)
    assert stored is not None
    assert of_nanoseconds(first.time_ns) == stored.time


async def test_a_message_that_cannot_be_taken_is_a_reason_to_doubt(js: JetStream) -> None:
    await log_stream(js)
    await fill(js, 5)

    def skip(_subject: bytes, _headers: bytes | None) -> bool:
        if puller.last_seq == 3:
            raise ValueError("this cannot be read")
        return False

    async with pull(js, "EV", name="reader", start=1, skip=skip) as puller:
        assert await doubt(puller) == "a message cannot be taken"
        assert puller.last_seq == 2


@pytest.mark.parametrize(("start", "first"), [(0, 1), (1, 1), (4, 4)])
async def test_reading_begins_where_it_is_told(js: JetStream, start: int, first: int) -> None:
    await log_stream(js)
    await fill(js, 5)

    async with pull(js, "EV", name="reader", start=start) as puller:
        assert (await read(puller, 1))[0].seq == first


async def test_a_reader_ahead_of_the_stream_waits_for_it(js: JetStream) -> None:
    await log_stream(js)
    await fill(js, 2)

    async with pull(js, "EV", name="reader", start=3) as puller:
        assert await puller.read(timeout=0.05) == []
        await fill(js, 1)
        assert [message.seq for message in await read(puller, 1)] == [3]


async def test_new_messages_are_heard_while_waiting(js: JetStream) -> None:
    await log_stream(js)

    async with (
        pull(js, "EV", name="reader", start=1) as puller,
        asyncio.TaskGroup() as group,
    ):
        reading = group.create_task(read(puller, 1))
        await until(lambda: puller._requests._open != [])
        await js.publish(Outgoing("evt.a"))

    assert [message.seq for message in reading.result()] == [1]


async def test_only_the_wanted_subjects_arrive(js: JetStream) -> None:
    await log_stream(js)
    await fill(js, 6, subjects=["evt.a", "evt.b", "evt.c"])

    async with pull(js, "EV", name="reader", start=2, subjects=["evt.a", "evt.c"]) as puller:
        assert [message.seq for message in await read(puller, 3)] == [3, 4, 6]


async def test_the_head_is_known_although_nothing_of_it_arrives(js: JetStream) -> None:
    await log_stream(js)
    await js.publish(Outgoing("evt.a"))

    async with pull(js, "EV", name="reader", start=1, subjects=["evt.>"]) as puller:
        await read(puller, 1)
        await js.publish(Outgoing("done.1"))

        async def heard() -> bool:
            await puller.read(timeout=0.05)
            return puller.last_seen_head == 2

        await until(heard)
        assert puller.last_seq == 1


async def test_large_messages_come_through_several_requests(js: JetStream) -> None:
    await log_stream(js)
    for _ in range(25):
        await js.batch([Outgoing("evt.a", b"x" * 250_000)] * 4)

    async with pull(js, "EV", name="reader", start=1) as puller:
        assert len(await read(puller, 100)) == 100


async def test_a_cancelled_read_loses_nothing(js: JetStream) -> None:
    await log_stream(js)

    async with pull(js, "EV", name="reader", start=1) as puller:
        async with asyncio.TaskGroup() as group:
            reading = group.create_task(puller.read())
            await until(lambda: puller._requests._open != [])
            reading.cancel()
        await fill(js, 3)

        assert [message.seq for message in await read(puller, 3)] == [1, 2, 3]


async def test_readers_do_not_take_from_each_other(js: JetStream) -> None:
    await log_stream(js)
    await fill(js, 50)

    async with (
        pull(js, "EV", name="reader", start=1) as one,
        pull(js, "EV", name="reader", start=1) as two,
    ):
        assert len(await read(one, 50)) == len(await read(two, 50)) == 50


async def test_a_reader_leaves_no_consumer_behind(js: JetStream) -> None:
    await log_stream(js)

    async with pull(js, "EV", name="reader", start=1) as puller:
        names = (await js.api("CONSUMER.NAMES.EV", {}))["consumers"]
        assert names == [puller.name]
        assert puller.name.startswith("reader-")

    assert not (await js.api("CONSUMER.NAMES.EV", {}))["consumers"]


async def test_a_stream_that_is_not_there_is_an_error(js: JetStream) -> None:
    with pytest.raises(NotFound):
        async with pull(js, "EV", name="reader", start=1):
            pass


async def test_a_deleted_consumer_is_doubted(js: JetStream) -> None:
    await log_stream(js)
    await fill(js, 3)

    async with pull(js, "EV", name="reader", start=1) as puller:
        await read(puller, 3)
        await js.api(f"CONSUMER.DELETE.EV.{puller.name}", None)

        assert await doubt(puller) == "consumer deleted"


async def test_a_consumer_deleted_before_the_first_read_is_doubted(js: JetStream) -> None:
    await log_stream(js)

    async with pull(js, "EV", name="reader", start=1) as puller:
        await js.api(f"CONSUMER.DELETE.EV.{puller.name}", None)

        assert await doubt(puller) == "status 503"


async def test_a_deleted_stream_is_doubted(js: JetStream) -> None:
    await log_stream(js)

    async with pull(js, "EV", name="reader", start=1) as puller:
        assert await puller.read(timeout=0.05) == []
        await js.api("STREAM.DELETE.EV", None)

        assert await doubt(puller) != ""


async def test_a_missing_message_is_noticed_by_the_next_one(js: JetStream) -> None:
    await log_stream(js)
    await fill(js, 2)

    async with pull(js, "EV", name="reader", start=1) as puller:
        await _lose(js, puller)

        assert await doubt(puller) == "delivery 1 is missing"
        assert puller.last_seq == 0


async def test_a_missing_last_message_is_noticed_by_the_heartbeat(js: JetStream) -> None:
    await log_stream(js)
    await fill(js, 1)

    async with pull(js, "EV", name="reader", start=1) as puller:
        await _lose(js, puller)

        assert await doubt(puller) == "delivery 1 is missing"


async def _lose(js: JetStream, puller: Puller) -> None:
    heard = asyncio.Event()
    inbox = js.link.new_inbox()
    tap = await js.link.tap(inbox, lambda _: heard.set())
    subject = f"$JS.API.CONSUMER.MSG.NEXT.EV.{puller.name}"
    await js.link.send(wire.frame(subject, b'{"batch":1,"no_wait":true}', None, inbox))
    async with asyncio.timeout(60):
        await heard.wait()
    await js.link.untap(tap)


async def test_what_came_before_a_doubt_is_handed_out_first(js: JetStream) -> None:
    await log_stream(js)
    await fill(js, 3)

    async with pull(js, "EV", name="reader", start=1) as puller:
        await puller.read(timeout=0.05)
        await fill(js, 2)
        await until(lambda: puller.last_seq == 5)
        await js.api(f"CONSUMER.DELETE.EV.{puller.name}", None)
        await until(lambda: puller._doubt is not None)

        assert [message.seq for message in await puller.read()][-1] == 5
        with pytest.raises(Doubt):
            await puller.read()
        with pytest.raises(Doubt):
            await puller.read()


async def test_a_silent_broker_is_doubted(own_server: BrokerProcess) -> None:
    async with own_connection(own_server) as js:
        await log_stream(js)
        async with pull(js, "EV", name="reader", start=1) as puller:
            await puller.read(timeout=0.05)
            assert own_server.pid is not None
            os.kill(own_server.pid, signal.SIGSTOP)
            try:
                reason = await doubt(puller)
            finally:
                os.kill(own_server.pid, signal.SIGCONT)

    assert reason == "no heartbeat"


async def test_a_loop_of_ours_that_stood_still_is_no_reason_to_doubt(js: JetStream) -> None:
    await log_stream(js)

    async with (
        pull(js, "EV", name="reader", start=1) as puller,
        asyncio.TaskGroup() as group,
    ):
        reading = group.create_task(read(puller, 1))
        await until(lambda: puller._requests._open != [])
        # Without a turn of the loop; nobody sets it.
        threading.Event().wait(1.2 * SILENCE_SECONDS)
        await js.publish(Outgoing("evt.a"))

    assert len(reading.result()) == 1


async def test_after_a_restart_the_owner_reads_on_from_its_own_position(
    own_server: BrokerProcess,
) -> None:
    seen: list[int] = []
    reasons: list[str] = []

    async def follow(js: JetStream) -> None:
        while len(seen) < 3000:
            try:
                async with pull(js, "EV", name="reader", start=len(seen) + 1) as puller:
                    while len(seen) < 3000:
                        seen.extend(message.seq for message in await puller.read())
            except Doubt as caught:
                reasons.append(caught.reason)
            except BrokerError as caught:
                reasons.append(caught.description)

    async with own_connection(own_server) as js:
        await log_stream(js)
        await fill(js, 1500)
        async with asyncio.timeout(60), asyncio.TaskGroup() as group:
            group.create_task(follow(js))
            await until(lambda: len(seen) == 1500)
            await own_server.kill()
            await own_server.start()
            await js.ready()
            await fill(js, 1500)

    assert seen == list(range(1, 3001))
    assert reasons[0] == "connection lost"


async def test_a_closed_connection_is_doubted(js: JetStream) -> None:
    await log_stream(js)

    async with pull(js, "EV", name="reader", start=1) as puller:
        await puller.read(timeout=0.05)
        await js.link.close()

        assert await doubt(puller) == "connection lost"


async def test_no_reader_begins_on_a_closed_connection(js: JetStream) -> None:
    await js.link.close()

    with pytest.raises(Unavailable, match="closed"):
        async with pull(js, "EV", name="reader", start=1):
            pass


async def test_the_second_form_of_acknowledgement_subjects_is_read_too(tmp_path: Path) -> None:
    server = private(tmp_path / "broker", feature_flags={"js_ack_fc_v2": True})
    await server.start()
    try:
        async with own_connection(server) as js:
            await log_stream(js)
            await fill(js, 3)
            async with pull(js, "EV", name="reader", start=1) as puller:
                found = await read(puller, 3)
            stored = await js.message("EV", 1)
    finally:
        await server.stop()

    assert [(message.seq, message.pending) for message in found] == [(1, 2), (2, 1), (3, 0)]
    assert stored is not None
    assert of_nanoseconds(found[0].time_ns) - stored.time == timedelta()
