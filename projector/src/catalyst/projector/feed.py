"""Fills the hub from the current bucket, and follows the pointer and the log's head.

Started by `main`. It reads the bucket with a consumer of its own, also inside the process that
folds, so that what is shown is what is stored.
"""

from __future__ import annotations

import asyncio
import logging
import random
from datetime import timedelta
from functools import partial
from typing import Final

import msgspec

from catalyst.chassis import clock
from catalyst.chassis.jetstream.times import of_nanoseconds
from catalyst.contracts.subjects import BadSubject, RowKey
from catalyst.projector.entry import Entry
from catalyst.projector.failures import Work, together
from catalyst.projector.hub import MARKER_SECONDS, Hub
from catalyst.projector.ports import (
    Bucket,
    BucketMessage,
    BucketReader,
    Doubt,
    Garbled,
    Log,
    LogState,
    Missing,
    ReadModel,
)

log = logging.getLogger(__name__)

POINTER_SECONDS: Final = 0.5
HEAD_SECONDS: Final = 1.0
READ_SECONDS: Final = 0.5
REMIND_SECONDS: Final = 0.05
"""How often a reader who sees none of the changes is told how far the rows are."""
STREAMS_PER_REMINDER_SECOND: Final = 5000
"""With many streams the reminders come more slowly."""
FIRST_PAUSE_SECONDS: Final = 0.05
LONGEST_PAUSE_SECONDS: Final = 1.0


_UNREADABLE: Final = (BadSubject, msgspec.MsgspecError, UnicodeDecodeError)


class _Switched(Exception):
    """The pointer names another bucket."""


class Feed:
    """The one reader of the bucket in this process."""

    def __init__(self, hub: Hub, source: Log, model: ReadModel) -> None:
        """Fill `hub`."""
        self._hub = hub
        self._log = source
        self._model = model
        self._epoch = ""
        self._read = 0
        """Revision of the last message read."""
        self._unshown: list[BucketMessage] = []
        self._contact = clock.monotonic()
        self.doubts = 0
        """How often reading began again."""

    async def run(self) -> None:
        """Work for ever."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._rows(), name="hub-rows")
            group.create_task(self._head(), name="hub-head")
            group.create_task(self._remind(), name="hub-remind")

    async def _rows(self) -> None:
        pause = FIRST_PAUSE_SECONDS
        while True:
            began = clock.monotonic()
            try:
                await self._follow_current()
            except _Switched:
                continue
            except (Doubt, Missing, Garbled) as error:
                # What is garbled stays so until the follower has built another bucket.
                self.doubts += 1
                log.info("the hub reads again", extra={"reason": str(error)})
            if clock.monotonic() - began > LONGEST_PAUSE_SECONDS:
                pause = FIRST_PAUSE_SECONDS
            await asyncio.sleep(pause * random.uniform(0.5, 1.0))  # noqa: S311
            pause = min(pause * 2, LONGEST_PAUSE_SECONDS)

    async def _follow_current(self) -> None:
        pointer = await self._model.current()
        if pointer is None:
            raise Missing("there is no read model yet")
        bucket = self._model.bucket(pointer.epoch)
        last, _ = await bucket.last()
        # A bucket that is behind what was read of it is not the one that was read.
        whole = pointer.epoch != self._epoch or last < self._read or self._cut_off()
        async with bucket.open(1 if whole else self._read + 1) as reader:

            async def follow() -> None:
                if whole:
                    await self._load(reader, bucket, last)
                await self._follow(reader)

            # From the start: a bucket that was left half written never becomes whole.
            work: dict[str, Work] = {
                "hub-follow": follow,
                "hub-watch": partial(self._watch, pointer.epoch),
            }
            await together(work, _Switched, Garbled, Doubt, Missing)

    def _cut_off(self) -> bool:
        """Return whether deletions may have come and gone unseen."""
        return clock.monotonic() - self._contact > MARKER_SECONDS

    async def _load(self, reader: BucketReader, bucket: Bucket, last: int) -> None:
        """Read a whole bucket and show it, once it is not behind what is shown."""
        entries: dict[str, Entry] = {}
        state = await self._log.state()
        young: int | None = None
        shown: BucketMessage | None = None
        waiting: list[BucketMessage] = []
        while shown is None or shown.revision < last or self._behind(shown, state):
            for message in await reader.read(timeout=READ_SECONDS):
                waiting.append(message)
                age = state.now - of_nanoseconds(message.time_ns)
                if young is None and age < timedelta(seconds=MARKER_SECONDS):
                    young = message.revision
                if message.checkpoint is not None and message.checkpoint.to is None:
                    try:
                        for item in waiting:
                            _keep(entries, item)
                    except _UNREADABLE as error:
                        raise Garbled(f"a row cannot be shown: {error}") from error
                    waiting.clear()
                    shown = message
        if shown.checkpoint is None:
            raise Doubt("the bucket holds no checkpoint")
        floor = shown.revision if young is None else young - 1
        self._hub.replace(entries.values(), shown.checkpoint, shown.revision, floor)
        self._epoch = bucket.epoch
        self._read = waiting[-1].revision if waiting else shown.revision
        self._unshown = waiting
        self._contact = clock.monotonic()
        log.info(
            "the hub shows a read model",
            extra={"epoch": bucket.epoch, "rows": len(self._hub.rows), "as_of": self._hub.as_of},
        )

    def _behind(self, shown: BucketMessage, state: LogState) -> bool:
        """Return whether a new bucket has not come as far as the rows that are shown.

        A log that was restored from a backup may not reach that far itself.
        """
        checkpoint, current = shown.checkpoint, self._hub.checkpoint
        return (
            checkpoint is not None
            and current is not None
            and checkpoint.log == current.log
            and checkpoint.seq < min(current.seq, state.last_seq)
        )

    async def _follow(self, reader: BucketReader) -> None:
        while True:
            messages = await reader.read(timeout=READ_SECONDS)
            self._contact = clock.monotonic()
            if not messages:
                continue
            self._unshown.extend(messages)
            self._read = messages[-1].revision
            self._show()

    def _show(self) -> None:
        """Show every flush that is whole; the rest waits for its checkpoint."""
        for place in range(len(self._unshown) - 1, -1, -1):
            checkpoint = self._unshown[place].checkpoint
            if checkpoint is not None and checkpoint.to is None:
                flushes = self._unshown[: place + 1]
                del self._unshown[: place + 1]
                try:
                    self._hub.apply(flushes)
                except _UNREADABLE as error:
                    self._epoch = ""
                    raise Garbled(f"a row cannot be shown: {error}") from error
                return

    async def _watch(self, epoch: str) -> None:
        while True:
            await asyncio.sleep(POINTER_SECONDS)
            pointer = await self._model.current()
            if pointer is not None and pointer.epoch != epoch:
                raise _Switched

    async def _head(self) -> None:
        """Ask how far the log is, and how long the rows have been behind it."""
        while True:
            try:
                asked = clock.monotonic()
                state = await self._log.state()
                as_of = self._hub.as_of
                oldest = None
                if state.last_seq > as_of:
                    oldest = await self._log.next_time(as_of + 1)
                self._hub.freshness.saw(
                    state.name, state.last_seq, as_of, oldest=oldest, now=state.now, asked=asked
                )
            except (Doubt, Missing) as error:
                log.info("the log's head is not known", extra={"reason": str(error)})
            await asyncio.sleep(HEAD_SECONDS)

    async def _remind(self) -> None:
        warned = clock.monotonic()
        while True:
            streams = len(self._hub.streams)
            await asyncio.sleep(max(REMIND_SECONDS, streams / STREAMS_PER_REMINDER_SECOND))
            self._hub.remind()
            if clock.monotonic() - warned >= HEAD_SECONDS and self._hub.freshness.unknown:
                warned = clock.monotonic()
                self._hub.warn()


def _keep(entries: dict[str, Entry], message: BucketMessage) -> None:
    """Take over a message; the newest of each key, in the order of the revisions."""
    if not message.key:
        return
    entries.pop(message.key, None)
    place = RowKey.decode(message.key)
    entries[message.key] = Entry(
        message.key, place, message.revision, message.value, deleted=message.deleted
    )
