"""A broker port that stops the world before or after its n-th call, as `kill -9` would.

The loop itself holds no hooks: the points are found by recording a run. A test goes through a
sample of them, because each takes a second or less of a core. `CATALYST_POINTS=<k>/<n>` goes
through every n-th point from the k-th on, `CATALYST_PAIRS=<k>/<n>` through every n-th pair, and
`CATALYST_STEPS=<k>/<n>` through every n-th pair of those where a saga's steps are told or decided;
`uv run python -m tools.points` runs all points, in turns, or a share of the pairs.
"""

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Final, TypeVar

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

SHARE: Final = os.environ.get("CATALYST_POINTS", "")
STEPS: Final = os.environ.get("CATALYST_STEPS", "")
PAIRS: Final = STEPS or os.environ.get("CATALYST_PAIRS", "")
SIDES: Final = ("before", "after")

STORES = ("batch", "publish done")
"""Calls that may record an outcome."""


def points(calls: Sequence[str], *, each: int) -> list[tuple[int, str]]:
    """Return where to die: at so many of each kind of call, spread over the run, sides in turn.

    With a share, at every call of it.
    """
    if SHARE:
        return share([(at, side) for at in range(len(calls)) for side in SIDES], sample=0)
    kinds: dict[str, list[int]] = {}
    for at, call in enumerate(calls):
        kinds.setdefault(call, []).append(at)
    return [
        (places[n * len(places) // number], SIDES[(turn + n) % 2])
        for turn, places in enumerate(kinds.values())
        for number in (min(each, 2 * len(places)),)
        for n in range(number)
    ]


def share(every: Iterable[T], *, sample: int, of: str = SHARE) -> list[T]:
    """Return so many of these, spread over all, or the share that is asked for.

    Of pairs, `of` is `PAIRS`.
    """
    if of:
        first, _, step = of.partition("/")
        return list(islice(every, int(first), None, int(step)))
    found = list(every)
    return [found[n * len(found) // sample] for n in range(sample)]


async def until_first(*work: Coroutine[Any, Any, Any]) -> None:
    """Run all of this until the first ends, stop the others, and raise what that one raised."""
    tasks = {asyncio.ensure_future(one) for one in work}
    first, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
    for task in first:
        task.result()


async def by_signal() -> None:
    """Kill this process, really."""
    os.kill(os.getpid(), signal.SIGKILL)
    await asyncio.Event().wait()


@dataclass
class Stopper:
    """Stops in process: everything that waits here waits until it is cancelled, or `over`."""

    reached: asyncio.Event = field(default_factory=asyncio.Event)
    over: asyncio.Event = field(default_factory=asyncio.Event)
    """Set it to end what waits here and nobody cancels."""

    async def __call__(self) -> None:
        self.reached.set()
        await self.over.wait()
        raise asyncio.CancelledError


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
