"""A row of the read model: its value in the bucket, and the state that the fold keeps of it."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from catalyst.contracts.message import UtcTime

UNKNOWN_EVENT: Final = "unknown-event"
UNREADABLE_EVENT: Final = "unreadable-event"
UNFOLDABLE_EVENT: Final = "unfoldable-event"
FROZEN: Final = frozenset({UNKNOWN_EVENT, UNREADABLE_EVENT, UNFOLDABLE_EVENT})
"""Codes of rows that an event could not be folded into: they wait for a new fold version. The
other codes are the reasons of parked messages, after which the row still moves."""


class Stale(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Why a row does not move, or not wholly."""

    since: UtcTime
    """Time of the event that it began with."""
    code: str
    count: int
    """Messages parked, or events not folded."""


class Value(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What stands under a row's key."""

    seq: int
    """Sequence in the log of the event that last changed the row."""
    event: str
    """Its id."""
    time: UtcTime
    """Its time."""
    command: str
    """What it all began with: the correlation id, by default the id of the first command."""
    actor: str
    cause: str
    """Id of the command, event or firing that the event follows from."""
    stale: Stale | None
    doc: Any
    """The document; None if there is none (yet), while the row says that something is parked."""


class _Stored(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    seq: int
    event: str
    time: UtcTime
    command: str
    actor: str
    cause: str
    stale: Stale | None
    doc: msgspec.Raw


_ENCODER = msgspec.json.Encoder(order="deterministic")
_DECODER = msgspec.json.Decoder(_Stored)


def encode(value: Value) -> bytes:
    """Return the bytes of a value: the same ones for the same value, whoever folds."""
    return _ENCODER.encode(value)


def decode(raw: bytes, document: type[msgspec.Struct]) -> Value:
    """Return a value from its bytes.

    Raises:
        msgspec.DecodeError: If they are none.
    """
    stored = _DECODER.decode(raw)
    return Value(
        seq=stored.seq,
        event=stored.event,
        time=stored.time,
        command=stored.command,
        actor=stored.actor,
        cause=stored.cause,
        stale=stored.stale,
        doc=msgspec.json.decode(stored.doc, type=document | None),
    )
