"""Lanes: one input of an aggregate at a time, in the order of arrival; aggregates side by side.

A lane is a queue and, while it holds anything, a task. What the worker knows of the aggregate is
kept apart (`states.py`), so an idle lane costs nothing.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

from catalyst.chassis.jetstream.port import Delivery, Verdict

Settle = Callable[[Delivery, Verdict], Awaitable[None]]
"""Tells the broker what became of a message."""

T = TypeVar("T")


class Lanes(Generic[T]):
    """Runs one handler for inputs, one at a time for each key."""

    def __init__(self, tasks: asyncio.TaskGroup, handle: Callable[[T], Awaitable[None]]) -> None:
        """Run lanes as tasks of `tasks`; an exception of `handle` ends the whole group."""
        self._tasks = tasks
        self._handle = handle
        self._queues: dict[str, deque[T]] = {}
        self._running: dict[str, asyncio.Task[None]] = {}
        self._idle = asyncio.Event()
        self._idle.set()

    def put(self, key: str, item: T) -> None:
        """Put an input at the end of its lane; returns at once.

        Raises:
            RuntimeError: If the group of the lanes is ending; the input is in no lane then.
        """
        queue = self._queues.get(key)
        if queue is not None:
            queue.append(item)
            return
        run = self._run(key)
        try:
            self._running[key] = self._tasks.create_task(run, name=f"lane {key}")
        except RuntimeError:
            # It is no task's and would be missed for ever.
            run.close()
            raise
        self._queues[key] = deque([item])
        self._idle.clear()

    @property
    def open(self) -> int:
        """Number of lanes that hold something."""
        return len(self._queues)

    async def drained(self) -> None:
        """Return once every lane is empty."""
        await self._idle.wait()

    def abandon(self) -> None:
        """Stop every lane as it stands: what is in them is not settled and comes again."""
        for task in self._running.values():
            task.cancel()

    async def _run(self, key: str) -> None:
        queue = self._queues[key]
        try:
            while queue:
                await self._handle(queue[0])
                queue.popleft()
        finally:
            del self._queues[key], self._running[key]
        if not self._queues:
            self._idle.set()
