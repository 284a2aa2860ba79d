"""Sources: what comes on a stream that nobody orders is counted once, in few inputs, or listed."""

import asyncio
import logging
import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from tests.support.broker import Access
from tests.support.crashes import FaultyBroker, Stopper
from tests.support.guests import until_parked
from tests.support.invariants import check_log
from tests.support.rig import ORGANIZATIONS, Sender, acme, runtime, working
from tests.support.sequential import CREATE, SUSPEND
from tests.support.waiting import until

from catalyst.chassis import parking
from catalyst.chassis.jetstream import topology
from catalyst.chassis.jetstream.broker import JetStream
from catalyst.chassis.jetstream.connection import connect
from catalyst.chassis.jetstream.port import Outgoing
from catalyst.chassis.service import Service, Source
from catalyst.chassis.worker import Worker
from catalyst.contracts import codec
from catalyst.contracts import topology as contract
from catalyst.contracts.decision import Arrived, Context, Decision, Emit, TakeClaim
from catalyst.contracts.environment_v1 import OrganizationSuspended
from catalyst.contracts.rejection import Rejected
from catalyst.contracts.subjects import Claim, Ref
from catalyst.contracts.tables.row import Feed
from catalyst.contracts.topology import EV, FACTS, USE
from catalyst.environment_controller.domain.organization import Organization

pytestmark = [pytest.mark.real, pytest.mark.usefixtures("quick")]

KEPT = timedelta(days=3)
SUBJECTS = {USE: "use.{0}.model", FACTS: "ws.{0}-dev.k8s.pod"}


class Used(msgspec.Struct):
    """One use; the words in `id` are what these tests play with."""

    organization: str
    id: str


class Mood:
    """Whether the bug of these tests is there."""

    buggy = True


MOOD = Mood()


def _decode(_subject: str, data: bytes) -> Used:
    return codec.decode(data, Used, "invalid-data")


def _correlate(used: Used) -> Ref | None:
    if used.id == "nobody's":
        return None
    return Ref(used.organization, "environment", "organization", used.organization)


def _claim(used: Used) -> Claim:
    return Claim("use", used.id, used.organization)


def _reads(_state: Organization, items: tuple[Arrived, ...], _ref: Ref) -> Sequence[Claim]:
    return [_claim(item.value) for item in items]


def _count(_state: Organization, items: tuple[Arrived, ...], context: Context) -> Decision:
    """Write one event that names every use that was not counted before."""
    fresh = {
        item.value.id: item.value
        for item in items
        if context.claims[_claim(item.value)].holder is None
    }
    if "bug" in fresh and MOOD.buggy:
        raise LookupError("a bug")
    if "refused" in fresh:
        raise Rejected("not-found", "nobody's price")
    if not fresh:
        return Decision()
    event = OrganizationSuspended(slug=context.ref.id, reason=",".join(fresh))
    return Decision(
        events=(Emit(event),),
        claims=tuple(TakeClaim(_claim(used), ttl=KEPT) for used in fresh.values()),
    )


def _source(stream: str = USE, react: Any = _count, **more: Any) -> Source:
    return Source(
        name="counting",
        stream=stream,
        decode=_decode,
        correlate=_correlate,
        react=react,
        reads=more.pop("reads", _reads),
        **more,
    )


def _service(source: Source) -> Service:
    return Service(
        name="environment",
        aggregates=ORGANIZATIONS.aggregates,
        rules=ORGANIZATIONS.rules,
        sources=(source,),
    )


@pytest.fixture(autouse=True, params=[USE])
def stream(request: pytest.FixtureRequest, quick: None, monkeypatch: pytest.MonkeyPatch) -> str:
    """Give the source a durable, as the service's table would."""
    name: str = request.param
    filters = (SUBJECTS[name].replace("{0}-dev", "*").replace("{0}", "*"),)
    feed = Feed(name="counting", stream=name, filters=filters)
    consumer = contract.source_consumer("environment", feed)
    monkeypatch.setattr(contract, "CONSUMERS", (*contract.CONSUMERS, consumer))
    MOOD.buggy = True
    return name


both = pytest.mark.parametrize("stream", [USE, FACTS], indirect=True)


async def _use(js: JetStream, stream: str, organization: str, ids: Iterable[str]) -> None:
    for id_ in ids:
        body = msgspec.json.encode({"organization": organization, "id": id_})
        await js.publish(Outgoing(SUBJECTS[stream].format(organization), body))


async def _settled(js: JetStream, stream: str) -> None:
    async def idle() -> bool:
        info = await js.api(f"CONSUMER.INFO.{stream}.environment--counting", None)
        return not info["num_pending"] and not info["num_ack_pending"]

    await until(idle, 60)


async def _counted(js: JetStream, organization: str = "acme") -> list[list[str]]:
    """Return the ids of each counting event."""
    found = await js.replay("EV", f"evt.{organization}.*.*.*.organization-suspended.v1")
    return [item.data.decode().split('"reason":"')[1].split('"')[0].split(",") for item in found]


def _flat(counted: list[list[str]]) -> list[str]:
    return [id_ for ids in counted for id_ in ids]


@both
@pytest.mark.guarantee("G1.12")
async def test_each_is_counted_once_in_few_inputs(js: JetStream, stream: str) -> None:
    await topology.ensure(js, contract.topology_of("environment"))
    sent = [f"u{number}" for number in range(300)]
    for organization in ("acme", "omantel", "openova"):
        await _use(js, stream, organization, sent)
    async with working(js, _service(_source(stream))):
        await _settled(js, stream)

    for organization in ("acme", "omantel", "openova"):
        counted = await _counted(js, organization)
        assert _flat(counted) == sent
        assert len(counted) < 30
    await check_log(js)
    assert (await js.stream_state(stream)).messages == (0 if stream == USE else 900)


@both
@pytest.mark.guarantee("G1.12")
async def test_a_repeat_is_not_counted_and_leaves_no_trace(js: JetStream, stream: str) -> None:
    async with working(js, _service(_source(stream))):
        await _use(js, stream, "acme", ["a", "b", "a", "a"])
        await _settled(js, stream)
        before = (await js.stream_state(EV)).last_seq
        await _use(js, stream, "acme", ["b", "a", "nobody's"])
        await _settled(js, stream)
        assert (await js.stream_state(EV)).last_seq == before

    assert sorted(_flat(await _counted(js))) == ["a", "b"]
    kept = await js.last(EV, "clm.acme.use.a")
    assert kept is not None
    assert kept.headers["Nats-TTL"] == "259200s"


@both
@pytest.mark.guarantee("G1.12")
async def test_what_cannot_be_read_is_listed_and_stops_nothing(js: JetStream, stream: str) -> None:
    place = {USE: "dlq.acme.environment", FACTS: "dlq._.environment"}[stream]
    async with working(js, _service(_source(stream))):
        await js.publish(Outgoing(SUBJECTS[stream].format("acme"), b"not JSON"))
        await js.publish(Outgoing(SUBJECTS[stream].format("acme"), b"[]"))
        await _use(js, stream, "acme", ["a"])
        await _settled(js, stream)

    assert await _counted(js) == [["a"]]
    letters = [parking.read(item) for item in await js.replay("DLQ", f"{place}.>")]
    assert [item.reason for item in letters] == ["malformed-json", "invalid-data"]
    assert {(item.stream, item.reaction) for item in letters} == {(stream, "counting")}


@pytest.mark.guarantee("G1.12")
async def test_one_that_is_refused_is_listed_alone(js: JetStream, stream: str) -> None:
    await topology.ensure(js, contract.topology_of("environment"))
    await _use(js, stream, "acme", ["a", "b", "refused", "c", "d"])
    async with working(js, _service(_source(stream))):
        await _settled(js, stream)

    assert _flat(await _counted(js)) == ["a", "b", "c", "d"]
    (letter,) = [parking.read(item) for item in await js.replay("DLQ", "dlq.acme.>")]
    assert (letter.reason, letter.detail) == ("not-found", "nobody's price")
    assert b"refused" in letter.body


@pytest.mark.guarantee("G1.12", "G7.1")
async def test_a_bug_parks_the_one_and_what_is_behind_it_until_it_is_retried(
    js: JetStream, stream: str
) -> None:
    sender = Sender(js)
    await topology.ensure(js, contract.topology_of("environment"))
    await _use(js, stream, "acme", ["a", "bug", "c"])
    async with working(js, _service(_source(stream))):
        await _use(js, stream, "omantel", ["x"])
        await until_parked(js)
        await _settled(js, stream)
        assert _flat(await _counted(js)) == ["a"]
        assert _flat(await _counted(js, "omantel")) == ["x"]
        places = [item.subject for item in await js.replay("DLQ", ">")]
        assert places == [
            "dlq.acme.environment.organization.acme.u2",
            "dlq.acme.environment.organization.acme.u3",
        ]
        MOOD.buggy = False
        freed = await sender.send("environment.retry.v1", "acme")
        assert (await sender.outcome("acme", freed)).result == {"freed": 2}

    assert _flat(await _counted(js)) == ["a", "bug", "c"]
    await check_log(js)


@both
@pytest.mark.guarantee("G6.7")
async def test_a_bug_that_quotes_what_was_sent_is_told_without_its_words(
    js: JetStream, stream: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Most errors of Python quote what they were given; here that may be a whole Secret."""

    def quoting(text: str) -> int:
        return int(text)

    def decode(subject: str, data: bytes) -> Used:
        used = _decode(subject, data)
        if used.id == "read-hunter2":
            quoting(used.id)
        return used

    def react(_state: object, items: tuple[Arrived, ...], _context: Context) -> Decision:
        return Decision(result={"use": quoting(items[0].value.id)})

    sender = Sender(js)
    source = replace(_source(stream, react), decode=decode)
    async with working(js, _service(source)):
        await _use(js, stream, "acme", ["read-hunter2", "count-hunter2"])
        await until_parked(js)
        await _settled(js, stream)
        again = await sender.send("environment.retry.v1", "acme")
        told = (await sender.outcome("acme", again)).message

    letters = [parking.read(item) for item in await js.replay("DLQ", ">")]
    assert {item.reason for item in letters} == {"internal", "bug"}
    logged = [logging.Formatter().format(record) + str(vars(record)) for record in caplog.records]
    log = [item.data.decode() for item in await js.replay(EV, ">")]
    for said in (*(item.detail for item in letters), told, *logged, *log):
        assert "hunter2" not in said
    for said in (*(item.detail for item in letters), told):
        assert re.search(r"ValueError in test_sources\.py, line \d+", said), said


@both
@pytest.mark.guarantee("G1.12")
async def test_in_a_stream_that_was_made_anew_the_first_message_is_no_repeat(
    js: JetStream, stream: str
) -> None:
    """It has the number of the one that was counted before."""
    for id_ in ("a", "b"):
        await topology.ensure(js, contract.topology_of("environment"))
        await _use(js, stream, "acme", [id_])
        async with working(js, _service(_source(stream))):
            await _settled(js, stream)
        await js.api(f"STREAM.DELETE.{stream}", None)
    assert _flat(await _counted(js)) == ["a", "b"]
    await check_log(js)


@pytest.mark.guarantee("G1.12")
async def test_too_much_at_once_is_decided_in_parts(js: JetStream, stream: str) -> None:
    def react(_state: object, items: tuple[Arrived, ...], context: Context) -> Decision:
        fresh = [item.value for item in items if context.claims[_claim(item.value)].holder is None]
        return Decision(
            events=tuple(
                Emit(OrganizationSuspended(slug="acme", reason=used.id)) for used in fresh
            ),
            claims=tuple(TakeClaim(_claim(used)) for used in fresh),
        )

    await topology.ensure(js, contract.topology_of("environment"))
    sent = [f"u{number}" for number in range(450)]
    await _use(js, stream, "acme", sent)
    async with working(js, _service(_source(stream, react, max_items=1000))):
        await _settled(js, stream)

    assert _flat(await _counted(js)) == sent
    await check_log(js)


@pytest.mark.guarantee("G1.12")
@pytest.mark.parametrize("side", ["before", "after"])
@pytest.mark.parametrize("call", ["batch", "settle"])
async def test_a_worker_that_dies_around_an_input_leaves_each_counted_once(
    js: JetStream, access: Access, stream: str, call: str, side: str
) -> None:
    await topology.ensure(js, contract.topology_of("environment"))
    sent = [f"u{number}" for number in range(20)]
    await _use(js, stream, "acme", sent)
    stopper = Stopper()
    async with connect(access.url, name="w", user=access.user, password=access.password) as dying:
        faulty = FaultyBroker(dying, 0, side, stopper, (call,))
        running = asyncio.ensure_future(
            Worker(_service(_source(stream)), runtime(dying, broker=faulty)).run()
        )
        await stopper.reached.wait()
        running.cancel()
        await asyncio.wait([running])
    # The next worker hears the old ones in the company of new ones.
    await _use(js, stream, "acme", ["v1", "v2"])
    await js.publish(Outgoing("$KV.leases.environment", b""))
    async with working(js, _service(_source(stream))):
        await _settled(js, stream)

    assert sorted(_flat(await _counted(js))) == sorted([*sent, "v1", "v2"])
    await check_log(js)


@pytest.mark.guarantee("G2.2")
async def test_nothing_is_decided_from_a_state_that_has_moved(js: JetStream, stream: str) -> None:
    def react(state: Organization, _items: tuple[Arrived, ...], context: Context) -> Decision:
        if state.suspended:
            return Decision()
        return Decision(events=(Emit(OrganizationSuspended(slug="acme", reason="seen")),))

    def reads(_state: object, _items: object, _ref: Ref) -> Sequence[Claim]:
        return ()

    sender = Sender(js)
    async with working(js, _service(_source(stream, react, reads=reads))):
        await sender.outcome("acme", await sender.send(CREATE, "acme", acme()))
        await sender.outcome("acme", await sender.send(SUSPEND, "acme", {"reason": "r"}))
        await _use(js, stream, "acme", ["a"])
        await _settled(js, stream)
        assert _flat(await _counted(js)) == ["r"]
        # Another worker, which this one does not know of, lets it go on.
        body = {
            "specversion": "1.0",
            "id": "_other",
            "source": "t",
            "type": "environment.organization-resumed.v1",
            "data": {"slug": "acme"},
        }
        ref = Ref("acme", "environment", "organization", "acme")
        await js.publish(Outgoing(ref.event("organization-resumed", 1), msgspec.json.encode(body)))
        await _use(js, stream, "acme", ["b"])
        await _settled(js, stream)

    assert _flat(await _counted(js)) == ["r", "seen"]
