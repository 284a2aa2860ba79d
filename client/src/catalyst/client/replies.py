"""Who waits for which outcome on one connection, and the subjects they listen on."""

from __future__ import annotations

import asyncio
import itertools
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Final

from catalyst.contracts.subjects import organization_token

Take = Callable[[str, bytes], None]
Listen = Callable[[str, Take], Awaitable[Callable[[], Awaitable[None]]]]
"""Hands the messages of a subject over; what it returns ends that."""

_NONCE_BYTES: Final = 8


class Waiter:
    """One command whose outcome is awaited."""

    def __init__(self, subject: str) -> None:
        self.subject = subject
        """Where the worker answers."""
        self.answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()


class Replies:
    """One subscription for each Organization that is being waited for, however many wait."""

    def __init__(self, listen: Listen) -> None:
        """Use `listen`; nothing is subscribed until somebody waits."""
        self._listen = listen
        self._nonce = secrets.token_hex(_NONCE_BYTES)
        self._numbers = itertools.count(1)
        self._waiting: dict[str, Waiter] = {}
        self._ends: dict[str, Callable[[], Awaitable[None]]] = {}
        self._lock = asyncio.Lock()

    @asynccontextmanager
    async def expect(self, organization: str | None) -> AsyncIterator[Waiter]:
        """Listen for the outcome of a command of an Organization until the block ends.

        Nobody is answered there but this once: an id does not tell a late answer to another command
        under it from ours.
        """
        prefix = f"rsp.{organization_token(organization)}.{self._nonce}"
        waiter = Waiter(f"{prefix}.{next(self._numbers)}")
        self._waiting[waiter.subject] = waiter
        try:
            async with self._lock:
                if prefix not in self._ends:
                    self._ends[prefix] = await self._listen(f"{prefix}.*", self.take)
            yield waiter
        finally:
            del self._waiting[waiter.subject]
            await self._end_if_unused(prefix)

    def take(self, subject: str, data: bytes) -> None:
        """Hand an answer to whoever waits for it; nobody is fine, too."""
        waiter = self._waiting.get(subject)
        if waiter is not None and not waiter.answer.done():
            waiter.answer.set_result(data)

    async def _end_if_unused(self, prefix: str) -> None:
        async with self._lock:
            if any(subject.startswith(f"{prefix}.") for subject in self._waiting):
                return
            end = self._ends.pop(prefix, None)
            if end is not None:
                await end()
