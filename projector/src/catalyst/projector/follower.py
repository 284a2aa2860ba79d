"""Keeps the read model at the head of the log, for ever and through every failure.

Started by `main`. After any doubt it begins again from what the bucket itself says; a projector
that has lost the guard stands by and takes over when the other one stops.
"""

from __future__ import annotations

import asyncio
import logging
import random
from functools import partial
from typing import Final, Literal

from catalyst.chassis import clock
from catalyst.projector import rebuild
from catalyst.projector.attach import Attached, Unfit, attach, verify
from catalyst.projector.failures import Work, together
from catalyst.projector.flush import MAX_KEYS, Flusher
from catalyst.projector.fold import Changes, Gone
from catalyst.projector.ports import Doubt, Garbled, GuardLost, Log, Missing, ReadModel
from catalyst.projector.refold import Refold
from catalyst.projector.session import Session
from catalyst.projector.tracing import Tracing

log = logging.getLogger(__name__)

TAKE_OVER_SECONDS: Final = 2.0
"""How long the read model may stand still below the head before a second projector takes over."""
POLL_SECONDS: Final = 0.25
POINTER_SECONDS: Final = 1.0
CLEAN_UP_SECONDS: Final = 3600.0
FIRST_PAUSE_SECONDS: Final = 0.05
LONGEST_PAUSE_SECONDS: Final = 2.0
LOOK_AGAIN_SECONDS: Final = 60.0
"""How long a log that lost messages is taken for what it is: reading it whole takes its time."""

Status = Literal["starting", "rebuilding", "following", "standing-by", "refusing"]


class Moved(Exception):
    """Another bucket is the read model now."""


class Follower:
    """One projector."""

    def __init__(
        self,
        source: Log,
        model: ReadModel,
        *,
        max_keys: int = MAX_KEYS,
        tracing: Tracing | None = None,
        accept_losses: bool = False,
    ) -> None:
        """Fold `source` into `model`; a flush has at most `max_keys` rows.

        With `accept_losses` rows are made of what is left of a log that lost messages, too.
        """
        self._log = source
        self._model = model
        self._max_keys = max_keys
        self._tracing = tracing
        self._accept_losses = accept_losses
        self.status: Status = "starting"
        self.session: Session | None = None
        """The current one, for metrics."""
        self.report: rebuild.Report | None = None
        """Of the last rebuild."""
        self.lost = ""
        """What the log lost, while no rows are made from it for that."""
        self.doubts = 0
        """How often it began again."""
        self._pause = FIRST_PAUSE_SECONDS

    async def run(self) -> None:
        """Follow for ever; ends by cancellation only."""
        while True:
            try:
                await self._turn()
            except (Doubt, Missing, Garbled) as error:
                # What is garbled is found again when attaching, and built anew there.
                self.doubts += 1
                # At a first start, whoever makes the streams may be a moment behind.
                early = isinstance(error, Missing) and self._pause < LONGEST_PAUSE_SECONDS
                level = logging.INFO if early and self.session is None else logging.WARNING
                log.log(level, "the projector begins again", extra={"reason": str(error)})
                await asyncio.sleep(self._pause * random.uniform(0.5, 1.0))  # noqa: S311
                self._pause = min(self._pause * 2, LONGEST_PAUSE_SECONDS)

    async def _turn(self) -> None:
        try:
            try:
                await self._serve(await attach(self._log, self._model))
            except Unfit as unfit:
                await self._rebuild(unfit)
        except rebuild.Lost as refused:
            await self._refuse(refused)
        except Moved:
            log.info("the read model was switched, the projector follows it")
        except GuardLost:
            log.info("another projector writes, this one stands by")
            await self._stand_by()

    async def _serve(self, attached: Attached) -> None:
        if attached.loaded.checkpoint.to is not None:
            attached = await self._mend(attached)
        checkpoint = attached.loaded.checkpoint
        flusher = Flusher(
            attached.bucket,
            checkpoint,
            attached.loaded.revision,
            max_keys=self._max_keys,
            tracing=self._tracing,
        )
        session = Session(attached.fold, flusher)
        async with self._log.open(checkpoint.seq + 1, hurried=True) as reader:
            # The log may have been replaced between the first look and the consumer.
            await verify(self._log, checkpoint, attached.pointer)
            self.session = session
            self.status = "following"
            began = clock.monotonic()
            log.info(
                "the projector follows the log",
                extra={"epoch": checkpoint.epoch, "seq": checkpoint.seq},
            )
            try:
                work: dict[str, Work] = {
                    "projector-session": partial(session.run, reader),
                    "projector-watch": partial(self._watch, attached.pointer.epoch),
                }
                await together(work, Moved, GuardLost, Doubt, Missing)
            finally:
                self.status = "starting"
                if clock.monotonic() - began > LONGEST_PAUSE_SECONDS:
                    self._pause = FIRST_PAUSE_SECONDS

    async def _watch(self, epoch: str) -> None:
        """End the session when the pointer moves; delete old buckets now and then."""
        cleaned = 0.0
        while True:
            pointer = await self._model.current()
            if pointer is None or pointer.epoch != epoch:
                raise Moved
            if clock.monotonic() - cleaned > CLEAN_UP_SECONDS:
                cleaned = clock.monotonic()
                for name in await rebuild.clean_up(self._log, self._model, pointer):
                    log.info("an old bucket was deleted", extra={"epoch": name})
            await asyncio.sleep(POINTER_SECONDS)

    async def _mend(self, attached: Attached) -> Attached:
        """Finish a decision that was left half written: fold up to it and write what differs."""
        loaded = attached.loaded
        to = loaded.checkpoint.to or loaded.checkpoint.seq
        async with self._log.open_whole() as reader:
            refold = Refold(reader)
            refold.holes.watch(loaded.rows)
            seen = await refold.to(to)
        if refold.holes.first is not None and not self._accept_losses:
            # Whatever differs may be what was lost, and not what was left to be written.
            raise rebuild.Lost(refold.holes.first)
        changes: Changes = {
            key: row for key, row in refold.fold.rows.items() if loaded.rows.get(key) != row.raw
        }
        for key in loaded.rows.keys() - refold.fold.rows.keys():
            gone = seen.get(key)
            changes[key] = gone if isinstance(gone, Gone) else Gone(b"", to)
        flusher = Flusher(
            attached.bucket, loaded.checkpoint, loaded.revision, max_keys=self._max_keys
        )
        await flusher.add(changes, refold.position)
        await flusher.flush()
        log.info("a half written decision was finished", extra={"rows": len(changes), "seq": to})
        return await attach(self._log, self._model)

    async def _rebuild(self, unfit: Unfit) -> None:
        self.status = "rebuilding"
        level = logging.WARNING if unfit.of_other_events else logging.INFO
        log.log(level, "the read model is built anew", extra={"reason": unfit.reason})
        try:
            report = await rebuild.rebuild(
                self._log,
                self._model,
                unfit.pointer,
                against=unfit.comparable,
                accept=True,
                accept_losses=self._accept_losses,
            )
        except GuardLost:
            log.info("another projector has built the read model meanwhile")
            return
        finally:
            self.status = "starting"
        self.report = report
        log.info(
            "the read model is new",
            extra={
                "epoch": report.epoch,
                "rows": report.rows,
                "events": report.events,
                "as_of": report.as_of,
                "differences": len(report.differences),
            },
        )

    async def _refuse(self, refused: rebuild.Lost) -> None:
        """Write nothing, until somebody asks for it all the same or some time is over."""
        log.error("no rows are made from a log that lost messages", extra={"reason": str(refused)})
        self.status, self.lost = "refusing", refused.public
        began = clock.monotonic()
        try:
            pointer = await self._model.current()
            while await self._model.current() == pointer:
                await asyncio.sleep(POINTER_SECONDS)
                if clock.monotonic() - began > LOOK_AGAIN_SECONDS:
                    return
        finally:
            self.lost = ""

    async def _stand_by(self) -> None:
        """Return when the read model has stood still below the head for two seconds."""
        self.status = "standing-by"
        seen, since = -1, clock.monotonic()
        while True:
            await asyncio.sleep(POLL_SECONDS)
            pointer = await self._model.current()
            if pointer is None:
                return
            _, checkpoint = await self._model.bucket(pointer.epoch).last()
            head = (await self._log.state()).last_seq
            if checkpoint.seq != seen or checkpoint.seq >= head:
                seen, since = checkpoint.seq, clock.monotonic()
            elif clock.monotonic() - since >= TAKE_OVER_SECONDS:
                log.info("the other projector has stopped, this one takes over")
                return
