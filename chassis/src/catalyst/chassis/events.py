"""Events as they stand in the log, read back: subject, envelope, newest version."""

from __future__ import annotations

from datetime import datetime

import msgspec

from catalyst.contracts import codec, registry, subjects, upcast
from catalyst.contracts.decision import Recorded
from catalyst.contracts.message import Envelope, Event, is_stray


class Unreadable(Exception):
    """An event of the log that this version cannot read: unknown type, or data of another shape."""


class Stray(Unreadable):
    """What stands among the events and is none: an answer of the broker. It changes nothing."""


def recorded(subject: str, data: bytes, *, seq: int, time: datetime) -> Recorded:
    """Return an `evt.…` message with its provenance; `time` is the broker's timestamp.

    Raises:
        Stray: If it is no event at all.
        Unreadable: If the type is not registered or the body does not fit it.
    """
    try:
        addressed = subjects.parse(subject)
        envelope = msgspec.json.decode(data, type=Envelope)
    except (subjects.BadSubject, msgspec.MsgspecError, UnicodeDecodeError) as error:
        if is_stray(data):
            raise Stray(f"{subject} at {seq}: no event, but an answer of the broker") from error
        raise Unreadable(f"{subject}: {error}") from error
    message = registry.EVENTS.get(addressed.type)
    if message is None or not issubclass(message.shape, Event):
        raise Unreadable(f"no event of this version is called {addressed.type!r}")
    try:
        event = upcast.convert(envelope.data, message.shape)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise Unreadable(f"{addressed.type} at {seq}: {error}") from error
    return Recorded(
        event=event,
        type=addressed.type,
        id=envelope.id,
        ref=addressed.ref,
        seq=seq,
        time=time,
        actor=envelope.actor or "",
        correlationid=envelope.correlationid or "",
        causationid=envelope.causationid or "",
    )


def shape(subject: str) -> type | None:
    """Return the shape of the events on a subject; None if this version knows none."""
    try:
        message = registry.EVENTS.get(subjects.parse(subject).type)
    except subjects.BadSubject:
        return None
    return None if message is None else message.shape


class _Traced(msgspec.Struct):
    traceparent: str | None = None


def traceparent(data: bytes) -> str:
    """Return the trace that the body of a message belongs to; empty if it names none."""
    try:
        return msgspec.json.decode(data, type=_Traced).traceparent or ""
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return ""


def encode(value: object) -> msgspec.Raw:
    """Return a message's data as it goes into an envelope."""
    return msgspec.Raw(codec.encode(value))
