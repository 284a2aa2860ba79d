"""Questions to the query services on the broker's micro protocol; see `answering`.

Called by the gateway, and by services that ask each other.
"""

import asyncio
from collections.abc import Mapping
from contextvars import ContextVar
from typing import Final

from catalyst.chassis.jetstream import wire
from catalyst.chassis.jetstream.broker import JetStream
from catalyst.chassis.jetstream.port import TooLarge, Unavailable

PING_SECONDS: Final = 1.0
"""How long a service has to say that it is there; it says so without thinking."""
TIMEOUT_HEADER: Final = "Catalyst-Timeout-Ms"
"""How long whoever asks waits for the answer, in milliseconds."""
LEFT_HEADER: Final = "Catalyst-Left"
"""Says that whoever asked for an answer at this place does not wait for it any more."""
BUSY: Final = 429
"""What is said where too many questions wait, or where nobody is left to answer them."""
UNTIL: ContextVar[float] = ContextVar("UNTIL")
"""Until when the question is awaited that is being answered here, by the loop's time."""
_LEFT: Final = wire.block({LEFT_HEADER: "1"})
_ERROR: Final = b"Nats-Service-Error"
_CODE: Final = b"Nats-Service-Error-Code"


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

    What is asked to answer another question is awaited no longer than that one is. Cancelled, it
    tells whoever is to answer.

    Raises:
        Unavailable: If nobody answers on `subject`, not in time, or not with an answer; with code
            `BUSY` if too many ask.
        TooLarge: If the question is above the broker's limit.
        Denied: If these credentials may not ask there.
    """
    if (until := UNTIL.get(None)) is not None:
        timeout = min(timeout, until - asyncio.get_running_loop().time())
    left = int(timeout * 1000)
    if left < 1:
        raise Unavailable(408, 0, "nobody waits for the answer any more")
    block = wire.block({**headers, TIMEOUT_HEADER: str(left)})
    if len(data) + len(block) > js.max_payload:
        raise TooLarge(413, 0, f"a question has at most {js.max_payload} bytes")
    place = ""

    def frames(inbox: str) -> list[bytes]:
        nonlocal place
        place = inbox
        return [wire.frame(subject, data, block, inbox)]

    try:
        (reply,) = await js.link.call(frames, (subject,), timeout=timeout)
    except asyncio.CancelledError:
        if place and js.link.is_connected:
            # To whom the question itself went: a member that is active answers alone.
            await js.link.send(wire.frame(subject, b"", _LEFT, place))
        raise
    error = wire.field(reply.headers, _ERROR)
    if error is not None:
        busy = wire.field(reply.headers, _CODE) == str(BUSY).encode()
        raise Unavailable(BUSY if busy else 500, 0, error.decode("utf-8", "replace"))
    return reply.data
