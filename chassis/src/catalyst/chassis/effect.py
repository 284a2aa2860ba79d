"""Effects: what is done outside because an event happened, and the report of what was found.

An effect has a deterministic name and id, so doing it twice is doing it once. Effects of one lane
run in the log's order. The report is a command to the aggregate, published before the event is
settled.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Final

from catalyst.chassis import events, parking
from catalyst.chassis.errors import Poison, Retry
from catalyst.chassis.events import encode
from catalyst.chassis.jetstream.port import Acked, Broker, BrokerError, Delivery, Outgoing
from catalyst.chassis.lane import Lanes, Settle
from catalyst.chassis.measures import Measures
from catalyst.chassis.service import Effect, Loader, Report
from catalyst.chassis.telemetry import Telemetry
from catalyst.contracts import codec
from catalyst.contracts.decision import Recorded
from catalyst.contracts.message import Envelope, derived_id
from catalyst.contracts.registry import BY_SHAPE

log = logging.getLogger(__name__)

MAX_ATTEMPTS: Final = 6
"""Attempts at one effect before it is given up, reported and set aside."""
_FIRST_PAUSE_SECONDS: Final = 0.25
_LONGEST_PAUSE_SECONDS: Final = 10.0
_PUBLISH_PAUSE_SECONDS: Final = 1.0


class Effects:
    """Runs one effect of a service for the events that its durable delivers."""

    def __init__(
        self,
        effect: Effect,
        service: str,
        broker: Broker,
        settle: Settle,
        load: Loader,
        token: Callable[[], str],
        tasks: asyncio.TaskGroup,
        *,
        telemetry: Telemetry,
        measures: Measures | None = None,
    ) -> None:
        """Run `effect`; reports are sent as `service`, proven by `token`."""
        self._telemetry = telemetry
        self._measures = measures or Measures()
        self._effect = effect
        self._service = service
        self._broker = broker
        self._settle = settle
        self._load = load
        self._token = token
        self.lanes: Lanes[tuple[Delivery, Recorded]] = Lanes(tasks, self._run)

    async def accept(self, delivery: Delivery) -> None:
        """Put a delivered event into its lane, or settle it if it is none of ours."""
        try:
            recorded = events.recorded(
                delivery.subject, delivery.data, seq=delivery.seq, time=delivery.time
            )
        except events.Unreadable as error:
            # The aggregate's own fold parks it, visibly; for us it is an event of a newer program.
            log.warning("event ignored", extra={"effect": self._effect.name, "why": str(error)})
            await self._settle(delivery, Acked())
            return
        if not isinstance(recorded.event, self._effect.events):
            await self._settle(delivery, Acked())
            return
        self.lanes.put(self._effect.lane(recorded), (delivery, recorded))

    async def _run(self, item: tuple[Delivery, Recorded]) -> None:
        delivery, recorded = item
        span = self._telemetry.span(
            f"effect {self._effect.name}",
            events.traceparent(delivery.data),
            {"catalyst.aggregate": recorded.ref.path, "catalyst.seq": recorded.seq},
        )
        with span as traceparent:
            report = await self._attempts(delivery, recorded)
            if report is not None:
                await self._publish(report, recorded, traceparent)
        await self._settle(delivery, Acked())

    async def _attempts(self, delivery: Delivery, recorded: Recorded) -> Report | None:
        why, attempt = "", 1
        while attempt <= MAX_ATTEMPTS:
            pause = min(_FIRST_PAUSE_SECONDS * 2**attempt, _LONGEST_PAUSE_SECONDS)
            try:
                report = await self._effect.run(recorded, self._load)
                self._count("done")
                return report  # noqa: TRY300 - what is counted belongs to the attempt
            except Retry as error:
                why, pause = str(error), max(pause, error.after_seconds)
            except Poison as error:
                why = str(error)
                break
            except BrokerError as error:
                # Never the effect's fault, so it takes no attempt: a broker comes back.
                log.info("effect waits", extra={"effect": self._effect.name, "why": str(error)})
                await asyncio.sleep(_PUBLISH_PAUSE_SECONDS)
                continue
            except Exception as error:
                why = f"{type(error).__name__}: {error}"
                log.exception("effect failed", extra=self._facts(recorded, attempt))
            self._count("again")
            attempt += 1
            await asyncio.sleep(pause)
        return await self._give_up(delivery, recorded, why)

    async def _give_up(self, delivery: Delivery, recorded: Recorded, why: str) -> Report | None:
        """Set the event aside, listed with its reason; a step that waits for it hears of it."""
        self._count("given-up")
        log.error("effect given up", extra={**self._facts(recorded, MAX_ATTEMPTS), "why": why})
        report = self._effect.failed(recorded, why)
        if report is None:
            letter = parking.unread(delivery, "effect-failed", why, reaction=self._effect.name)
            subject = recorded.ref.dead_letter("e", recorded.seq)
            await parking.put_aside(self._broker, subject, letter)
            self._measures.letter(letter.reason)
        return report

    def _count(self, result: str) -> None:
        self._measures.effects.labels(self._effect.name, result).inc()

    async def _publish(self, report: Report, recorded: Recorded, traceparent: str) -> None:
        message = BY_SHAPE[type(report.command)]
        envelope = Envelope(
            specversion="1.0",
            id=derived_id(f"{self._effect.name}/{recorded.id}", 0),
            source=f"catalyst/{self._service}",
            type=message.type,
            correlationid=recorded.correlationid,
            causationid=recorded.id,
            traceparent=traceparent or None,
            data=encode(report.command),
        )
        subject = report.ref.command(message.name, message.version)
        body = codec.encode(envelope)
        while True:
            headers = {"Authorization": f"Bearer {self._token()}"}
            try:
                await self._broker.publish(Outgoing(subject, body, headers))
            except BrokerError as error:
                log.info("report waits", extra={"subject": subject, "why": str(error)})
                await asyncio.sleep(_PUBLISH_PAUSE_SECONDS)
            else:
                return

    def _facts(self, recorded: Recorded, attempt: int) -> dict[str, object]:
        return {
            "effect": self._effect.name,
            "message_type": recorded.type,
            "seq": recorded.seq,
            "attempt": attempt,
        }
