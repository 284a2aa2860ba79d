"""The controller's loop: make the world match, one worker per key, level-based.

Events only mark a key as dirty. A pass reads the world again: a lost or doubled mark costs a pass
and never correctness. A failing key backs off alone; a pass may ask to be looked at again later.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final

from catalyst.chassis.errors import Retry

log = logging.getLogger(__name__)

FIRST_PAUSE_SECONDS: Final = 0.25
LONGEST_PAUSE_SECONDS: Final = 60.0
DOUBLED_MOST: Final = 20
"""Doubled more often a pause is longer than any, and in the end no number at all."""


class Reconciler:
    """Runs passes over keys; at most one pass of a key at a time."""

    def __init__(
        self,
        tasks: asyncio.TaskGroup,
        reconcile: Callable[[str], Awaitable[float | None]],
        *,
        first_pause_seconds: float = FIRST_PAUSE_SECONDS,
    ) -> None:
        """Run passes as tasks of `tasks`.

        Args:
            tasks: Owns every pass.
            reconcile: One pass over a key; returns after how many seconds to look again, or None.
            first_pause_seconds: Wait after a first failure; doubles up to a minute.
        """
        self._tasks = tasks
        self._reconcile = reconcile
        self._first_pause = first_pause_seconds
        self._dirty: set[str] = set()
        self._wake: dict[str, asyncio.Event] = {}
        self.failing: dict[str, str] = {}
        """Keys whose last pass failed, and why."""

    def mark(self, key: str) -> None:
        """Ask for a pass over `key`; marks during a pass lead to one more."""
        self._dirty.add(key)
        wake = self._wake.get(key)
        if wake is None:
            self._wake[key] = asyncio.Event()
            self._tasks.create_task(self._work(key), name=f"reconcile {key}")
        else:
            wake.set()

    async def _work(self, key: str) -> None:
        """Pass over the key until it is clean and nobody asked to look again."""
        failures = 0
        while key in self._dirty:
            self._dirty.discard(key)
            again, failed = await self._once(key)
            failures = failures + 1 if failed else 0
            if failed:
                backoff = self._first_pause * 2 ** min(failures - 1, DOUBLED_MOST)
                again = max(again or 0.0, min(backoff, LONGEST_PAUSE_SECONDS))
            if again is not None:
                await self._pause(key, again, skip_on_mark=not failed)
                self._dirty.add(key)
        del self._wake[key]

    async def _once(self, key: str) -> tuple[float | None, bool]:
        try:
            again = await self._reconcile(key)
        except Retry as error:
            self.failing[key] = str(error)
            return error.after_seconds, True
        except Exception as error:
            self.failing[key] = f"{type(error).__name__}: {error}"
            log.exception("reconcile failed", extra={"key": key})
            return None, True
        self.failing.pop(key, None)
        return again, False

    async def _pause(self, key: str, seconds: float, *, skip_on_mark: bool) -> None:
        wake = self._wake[key]
        wake.clear()
        if not skip_on_mark:
            await asyncio.sleep(seconds)
            return
        try:
            async with asyncio.timeout(seconds):
                await wake.wait()
        except TimeoutError:
            log.debug("looking again", extra={"key": key})
