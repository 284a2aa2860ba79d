"""Builds the next bucket while the current one serves, and switches to it.

Called by the follower when the current bucket cannot be continued, and by `rebuilder` on request.
"""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Final

import msgspec

from catalyst.chassis import ids
from catalyst.projector import older
from catalyst.projector.checkpoint import Checkpoint
from catalyst.projector.flush import Flusher
from catalyst.projector.holes import Hole
from catalyst.projector.ports import (
    Bucket,
    Doubt,
    Garbled,
    GuardLost,
    Log,
    Missing,
    Pointer,
    ReadModel,
)
from catalyst.projector.refold import Difference, Refold, compare
from catalyst.projector.views.table import FOLD

log = logging.getLogger(__name__)

KEEP: Final = timedelta(hours=1)
"""How long a bucket stays that the pointer does not name: somebody may still be writing it."""


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What a rebuild did."""

    epoch: str
    as_of: int
    rows: int
    events: int
    compared_at: int | None
    """Sequence at which old and new rows were held against each other; None if they were not."""
    differences: tuple[Difference, ...]


class Differs(Exception):
    """The same fold gives other rows than the current bucket holds: nothing was switched."""

    def __init__(self, report: Report) -> None:
        super().__init__(f"{len(report.differences)} rows differ at {report.as_of}")
        self.report = report


class Lost(Exception):
    """The log has lost what rows are made from: nothing was switched."""

    def __init__(self, hole: Hole) -> None:
        super().__init__(str(hole))
        self.public = f"the log lost messages: the event at {hole.seq} is gone"
        """For everybody: whose it was is not told."""


async def rebuild(
    source: Log,
    model: ReadModel,
    pointer: Pointer | None,
    *,
    against: bool,
    accept: bool,
    accept_losses: bool = False,
    let_go: bool = False,
) -> Report:
    """Write all rows anew, switch the pointer, and report.

    Args:
        source: The log.
        model: The buckets.
        pointer: The one to move, as it was read; None if there is none yet.
        against: Hold the new rows against those of the current bucket, at exactly its checkpoint,
            and switch only when they have come as far. False if that bucket is of another log.
        accept: Switch although they differ; always done when the fold itself is another one.
        accept_losses: Make what there is of a log that lost messages the read model.
        let_go: Keep no older rows for what the log lost: a person has asked for this.

    Raises:
        Lost: If the log has lost messages and that is not accepted.
        Differs: If the rows differ and that is not accepted.
        GuardLost: If somebody else has switched meanwhile.
        Doubt: If something may have been missed: try again.
    """
    began = await source.state()
    old = None if pointer is None else model.bucket(pointer.epoch)
    async with source.open_whole() as reader:
        refold = Refold(reader)
        compared_at: int | None = None
        differences: tuple[Difference, ...] = ()
        if against and old is not None:
            try:
                compared_at, differences = await _held_against(
                    refold, old, accept=accept, accept_losses=accept_losses
                )
            except Garbled as error:
                log.warning("the old rows cannot be compared", extra={"reason": str(error)})
        await refold.to(began.last_seq)
        _refuse_losses(refold, accept_losses=accept_losses)
        epoch = ids.epoch()
        bucket = await model.create(epoch)
        try:
            flusher = Flusher(bucket, _start(epoch, began.name), 0)
            await flusher.add(dict(refold.fold.rows), refold.position)
            await flusher.flush()
            if against and old is not None:
                await _pass(refold, flusher, old)
            await _same_log(source, began.name)
            revision = 0 if pointer is None else pointer.revision
            previous = "" if pointer is None else pointer.epoch
            kept = () if let_go else await older.last_copies(source, model, pointer)
            await model.switch(
                Pointer(epoch=epoch, previous=previous, kept=kept, revision=revision)
            )
        except (Doubt, GuardLost, Missing):
            await _discard(model, epoch)
            raise
    return Report(
        epoch=epoch,
        as_of=refold.position.seq,
        rows=len(refold.fold.rows),
        events=refold.events,
        compared_at=compared_at,
        differences=differences,
    )


async def clean_up(source: Log, model: ReadModel, pointer: Pointer) -> list[str]:
    """Delete the buckets that nobody needs any more; return their names."""
    now = (await source.state()).now
    deleted = []
    for epoch, created in (await model.epochs()).items():
        if epoch not in {pointer.epoch, *pointer.older} and now - created > KEEP:
            await model.delete(epoch)
            deleted.append(epoch)
    return deleted


def _refuse_losses(refold: Refold, *, accept_losses: bool) -> None:
    hole = refold.holes.first
    if hole is not None and not accept_losses:
        raise Lost(hole)


async def _held_against(
    refold: Refold, old: Bucket, *, accept: bool, accept_losses: bool
) -> tuple[int | None, tuple[Difference, ...]]:
    loaded = await old.load()
    checkpoint = loaded.checkpoint
    if checkpoint.to is not None:
        # Half of a decision stands there: there is no place at which the rows would be equal.
        if not accept:
            raise Doubt("a decision is being written in parts")
        return None, ()
    refold.holes.watch(loaded.rows)
    await refold.to(checkpoint.seq)
    _refuse_losses(refold, accept_losses=accept_losses)
    found = tuple(compare(refold.fold.rows, loaded.rows))
    if found and checkpoint.fold == FOLD and not accept:
        raise Differs(
            Report(
                epoch=old.epoch,
                as_of=checkpoint.seq,
                rows=len(refold.fold.rows),
                events=refold.events,
                compared_at=checkpoint.seq,
                differences=found,
            )
        )
    return checkpoint.seq, found


async def _pass(refold: Refold, flusher: Flusher, old: Bucket) -> None:
    """Go on until the new bucket is not behind the old one."""
    while True:
        try:
            _, checkpoint = await old.last()
        except (Missing, Garbled):
            # There is nothing left to be behind.
            return
        if checkpoint.log != flusher.checkpoint.log or checkpoint.seq <= refold.position.seq:
            return
        changes = await refold.to(checkpoint.seq)
        await flusher.add(changes, refold.position)
        await flusher.flush()


async def _same_log(source: Log, name: str) -> None:
    if (await source.state()).name != name:
        raise Doubt("the log was replaced during the rebuild")


async def _discard(model: ReadModel, epoch: str) -> None:
    try:
        await model.delete(epoch)
    except (Doubt, Missing):
        log.info("an unfinished bucket is left for the next clean-up", extra={"epoch": epoch})


def _start(epoch: str, name: str) -> Checkpoint:
    return Checkpoint(seq=0, event_seq=0, event_time=None, epoch=epoch, log=name, fold=FOLD)
