"""Ports of the projector that fail, wait or die at a chosen call."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import TypeVar

from catalyst.projector.checkpoint import Checkpoint
from catalyst.projector.ports import (
    Bucket,
    BucketReader,
    Change,
    Loaded,
    Pointer,
    ReadModel,
)

T = TypeVar("T")


class Killed(BaseException):
    """The process is gone: nothing behind this point happens, no cleanup that does I/O either."""


class Script:
    """Counts calls, and kills or holds at the chosen one."""

    def __init__(self, kill_at: int = -1, *, after: bool = False, kill_at_write: int = -1) -> None:
        self.kill_at = kill_at
        self.kill_at_write = kill_at_write
        self.after = after
        self.calls: list[str] = []
        self.dead = False
        self.hold: asyncio.Event | None = None
        """Writes wait for it, if set."""
        self.holding = asyncio.Event()

    async def call(self, name: str, work: Callable[[], Awaitable[T]]) -> T:
        if self.dead:
            raise Killed
        number = len(self.calls)
        if name == "write" and self.calls.count("write") == self.kill_at_write:
            self.kill_at = number
        self.calls.append(name)
        if name == "write" and self.hold is not None:
            self.holding.set()
            await self.hold.wait()
        if number == self.kill_at and not self.after:
            self.dead = True
            raise Killed
        result = await work()
        if number == self.kill_at:
            self.dead = True
            raise Killed
        return result


class ScriptedBucket:
    """A bucket whose calls follow a script."""

    def __init__(self, inner: Bucket, script: Script) -> None:
        self._inner = inner
        self._script = script

    @property
    def epoch(self) -> str:
        return self._inner.epoch

    async def last(self) -> tuple[int, Checkpoint]:
        return await self._script.call("last", self._inner.last)

    async def load(self) -> Loaded:
        return await self._script.call("load", self._inner.load)

    async def write(self, changes: Sequence[Change], checkpoint: Checkpoint, expected: int) -> int:
        return await self._script.call(
            "write", lambda: self._inner.write(changes, checkpoint, expected)
        )

    @asynccontextmanager
    async def open(self, start: int) -> AsyncIterator[BucketReader]:
        async with self._inner.open(start) as reader:
            yield reader


class ScriptedModel:
    """Buckets whose calls follow a script."""

    def __init__(self, inner: ReadModel, script: Script) -> None:
        self._inner = inner
        self._script = script

    async def current(self) -> Pointer | None:
        return await self._script.call("current", self._inner.current)

    async def switch(self, pointer: Pointer) -> None:
        await self._script.call("switch", lambda: self._inner.switch(pointer))

    def bucket(self, epoch: str) -> Bucket:
        return ScriptedBucket(self._inner.bucket(epoch), self._script)

    async def create(self, epoch: str) -> Bucket:
        made = await self._script.call("create", lambda: self._inner.create(epoch))
        return ScriptedBucket(made, self._script)

    async def epochs(self) -> dict[str, datetime]:
        return await self._script.call("epochs", self._inner.epochs)

    async def delete(self, epoch: str) -> None:
        await self._script.call("delete", lambda: self._inner.delete(epoch))
