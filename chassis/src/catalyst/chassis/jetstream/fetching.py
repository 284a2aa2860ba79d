"""Takes the messages of one durable, in the place where FastStream expects nats-py's subscription.

nats-py's own costs several tasks a message, raises at once and for ever on a closed connection
(FastStream then spins and nothing else in the process runs), and makes a lost durable anew with
settings of its own. Used by `catalyst.chassis.jetstream.consume`.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final

from catalyst.chassis.jetstream import wire
from catalyst.chassis.jetstream.link import Link
from catalyst.chassis.jetstream.port import BrokerError, Delivery
from catalyst.chassis.jetstream.requests import SILENCE_SECONDS, Requests

log = logging.getLogger(__name__)

RETRY_SECONDS: Final = 0.25
"""Between two attempts to get a durable back."""


class Fetching:
    """The messages of one durable, through every trouble that can be overcome."""

    def __init__(
        self,
        link: Link,
        stream: str,
        consumer: str,
        ensure: Callable[[], Awaitable[None]],
        *,
        batch: int,
    ) -> None:
        self.stream = stream
        self.consumer = consumer
        self._link = link
        self._ensure = ensure
        self._requests = Requests(link, stream, consumer, batch=batch, count=1)
        self._arrived: list[wire.Raw] = []
        self._trouble = ""
        self._left = False
        self._news = asyncio.Event()

    async def begin(self) -> None:
        """Listen, before the first fetch."""
        await self._requests.begin(self._take)
        self._link.watch(self._on_drop)

    async def fetch(
        self, batch: int, timeout: float | None = 5, heartbeat: float | None = None
    ) -> list[Delivery]:
        """At least one message, and all that have come; waits for the first without limit.

        The arguments are what FastStream passes to nats-py and count for nothing here: batch and
        heartbeat are the durable's. On a connection that is closed for good it goes on waiting:
        whoever runs the subscription ends it.
        """
        while not self._arrived or self._left:
            self._news.clear()
            if self._left:
                await self._news.wait()
            elif self._trouble:
                await self._recover()
            else:
                await self._wait()
        raws, self._arrived = self._arrived, []
        return [self._delivery(raw) for raw in raws]

    async def leave(self) -> list[Delivery]:
        """Take nothing more; answers what has come and was not fetched."""
        self._left = True
        try:
            await self._requests.leave()
        except BrokerError as error:
            log.info("left without a goodbye", extra={"error": str(error)})
        raws, self._arrived = self._arrived, []
        return [self._delivery(raw) for raw in raws]

    async def unsubscribe(self) -> None:
        """Listen no more."""
        self._link.unwatch(self._on_drop)
        await self._requests.end()

    async def _wait(self) -> None:
        try:
            await self._requests.top_up()
        except BrokerError as error:
            self._trouble = error.description
            return
        try:
            async with asyncio.timeout_at(self._requests.heard + SILENCE_SECONDS):
                await self._news.wait()
        except TimeoutError:
            if self._requests.silent():
                self._trouble = "no heartbeat"

    async def _recover(self) -> None:
        """Get the connection and the durable back, then ask anew."""
        log.warning(
            "durable interrupted",
            extra={"stream": self.stream, "consumer": self.consumer, "reason": self._trouble},
        )
        self._trouble = ""
        self._requests.forget()
        try:
            await self._link.ready(SILENCE_SECONDS)
            await self._ensure()
        except BrokerError as error:
            self._trouble = error.description
            await asyncio.sleep(RETRY_SECONDS)

    def _take(self, raw: wire.Raw) -> None:
        self._requests.heard = asyncio.get_running_loop().time()
        if raw.reply:
            self._requests.delivered()
            self._arrived.append(raw)
        else:
            status = wire.status(raw.headers)
            if status.code == 100:
                return
            if not self._requests.ended(raw, status):
                self._trouble = status.description.lower() or f"status {status.code}"
        self._news.set()

    def _on_drop(self) -> None:
        self._trouble = "connection lost"
        self._news.set()

    def _delivery(self, raw: wire.Raw) -> Delivery:
        place = wire.place(raw.reply)
        return Delivery(
            stream=self.stream,
            consumer=self.consumer,
            # A sender may put any bytes into a subject; one such message must not stop the others.
            subject=raw.subject.decode("utf-8", "replace"),
            seq=place.seq,
            consumer_seq=place.consumer_seq,
            delivered=place.delivered,
            time_ns=place.time_ns,
            pending=place.pending,
            data=raw.data,
            headers=wire.spelled(wire.fields(raw.headers)),
            token=raw.reply.decode(),
        )
