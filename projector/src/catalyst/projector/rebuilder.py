"""Rebuilds that somebody asks for, one at a time, while the projector goes on as it does.

Started by `main`, asked by `upkeep`. Whoever asked may go away: what was begun is carried out.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Final, Literal, NamedTuple

import msgspec

from catalyst.contracts.rejection import Rejected
from catalyst.projector import rebuild
from catalyst.projector.attach import Unfit, attach, verify
from catalyst.projector.hub import Hub
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
from catalyst.projector.refold import Difference
from catalyst.projector.replay import KEEP, lost

log = logging.getLogger(__name__)

TRIES: Final = 5
PAUSE_SECONDS: Final = 0.5
SHOWN_SECONDS: Final = 10.0
"""How long an answer waits until the new rows are shown here, too."""
POLL_SECONDS: Final = 0.05
MAX_NAMED: Final = 20
"""Rows that an answer names; all of them are counted."""

Status = Literal["switched", "differs", "lost", "overtaken", "failed"]
What = Literal["changed", "missing", "surplus"]


class Named(msgspec.Struct, frozen=True, kw_only=True):
    """A row that differed, without what it holds."""

    key: str
    what: What
    """The old read model had it otherwise, lacked it, or had it without a reason."""


class Rebuilt(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a rebuild that was asked for."""

    status: Status
    """`switched`: the new rows are the read model. Else the old one goes on serving: the rows
    `differs` and that was not accepted, the log `lost` messages and that was not, another
    projector was quicker (`overtaken`), or it `failed`."""
    old_epoch: str
    epoch: str
    """Of the read model now, as far as it is known."""
    as_of: int = 0
    rows: int = 0
    events: int = 0
    compared_at: int | None = None
    """Sequence at which old and new rows were held against each other; None if they were not."""
    differing: int = 0
    differences: tuple[Named, ...] = ()
    """The first of them, by key."""
    reason: str = ""
    """Why it failed, or what was lost and what to do."""


class _Order(NamedTuple):
    accept: bool
    accept_losses: bool
    answer: asyncio.Future[Rebuilt]


class Rebuilder:
    """Carries out one request after the other; a second one at the same time is refused."""

    def __init__(self, hub: Hub, source: Log, model: ReadModel) -> None:
        """Build from `source` into `model`; `hub` says when the new rows are shown."""
        self._hub = hub
        self._log = source
        self._model = model
        self._order: _Order | None = None
        self._ordered = asyncio.Event()

    @property
    def busy(self) -> bool:
        """Whether a rebuild is asked for and not at its end."""
        return self._order is not None

    def ask(self, *, accept: bool, accept_losses: bool = False) -> asyncio.Future[Rebuilt]:
        """Ask for a rebuild.

        Args:
            accept: Switch although rows differ.
            accept_losses: Build from what there is of a log that lost messages, too: the rows that
                are replaced may be the last copy. Then they may differ as well.

        Returns:
            What becomes of it. It never raises; do not cancel it.

        Raises:
            Rejected: `rebuild-running`, or `unavailable` where none can begin.
        """
        if not self._hub.loaded.is_set() and not accept_losses:
            raise Rejected("unavailable", self._hub.absent())
        if self._hub.closing:
            raise Rejected("unavailable", "this process is about to end")
        if self._order is not None:
            raise Rejected("rebuild-running", "a rebuild is running already: wait for its end")
        self._order = _Order(accept, accept_losses, asyncio.get_running_loop().create_future())
        self._ordered.set()
        return self._order.answer

    async def run(self) -> None:
        """Work for ever; what is under way at the end is answered, and not switched to."""
        try:
            while True:
                await self._ordered.wait()
                self._ordered.clear()
                if self._order is not None:
                    self._end(await self._carry_out(self._order))
        finally:
            self._end(self._failed("this process is about to end"))

    def _end(self, found: Rebuilt) -> None:
        order, self._order = self._order, None
        if order is None:
            return
        log.info(
            "a rebuild that was asked for has ended",
            extra={"status": found.status, "epoch": found.epoch, "differing": found.differing},
        )
        if not order.answer.done():
            order.answer.set_result(found)

    async def _carry_out(self, order: _Order) -> Rebuilt:
        log.info(
            "a rebuild was asked for",
            extra={"accept": order.accept, "accept_losses": order.accept_losses},
        )
        reason = ""
        for attempt in range(TRIES):
            if attempt:
                await asyncio.sleep(PAUSE_SECONDS)
            try:
                found = await self._once(order)
            except (Doubt, Missing, Garbled) as error:
                reason = str(error)
            except Unfit as unfit:
                # The follower builds anew by itself what it cannot continue.
                reason = f"the projector builds the read model anew by itself: {unfit.reason}"
            else:
                await self._shown(found)
                return found
            log.info("a rebuild begins again", extra={"reason": reason})
        return self._failed(reason)

    async def _once(self, order: _Order) -> Rebuilt:
        if order.accept_losses:
            return await self._from_what_there_is()
        pointer = await self._model.current()
        if pointer is None:
            raise Missing("there is no read model yet")
        bucket = self._model.bucket(pointer.epoch)
        _, checkpoint = await bucket.last()
        told = await self._lost(bucket)
        if told:
            return _lossy(pointer.epoch, checkpoint.seq, told)
        await verify(self._log, checkpoint, pointer)
        try:
            report = await rebuild.rebuild(
                self._log,
                self._model,
                pointer,
                against=True,
                accept=order.accept,
                let_go=True,
            )
        except rebuild.Lost as refused:
            return _lossy(pointer.epoch, checkpoint.seq, str(refused))
        except rebuild.Differs as refused:
            return _told("differs", pointer.epoch, refused.report)
        except GuardLost:
            return await self._overtaken(pointer.epoch)
        return _told("switched", pointer.epoch, report)

    async def _from_what_there_is(self) -> Rebuilt:
        """Build also where the follower has refused to, or would by itself."""
        pointer: Pointer | None
        try:
            pointer, against = (await attach(self._log, self._model)).pointer, True
        except Unfit as unfit:
            pointer, against = unfit.pointer, unfit.comparable
        old = "" if pointer is None else pointer.epoch
        try:
            report = await rebuild.rebuild(
                self._log,
                self._model,
                pointer,
                against=against,
                accept=True,
                accept_losses=True,
                let_go=True,
            )
        except GuardLost:
            return await self._overtaken(old)
        return _told("switched", old, report)

    async def _overtaken(self, old: str) -> Rebuilt:
        now = await self._model.current()
        return Rebuilt(status="overtaken", old_epoch=old, epoch=old if now is None else now.epoch)

    async def _lost(self, bucket: Bucket) -> str:
        """Return what shows that the log lost what rows were made from; empty if nothing does."""
        try:
            loaded = await bucket.load()
        except Garbled as error:
            log.warning("the old rows cannot be read", extra={"reason": str(error)})
            return ""
        state = await self._log.state()
        if state.name != loaded.checkpoint.log or state.last_seq < loaded.checkpoint.seq:
            # Another log, or an older copy of it: the follower builds anew from what was restored.
            return ""
        return lost(loaded, state)

    async def _shown(self, found: Rebuilt) -> None:
        """Wait until this process shows what was switched to, unless that takes too long."""
        if found.status != "switched":
            return
        for _ in range(round(SHOWN_SECONDS / POLL_SECONDS)):
            if self._hub.epoch == found.epoch:
                return
            await asyncio.sleep(POLL_SECONDS)
        log.warning("the new rows are not shown yet", extra={"epoch": found.epoch})

    def _failed(self, reason: str) -> Rebuilt:
        epoch = self._hub.epoch
        return Rebuilt(status="failed", old_epoch=epoch, epoch=epoch, reason=reason)


def _lossy(epoch: str, as_of: int, told: str) -> Rebuilt:
    reason = f"{told}; {KEEP}"
    return Rebuilt(status="lost", old_epoch=epoch, epoch=epoch, as_of=as_of, reason=reason)


def _told(status: Status, old_epoch: str, report: rebuild.Report) -> Rebuilt:
    return Rebuilt(
        status=status,
        old_epoch=old_epoch,
        epoch=report.epoch,
        as_of=report.as_of,
        rows=report.rows,
        events=report.events,
        compared_at=report.compared_at,
        differing=len(report.differences),
        differences=tuple(map(_named, report.differences[:MAX_NAMED])),
    )


def _named(difference: Difference) -> Named:
    what: What = "changed"
    if difference.stored is None:
        what = "missing"
    elif difference.folded is None:
        what = "surplus"
    return Named(key=difference.key, what=what)
