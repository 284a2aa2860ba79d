"""Answers of the broker, led into the log by whoever asked: no events, whatever their subject."""

from tests.support.waiting import until

from catalyst.chassis.jetstream import topology
from catalyst.chassis.jetstream.broker import JetStream
from catalyst.chassis.jetstream.port import Outgoing, Stored
from catalyst.contracts import topology as contract
from catalyst.contracts.topology import EV, FACTS

MUCH = 750_000
"""Bytes of a message that the broker's answer, in base64, makes a million of."""


async def answered_at_length(js: JetStream, subject: str) -> Stored:
    """Let the broker answer on a subject of the log with a message as large as it takes."""
    large = await js.publish(Outgoing("chk.strays.large", b"x" * MUCH))
    asked = b'{"seq":%d}' % large.seq
    await js.link.publish(f"$JS.API.STREAM.MSG.GET.{EV}", asked, reply=subject)
    found: Stored | None = None

    async def stored() -> bool:
        nonlocal found
        found = await js.last(EV, subject, leader=True)
        return found is not None and len(found.data) > MUCH

    await until(stored)
    assert found is not None
    return found


async def acknowledged(js: JetStream, subject: str) -> int:
    """Let the broker acknowledge something on a subject of the log; return where that stands."""
    await topology.ensure(js, contract.topology_of("provisioning"))
    await js.link.publish("ws.acme-prod.k8s.Pod.blog.blog-0", b"{}", reply=subject)
    seq = 0

    async def stored() -> bool:
        nonlocal seq
        found = await js.last(EV, subject, leader=True)
        if found is None or not found.data.startswith(b'{"stream":"%b"' % FACTS.encode()):
            return False
        seq = found.seq
        return True

    await until(stored)
    return seq
