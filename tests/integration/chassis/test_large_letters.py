"""Messages that the broker takes, and that are too large for it as dead letters."""

import pytest

from catalyst.chassis import parking
from catalyst.chassis.events import Unreadable
from catalyst.chassis.jetstream import topology
from catalyst.chassis.jetstream.broker import JetStream
from catalyst.chassis.jetstream.port import Outgoing, TooLarge
from catalyst.chassis.parking import Letter
from catalyst.contracts import codec
from catalyst.contracts import topology as contract
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
        headers={"traceparent": "00-" + "a" * 200, "Catalyst-Since": "b" * 900_000},
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
