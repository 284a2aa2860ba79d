"""Timers that fired: each is decided in the lane of its aggregate, after what came before it.

A timer of a process that names sources may say that something was not seen in time. So whatever
stands in their streams when it is its turn is decided first: the worker may have been away both
when it was seen and when the time was over. It waits for that beside its lane, so that whatever
comes for its aggregate meanwhile is decided, a person's command above all. Called by the worker.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Any, Final

import msgspec

from catalyst.chassis import clock, inputs, parking
from catalyst.chassis.jetstream.port import Broker, BrokerError, Delivery, Unavailable
from catalyst.chassis.job import Job
from catalyst.chassis.lane import Lanes
from catalyst.chassis.service import Service
from catalyst.contracts.subjects import BadSubject
from catalyst.contracts.topology import CONSUMERS, EV, Consumer

log = logging.getLogger(__name__)

LONGEST_SECONDS: Final = 120.0
"""How long a timer waits for what came before it, while anything can be decided; then it is."""
_FIRST_PAUSE_SECONDS: Final = 0.05
_LONGEST_PAUSE_SECONDS: Final = 1.0


class Firings:
    """Takes the timers of one service."""

    def __init__(
        self,
        service: Service,
        broker: Broker,
        lanes: Lanes[Callable[[], Awaitable[None]]],
        tasks: asyncio.TaskGroup,
        decide: Callable[[Job, Delivery], Awaitable[None]],
        unread: Callable[[Delivery, parking.Letter], Awaitable[None]],
    ) -> None:
        """Decide in `lanes`, where the service's other inputs are too.

        Args:
            service: Whose timers these are.
            broker: Where what is to be decided first stands.
            lanes: One for each aggregate.
            tasks: Runs what waits beside them.
            decide: Answers a job, and settles its message.
            unread: Sets a message aside that is no timer's, and settles it.
        """
        self._broker = broker
        self._lanes = lanes
        self._decide = decide
        self._unread = unread
        self._first = _first(service)
        self.waits: Lanes[tuple[Job, Delivery]] = Lanes(tasks, self._wait)
        """Timers that wait for what came before them, those of one aggregate in order."""

    def accept(self, delivery: Delivery) -> Awaitable[None] | None:
        """Put a timer that fired into its lane; what is none is set aside."""
        try:
            job = inputs.from_firing(
                delivery.subject, delivery.data, seq=delivery.seq, time=delivery.time
            )
        except (BadSubject, msgspec.MsgspecError) as error:
            letter = parking.unread(delivery, "malformed-json", str(error), reaction=inputs.FIRING)
            return self._unread(delivery, letter)
        self._lanes.put(job.ref.path, partial(self._in_turn, job, delivery))
        return None

    async def _in_turn(self, job: Job, delivery: Delivery) -> None:
        if self._first.get(job.ref.aggregate):
            self.waits.put(job.ref.path, (job, delivery))
        else:
            await self._decide(job, delivery)

    async def _wait(self, fired: tuple[Job, Delivery]) -> None:
        job, delivery = fired
        for consumer in self._first[job.ref.aggregate]:
            if not await caught_up(self._broker, consumer):
                log.warning(
                    "timer decided before what came before it",
                    extra={"aggregate": job.ref.path, "consumer": consumer.name},
                )
        self._lanes.put(job.ref.path, partial(self._decide, job, delivery))


def _first(service: Service) -> Mapping[str, Sequence[Consumer]]:
    """Return what is decided before the timers of each kind of aggregate."""
    by_name = {consumer.name: consumer for consumer in CONSUMERS}
    names = {source.name for source in service.sources}
    return {
        process.aggregate: [
            by_name[f"{service.name}--{name}"] for name in process.after if name in names
        ]
        for process in service.processes
    }


async def caught_up(broker: Broker, consumer: Consumer) -> bool:
    """Wait until all that its stream holds now is settled; return whether it was in time.

    While the broker is away no time counts. If it says nothing of that stream alone, time does:
    the log goes on, and with it what waits for the timer.
    """
    last: int | None = None
    pause = _FIRST_PAUSE_SECONDS
    until = clock.monotonic() + LONGEST_SECONDS
    while clock.monotonic() < until:
        try:
            if last is None:
                last = (await broker.stream_state(consumer.stream)).last_seq
            path = f"CONSUMER.INFO.{consumer.stream}.{consumer.name}"
            if _is_settled(await broker.api(path, None), last):
                return True
        except BrokerError as error:
            # The durable may have been lost: whoever reads from it makes it anew.
            log.info("timer waits", extra={"consumer": consumer.name, "why": str(error)})
            if isinstance(error, Unavailable) and not await _answers(broker):
                until = clock.monotonic() + LONGEST_SECONDS
        await asyncio.sleep(pause)
        pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)
    return False


async def _answers(broker: Broker) -> bool:
    """Return whether the log can be asked, so that something can be decided."""
    try:
        await broker.stream_state(EV)
    except BrokerError:
        return False
    return True


def _is_settled(info: Mapping[str, Any], last: int) -> bool:
    """Return whether a durable has settled all up to a sequence, or all that there is."""
    nothing_left = info["num_pending"] + info["num_ack_pending"] == 0
    return bool(nothing_left or info["ack_floor"].get("stream_seq", 0) >= last)
