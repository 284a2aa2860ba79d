"""Messages that the broker takes, and that are too large for it as dead letters."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from msgspec.structs import replace
from tests.support.broker import own_connection, private

from catalyst.chassis import parking
from catalyst.chassis.events import Unreadable
from catalyst.chassis.jetstream import topology, wire
from catalyst.chassis.jetstream.broker import JetStream
from catalyst.chassis.jetstream.port import BrokerError, Delivery, Outgoing, TooLarge
from catalyst.chassis.parking import Letter
from catalyst.contracts import codec
from catalyst.contracts import topology as contract
from catalyst.contracts.decision import Actor
from catalyst.contracts.subjects import Ref

pytestmark = [pytest.mark.real, pytest.mark.guarantee("G7.3")]

ACME = Ref("acme", "environment", "organization", "acme")
PLACE = ACME.dead_letter("e", 1)
BODY = b'{"padding":"' + b"x" * 1_000_000 + b'"}'


async def put(js: JetStream, stream: str) -> tuple[Letter, Letter]:
    """Set a large message aside; return its letter as it was meant, and as it stands."""
    await topology.ensure(js, contract.topology_of("environment"))
    at = await js.publish(Outgoing(ACME.event("organization-updated", 1), BODY))
    stored = await js.message("EV", at.seq)
    assert stored is not None
    letter = Letter(
        stream=stream,
        sequence=stored.seq,
        time=stored.time,
        subject=stored.subject,
        message_id="c-1",
        message_type="t",
        reason="bug",
        body=BODY,
        headers={"traceparent": "00-" + "a" * 200},
    )
    with pytest.raises(TooLarge):
        await js.publish(Outgoing(PLACE, codec.encode(letter)))
    await parking.put_aside(js, PLACE, letter)
    # And again, as whoever comes back does: it stands there.
    await parking.put_aside(js, PLACE, letter)
    (there,) = await js.replay("DLQ", ">")
    return letter, parking.read(there)


async def test_one_from_the_log_stands_there_by_its_beginning_and_is_read_whole(
    js: JetStream,
) -> None:
    letter, there = await put(js, "EV")
    assert (there.reason, there.size) == ("bug", len(BODY))
    assert BODY.startswith(there.body)
    assert set(there.headers) == {"traceparent"}
    whole = await parking.whole(js, there)
    assert (whole.body, whole.size, whole.digest) == (letter.body, 0, "")


async def test_what_stands_nowhere_any_more_is_told_so(js: JetStream) -> None:
    _, there = await put(js, "CMD")
    with pytest.raises(Unreadable, match=f"'c-1' was too large to be kept .{len(BODY)} bytes"):
        await parking.whole(js, there)


async def test_one_that_fits_is_kept_whole(js: JetStream) -> None:
    await topology.ensure(js, contract.topology_of("environment"))
    letter = Letter(
        stream="CMD",
        sequence=1,
        time=(await js.stream_state("CMD")).ts,
        subject="s",
        message_id="c-1",
        message_type="t",
        reason="bug",
        body=b"x" * 256 * 1024,
    )
    await parking.put_aside(js, PLACE, letter)
    (there,) = await js.replay("DLQ", ">")
    assert parking.read(there) == letter == await parking.whole(js, letter)


@pytest_asyncio.fixture
async def narrow(tmp_path: Path) -> AsyncIterator[JetStream]:
    """Connect to a broker that takes no larger messages than it has to."""
    server = private(tmp_path / "broker", max_payload=contract.MIN_PAYLOAD_BYTES)
    await server.start()
    try:
        async with own_connection(server) as js:
            await topology.ensure(js, contract.topology_of("environment"))
            yield js
    finally:
        await server.stop()


@pytest.mark.guarantee("G7.25")
@pytest.mark.parametrize("long", ["", "traceparent", "Catalyst-Since"])
@pytest.mark.parametrize(
    ("stream", "subject"),
    [
        ("CMD", ACME.command("x" * 900, 1)),
        ("FACTS", "ws.acme-prod.cluster." + "x" * 900),
        ("USE", "use.acme." + "x" * 900),
    ],
)
async def test_the_largest_that_a_stream_takes_but_the_log_is_kept_whole(
    narrow: JetStream, stream: str, subject: str, long: str
) -> None:
    # Of all characters, these grow most in a letter.
    headers = {long: "\x01" * 65_000} if long else {}
    (limit,) = (one.config["max_msg_size"] for one in contract.STREAMS if one.name == stream)
    body = b"\xff" * (limit - len(wire.block(headers) if headers else b""))
    with pytest.raises(BrokerError, match="exceeds maximum allowed"):
        await narrow.publish(Outgoing(subject, body + b"x", headers))
    at = await narrow.publish(Outgoing(subject, body, headers))
    stored = await narrow.message(stream, at.seq, leader=True)
    assert stored is not None
    delivery = Delivery(
        stream=stream,
        consumer="c",
        subject=stored.subject,
        seq=stored.seq,
        consumer_seq=1,
        delivered=5,
        time_ns=0,
        pending=0,
        data=stored.data,
        headers=stored.headers,
        token="",
    )
    letter = replace(
        parking.unread(delivery, "redelivered", "\x01" * 1000, reaction="r" * 64),
        message_id="c" * 255,
        message_type="t" * 1024,
        actor=Actor(name="user:" + "u" * 2000, proven=True),
    )
    await parking.put_aside(narrow, PLACE, letter)
    (there,) = await narrow.replay("DLQ", ">")
    found = parking.read(there)
    assert (found.body, found.size, found.digest) == (body, 0, "")
    assert await parking.whole(narrow, found) == letter


@pytest.mark.guarantee("G7.25")
async def test_a_broker_that_takes_less_is_told_from_one_that_takes_enough(
    narrow: JetStream, tmp_path: Path
) -> None:
    assert await topology.server(narrow) == []
    server = private(tmp_path / "less", max_payload=contract.MIN_PAYLOAD_BYTES - 1)
    await server.start()
    try:
        async with own_connection(server) as js:
            (found,) = await topology.server(js)
    finally:
        await server.stop()
    assert (found.what, found.wanted, found.found) == (
        "server: max_payload", contract.MIN_PAYLOAD_BYTES, contract.MIN_PAYLOAD_BYTES - 1,
    )  # fmt: skip
