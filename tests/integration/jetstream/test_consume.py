"""A worker's durables: in order, settled once, given back, and made again."""

import asyncio
from pathlib import Path

import pytest
from tests.integration.jetstream.streams import fill, log_stream
from tests.integration.jetstream.worker import Worker
from tests.support.broker import own_connection, private
from tests.support.waiting import until
from typing_extensions import override

from catalyst.chassis.jetstream import consume
from catalyst.chassis.jetstream.broker import JetStream
from catalyst.chassis.jetstream.consume import RENEW_SECONDS, Durable, Intake
from catalyst.chassis.jetstream.port import (
    Acked,
    Delivery,
    Nacked,
    Outgoing,
    Terminated,
    Verdict,
    Working,
)
from catalyst.cli.broker import BrokerProcess

pytestmark = pytest.mark.real


async def test_messages_come_in_order_and_are_settled(js: JetStream) -> None:
    await log_stream(js)
    await fill(js, 3000, subjects=["evt.a", "evt.b"])
    worker = Worker(js)
    worker.take = worker.acknowledge

    async with worker.running():
        await until(lambda: len(worker.taken) == 3000)

    assert [delivery.seq for delivery in worker.taken] == list(range(1, 3001))
    assert await worker.pending() == 0
    assert worker.intake.unsettled == 0


async def test_a_delivery_is_all_that_the_broker_said(js: JetStream) -> None:
    await log_stream(js)
    await js.publish(Outgoing("evt.a", b"x", {"Key": "value"}))
    await js.publish(Outgoing("evt.b"))
    worker = Worker(js)

    async with worker.running():
        await until(lambda: len(worker.taken) == 2)

    first, second = worker.taken
    assert (first.stream, first.consumer, first.subject) == ("EV", "work", "evt.a")
    assert (first.seq, first.consumer_seq, first.delivered, first.pending) == (1, 1, 1, 1)
    assert (first.data, dict(first.headers)) == (b"x", {"Key": "value"})
    assert (second.data, dict(second.headers)) == (b"", {})
    stored = await js.message("EV", 1)
    assert stored is not None
    assert first.time == stored.time


async def test_a_message_sent_back_comes_again(js: JetStream) -> None:
    await log_stream(js)
    await fill(js, 1)
    worker = Worker(js)

    async with worker.running():
        await until(lambda: len(worker.taken) == 1)
        await worker.intake.settle(worker.taken[0], Nacked(delay_seconds=0.05))
        await until(lambda: len(worker.taken) == 2)
        await worker.intake.settle(worker.taken[1], Acked())

    assert [delivery.delivered for delivery in worker.taken] == [1, 2]
    assert await worker.pending() == 0


async def test_a_terminated_message_never_comes_again(js: JetStream) -> None:
    await log_stream(js)
    await fill(js, 1)
    heard: list[bytes] = []
    await js.link.tap(
        "$JS.EVENT.ADVISORY.CONSUMER.MSG_TERMINATED.>", lambda raw: heard.append(raw.data)
    )
    worker = Worker(js)

    async with worker.running():
        await until(lambda: len(worker.taken) == 1)
        await worker.intake.settle(worker.taken[0], Terminated("no use"))
        await until(lambda: heard != [])

    assert b"no use" in heard[0]
    assert await worker.pending() == 0


async def test_what_is_being_worked_on_is_not_delivered_again(js: JetStream) -> None:
    await log_stream(js)
    await fill(js, 2)
    worker = Worker(js, ack_wait_seconds=RENEW_SECONDS + 1.5)
    renewed: list[int] = []
    await js.link.tap(
        "$JS.ACK.EV.work.>",
        lambda raw: renewed.append(1) if raw.data == b"+WPI" else None,
    )

    async with worker.running():
        # Two renewals of each: longer than the broker would have waited.
        await until(lambda: len(renewed) >= 4)
        for delivery in list(worker.taken):
            await worker.intake.settle(delivery, Acked())

    assert [delivery.seq for delivery in worker.taken] == [1, 2]
    assert (await worker.info())["num_redelivered"] == 0
    assert await worker.pending() == 0


async def test_a_repeat_of_a_message_in_hand_is_not_handed_over_twice(js: JetStream) -> None:
    await log_stream(js)
    await fill(js, 1)
    worker = Worker(js, ack_wait_seconds=0.2)

    async def redelivered() -> bool:
        return int((await worker.info())["delivered"]["consumer_seq"]) >= 3

    async def settled() -> bool:
        return await worker.pending() == 0

    async with worker.running():
        await until(redelivered)
        assert len(worker.taken) == 1
        # One more repeat may be on its way by now.
        worker.take = worker.acknowledge
        await worker.intake.settle(worker.taken[0], Acked())
        await until(settled)


async def test_a_stream_made_anew_is_not_taken_for_a_repeat(js: JetStream) -> None:
    await log_stream(js)
    await fill(js, 1)
    worker = Worker(js)

    async with worker.running():
        await until(lambda: len(worker.taken) == 1)
        await js.api("STREAM.DELETE.EV", None)
        await log_stream(js)
        await fill(js, 1)
        await until(lambda: len(worker.taken) == 2)

    assert [delivery.seq for delivery in worker.taken] == [1, 1]


async def test_a_message_that_finds_no_lane_comes_again(
    js: JetStream, caplog: pytest.LogCaptureFixture
) -> None:
    await log_stream(js)
    await fill(js, 1)
    worker = Worker(js, ack_wait_seconds=0.2)

    async def fail_once(delivery: Delivery) -> None:
        if delivery.delivered == 1:
            raise RuntimeError("no lane")
        await worker.acknowledge(delivery)

    worker.take = fail_once
    async with worker.running():
        await until(lambda: len(worker.taken) == 1)

    assert worker.taken[0].delivered == 2
    assert "could not be put into its lane" in caplog.text


async def test_a_deleted_durable_is_made_again(js: JetStream) -> None:
    await log_stream(js)
    await fill(js, 10)
    worker = Worker(js)
    worker.take = worker.acknowledge

    async with worker.running():
        await until(lambda: len(worker.taken) == 10)
        await js.api("CONSUMER.DELETE.EV.work", None)
        await until(lambda: worker.made == 2)
        await fill(js, 10)
        await until(lambda: {d.seq for d in worker.taken} == set(range(1, 21)))
        await until(lambda: worker.taken[-1].seq == 20)

    # Made anew without a cursor it begins at 1: repeats are for the lanes to recognise.
    assert [d.seq for d in worker.taken] == [*range(1, 11), *range(1, 21)]


async def test_a_durable_that_is_missing_at_the_start_is_made(js: JetStream) -> None:
    await log_stream(js)
    await fill(js, 3)
    worker = Worker(js)
    worker.take = worker.acknowledge

    async with asyncio.TaskGroup() as group:
        group.create_task(worker.intake.run())
        await until(lambda: len(worker.taken) == 3)
        await worker.intake.drain()

    assert worker.made == 1


async def test_a_restarted_broker_is_fetched_from_again(own_server: BrokerProcess) -> None:
    async with own_connection(own_server) as js:
        await log_stream(js)
        await fill(js, 500)
        worker = Worker(js)
        worker.take = worker.acknowledge

        async with worker.running():
            await until(lambda: len(worker.taken) >= 100)
            await own_server.kill()
            await own_server.start()
            await js.ready()
            await fill(js, 500)
            await until(lambda: {d.seq for d in worker.taken} == set(range(1, 1001)), 30)

        firsts = list(dict.fromkeys(delivery.seq for delivery in worker.taken))
        assert firsts == sorted(firsts)


async def test_every_verdict_goes_through_the_port(
    js: JetStream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consume, "RENEW_SECONDS", 0.1)
    await log_stream(js)
    await fill(js, 2)
    said: list[tuple[int, Verdict]] = []

    class Port(JetStream):
        @override
        async def settle(self, delivery: Delivery, verdict: Verdict) -> None:
            said.append((delivery.seq, verdict))
            await super().settle(delivery, verdict)

    worker = Worker(js)
    worker.intake = Intake(
        js, [Durable("EV", "work", worker.keep, worker.ensure)], port=Port(js.link)
    )
    async with worker.running():
        await until(lambda: (1, Working()) in said and (2, Working()) in said)
        await worker.intake.settle(worker.taken[0], Acked())
        await worker.intake.settle(worker.taken[1], Nacked())

    assert (1, Acked()) in said
    assert (2, Nacked()) in said


async def test_the_second_form_of_acknowledgement_subjects_works_too(tmp_path: Path) -> None:
    server = private(tmp_path / "broker", feature_flags={"js_ack_fc_v2": True})
    await server.start()
    try:
        async with own_connection(server) as js:
            await log_stream(js)
            await fill(js, 10)
            worker = Worker(js)
            worker.take = worker.acknowledge
            async with worker.running():
                await until(lambda: len(worker.taken) == 10)
            assert await worker.pending() == 0
    finally:
        await server.stop()

    assert [(delivery.seq, delivery.stream) for delivery in worker.taken] == [
        (number, "EV") for number in range(1, 11)
    ]


async def test_two_durables_of_one_worker_are_kept_apart(js: JetStream) -> None:
    await log_stream(js)
    await fill(js, 10)
    worker = Worker(js)
    await worker.ensure()
    await js.api(
        "CONSUMER.CREATE.EV.more",
        {
            "stream_name": "EV",
            "config": {"name": "more", "durable_name": "more", "ack_policy": "explicit"},
            "action": "create",
        },
    )
    worker.intake = Intake(
        js,
        [
            Durable("EV", "work", worker.acknowledge, worker.ensure),
            Durable("EV", "more", worker.acknowledge, worker.ensure),
        ],
    )

    async with worker.running():
        await until(lambda: len(worker.taken) == 20)

    for name in ("work", "more"):
        assert [d.seq for d in worker.taken if d.consumer == name] == list(range(1, 11))
        info = await js.api(f"CONSUMER.INFO.EV.{name}", None)
        assert info["ack_floor"]["stream_seq"] == 10
