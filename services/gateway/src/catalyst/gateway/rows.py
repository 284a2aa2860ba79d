"""Which rows of the read model a chain of events changed, and whether they show it already."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec

from catalyst.chassis.jetstream.port import Broker, NotFound, Stored
from catalyst.contracts.message import UtcTime
from catalyst.contracts.subjects import Ref, escape, organization_token

_POINTER_STREAM: Final = "KV_rm"
_POINTER: Final = "$KV.rm.current"
_CHECKPOINT: Final = "_ck"
_CHECKPOINT_HEADER: Final = "Catalyst-Checkpoint"
_SUBSCRIPTION: Final = ("billing", "subscription")
"""Its id is `<application>.<environment>`, and its row is called like the Application."""
_MARKERS: Final = frozenset({"DEL", "PURGE"})


class _Pointer(msgspec.Struct):
    epoch: str


class _Checkpoint(msgspec.Struct):
    seq: int


class _Value(msgspec.Struct):
    seq: int
    event: str = ""
    time: UtcTime | None = None
    stale: Any = None


class TracedRow(msgspec.Struct, frozen=True, kw_only=True):
    """A row that belongs to an aggregate of the chain."""

    key: str
    seq: int
    """Sequence of the event that last changed it; 0 for a row that is gone."""
    event: str
    time: UtcTime | None
    """Of that event; none for a row that is gone."""
    written: UtcTime
    """When the read model has had it, as it is now; all rows of a rebuild are as old as that."""
    gone: bool
    stale: bool
    shows: bool
    """Whether the row already shows the last event of the chain on its aggregate."""


class RowsFound(msgspec.Struct, frozen=True, kw_only=True):
    """Rows, and how far the read model has come."""

    as_of: int
    rows: tuple[TracedRow, ...]


async def rows_of(broker: Broker, newest: Mapping[Ref, int]) -> RowsFound:
    """Return the rows of some aggregates; the mapping holds the last sequence on each."""
    pointer = await broker.last(_POINTER_STREAM, _POINTER)
    if pointer is None or not newest:
        return RowsFound(as_of=0, rows=())
    epoch = msgspec.json.decode(pointer.data, type=_Pointer).epoch
    stream, prefix = f"KV_rm_{epoch}", f"$KV.rm_{epoch}."
    try:
        as_of = _checkpoint(await broker.last(stream, f"{prefix}>"), prefix)
        stored = await broker.last_many(stream, [prefix + _pattern(ref) for ref in newest])
    except NotFound:
        # A rebuild replaced the bucket between the two reads; the next question finds the new one.
        return RowsFound(as_of=0, rows=())
    found = tuple(_rows(stored, prefix, newest, as_of))
    return RowsFound(as_of=as_of, rows=found)


def _pattern(ref: Ref) -> str:
    """Return the keys that the row of an aggregate may have."""
    environment, name = _place(ref)
    owner = organization_token(ref.organization)
    inside = escape(environment) if environment else "*"
    return f"{owner}.{inside}.{escape(ref.aggregate)}.*.{escape(name)}"


def _place(ref: Ref) -> tuple[str, str]:
    """Return the Environment, where the id says it, and the name of an aggregate's row."""
    if (ref.service, ref.aggregate) == _SUBSCRIPTION:
        application, _, environment = ref.id.partition(".")
        return environment, application
    return "", ref.id


def _checkpoint(last: Stored | None, prefix: str) -> int:
    """Return how far the bucket is: its last message always says so."""
    if last is None:
        return 0
    if last.subject == prefix + _CHECKPOINT:
        raw: str | bytes = last.data
    else:
        raw = last.headers.get(_CHECKPOINT_HEADER, "")
    return msgspec.json.decode(raw, type=_Checkpoint).seq if raw else 0


def _rows(
    stored: Iterable[Stored], prefix: str, newest: Mapping[Ref, int], as_of: int
) -> Iterable[TracedRow]:
    by_pattern = {_pattern(ref): seq for ref, seq in newest.items()}
    for item in stored:
        key = item.subject.removeprefix(prefix)
        owner, inside, kind, _, name = key.split(".")
        found = (by_pattern.get(f"{owner}.{env}.{kind}.*.{name}") for env in (inside, "*"))
        wanted = next(seq for seq in found if seq is not None)
        gone = not item.data or item.headers.get("KV-Operation") in _MARKERS
        value = _Value(seq=0) if gone else msgspec.json.decode(item.data, type=_Value)
        yield TracedRow(
            key=key,
            seq=value.seq,
            event=value.event,
            time=value.time,
            written=item.time,
            gone=gone,
            stale=value.stale is not None,
            shows=as_of >= wanted and (gone or value.seq >= wanted),
        )
