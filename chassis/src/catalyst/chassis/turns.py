"""Turns: who has lost a race for an aggregate waits in line for it, and is overtaken no more.

Commands of many aggregates may all write to one, as each new Environment does to its Organization.
All of them are decided at first, one is stored, and the rest would be decided again for each that
is: of a thousand, half a million times. In line, each is decided once more. Called by the decide
loop.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from weakref import WeakValueDictionary


class Turns:
    """A line for each guard string that somebody waits for."""

    def __init__(self) -> None:
        """Begin without any."""
        self._lines: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    @asynccontextmanager
    async def at(self, guard: str) -> AsyncIterator[None]:
        """Wait for one's turn, in the order of arrival, and hold it for the block.

        Whoever holds one waits for no other: lines that wait for each other would never move.
        """
        line = self._lines.get(guard)
        if line is None:
            line = self._lines[guard] = asyncio.Lock()
        async with line:
            yield
