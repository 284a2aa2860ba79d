"""Sources: messages of streams that no service orders, decided in the lanes of their aggregates.

While one input of an aggregate is decided, the messages that come for it are collected; all of them
are the next one. Each is acknowledged once it is decided or set aside, listed with its reason.
Called by the worker for each message of a source's durable.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from catalyst.chassis import inputs, parking
from catalyst.chassis.deciding import Deciding, Fewer
from catalyst.chassis.errors import said, unquoted
from catalyst.chassis.jetstream.port import Acked, Broker, Delivery
from catalyst.chassis.lane import Lanes, Settle
from catalyst.chassis.measures import Measures
from catalyst.chassis.service import Source
from catalyst.contracts.codec import Undecodable
from catalyst.contracts.decision import Arrived
from catalyst.contracts.rejection import Rejected
from catalyst.contracts.subjects import Ref

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Waiting:
    delivery: Delivery
    value: Any

    @property
    def arrived(self) -> Arrived:
        return Arrived(value=self.value, seq=self.delivery.seq, time=self.delivery.time)


class Sourcing:
    """Takes the messages of one source."""

    def __init__(
        self,
        source: Source,
        service: str,
        broker: Broker,
        deciding: Deciding,
        settle: Settle,
        lanes: Lanes[Callable[[], Awaitable[None]]],
        measures: Measures,
    ) -> None:
        """Decide through `deciding` in `lanes`, where the service's other inputs are too."""
        self._source = source
        self._service = service
        self._broker = broker
        self._deciding = deciding
        self._settle = settle
        self._lanes = lanes
        self._measures = measures
        self._waiting: dict[Ref, deque[_Waiting]] = {}

    def accept(self, delivery: Delivery) -> Awaitable[None] | None:
        """Let a message wait for its aggregate's lane; one that cannot be read is set aside."""
        try:
            value = self._source.decode(delivery.subject, delivery.data)
            ref = self._source.correlate(value)
            if ref is not None and ref.service != self._service:
                raise ValueError(f"{ref.path} is decided by another service")  # noqa: TRY301
        except Undecodable as error:
            return self._aside(delivery, error.code, error.message)
        except Exception as error:  # noqa: BLE001 - logged below
            # A bug in reading one message must not stop those behind it.
            log.error("source failed", extra={"subject": delivery.subject, **unquoted(error)})  # noqa: TRY400
            return self._aside(delivery, "internal", said(error, quoting=False))
        if ref is None:
            return self._settle(delivery, Acked())
        if delivery.delivered > 1:
            self._measures.redeliveries.inc()
        queue = self._waiting.get(ref)
        if queue is None:
            queue = self._waiting[ref] = deque()
            self._lanes.put(ref.path, partial(self._turn, ref))
        queue.append(_Waiting(delivery, value))
        return None

    async def _turn(self, ref: Ref) -> None:
        """Decide what waits for an aggregate now; what is too much waits for its next turn."""
        queue = self._waiting[ref]
        taken = [queue.popleft() for _ in range(min(len(queue), self._source.max_items))]
        if queue:
            self._lanes.put(ref.path, partial(self._turn, ref))
        else:
            del self._waiting[ref]
        await self._decide(ref, taken)

    async def _decide(self, ref: Ref, taken: Sequence[_Waiting]) -> None:
        first = taken[0].delivery
        items = [item.arrived for item in taken]
        job = inputs.from_source(self._source, ref, items, first.subject, first.data)
        job.delivery = first
        job.delivered = max(item.delivery.delivered for item in taken)
        try:
            found = await self._deciding.answer(job)
        except Fewer as error:
            log.info("deciding fewer at once", extra={"aggregate": ref.path, "why": str(error)})
            half = len(taken) // 2
            await self._decide(ref, taken[:half])
            await self._decide(ref, taken[half:])
            return
        except Rejected as refusal:
            await self._aside(first, refusal.code, refusal.message)
            return
        if found is not None:
            self._measures.answered(self._source.name, found)
        for item in taken:
            await self._settle(item.delivery, Acked())

    async def _aside(self, delivery: Delivery, reason: str, detail: str) -> None:
        letter = parking.unread(delivery, reason, detail, reaction=self._source.name)
        subject = parking.unread_subject(delivery, self._service)
        log.warning("dead letter", extra={"code": reason, "subject": delivery.subject})
        await parking.put_aside(self._broker, subject, letter)
        self._measures.letter(letter.reason)
        await self._settle(delivery, Acked())
