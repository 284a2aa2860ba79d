"""How far each durable on a log has settled, kept beside it in the bucket `cursors`.

A durable that is lost takes its position along. Made anew, it starts behind its cursor instead of
at the beginning; what it delivers twice is recognised by who handles it. Called by
`catalyst.chassis.jetstream.topology` and `catalyst.chassis.jetstream.consume`.
"""

from typing import Final

import msgspec

from catalyst.chassis.jetstream.port import Broker, NotFound, Outgoing, Unavailable

BUCKET: Final = "cursors"


class Cursor(msgspec.Struct, frozen=True):
    """A position in one particular log."""

    created: str
    """When the stream was made: another stream of the same name is another log."""
    seq: int
    """Everything up to here is settled."""


_DECODE: Final = msgspec.json.Decoder(Cursor)


async def load(broker: Broker, stream: str, consumer: str) -> int:
    """The sequence up to which `consumer` has settled `stream`; 0 if nobody knows."""
    created = (await broker.stream_state(stream)).created.isoformat()
    kept = await _kept(broker, consumer)
    return kept.seq if kept is not None and kept.created == created else 0


async def save(broker: Broker, stream: str, consumer: str) -> int:
    """Keep the broker's own word on how far `consumer` has settled; answers it.

    Raises:
        NotFound: If there is no such consumer.
    """
    created = (await broker.stream_state(stream)).created.isoformat()
    answer = await broker.api(f"CONSUMER.INFO.{stream}.{consumer}", None)
    seq: int = answer["ack_floor"]["stream_seq"]
    kept = await _kept(broker, consumer)
    if kept is None or kept.created != created or kept.seq < seq:
        data = msgspec.json.encode(Cursor(created, seq))
        await broker.publish(Outgoing(f"$KV.{BUCKET}.{consumer}", data))
    return seq


async def _kept(broker: Broker, consumer: str) -> Cursor | None:
    try:
        message = await broker.last(f"KV_{BUCKET}", f"$KV.{BUCKET}.{consumer}")
    except (NotFound, Unavailable) as error:
        if error.code in {404, 503}:
            # Nobody answers direct gets of a bucket that does not exist.
            return None
        raise
    if message is None or not message.data:
        return None
    return _DECODE.decode(message.data)
