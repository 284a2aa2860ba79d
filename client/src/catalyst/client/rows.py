"""Rows of the read model, and what a watch says about them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from catalyst.client.errors import Malformed
from catalyst.contracts.subjects import BadSubject, RowKey


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One row as it is shown."""

    key: str
    """Five escaped tokens: organization, environment, kind, namespace, name."""
    seq: int
    """Sequence of the event that last changed it."""
    event: str = ""
    """Id of that event."""
    time: datetime | None = None
    command: str = ""
    """Id of the command behind it."""
    actor: str = ""
    cause: str = ""
    stale: Any = None
    """Why the row no longer moves: since when, code; None while it does."""
    doc: Any = None

    @property
    def place(self) -> RowKey:
        """The key, taken apart.

        Raises:
            BadSubject: If the key is none.
        """
        return RowKey.decode(self.key)


class Freshness(msgspec.Struct, frozen=True, kw_only=True):
    """How current an answer is; all sequences of the log."""

    as_of: int = 0
    """Everything up to here is in the answer."""
    head: int = 0
    """The log's last sequence when last looked at."""
    lag_ms: int = 0
    """Age of the oldest message that is not in the answer; 0 when caught up."""
    log: str = ""
    """Name of the log that the sequences belong to."""


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """Some rows, and how to get the next ones."""

    rows: tuple[Row, ...]
    fresh: Freshness
    next: str = ""
    """Token for the following page; empty on the last."""
    cursor: str = ""
    """A watch with the same filters goes on from here, without a gap to the first page."""


class Put(msgspec.Struct, frozen=True, kw_only=True):
    """A row is there, as it is from now on."""

    row: Row
    coalesced: int = 0
    """Earlier values of this row that a slow reader was spared."""


class Del(msgspec.Struct, frozen=True, kw_only=True):
    """A row is gone, or no longer matches what is watched."""

    key: str
    seq: int


class Synced(msgspec.Struct, frozen=True, kw_only=True):
    """The snapshot is complete: what was seen since the reset is everything."""

    as_of: int = 0


class Applied(msgspec.Struct, frozen=True, kw_only=True):
    """Everything up to `as_of` has been shown."""

    as_of: int


class Heartbeat(msgspec.Struct, frozen=True, kw_only=True):
    """The stream stands, even if nothing changes."""

    as_of: int
    head: int


class Reset(msgspec.Struct, frozen=True, kw_only=True):
    """A snapshot follows; rows that it does not bring are gone once it is synced."""

    reason: str


class Bye(msgspec.Struct, frozen=True, kw_only=True):
    """The other side ended the stream."""

    reason: str
    retryable: bool = True
    cursor: str = ""


class Interrupted(msgspec.Struct, frozen=True, kw_only=True):
    """The connection is lost; it is made again by itself after `wait_seconds`."""

    reason: str
    wait_seconds: float


Change = Put | Del | Synced | Applied | Heartbeat | Reset | Bye | Interrupted
"""What a watch yields. The first is a Reset unless it began at a cursor."""


class Mirror:
    """The rows that a watch has shown; old ones stay until a new snapshot is whole."""

    def __init__(self) -> None:
        """Start empty and not synced."""
        self.rows: dict[str, Row] = {}
        self.as_of = 0
        self.synced = False
        """True while `rows` is a whole and consistent picture."""
        self._snapshot: dict[str, Row] | None = None

    def apply(self, change: Change) -> None:
        """Take one change; the order is the stream's."""
        target = self.rows if self._snapshot is None else self._snapshot
        match change:
            case Put(row=row):
                target[row.key] = row
            case Del(key=key):
                target.pop(key, None)
            case Reset():
                self._snapshot = {}
                self.synced = False
            case Synced(as_of=as_of):
                self._finish_snapshot()
                self.as_of = as_of
            case Applied(as_of=as_of):
                self.as_of = max(self.as_of, as_of)
            case Heartbeat() | Bye() | Interrupted():
                pass

    def _finish_snapshot(self) -> None:
        if self._snapshot is not None:
            self.rows, self._snapshot = self._snapshot, None
        self.synced = True


def name_of(key: str) -> str:
    """Return the name in a row's key, or the key itself if it is none."""
    try:
        return RowKey.decode(key).name
    except BadSubject:
        return key


def row_of(key: str, value: bytes | msgspec.Raw) -> Row:
    """Return a row from its key and the value as it is stored.

    Raises:
        Malformed: If the value is not one of a row.
    """
    try:
        fields = msgspec.json.decode(value, type=dict[str, Any])
        return msgspec.convert({**fields, "key": key}, Row)
    except msgspec.MsgspecError as error:
        raise Malformed(f"the row {key!r} cannot be read: {error}") from error
