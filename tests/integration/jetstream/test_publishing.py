"""Writing through the port, on the real server: guards, batches, and what refuses them."""

import asyncio
from pathlib import Path

import pytest
from tests.integration.jetstream.streams import GUARD, GUARDED, fill, log_stream
from tests.support.broker import own_connection, private

from catalyst.chassis.jetstream.broker import JetStream
from catalyst.chassis.jetstream.port import (
    BrokerError,
    DuplicateId,
    Full,
    NothingStored,
    Outgoing,
    TooLarge,
    Unavailable,
    WrongSequence,
)

pytestmark = pytest.mark.real


async def test_a_publish_answers_where_it_stands(js: JetStream) -> None:
    await log_stream(js)

    first = await js.publish(Outgoing("evt.a", b"x", {"Key": "value"}))
    second = await js.publish(Outgoing("evt.a"))

    assert (first.stream, first.seq, first.count, first.duplicate) == ("EV", 1, 1, False)
    assert second.seq == 2


async def test_a_subject_of_no_stream_is_answered_by_nobody(js: JetStream) -> None:
    with pytest.raises(Unavailable) as caught:
        await js.publish(Outgoing("nowhere.a"))
    assert caught.value.code == 503


async def test_a_guard_that_holds_lets_the_message_in(js: JetStream) -> None:
    await log_stream(js)

    first = await js.publish(Outgoing("evt.a", b"", {GUARD: "0"}))

    assert (await js.publish(Outgoing("evt.a", b"", {GUARD: str(first.seq)}))).seq == 2


async def test_a_guard_that_does_not_hold_stores_nothing(js: JetStream) -> None:
    await log_stream(js)
    await js.publish(Outgoing("evt.a"))

    with pytest.raises(WrongSequence) as caught:
        await js.publish(Outgoing("evt.a", b"", {GUARD: "0"}))

    assert caught.value.err_code in {10071, 10164}
    assert caught.value.actual == 1
    assert (await js.stream_state("EV")).messages == 1


async def test_a_guard_holds_a_whole_aggregate(js: JetStream) -> None:
    await log_stream(js)
    await js.publish(Outgoing("evt.a.created"))
    headers = {GUARD: "1", GUARDED: "evt.a.>"}

    await js.publish(Outgoing("evt.a.renamed", b"", headers))

    with pytest.raises(WrongSequence):
        await js.publish(Outgoing("evt.a.renamed", b"", headers))


async def test_of_many_writers_with_one_guard_one_wins(js: JetStream) -> None:
    await log_stream(js)

    async def write(number: int) -> bool:
        try:
            await js.batch([Outgoing(f"done.{number}"), Outgoing("evt.a", b"", {GUARD: "0"})])
        except WrongSequence:
            return False
        return True

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(write(number)) for number in range(20)]

    assert [task.result() for task in tasks].count(True) == 1
    assert (await js.stream_state("EV")).messages == 2


async def test_a_batch_stands_in_one_piece_and_in_order(js: JetStream) -> None:
    await log_stream(js)
    await js.publish(Outgoing("evt.before"))

    ack = await js.batch([Outgoing(f"evt.{number}", b"%d" % number) for number in range(5)])

    assert (ack.seq, ack.count) == (6, 5)
    found = await js.replay("EV", "evt.>", start=2)
    assert [(message.seq, message.data) for message in found] == [
        (ack.seq - ack.count + place, b"%d" % (place - 1)) for place in range(1, 6)
    ]
    assert len({message.headers["Nats-Batch-Id"] for message in found}) == 1
    assert found[-1].headers["Nats-Batch-Commit"] == "1"


async def test_a_batch_of_one_is_a_batch(js: JetStream) -> None:
    await log_stream(js)

    assert (await js.batch([Outgoing("evt.a")])).count == 1


async def test_a_batch_may_be_as_large_as_the_server_allows(js: JetStream) -> None:
    await log_stream(js)

    assert (await fill(js, 1000)).count == 1000


@pytest.mark.parametrize("count", [0, 1001])
async def test_a_batch_of_another_size_is_refused_before_it_is_sent(
    js: JetStream, count: int
) -> None:
    with pytest.raises(ValueError, match="1 to 1000"):
        await js.batch([Outgoing("evt.a")] * count)


@pytest.mark.parametrize("place", [0, 1, 2])
async def test_one_broken_guard_stores_nothing_of_a_batch(js: JetStream, place: int) -> None:
    await log_stream(js)
    messages = [Outgoing(f"evt.{number}", b"", {GUARD: "0"}) for number in range(3)]
    messages[place] = Outgoing(f"evt.{place}", b"", {GUARD: "9"})

    with pytest.raises(WrongSequence):
        await js.batch(messages)

    assert (await js.stream_state("EV")).messages == 0


async def test_a_guard_behind_a_write_of_its_own_subject_is_refused(js: JetStream) -> None:
    await log_stream(js)

    with pytest.raises(WrongSequence) as caught:
        await js.batch([Outgoing("evt.a"), Outgoing("evt.a", b"", {GUARD: "0"})])

    assert caught.value.err_code == 10164


async def test_a_message_id_counts_once(js: JetStream) -> None:
    await log_stream(js)
    message = Outgoing("evt.a", b"", {"Nats-Msg-Id": "m1"})
    await js.publish(message)

    again = await js.publish(message)

    assert (again.duplicate, again.seq) == (True, 1)
    with pytest.raises(DuplicateId):
        await js.batch([Outgoing("done.1"), message])
    assert (await js.stream_state("EV")).messages == 1


async def test_a_batch_over_two_streams_is_stored_in_neither(js: JetStream) -> None:
    await log_stream(js)
    await log_stream(js, "OTHER", subjects=["other.>"])

    with pytest.raises(NothingStored):
        await js.batch([Outgoing("evt.a"), Outgoing("other.a"), Outgoing("evt.b")])

    assert (await js.stream_state("EV")).messages == 0
    assert (await js.stream_state("OTHER")).messages == 0


async def test_too_many_open_batches_are_refused_and_nothing_is_stored(tmp_path: Path) -> None:
    limits = {"batch": {"max_inflight_per_stream": 3}}
    server = private(tmp_path, jetstream={"store_dir": str(tmp_path / "store"), "limits": limits})
    await server.start()
    try:
        async with own_connection(server) as js:
            await log_stream(js)
            for number in range(3):
                await js.core_publish(
                    "evt.open", b"", {"Nats-Batch-Id": f"b{number}", "Nats-Batch-Sequence": "1"}
                )

            with pytest.raises(NothingStored) as one:
                await js.batch([Outgoing("evt.a")])
            with pytest.raises(NothingStored) as two:
                await js.batch([Outgoing("evt.a"), Outgoing("evt.b")])
            stored = (await js.stream_state("EV")).messages
    finally:
        await server.stop()

    # The refusal of a first message that wants no answer is heard of only at the commit.
    assert (one.value.err_code, two.value.err_code) == (10210, 10176)
    assert stored == 0


async def test_a_stream_without_batches_says_so(js: JetStream) -> None:
    await log_stream(js, allow_atomic=False)

    with pytest.raises(BrokerError) as caught:
        await js.batch([Outgoing("evt.a")])

    assert caught.value.err_code == 10174


async def test_a_full_stream_takes_nothing_more(js: JetStream) -> None:
    await log_stream(js, discard="new", max_msgs=1)
    await js.publish(Outgoing("evt.a"))

    with pytest.raises(Full):
        await js.publish(Outgoing("evt.b"))


async def test_a_subject_may_be_a_unique_key(js: JetStream) -> None:
    await log_stream(js, discard="new", max_msgs_per_subject=1, discard_new_per_subject=True)
    await js.publish(Outgoing("evt.a"))

    with pytest.raises(Full) as caught:
        await js.publish(Outgoing("evt.a"))

    assert caught.value.err_code == 10077
    await js.publish(Outgoing("evt.b"))


async def test_a_message_over_the_limit_is_not_sent(js: JetStream) -> None:
    await log_stream(js)
    room = js.max_payload - Outgoing("evt.a", b"", {"H": "v"}).size()

    await js.publish(Outgoing("evt.a", b"x" * room, {"H": "v"}))

    with pytest.raises(TooLarge):
        await js.publish(Outgoing("evt.a", b"x" * (room + 1), {"H": "v"}))
    with pytest.raises(TooLarge):
        await js.batch([Outgoing("evt.a"), Outgoing("evt.a", b"x" * room, {"H": "v"})])
    with pytest.raises(TooLarge):
        await js.core_publish("evt.a", b"x" * (room + 1), {"H": "v"})
    # The connection would be closed for good if one of them had left.
    assert (await js.stream_state("EV")).messages == 1


async def test_headers_with_line_breaks_stay_one_header(js: JetStream) -> None:
    await log_stream(js)

    await js.publish(Outgoing("evt.a", b"", {"Key": "a\r\nNats-Rollup: all", "Text": "ä ö"}))

    stored = await js.last("EV", "evt.a")
    assert stored is not None
    assert stored.headers == {"Key": "a  Nats-Rollup: all", "Text": "ä ö"}


async def test_who_listens_hears_a_core_publish(js: JetStream) -> None:
    heard: asyncio.Queue[tuple[bytes, bytes | None]] = asyncio.Queue()
    await js.link.tap("rsp.>", lambda raw: heard.put_nowait((raw.data, raw.headers)))

    await js.core_publish("rsp.a", b"plain")
    await js.core_publish("rsp.a", b"headed", {"A": "b"})

    async with asyncio.timeout(60):
        assert await heard.get() == (b"plain", None)
        assert await heard.get() == (b"headed", b"NATS/1.0\r\nA: b\r\n\r\n")
