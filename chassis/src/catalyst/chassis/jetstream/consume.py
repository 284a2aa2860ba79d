"""The durables of a worker, each a FastStream subscription, handed over list by list.

FastStream is the workers' application: it holds the subscriptions, their life and their names.
What it fetches with is `catalyst.chassis.jetstream.fetching`; what it calls puts each message into
a lane and returns. Messages are settled by their lanes, through `Intake.settle`; until then the
broker is told again and again that they are being worked on. Called by each worker's start.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

import msgspec
from faststream import AckPolicy
from faststream.nats import JStream, NatsBroker, NatsMessage, PullSub
from nats.js import JetStreamContext
from typing_extensions import override

from catalyst.chassis.errors import unquoted
from catalyst.chassis.jetstream.broker import JetStream
from catalyst.chassis.jetstream.fetching import Fetching
from catalyst.chassis.jetstream.link import Link
from catalyst.chassis.jetstream.port import (
    Broker,
    BrokerError,
    Delivery,
    Nacked,
    Unavailable,
    Verdict,
    Working,
)

log = logging.getLogger(__name__)

RENEW_SECONDS: Final = 1.5
"""How often the broker hears that a message is being worked on; it waits 5 s."""
_TICK_SECONDS: Final = 0.5
_NOT_TAKEN: Final = "a message could not be put into its lane"
"""It is not held any longer then, so that the broker delivers it again, and counts."""
_Key = tuple[str, str, int, int]


class Durable(msgspec.Struct, frozen=True):
    """A durable consumer and what becomes of its messages."""

    stream: str
    name: str
    on_delivery: Callable[[Delivery], Awaitable[None] | None]
    """Puts the message into its lane and returns at once. In order, one call after another.
    What is left to be done, and may take long, is returned; it is done beside that of others."""
    ensure: Callable[[], Awaitable[None]]
    """Makes the durable again if it is gone; does nothing if it is there."""
    batch: int = 256
    """Messages asked for at once."""


class _Held(msgspec.Struct):
    delivery: Delivery
    told: float
    """When the broker last heard of it."""


class Intake:
    """All durables of one worker."""

    def __init__(
        self, js: JetStream, durables: Sequence[Durable], *, port: Broker | None = None
    ) -> None:
        """Prepare; nothing is fetched before `run`.

        Args:
            js: The connection to fetch on.
            durables: Their messages are delivered as long as `run` runs.
            port: What verdicts go through, if it is not `js` itself.
        """
        self._js = js
        self._port: Broker = port or js
        self._held: dict[_Key, _Held] = {}
        self._unfinished: set[asyncio.Task[None]] = set()
        self._empty = asyncio.Event()
        self._empty.set()
        self._wake = asyncio.Event()
        self._over = False
        self._fetchings = {
            (durable.stream, durable.name): Fetching(
                js.link, durable.stream, durable.name, durable.ensure, batch=durable.batch
            )
            for durable in durables
        }
        self._app = _App(js.link, self._fetchings)
        self._subscribe(durables)

    @property
    def unsettled(self) -> int:
        """How many messages were handed over and are not settled yet."""
        return len(self._held)

    async def run(self) -> None:
        """Deliver until `drain` is through; ended otherwise, take nothing more and finish nothing.

        Raises:
            Unavailable: When the connection is closed for good: the process has to end.
        """
        self._js.link.watch(self._wake.set)
        try:
            for fetching in self._fetchings.values():
                await fetching.begin()
            await self._app.start()
            await self._watch()
        except BaseException:
            # FastStream waits for its handlers, and meanwhile the broker would deliver on and on.
            await self._abandon()
            raise
        finally:
            self._js.link.unwatch(self._wake.set)
            await self._app.stop()

    async def settle(self, delivery: Delivery, verdict: Verdict) -> None:
        """Tell the broker what became of a message, and hold it no longer unless it is `Working`.

        Raises:
            Unavailable: If it could not be told: the broker will deliver the message again.
        """
        key = _key(delivery)
        held = self._held.get(key)
        if isinstance(verdict, Working):
            if held is not None:
                held.told = asyncio.get_running_loop().time()
        else:
            self._release(key)
        # Meanwhile it may have been delivered again: the newest delivery is the one that counts.
        await self._port.settle(delivery if held is None else held.delivery, verdict)

    async def drain(self, *, timeout: float = 10.0) -> int:
        """Fetch no more, wait until all that was handed over is settled, and let `run` end.

        What was fetched and not handed over goes back at once, for whoever takes over.

        Returns:
            How many messages were still unsettled after `timeout` seconds; the broker delivers
            them again.
        """
        try:
            await self._leave()
            async with asyncio.timeout(timeout):
                await self._empty.wait()
            # What was settled has left; after this the broker has read it, too.
            await self._port.rtt()
        except (BrokerError, TimeoutError) as error:
            log.warning("drained in part", extra={"unsettled": self.unsettled, "error": str(error)})
        self._over = True
        self._wake.set()
        return self.unsettled

    async def _leave(self) -> None:
        """Fetch no more, and give back what was fetched and not handed over."""
        for fetching in self._fetchings.values():
            for delivery in await fetching.leave():
                await self._port.settle(delivery, Nacked())

    async def _abandon(self) -> None:
        """Leave at once, whatever is in hand: its lanes are dead, and it comes again elsewhere."""
        for task in self._unfinished:
            task.cancel()
        try:
            await self._leave()
        except BrokerError as error:
            log.info("left without giving back", extra={"error": str(error)})

    def _subscribe(self, durables: Sequence[Durable]) -> None:
        by_name = {(durable.stream, durable.name): durable for durable in durables}

        async def take(deliveries: list[Delivery]) -> None:
            first = deliveries[0]
            await self._hand_over(by_name[first.stream, first.consumer], deliveries)

        # One for all: most of what a subscription costs is what FastStream puts around its handler.
        handler: Any = take
        for durable in durables:
            handler = self._app.subscriber(
                f"{durable.stream}.{durable.name}",
                stream=JStream(durable.stream, declare=False),
                durable=durable.name,
                # Not how many are fetched, which `Fetching` knows, but how many are worth a call.
                pull_sub=PullSub(batch_size=1, timeout=None, batch=True),
                ack_policy=AckPolicy.MANUAL,
                decoder=_raw,
                no_reply=True,
            )(handler)

    async def _hand_over(self, durable: Durable, deliveries: Sequence[Delivery]) -> None:
        now = asyncio.get_running_loop().time()
        left = []
        for delivery in deliveries:
            key = _key(delivery)
            held = self._held.get(key)
            if held is not None:
                # Delivered again while still in its lane: nothing to do but to answer for it anew.
                held.delivery = delivery
                held.told = now
                continue
            self._held[key] = _Held(delivery, now)
            self._empty.clear()
            try:
                rest = durable.on_delivery(delivery)
            except Exception as error:  # noqa: BLE001 - logged below
                log.error(_NOT_TAKEN, extra={"seq": delivery.seq, **unquoted(error)})  # noqa: TRY400
                self._release(key)
                continue
            if rest is not None:
                left.append((delivery, rest))
        if left:
            async with asyncio.TaskGroup() as tasks:
                for delivery, rest in left:
                    task = tasks.create_task(self._finish(delivery, rest))
                    self._unfinished.add(task)
                    task.add_done_callback(self._unfinished.discard)

    async def _finish(self, delivery: Delivery, rest: Awaitable[None]) -> None:
        try:
            await rest
        except Exception as error:  # noqa: BLE001 - logged below
            log.error(_NOT_TAKEN, extra={"seq": delivery.seq, **unquoted(error)})  # noqa: TRY400
            self._release(_key(delivery))

    def _release(self, key: _Key) -> None:
        self._held.pop(key, None)
        if not self._held:
            self._empty.set()

    async def _watch(self) -> None:
        loop = asyncio.get_running_loop()
        while not self._over:
            if self._js.closed.is_set():
                raise Unavailable(503, 0, "the connection to the broker is closed")
            await self._renew(loop.time())
            await self._tick()

    async def _tick(self) -> None:
        try:
            async with asyncio.timeout(_TICK_SECONDS):
                await self._wake.wait()
        except TimeoutError:
            return
        self._wake.clear()

    async def _renew(self, now: float) -> None:
        due = [held for held in self._held.values() if now - held.told >= RENEW_SECONDS]
        for held in due:
            if _key(held.delivery) not in self._held:
                continue
            try:
                await self._port.settle(held.delivery, Working())
            except BrokerError as error:
                log.warning("messages not renewed", extra={"error": str(error)})
                return
            held.told = now


class _Bound(JetStreamContext):
    """Answers FastStream's wish for a subscription with ours."""

    def __init__(self, link: Link, fetchings: dict[tuple[str, str], Fetching]) -> None:
        super().__init__(link)
        self._fetchings = fetchings

    @override
    async def pull_subscribe(  # type: ignore[override] # only what FastStream names is used
        self, subject: str, *, stream: str, durable: str, **_: Any
    ) -> Fetching:
        return self._fetchings[stream, durable]


class _App(NatsBroker):
    """FastStream on a connection that is not its own: it neither opens nor closes it."""

    def __init__(self, link: Link, fetchings: dict[tuple[str, str], Fetching]) -> None:
        # Nothing is converted, so no model of each handler's arguments needs to be built.
        super().__init__(apply_types=False, serializer=None, logger=log, log_level=logging.DEBUG)
        self._link = link
        self._bound = _Bound(link, fetchings)

    @override
    async def _connect(self) -> Link:
        self.config.connect(self._link)
        self.config.connection_state.connect(self._link, self._bound)
        return self._link

    @override
    async def stop(self, *_: Any) -> None:
        self._connection = None
        await super().stop()


async def _raw(messages: NatsMessage) -> Any:
    return messages.raw_message


def _key(delivery: Delivery) -> _Key:
    # The time, because a stream that was deleted and made anew counts from 1 again.
    return delivery.stream, delivery.consumer, delivery.seq, delivery.time_ns
