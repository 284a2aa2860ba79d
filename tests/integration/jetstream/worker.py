"""A worker of one durable, whose lane keeps what it is given."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from catalyst.chassis.jetstream.broker import JetStream
from catalyst.chassis.jetstream.consume import Durable, Intake
from catalyst.chassis.jetstream.port import (
    Acked,
    Delivery,
    NotFound,
)

SECOND = 1_000_000_000


class Worker:
    """One durable `work` on `EV`, with a lane that keeps what it is given."""

    def __init__(self, js: JetStream, *, ack_wait_seconds: float = 5.0) -> None:
        self.js = js
        self.ack_wait_ns = round(ack_wait_seconds * SECOND)
        self.taken: list[Delivery] = []
        self.made = 0
        self.take: Callable[[Delivery], Awaitable[None]] = self.keep
        self.intake = Intake(js, [Durable("EV", "work", self._take, self.ensure)])

    async def _take(self, delivery: Delivery) -> None:
        await self.take(delivery)

    async def keep(self, delivery: Delivery) -> None:
        self.taken.append(delivery)

    async def acknowledge(self, delivery: Delivery) -> None:
        self.taken.append(delivery)
        await self.intake.settle(delivery, Acked())

    async def ensure(self) -> None:
        try:
            await self.js.api("CONSUMER.INFO.EV.work", None)
        except NotFound:
            self.made += 1
            await self.js.api(
                "CONSUMER.CREATE.EV.work",
                {
                    "stream_name": "EV",
                    "action": "create",
                    "config": {
                        "name": "work",
                        "durable_name": "work",
                        "ack_policy": "explicit",
                        "ack_wait": self.ack_wait_ns,
                        "max_ack_pending": 1000,
                        "filter_subjects": ["evt.>"],
                    },
                },
            )

    async def info(self) -> dict[str, Any]:
        return await self.js.api("CONSUMER.INFO.EV.work", None)

    async def pending(self) -> int:
        found = await self.info()
        return int(found["num_ack_pending"]) + int(found["num_pending"])

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Fetch until the body ends, then drain."""
        await self.ensure()
        async with asyncio.TaskGroup() as group:
            group.create_task(self.intake.run())
            yield
            await self.intake.drain(timeout=0)
