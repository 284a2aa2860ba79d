"""Work that several may wait for: done once, and to its end, whoever gives up waiting meanwhile.

Whoever answers a question is stopped as soon as nobody waits for the answer. What it had begun for
others as well (an index, a check that takes long, the keys of an issuer) would be lost with it, and
begun again by the next, for ever if it takes longer than anybody waits.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Hashable
from contextvars import Context
from functools import partial
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class Once(Generic[T]):
    """Work by what it is for."""

    def __init__(self) -> None:
        """Begin with none."""
        self._running: dict[Hashable, asyncio.Task[T]] = {}

    async def do(self, key: Hashable, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Return the result of the work for `key` that is running, or of `work`."""
        task = self._running.get(key)
        if task is None:
            # In a context of its own: what it asks has no deadline of whoever came first. Nor is it
            # in anybody's group; whoever waits is told how it ends, and `_done` if nobody does.
            task = asyncio.create_task(work(), context=Context())  # noqa: TID251
            self._running[key] = task
            task.add_done_callback(partial(self._done, key))
        return await asyncio.shield(task)

    def _done(self, key: Hashable, task: asyncio.Task[T]) -> None:
        del self._running[key]
        if not task.cancelled():
            # Raised to all who wait; asked for here because there may be none.
            task.exception()
