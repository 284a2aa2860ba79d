"""Rows of before that hold the last of what the log lost, and are kept for it.

A log that ends before the rows is one restored from a backup, or one whose end a disk has lost: the
rows are built anew from what there is, and agree with it. Those of before alone say how far the log
went. `rebuild` names them in the pointer, `doctor` and `replay` tell of them.
"""

from __future__ import annotations

from typing import Final

from catalyst.projector.attach import Unfit, verify
from catalyst.projector.ports import Garbled, Log, Missing, Pointer, ReadModel

KEEP_BEFORE: Final = (
    "the rows of before hold the last of what is gone, and are kept until somebody asks for a "
    "rebuild: stop everything, and restore the broker's data from a backup; "
    "if the log was set back on purpose, "
    "`catalyst replay --rebuild` takes it as it is, and lets them go"
)
"""What to do where the rows were built anew from a log that lost messages."""


async def lost_before(source: Log, model: ReadModel, pointer: Pointer) -> str:
    """Return what shows that the log lost messages before these rows were built; or nothing."""
    for epoch in pointer.older:
        told = await _told(source, model, epoch)
        if told:
            return told
    return ""


async def last_copies(source: Log, model: ReadModel, pointer: Pointer | None) -> tuple[str, ...]:
    """Return the buckets, the current one too, that hold what the log has not; the oldest first.

    Where the pointer cannot be read, any that is there may be one.
    """
    if pointer is not None and pointer.epoch:
        epochs = [*pointer.older, pointer.epoch]
    else:
        created = await model.epochs()
        epochs = sorted(created, key=lambda epoch: created[epoch])
    return tuple([epoch for epoch in epochs if await _told(source, model, epoch)])


async def _told(source: Log, model: ReadModel, epoch: str) -> str:
    try:
        _, checkpoint = await model.bucket(epoch).last()
    except (Garbled, Missing):
        return ""
    try:
        await verify(source, checkpoint, None)
    except Unfit as unfit:
        if unfit.reason == "log-changed":
            return f"the rows before these were of another log, as of {checkpoint.seq}"
        which = f"the rows before these were as of {checkpoint.seq}"
        return f"the log lost messages: {which}, and it is not the same up to there"
    return ""
