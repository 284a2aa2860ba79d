"""What rows say of other rows: after each decision those are made anew that it concerns. No I/O.

Part of the fold. A row whose document changes names the rows that look at it; they are made anew,
and so on until nothing changes. Each follows from the documents of the others alone, so that it
does not matter in which order.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Protocol

from catalyst.contracts.subjects import RowKey
from catalyst.projector.row import FROZEN
from catalyst.projector.views.view import Related

if TYPE_CHECKING:
    from catalyst.projector.fold import Row


class Held(Protocol):
    """Rows while a decision is folded."""

    def now(self, key: str) -> Row | None:
        """Return a row as the decision leaves it so far."""

    def before(self, key: str) -> Row | None:
        """Return it as it was."""

    def put(self, key: str, doc: Any) -> None:
        """Give a row another document."""

    def fail(self, key: str, error: Exception) -> None:
        """Let a row stand still whose view has just failed."""


def relate(changed: Iterable[str], held: Held) -> None:
    """Make anew what the changed rows say of others, and what others say of them."""
    ahead = deque(key for key in changed if _concerned(key, held))
    if not ahead:
        return
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
        made = related.make(after, self._look)
        if made == after:
            return after
        self._held.put(key, made)
        return made

    def _look(self, place: RowKey) -> Any:
        return _doc(self._held.now(place.encode()))


def _concerned(key: str, held: Held) -> bool:
    """Return whether a row's change may concern what it says of others, or others of it."""
    row, before = held.now(key), held.before(key)
    shown = row or before
    related = shown.view.related if shown is not None else None
    if related is None:
        return False
    return related.touches is not None or related.again(_doc(before), _doc(row))


def _doc(row: Row | None) -> Any:
    return None if row is None else row.value.doc


def _stands(row: Row) -> bool:
    stale = row.value.stale
    return stale is not None and stale.code in FROZEN
