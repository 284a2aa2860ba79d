"""Something that is no outcome stands where one is recorded: one command is refused, none stands.

The broker stores its acknowledgement of a publish wherever the publisher wants its answer.
"""

import msgspec
import pytest
from tests.support.rig import Sender, acme, working
from tests.support.waiting import until

from catalyst.chassis import outcome, parking
from catalyst.chassis.jetstream import topology, wire
from catalyst.chassis.jetstream.broker import JetStream
from catalyst.chassis.jetstream.port import Outgoing
from catalyst.contracts import topology as contract
from catalyst.contracts.message import Outcome

pytestmark = pytest.mark.real

CREATE = "environment.create-organization.v1"
UPDATE = "environment.update-organization.v1"
ACKNOWLEDGEMENT = b'{"stream":"CMD","seq":3}'


@pytest.mark.guarantee("G5.9")
@pytest.mark.parametrize(
    "found", [ACKNOWLEDGEMENT, b"\xff\xfe", b"[" * 3000], ids=["an answer", "no text", "too deep"]
)
async def test_an_outcome_that_is_none_stops_nobody(js: JetStream, found: bytes) -> None:
    await topology.ensure(js, contract.topology_of("environment"))
    await js.publish(Outgoing("done.acme.c-9", found))
    sender = Sender(js)
    answers: list[Outcome] = []

    def take(raw: wire.Raw) -> None:
        answers.append(msgspec.json.decode(raw.data, type=Outcome))

    await js.link.tap("rsp.acme.9", take)
    async with working(js):
        await sender.outcome("acme", await sender.send(CREATE, "acme", acme()))
        name = {"display_name": "Nine"}
        reply = {"Catalyst-Reply": "rsp.acme.9"}
        await sender.send(UPDATE, "acme", name, command_id="c-9", headers=reply)
        await until(lambda: bool(answers))
        later = await sender.send(UPDATE, "acme", name)
        assert (await sender.outcome("acme", later)).status == "accepted"
    assert [(one.status, one.code, one.id) for one in answers] == [
        ("rejected", "command-id-reused", "c-9")
    ]
    # It is listed with what it was, decided by nobody who starts anew, and can be given up.
    (stored,) = await js.replay("DLQ", "dlq.>")
    letter = parking.read(stored)
    assert (letter.reason, letter.message_id) == (parking.UNRECORDABLE, "c-9")
    assert b"Nine" in letter.body
    async with working(js):
        data = {"subject": stored.subject, "reason": "nobody's"}
        dropped = await sender.send("environment.drop.v1", "acme", data, aggregate="organization")
        assert (await sender.outcome("acme", dropped)).status == "accepted"
    assert await js.replay("DLQ", "dlq.>") == []
    with pytest.raises(outcome.Unreadable, match=r"no outcome"):
        await outcome.find(js, "acme", "c-9", "log")
