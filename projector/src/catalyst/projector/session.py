"""One reading of the log into one bucket, from a known place on. Ends only by an exception.

Used by the follower for the current bucket and by the rebuild for the next one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Final

from catalyst.projector.decisions import Assembler, Whole
from catalyst.projector.flush import Flusher, Position
from catalyst.projector.fold import Fold
from catalyst.projector.ports import LogMessage, LogReader

READ_SECONDS: Final = 0.5
"""How long a read waits before it is asked whether the last messages have expired."""
FAR_BEHIND: Final = 1000
"""With more messages than this ahead, rows are written less often and each key once. About what one
flush holds: with more, what is left would need several small ones, each with a sync of its own."""
TURN: Final = 128
"""Messages folded before others get a turn: the next ones are fetched, and rows written,
meanwhile."""


class Session:
    """Reads, folds and hands over to the flusher."""

    def __init__(self, fold: Fold, flusher: Flusher) -> None:
        """Fold into `fold` from the flusher's checkpoint on."""
        self.fold = fold
        self.flusher = flusher
        self.events = 0
        """Events folded."""
        self.decisions = 0
        """Decisions read, those without events included."""
        self._assembler = Assembler(flusher.checkpoint.seq)

    async def run(self, reader: LogReader) -> None:
        """Follow for ever.

        Raises:
            Doubt: If the reader may have missed something.
            GuardLost: If the flusher may not write any more.
        """
        async with asyncio.TaskGroup() as group:
            group.create_task(self.flusher.run(), name="projector-flush")
            group.create_task(self._follow(reader), name="projector-fold")

    async def _follow(self, reader: LogReader) -> None:
        while True:
            messages = await reader.read(timeout=READ_SECONDS)
            far_behind = reader.pending > FAR_BEHIND
            if far_behind:
                self.flusher.hold(far_behind=True)
            if messages:
                await self._take(messages)
            # Only now: what has just been folded belongs to what is written at last.
            self.flusher.hold(far_behind=far_behind)
            if not messages:
                rest = self._assembler.rest(reader.head)
                if rest is not None:
                    await self._apply(rest)

    async def _take(self, messages: Iterable[LogMessage]) -> None:
        passed: Whole | None = None
        turn = self._assembler.seq + TURN
        for whole in self._assembler.take(messages):
            if whole.events:
                await self._apply(whole)
                passed = None
            else:
                # Of several that change nothing, where the last one ends is enough.
                self.decisions += 1
                passed = whole
            if whole.seq >= turn:
                turn = whole.seq + TURN
                await asyncio.sleep(0)
        if passed is not None:
            await self.flusher.add({}, Position(passed.seq))

    async def _apply(self, whole: Whole) -> None:
        events = whole.events
        self.decisions += 1
        if not events:
            await self.flusher.add({}, Position(whole.seq))
            return
        self.events += len(events)
        last = events[-1]
        changes = self.fold.apply(events)
        await self.flusher.add(changes, Position(whole.seq, last.seq, last.time_ns))
