"""Readers of the live stream, as browser windows would be: each mirrors what it is shown."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import aclosing

from catalyst.client.http_transport import HttpClient
from catalyst.client.rows import Mirror, Put, Reset

WAIT_SECONDS = 45.0


class Browser:
    """One reader: a watch, its mirror, and when each command's first row appeared."""

    def __init__(self, http: HttpClient) -> None:
        """Read through `http`; nothing is read before `run`."""
        self._http = http
        self.mirror = Mirror()
        self.cursor = ""
        """Where a dropped connection goes on."""
        self.resets: list[str] = []
        """Reasons of the snapshots it was sent."""
        self.frames = 0
        self.backwards = 0
        """How often a row went back to an older sequence; must stay 0."""
        self._shown: dict[str, float] = {}
        self._changed = asyncio.Event()

    async def run(self) -> None:
        """Read until cancelled; begins where an earlier run of this reader ended."""
        watch = self._http.watch("all", cursor=self.cursor)
        async with aclosing(watch.changes()) as changes:
            async for change in changes:
                now = time.monotonic()
                if isinstance(change, Put):
                    self._note(change, now)
                if isinstance(change, Reset):
                    self.resets.append(change.reason)
                self.frames += 1
                self.mirror.apply(change)
                self.cursor = watch.cursor
                self._changed.set()

    def _note(self, change: Put, now: float) -> None:
        known = self.mirror.rows.get(change.row.key)
        if known is not None and self.mirror.synced and change.row.seq < known.seq:
            self.backwards += 1
        self._shown.setdefault(change.row.command, now)

    def shown_at(self, command_id: str) -> float | None:
        """Return when a row first named this command, on the monotonic clock."""
        return self._shown.get(command_id)

    async def until(self, holds: Callable[[Browser], bool]) -> bool:
        """Wait until something holds of what is shown; False if it does not in time."""
        try:
            async with asyncio.timeout(WAIT_SECONDS):
                while not holds(self):
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            return False
        return True
