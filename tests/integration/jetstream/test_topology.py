"""The broker is made to match, and what cannot be is told and left alone."""

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest
from typing_extensions import override

from catalyst.chassis.jetstream.broker import JetStream
from catalyst.chassis.jetstream.link import Link
from catalyst.chassis.jetstream.lock import BUCKET, locked
from catalyst.chassis.jetstream.port import CALL_SECONDS, BrokerError, Outgoing, Stored
from catalyst.chassis.jetstream.topology import (
    AT_ONCE,
    VERSION_KEY,
    Finding,
    ensure,
    ensure_stream,
)
from catalyst.contracts import topology as contracts
from catalyst.contracts.topology import Consumer, Stream, bucket, read_model_bucket

pytestmark = pytest.mark.real

SECOND = 1_000_000_000
LEASES = bucket("leases", allow_msg_ttl=True)
WORK = Stream("WORK", {"subjects": ["work.>"], "max_consumers": 10, "allow_direct": True})
READER = Consumer(
    "WORK",
    "reader",
    {
        "durable_name": "reader",
        "ack_policy": "explicit",
        "ack_wait": 5 * SECOND,
        "filter_subjects": ["work.a.>"],
    },
)


def changed(stream: Stream, **more: Any) -> Stream:
    return Stream(stream.name, {**stream.config, **more})


def changed_consumer(consumer: Consumer, **more: Any) -> Consumer:
    return Consumer(consumer.stream, consumer.name, {**consumer.config, **more})


async def settings(js: JetStream, name: str) -> Mapping[str, Any]:
    return (await js.stream_state(name)).config


async def test_everything_of_the_contracts_is_made(js: JetStream) -> None:
    findings = await ensure(js, contracts.topology())

    assert findings == []
    streams, consumers = contracts.topology()
    for stream in streams:
        found = await settings(js, stream.name)
        assert {key: found[key] for key in stream.config} == stream.config
        assert found["metadata"][VERSION_KEY] == str(contracts.VERSION)
        assert (found["storage"], found["num_replicas"]) == ("file", 1)
    for consumer in consumers:
        info = await js.api(f"CONSUMER.INFO.{consumer.stream}.{consumer.name}", None)
        assert {key: info["config"][key] for key in consumer.config} == consumer.config


async def test_a_second_start_changes_nothing(js: JetStream) -> None:
    await ensure(js, contracts.topology())
    before = [await js.stream_state(stream.name) for stream in contracts.topology()[0]]

    assert await ensure(js, contracts.topology()) == []

    for state in before:
        again = await js.stream_state(state.config["name"])
        assert (again.created, again.config) == (state.created, state.config)


async def test_a_start_that_has_nothing_to_change_waits_for_nobody(js: JetStream) -> None:
    await ensure(js, contracts.topology())
    before = await js.stream_state(f"KV_{BUCKET}")

    async with locked(js, "topology"):
        # Whoever holds the lock lives, so this would wait for longer than a test may.
        assert await ensure(js, contracts.topology()) == []

    after = await js.stream_state(f"KV_{BUCKET}")
    assert after.last_seq == before.last_seq + 2, "taken and given back, once"


async def test_what_is_missing_is_made_while_another_holds_the_lock(js: JetStream) -> None:
    streams, consumers = contracts.topology()
    await ensure(js, (streams, ()))

    async with locked(js, "topology"):
        assert await ensure(js, (streams, consumers)) == []

    for consumer in consumers:
        await js.api(f"CONSUMER.INFO.{consumer.stream}.{consumer.name}", None)


async def test_all_members_may_start_at_once(js: JetStream) -> None:
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(ensure(js, contracts.topology())) for _ in range(8)]

    assert [task.result() for task in tasks] == [[]] * 8


class Crowded(JetStream):
    """A member whose calls that are under way are counted, by what they are about."""

    def __init__(self, link: Link) -> None:
        super().__init__(link)
        self.asking: list[str] = []
        self.seen: list[list[str]] = []
        """What was asked about at the same time, at the begin of each call."""

    @override
    async def api(self, suffix: str, payload: object, *, timeout: float = CALL_SECONDS) -> Any:
        about = ".".join(suffix.split(".")[:2])
        self.asking.append(about)
        self.seen.append(self.asking.copy())
        try:
            return await super().api(suffix, payload, timeout=timeout)
        finally:
            self.asking.remove(about)


async def test_a_start_asks_for_some_at_once_and_for_consumers_when_their_streams_stand(
    js: JetStream,
) -> None:
    member = Crowded(js.link)

    assert await ensure(member, contracts.topology()) == []

    assert max(map(len, member.seen)) == AT_ONCE
    making = [asking for asking in member.seen if "STREAM.CREATE" in asking]
    assert making
    assert {about for asking in making for about in asking} == {"STREAM.INFO", "STREAM.CREATE"}


class Slow(JetStream):
    """A member that is held up between reading a stream's settings and changing them."""

    def __init__(self, link: Link) -> None:
        super().__init__(link)
        self.reached = asyncio.Event()
        self.go_on = asyncio.Event()

    @override
    async def api(self, suffix: str, payload: object, *, timeout: float = CALL_SECONDS) -> Any:
        if suffix == "STREAM.UPDATE.WORK":
            self.reached.set()
            await self.go_on.wait()
        return await super().api(suffix, payload, timeout=timeout)


class Watched(JetStream):
    """A member that tells when it found the lock held."""

    def __init__(self, link: Link) -> None:
        super().__init__(link)
        self.waiting = asyncio.Event()

    @override
    async def last(self, stream: str, subject: str, *, leader: bool = False) -> Stored | None:
        found = await super().last(stream, subject, leader=leader)
        if found is not None and stream == "KV_leases":
            self.waiting.set()
        return found


async def test_an_old_member_that_is_held_up_does_not_undo_a_new_one(js: JetStream) -> None:
    await ensure(js, ([LEASES, changed(WORK, max_consumers=5)], ()), version=1)
    old, new = Slow(js.link), Watched(js.link)
    newer = changed(WORK, subjects=["work.>", "more.>"], max_consumers=20)

    async with asyncio.timeout(60), asyncio.TaskGroup() as group:
        group.create_task(ensure(old, ([LEASES, WORK], ()), version=2))
        await old.reached.wait()
        group.create_task(ensure(new, ([LEASES, newer], ()), version=3))
        await new.waiting.wait()
        old.go_on.set()

    found = await settings(js, "WORK")
    assert found["metadata"][VERSION_KEY] == "3"
    assert (found["subjects"], found["max_consumers"]) == (["work.>", "more.>"], 20)


async def test_a_member_with_a_lower_number_changes_nothing(js: JetStream) -> None:
    await ensure(js, ([WORK], [READER]), version=2)
    before = await settings(js, "WORK")

    findings = await ensure(
        js,
        (
            [changed(WORK, subjects=["other.>"], max_msg_size=1000)],
            [changed_consumer(READER, ack_wait=SECOND)],
        ),
        version=1,
    )

    assert [(finding.what, finding.wanted, finding.found) for finding in findings] == [
        ("stream WORK", 1, 2),
        ("consumer WORK/reader", 1, 2),
    ]
    assert await settings(js, "WORK") == before
    info = await js.api("CONSUMER.INFO.WORK.reader", None)
    assert info["config"]["ack_wait"] == 5 * SECOND


async def test_subjects_are_added_and_never_taken_away(js: JetStream) -> None:
    await ensure(js, ([changed(WORK, subjects=["work.>", "old.>"])], ()), version=1)

    findings = await ensure(js, ([changed(WORK, subjects=["work.>", "new.>"])], ()), version=2)

    assert findings == []
    assert (await settings(js, "WORK"))["subjects"] == ["work.>", "old.>", "new.>"]


async def test_settings_that_can_be_changed_are(js: JetStream) -> None:
    await ensure(js, ([WORK], [READER]), version=1)

    findings = await ensure(
        js,
        (
            [changed(WORK, max_consumers=20, duplicate_window=3 * SECOND)],
            [changed_consumer(READER, ack_wait=7 * SECOND, filter_subjects=["work.b.>"])],
        ),
        version=2,
    )

    assert findings == []
    found = await settings(js, "WORK")
    assert (found["max_consumers"], found["duplicate_window"]) == (20, 3 * SECOND)
    config = (await js.api("CONSUMER.INFO.WORK.reader", None))["config"]
    assert (config["ack_wait"], config["filter_subjects"]) == (7 * SECOND, ["work.b.>"])
    assert config["metadata"][VERSION_KEY] == "2"


OTHER = Stream("OTHER", {"subjects": ["other.>"], "max_consumers": 10})


async def test_one_that_differs_is_changed_whatever_stands_beside_it(js: JetStream) -> None:
    await ensure(js, ([WORK, OTHER], [READER]))
    for given in ([WORK, changed(OTHER, max_consumers=20)], [changed(WORK, max_consumers=30)]):
        assert await ensure(js, (given, [READER])) == []
    found = [(await settings(js, name))["max_consumers"] for name in ("WORK", "OTHER")]
    assert found == [30, 20]


class Broken(JetStream):
    """A member that is refused one stream, and to which nobody expected what another one does."""

    @override
    async def api(self, suffix: str, payload: object, *, timeout: float = CALL_SECONDS) -> Any:
        if suffix.startswith("STREAM.INFO."):
            raise ZeroDivisionError if suffix.endswith("OTHER") else BrokerError(500, 10002, "no")
        return await super().api(suffix, payload, timeout=timeout)


async def test_of_several_failures_at_once_the_one_that_nobody_expected_is_told(
    js: JetStream,
) -> None:
    for streams in ([WORK, OTHER], [OTHER, WORK]):
        with pytest.raises(ZeroDivisionError):
            await ensure(Broken(js.link), (streams, ()))


async def test_what_cannot_be_changed_is_told_and_the_rest_is_changed(js: JetStream) -> None:
    await ensure(js, ([changed(WORK, deny_delete=True)], [READER]), version=1)
    await js.publish(Outgoing("work.a.1"))

    findings = await ensure(
        js,
        (
            [changed(WORK, deny_delete=False, max_consumers=20)],
            [changed_consumer(READER, ack_policy="none", ack_wait=7 * SECOND)],
        ),
        version=2,
        storage="memory",
    )

    assert {(finding.what, finding.wanted, finding.found) for finding in findings} == {
        ("stream WORK: storage", "memory", "file"),
        ("stream WORK: deny_delete", False, True),
        ("consumer WORK/reader: ack_policy", "none", "explicit"),
    }
    assert all(finding.why for finding in findings)
    state = await js.stream_state("WORK")
    assert (state.messages, state.config["max_consumers"]) == (1, 20)
    assert state.config["metadata"][VERSION_KEY] == "2"
    config = (await js.api("CONSUMER.INFO.WORK.reader", None))["config"]
    assert config["ack_wait"] == 7 * SECOND


@pytest.mark.parametrize(
    ("key", "before", "after"),
    [
        ("max_age", 0, 60 * SECOND),
        ("max_bytes", -1, 1024),
        ("max_bytes", 2048, 1024),
        ("max_msgs", 100, 1),
        ("max_msgs_per_subject", -1, 1),
    ],
)
async def test_a_limit_that_would_drop_messages_is_only_told(
    js: JetStream, key: str, before: int, after: int
) -> None:
    await ensure(js, ([changed(WORK, **{key: before})], ()), version=1)
    await fill_work(js)

    findings = await ensure(js, ([changed(WORK, **{key: after})], ()), version=2)

    assert findings == [Finding(f"stream WORK: {key}", after, before, "it would drop messages")]
    assert (await js.stream_state("WORK")).messages == 5


async def test_a_limit_may_be_raised(js: JetStream) -> None:
    await ensure(js, ([changed(WORK, max_msgs=100)], ()), version=1)

    assert await ensure(js, ([changed(WORK, max_msgs=200)], ()), version=2) == []
    assert await ensure(js, ([changed(WORK, max_msgs=-1)], ()), version=3) == []

    assert (await settings(js, "WORK"))["max_msgs"] == -1


async def fill_work(js: JetStream) -> None:
    for _ in range(5):
        await js.publish(Outgoing("work.a.1", b"x" * 100))


async def test_a_stream_of_somebody_else_is_left_alone(js: JetStream) -> None:
    await js.api("STREAM.CREATE.WORK", {"name": "WORK", "subjects": ["theirs.>"]})
    before = await settings(js, "WORK")

    findings = await ensure(js, ([WORK], ()))

    assert [(finding.what, finding.why) for finding in findings] == [
        ("stream WORK", "it was not made by Catalyst")
    ]
    assert await settings(js, "WORK") == before


async def test_an_unknown_setting_is_an_error(js: JetStream) -> None:
    with pytest.raises(BrokerError) as caught:
        await ensure(js, ([changed(WORK, no_such_setting=1)], ()))

    assert caught.value.err_code == 10025


async def test_subjects_of_another_stream_are_an_error(js: JetStream) -> None:
    await js.api("STREAM.CREATE.OTHER", {"name": "OTHER", "subjects": ["work.a.>"]})

    with pytest.raises(BrokerError) as caught:
        await ensure(js, ([WORK], ()))

    assert caught.value.err_code == 10065


async def test_comparing_changes_nothing_and_tells_everything(js: JetStream) -> None:
    await ensure(js, ([WORK], ()), version=1)
    before = await settings(js, "WORK")

    findings = await ensure(
        js, ([changed(WORK, max_consumers=20), LEASES], [READER]), version=1, change=False
    )

    assert [(finding.what, finding.why) for finding in findings] == [
        ("stream WORK: max_consumers", "not changed, only compared"),
        ("stream KV_leases", "it does not exist"),
        ("consumer WORK/reader", "it does not exist"),
    ]
    assert await settings(js, "WORK") == before


async def test_a_server_that_is_too_old_is_told(js: JetStream) -> None:
    class Old(JetStream):
        @override
        async def api(self, suffix: str, payload: object, *, timeout: float = CALL_SECONDS) -> Any:
            answer = await super().api(suffix, payload, timeout=timeout)
            if suffix == "INFO":
                answer["api"]["level"] = 2
            return answer

    findings = await ensure(Old(js.link), ((), ()))

    assert [(finding.what, finding.wanted, finding.found) for finding in findings] == [
        ("server: API level", 5, 2)
    ]


async def test_a_bucket_of_an_epoch_is_made_on_its_own(js: JetStream) -> None:
    assert await ensure_stream(js, read_model_bucket("abc")) == []
    assert await ensure_stream(js, read_model_bucket("abc")) == []

    assert (await settings(js, "KV_rm_abc"))["allow_atomic"] is True
