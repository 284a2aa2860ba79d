"""What rows say of other rows: after each decision those are made anew that it concerns. No I/O.

Part of the fold. A row whose document changes names the rows that look at it; they are made anew,
and so on until nothing changes. Each follows from the documents of the others alone, so that it
does not matter in which order.
"""

from __future__ import annotations

import logging
from collections import deque
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from catalyst.contracts.subjects import RowKey
from catalyst.projector.row import FROZEN, UNFOLDABLE_EVENT, Stale
from catalyst.projector.views.tally import Part, Tally
from catalyst.projector.views.view import Related

if TYPE_CHECKING:
    from catalyst.projector.fold import Changes, Fold, Row

log = logging.getLogger(__name__)


class Held(NamedTuple):
    """Rows while a decision is folded."""

    fold: Fold
    changes: Changes

    def now(self, key: str) -> Row | None:
        """Return a row as the decision leaves it so far."""
        return self.fold.row(key, self.changes)

    def before(self, key: str) -> Row | None:
        """Return it as it was."""
        return self.fold.rows.get(key)

    def put(self, key: str, row: Row, doc: Any) -> None:
        """Give a row another document."""
        trace = row.trace if key in self.changes else None
        self.changes[key] = made = row.but(msgspec.structs.replace(row.value, doc=doc), trace)
        self.tell(row, made)

    def tell(self, before: Row | None, after: Row | None) -> None:
        """Let the wholes that a row is a part of know what it adds now."""
        row = after or before
        related = None if row is None else row.view.related
        if related is None or related.adds is None:
            return
        old, new = _doc(before), _doc(after)
        added: dict[tuple[RowKey, str], Part | None] = {}
        if old is not None:
            added.update(((place, name), None) for place, name, _ in related.adds(old))
        if new is not None:
            added.update(((place, name), part) for place, name, part in related.adds(new))
        for (place, name), part in added.items():
            tally = self.fold.tallies.get(place.encode())
            if tally is not None:
                tally.put(name, part)

    def tally(self, key: str) -> Tally:
        """Return what the parts of a whole add to it, as far as that is known."""
        return self.fold.tallies.setdefault(key, Tally())

    def fail(self, key: str, error: Exception) -> None:
        """Let a row stand still whose view has just failed."""
        log.error("a view failed", exc_info=error, extra={"key": key})
        row = self.now(key)
        if row is not None:
            stale = Stale(since=row.value.time, code=UNFOLDABLE_EVENT, count=1)
            self.changes[key] = row.but(msgspec.structs.replace(row.value, stale=stale))


def relate(held: Held) -> None:
    """Make anew what the changed rows say of others, and what others say of them."""
    for key in held.changes:
        held.tell(held.before(key), held.now(key))
        if held.now(key) is None:
            held.fold.tallies.pop(key, None)
    ahead = deque(held.changes)
    work = _Work(held, fresh=set(ahead))
    waiting = set(ahead)
    while ahead:
        key = ahead.popleft()
        waiting.discard(key)
        for place in work.on(key):
            other = place.encode()
            if other not in waiting:
                waiting.add(other)
                ahead.append(other)


class _Work:
    """What one decision makes anew."""

    def __init__(self, held: Held, fresh: set[str]) -> None:
        """Begin with the rows that the decision's own events changed."""
        self._held = held
        self._fresh = fresh
        self._known: dict[str, Any] = {}
        """Documents as the rows that look at them know them, by key."""

    def on(self, key: str) -> list[RowKey]:
        """Make a row anew, if need be, and return the rows that it concerns."""
        row = self._held.now(key)
        shown = row or self._held.before(key)
        related = shown.view.related if shown is not None else None
        if related is None:
            return []
        before = self._known[key] if key in self._known else _doc(self._held.before(key))
        others: list[RowKey] = []
        try:
            after = self._made(key, row, related, before)
            if related.touches is not None and before is not after:
                others = list(related.touches(before, after, self._look))
        except Exception as error:  # noqa: BLE001 - a bug in one view stops its row alone
            self._held.fail(key, error)
            after = _doc(row)
        self._known[key] = after
        return others

    def _made(self, key: str, row: Row | None, related: Related, before: Any) -> Any:
        after = _doc(row)
        needed = key not in self._fresh or related.again(before, after)
        self._fresh.discard(key)
        if not needed or row is None or after is None or _stands(row):
            return after
        tally = self._held.tally(key) if related.whole else Tally()
        made = related.make(after, self._look, tally)
        if made == after:
            return after
        self._held.put(key, row, made)
        return made

    def _look(self, place: RowKey) -> Any:
        return _doc(self._held.now(place.encode()))


def _doc(row: Row | None) -> Any:
    return None if row is None else row.value.doc


def _stands(row: Row) -> bool:
    stale = row.value.stale
    return stale is not None and stale.code in FROZEN
