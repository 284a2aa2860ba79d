"""Answers of the broker, led into the log by whoever asked: no events, whatever their subject."""

from tests.support.waiting import until

from catalyst.chassis.jetstream import topology
from catalyst.chassis.jetstream.broker import JetStream
from catalyst.contracts import topology as contract
from catalyst.contracts.topology import EV, FACTS


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
