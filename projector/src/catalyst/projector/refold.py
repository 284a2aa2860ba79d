"""Folds the log again, from its beginning to an exact place, into memory only.

Used by the rebuild, by the check, and to mend a bucket that was left in the middle of a decision.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Final

import msgspec

from catalyst.projector.decisions import Assembler, Whole
from catalyst.projector.flush import Position
from catalyst.projector.fold import Changes, Fold, Row
from catalyst.projector.holes import Holes
from catalyst.projector.ports import LogReader
from catalyst.projector.views.table import VIEWS

READ_SECONDS: Final = 0.5


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """A row that is not what the log says."""

    key: str
    stored: str | None
    """What the bucket holds, as JSON; None if it lacks the row."""
    folded: str | None
    """What the log gives; None if there should be no row."""


class Refold:
    """A fold that starts with nothing; its reader shows every message from the log's first on."""

    def __init__(self, reader: LogReader) -> None:
        """Read from `reader`."""
        self.fold = Fold(VIEWS)
        self.position = Position(0)
        self.events = 0
        self.holes = Holes()
        """What the log has lost, as far as it was read."""
        self._reader = reader
        self._assembler = Assembler(0)
        self._ahead: deque[Whole] = deque()

    async def to(self, seq: int) -> Changes:
        """Fold every decision that ends at or before `seq`, and return what changed.

        Raises:
            Doubt: If something may have been missed: begin again.
        """
        changes: Changes = {}
        while self.position.seq < seq:
            while self._ahead and self._ahead[0].seq <= seq:
                self._apply(self._ahead.popleft(), changes)
            if self._ahead or self.position.seq >= seq:
                break
            messages = await self._reader.read(timeout=READ_SECONDS)
            self.holes.take(messages)
            self._ahead.extend(self._assembler.take(messages))
            if not messages:
                head = self._reader.head
                self.holes.rest(head)
                rest = self._assembler.rest(head, whole=True)
                if rest is not None:
                    self._ahead.append(rest)
        self.holes.expect(seq)
        return changes

    def _apply(self, whole: Whole, changes: Changes) -> None:
        if whole.events:
            last = whole.events[-1]
            self.events += len(whole.events)
            changes.update(self.fold.apply(whole.events))
            self.position = Position(whole.seq, last.seq, last.time_ns)
        else:
            self.position = self.position._replace(seq=whole.seq)


def compare(rows: Mapping[str, Row], stored: Mapping[str, bytes]) -> list[Difference]:
    """Return every row in which the bucket differs from the fold, by key."""
    found = []
    for key in sorted(rows.keys() | stored.keys()):
        row = rows.get(key)
        folded = None if row is None else row.raw
        held = stored.get(key)
        if folded != held:
            found.append(Difference(key=key, stored=_text(held), folded=_text(folded)))
    return found


def _text(raw: bytes | None) -> str | None:
    return None if raw is None else raw.decode("utf-8", "replace")
