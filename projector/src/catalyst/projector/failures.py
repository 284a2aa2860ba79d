"""Which of several failures of a task group says what to do."""

from __future__ import annotations

from collections.abc import Sequence


def first(
    failures: BaseExceptionGroup[BaseException], order: Sequence[type[BaseException]]
) -> BaseException:
    """Return the failure whose type comes first in `order`; they are all of these types."""
    found: list[BaseException] = []
    todo: list[BaseException] = [failures]
    while todo:
        item = todo.pop()
        if isinstance(item, BaseExceptionGroup):
            todo.extend(item.exceptions)
        else:
            found.append(item)
    return min(found, key=lambda item: _rank(item, order))


def _rank(failure: BaseException, order: Sequence[type[BaseException]]) -> int:
    return next(place for place, kind in enumerate(order) if isinstance(failure, kind))
