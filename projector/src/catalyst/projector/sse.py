"""Sends a stream over HTTP: waits, keeps time, and ends when it has to.

Called by `catalyst.projector.http`; what is sent comes from `catalyst.projector.stream`.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from typing import Final

import msgspec
from starlette.types import Receive, Scope, Send

from catalyst.chassis import clock
from catalyst.chassis.http import left
from catalyst.projector import frames
from catalyst.projector.hub import Hub
from catalyst.projector.stream import Stream

log = logging.getLogger(__name__)

HEADERS: Final[Mapping[str, str]] = {
    "Content-Type": "text/event-stream; charset=utf-8",
    "Cache-Control": "no-store, no-transform",
    # Proxies that buffer would turn live into late.
    "X-Accel-Buffering": "no",
}


class Pace(msgspec.Struct, frozen=True, kw_only=True):
    """How a stream keeps time; all in seconds."""

    heartbeat_seconds: float = 15.0
    drain_seconds: float = 20.0
    """How long the reader's side may take no byte."""
    rotate_seconds: float = 3600.0
    """After about this long the reader is asked to connect anew; 0 for never."""
    retry_seconds: float = 2.0
    """About how long a browser waits before it connects again."""


class StreamResponse:
    """One open stream, as an ASGI response."""

    def __init__(
        self,
        hub: Hub,
        stream: Stream,
        *,
        expires: datetime,
        pace: Pace,
        headers: Mapping[str, str],
    ) -> None:
        """Send `stream` until the token `expires`; `headers` come beside our own."""
        self._hub = hub
        self._stream = stream
        self._pace = pace
        self._headers = {**headers, **HEADERS}
        now = clock.monotonic()
        self._expires_at = now + (expires - clock.now()).total_seconds()
        self._rotate_at = now + pace.rotate_seconds * random.uniform(0.8, 1.2)  # noqa: S311
        if not pace.rotate_seconds:
            self._rotate_at = float("inf")
        self._heartbeat_at = now + pace.heartbeat_seconds

    async def __call__(self, _scope: Scope, receive: Receive, send: Send) -> None:
        """Send until one side ends it."""
        try:
            async with asyncio.TaskGroup() as group:
                writer = group.create_task(self._write(send), name="stream-write")
                listener = group.create_task(left(receive), name="stream-listen")
                await asyncio.wait({writer, listener}, return_when=asyncio.FIRST_COMPLETED)
                writer.cancel()
                listener.cancel()
        finally:
            self._hub.close(self._stream)

    async def _write(self, send: Send) -> None:
        headers = [
            (name.lower().encode("latin-1"), text.encode("latin-1"))
            for name, text in self._headers.items()
        ]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        jittered = self._pace.retry_seconds * random.uniform(0.5, 1.5)  # noqa: S311
        try:
            await self._send(send, frames.retry(round(jittered * 1000)))
            await self._loop(send)
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        except TimeoutError:
            log.info("a stream was ended because its reader takes nothing")

    async def _loop(self, send: Send) -> None:
        while True:
            self._stream.news.clear()
            bye = self._bye()
            if bye:
                await self._send(send, bye)
                return
            data = self._stream.chunk() or self._stream.bookmark() or self._heartbeat()
            if data:
                await self._send(send, data)
            else:
                await self._rest()

    def _bye(self) -> bytes:
        now = clock.monotonic()
        if self._stream.ending is not None:
            reason, retryable = self._stream.ending
            return self._stream.bye(reason, retryable=retryable)
        if now >= self._expires_at:
            # The same token will not be taken again.
            return self._stream.bye("token-expired", retryable=False)
        if now >= self._rotate_at:
            return self._stream.bye("rotation", retryable=True)
        return b""

    def _heartbeat(self) -> bytes:
        now = clock.monotonic()
        if now < self._heartbeat_at and not self._stream.overdue:
            return b""
        self._stream.overdue = False
        self._heartbeat_at = now + self._pace.heartbeat_seconds
        return self._stream.heartbeat()

    async def _rest(self) -> None:
        until = min(self._heartbeat_at, self._expires_at, self._rotate_at)
        with suppress(TimeoutError):
            async with asyncio.timeout(max(until - clock.monotonic(), 0.0)):
                await self._stream.news.wait()

    async def _send(self, send: Send, data: bytes) -> None:
        """Hand bytes over; returns when the server takes more.

        Raises:
            TimeoutError: If the reader's side takes nothing for too long.
        """
        async with asyncio.timeout(self._pace.drain_seconds):
            await send({"type": "http.response.body", "body": data, "more_body": True})
