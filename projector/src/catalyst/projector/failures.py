"""Which of several failures of a task group says what to do."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager


@contextmanager
def alone(*order: type[BaseException]) -> Iterator[None]:
    """Let one failure out of a task group's: of those, the one that `order` names first.

    What fails in another way stays in its group, with all others. Not by `except*`: what is raised
    there comes in a group of its own before Python 3.11.4.
    """
    try:
        yield
    except BaseExceptionGroup as failures:
        if failures.split(order)[1] is not None:
            raise
        raise _first(failures, order) from None


def _first(
    failures: BaseExceptionGroup[BaseException], order: Sequence[type[BaseException]]
) -> BaseException:
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
