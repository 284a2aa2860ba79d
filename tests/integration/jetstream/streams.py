"""Streams for the tests of the port, small enough to read."""

from collections.abc import Sequence

from catalyst.chassis.jetstream.broker import JetStream
from catalyst.chassis.jetstream.port import CALL_SECONDS, Ack, Outgoing

GUARD = "Nats-Expected-Last-Subject-Sequence"
GUARDED = "Nats-Expected-Last-Subject-Sequence-Subject"


async def log_stream(
    js: JetStream, name: str = "EV", *, timeout: float = CALL_SECONDS, **more: object
) -> None:
    """A stream as the log is: batches, direct gets, TTLs and schedules."""
    settings: dict[str, object] = {
        "name": name,
        "subjects": ["evt.>", "done.>"],
        "storage": "file",
        "retention": "limits",
        "discard": "old",
        "allow_atomic": True,
        "allow_direct": True,
        "allow_msg_ttl": True,
        **more,
    }
    await js.api(f"STREAM.CREATE.{name}", settings, timeout=timeout)


async def fill(js: JetStream, count: int, *, subjects: Sequence[str] = ("evt.a",)) -> Ack:
    """Write `count` messages, by turns to each subject, with their number as body."""
    messages = [
        Outgoing(subjects[number % len(subjects)], str(number).encode()) for number in range(count)
    ]
    for start in range(0, count, 1000):
        ack = await js.batch(messages[start : start + 1000])
    return ack
