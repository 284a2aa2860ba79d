"""Who waits for which outcome on one connection, and the subjects they listen on."""

from __future__ import annotations

import asyncio
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
        self._waiting: dict[str, list[Waiter]] = {}
        self._ends: dict[str, Callable[[], Awaitable[None]]] = {}
        self._lock = asyncio.Lock()

    @asynccontextmanager
    async def expect(self, organization: str | None, command_id: str) -> AsyncIterator[Waiter]:
        """Listen for the outcome of a command until the block ends."""
        prefix = f"rsp.{organization_token(organization)}.{self._nonce}"
        waiter = Waiter(f"{prefix}.{command_id}")
        self._waiting.setdefault(waiter.subject, []).append(waiter)
        try:
            async with self._lock:
                if prefix not in self._ends:
                    self._ends[prefix] = await self._listen(f"{prefix}.*", self.take)
            yield waiter
        finally:
            self._leave(waiter)
            await self._end_if_unused(prefix)

    def take(self, subject: str, data: bytes) -> None:
        """Hand an answer to everybody who waits for it; nobody is fine, too."""
        for waiter in self._waiting.get(subject, []):
            if not waiter.answer.done():
                waiter.answer.set_result(data)

    def _leave(self, waiter: Waiter) -> None:
        others = self._waiting[waiter.subject]
        others.remove(waiter)
        if not others:
            del self._waiting[waiter.subject]

    async def _end_if_unused(self, prefix: str) -> None:
        async with self._lock:
            if any(subject.startswith(f"{prefix}.") for subject in self._waiting):
                return
            end = self._ends.pop(prefix, None)
            if end is not None:
                await end()
