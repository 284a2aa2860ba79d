"""Questions to the query services on the broker's micro protocol; see `answering`.

Called by the gateway.
"""

from collections.abc import Mapping
from typing import Final

from catalyst.chassis.jetstream import wire
from catalyst.chassis.jetstream.broker import JetStream
from catalyst.chassis.jetstream.port import TooLarge, Unavailable

PING_SECONDS: Final = 1.0
"""How long a service has to say that it is there; it says so without thinking."""
_ERROR: Final = b"Nats-Service-Error"


def micro_name(service: str) -> str:
    """Return what a service is called on the micro protocol."""
    return f"catalyst-{service}"


async def at_work(js: JetStream, service: str) -> bool:
    """Whether anybody answers questions for a service now."""
    try:
        await ask(js, f"$SRV.PING.{micro_name(service)}", b"", {}, timeout=PING_SECONDS)
    except Unavailable:
        return False
    return True


async def ask(
    js: JetStream, subject: str, data: bytes, headers: Mapping[str, str], *, timeout: float
) -> bytes:
    """Return the body of the answer to one question.

    Raises:
        Unavailable: If nobody answers on `subject`, not in time, or not with an answer.
        TooLarge: If the question is above the broker's limit.
        Denied: If these credentials may not ask there.
    """
    block = wire.block(headers) if headers else None
    if len(data) + len(block or b"") > js.max_payload:
        raise TooLarge(413, 0, f"a question has at most {js.max_payload} bytes")
    (reply,) = await js.link.call(
        lambda inbox: [wire.frame(subject, data, block, inbox)], (subject,), timeout=timeout
    )
    error = wire.field(reply.headers, _ERROR)
    if error is not None:
        raise Unavailable(500, 0, error.decode("utf-8", "replace"))
    return reply.data
