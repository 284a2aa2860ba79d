"""A broker port that stops the world before or after its n-th call, as `kill -9` would.

The loop itself holds no hooks: the points are found by recording a run.
"""

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from catalyst.chassis.jetstream.port import (
    CALL_SECONDS,
    Ack,
    Broker,
    Delivery,
    Outgoing,
    Stored,
    StreamState,
    Verdict,
)

T = TypeVar("T")

Crash = Callable[[], Awaitable[None]]


STORES = ("batch", "publish done")
"""Calls that may record an outcome."""


async def by_signal() -> None:
    """Kill this process, really."""
    os.kill(os.getpid(), signal.SIGKILL)
    await asyncio.Event().wait()


@dataclass
class Stopper:
    """Stops in process: everything that waits here waits for ever, until it is cancelled."""

    reached: asyncio.Event = field(default_factory=asyncio.Event)

    async def __call__(self) -> None:
        self.reached.set()
        await asyncio.Event().wait()


@dataclass
class FaultyBroker:
    """Passes every call on; at call number `at` it crashes on `side` of it."""

    inner: Broker
    at: int = -1
    side: str = "before"
    crash: Crash = by_signal
    counted: tuple[str, ...] = ("",)
    """How the calls begin that `at` counts; all of them by default."""
    calls: list[str] = field(default_factory=list)
    """The counted ones, in order."""
    crashed: bool = False

    async def _pass(self, name: str, call: Callable[[], Awaitable[T]]) -> T:
        if self.crashed:
            # The dead call nobody, not even to clean up.
            raise asyncio.CancelledError
        if not name.startswith(self.counted):
            return await call()
        number = len(self.calls)
        self.calls.append(name)
        if number == self.at and self.side == "before":
            self.crashed = True
            await self.crash()
        try:
            return await call()
        finally:
            # After a refusal as well as after an answer.
            if number == self.at and self.side == "after":
                self.crashed = True
                await self.crash()

    @property
    def max_payload(self) -> int:
        return self.inner.max_payload

    @property
    def closed(self) -> asyncio.Event:
        return self.inner.closed

    async def rtt(self, *, timeout: float = CALL_SECONDS) -> float:
        return await self._pass("rtt", lambda: self.inner.rtt(timeout=timeout))

    async def publish(self, message: Outgoing, *, timeout: float = CALL_SECONDS) -> Ack:
        name = f"publish {message.subject.split('.')[0]}"
        return await self._pass(name, lambda: self.inner.publish(message, timeout=timeout))

    async def batch(self, messages: Sequence[Outgoing], *, timeout: float = CALL_SECONDS) -> Ack:
        return await self._pass("batch", lambda: self.inner.batch(messages, timeout=timeout))

    async def last(self, stream: str, subject: str, *, leader: bool = False) -> Stored | None:
        name = f"last {subject.split('.', maxsplit=1)[0]}"
        return await self._pass(name, lambda: self.inner.last(stream, subject, leader=leader))

    async def message(self, stream: str, seq: int, *, leader: bool = False) -> Stored | None:
        return await self._pass("message", lambda: self.inner.message(stream, seq, leader=leader))

    async def last_many(
        self, stream: str, subjects: Sequence[str], *, up_to: int | None = None
    ) -> list[Stored]:
        return await self._pass(
            "last_many", lambda: self.inner.last_many(stream, subjects, up_to=up_to)
        )

    async def replay(
        self, stream: str, subject: str, *, start: int = 1, limit: int | None = None
    ) -> list[Stored]:
        return await self._pass(
            "replay", lambda: self.inner.replay(stream, subject, start=start, limit=limit)
        )

    async def core_publish(
        self, subject: str, data: bytes, headers: Mapping[str, str] | None = None
    ) -> None:
        await self._pass("reply", lambda: self.inner.core_publish(subject, data, headers))

    async def api(
        self, suffix: str, payload: object | None, *, timeout: float = CALL_SECONDS
    ) -> dict[str, Any]:
        name = f"api {'.'.join(suffix.split('.')[:2])}"
        return await self._pass(name, lambda: self.inner.api(suffix, payload, timeout=timeout))

    async def stream_state(self, stream: str) -> StreamState:
        return await self._pass("stream_state", lambda: self.inner.stream_state(stream))

    async def settle(self, delivery: Delivery, verdict: Verdict) -> None:
        name = f"settle {type(verdict).__name__}"
        await self._pass(name, lambda: self.inner.settle(delivery, verdict))
