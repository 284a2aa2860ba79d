"""Finds the place in the log where a bucket stands, and makes sure that it is the same log.

Called by the follower. A log that was restored from an older copy, or made anew, has other events
at the same sequences: going on there would be wrong without a word, so the rows are built anew.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import msgspec

from catalyst.contracts.subjects import BadSubject, RowKey
from catalyst.projector import row
from catalyst.projector.checkpoint import Checkpoint
from catalyst.projector.fold import Fold
from catalyst.projector.ports import (
    Bucket,
    Garbled,
    Loaded,
    Log,
    LogState,
    Missing,
    Pointer,
    ReadModel,
)
from catalyst.projector.views.table import BY_KIND, FOLD, VIEWS


class Unfit(Exception):
    """The current bucket cannot be continued; the rows have to be built anew.

    `reason` is a short code: `no-bucket`, `bucket-unreadable`, `log-changed`, `log-shorter`,
    `event-differs` or `fold-changed`.
    """

    def __init__(self, reason: str, pointer: Pointer | None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.pointer = pointer
        """The one that was found, if any."""

    @property
    def comparable(self) -> bool:
        """True if the old rows are of the same log, so that new ones can be held against them."""
        return self.reason == "fold-changed"

    @property
    def of_other_events(self) -> bool:
        """True if the old rows are made of events that the log has not, which somebody may miss."""
        return self.reason in {"log-changed", "log-shorter", "event-differs"}


class Attached(NamedTuple):
    """A bucket that can be continued."""

    pointer: Pointer
    bucket: Bucket
    loaded: Loaded
    fold: Fold


async def verify(log: Log, checkpoint: Checkpoint, pointer: Pointer | None) -> LogState:
    """Return the log's state if it is the one that the checkpoint speaks of.

    Raises:
        Unfit: If it is another one, or has lost what was folded.
    """
    state = await log.state()
    if state.name != checkpoint.log:
        raise Unfit("log-changed", pointer)
    if state.last_seq < max(checkpoint.seq, checkpoint.to or 0):
        raise Unfit("log-shorter", pointer)
    if checkpoint.event_seq:
        time = await log.time_of(checkpoint.event_seq)
        if time != checkpoint.event_time:
            raise Unfit("event-differs", pointer)
    return state


async def attach(log: Log, model: ReadModel) -> Attached:
    """Return the current bucket with all its rows.

    Raises:
        Unfit: If there is none, or it does not belong to this log and this fold.
    """
    pointer = await model.current()
    if pointer is None:
        raise Unfit("no-bucket", None)
    bucket = model.bucket(pointer.epoch)
    try:
        _, checkpoint = await bucket.last()
    except Missing as error:
        raise Unfit("no-bucket", pointer) from error
    except Garbled as error:
        raise Unfit("bucket-unreadable", pointer) from error
    await verify(log, checkpoint, pointer)
    if checkpoint.fold != FOLD:
        raise Unfit("fold-changed", pointer)
    try:
        loaded = await bucket.load()
        _check(loaded.rows)
    except Garbled as error:
        raise Unfit("bucket-unreadable", pointer) from error
    return Attached(pointer, bucket, loaded, Fold(VIEWS, loaded.rows))


def _check(rows: Mapping[str, bytes]) -> None:
    """Read every row once: the fold reads a row when an event changes it, which is too late.

    Raises:
        Garbled: If one cannot be read.
    """
    for key, raw in rows.items():
        try:
            view = BY_KIND[RowKey.decode(key).kind]
            row.decode(raw, view.document)
        except (BadSubject, KeyError, msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise Garbled(f"{key!r} is no row: {error}") from error
