"""Which of several failures of a task group says what to do."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

Work = Callable[[], Coroutine[Any, Any, None]]


async def together(work: Mapping[str, Work], *order: type[BaseException]) -> None:
    """Do several things side by side until one fails; failures come out as `alone` says.

    For whoever goes on after a failure. A task group that fails while its task is cancelled tells
    of its failures alone before Python 3.13, and its task would go on for ever. So the group has a
    task of its own here, and whoever is cancelled ends, whatever the group makes of it.

    Args:
        work: What to do, by the name of its task.
        order: Failures that are known, the one that counts most first.
    """

    async def group() -> None:
        with alone(*order):
            async with asyncio.TaskGroup() as tasks:
                for name, begin in work.items():
                    tasks.create_task(begin(), name=name)

    running = asyncio.create_task(group())  # noqa: TID251 - waited for here, however this ends
    try:
        await asyncio.wait([running])
    except asyncio.CancelledError:
        running.cancel()
        await asyncio.wait([running])
        failure = None if running.cancelled() else running.exception()
        if failure is not None and not isinstance(failure, order):
            raise failure from None
        raise
    await running


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
