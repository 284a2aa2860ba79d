"""Effects: what is done outside because an event happened, and the report of what was found.

An effect has a deterministic name and id, so doing it twice is doing it once. Effects of one lane
run in the log's order. A report is a command to the aggregate, published before the event is
settled; there may be one for each thing that the event was about.

`Retry` says "not yet": the effect waits in its lane, what is behind it too, until it works or its
own deadline is reached. It takes no attempt. How long the oldest one waits is measured, and from
`LONG_SECONDS` on it is logged, and reported to whoever waits for it. Any other exception takes an
attempt.

An effect that is given up, and that no step waits for, leaves a dead letter. `retry` puts it into
its lane again; the letter goes once it worked.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Final, NamedTuple

from catalyst.chassis import clock, events, parking
from catalyst.chassis.errors import Poison, Retry
from catalyst.chassis.events import encode
from catalyst.chassis.jetstream.port import Acked, Broker, BrokerError, Delivery, Outgoing
from catalyst.chassis.lane import Lanes, Settle
from catalyst.chassis.measures import Measures
from catalyst.chassis.service import Effect, Loader, Report, Reports
from catalyst.chassis.telemetry import Telemetry
from catalyst.contracts import codec
from catalyst.contracts.decision import Recorded
from catalyst.contracts.message import Envelope, derived_id
from catalyst.contracts.registry import BY_SHAPE

log = logging.getLogger(__name__)

MAX_ATTEMPTS: Final = 6
"""Attempts that end in an unexpected exception before the effect is given up and reported."""
LONG_SECONDS: Final = 30.0
"""An effect that waits for longer is logged as a warning, again each time that it has doubled."""
_FIRST_PAUSE_SECONDS: Final = 0.25
_LONGEST_PAUSE_SECONDS: Final = 10.0
_LONGEST_WAIT_SECONDS: Final = 30.0
"""Between two tries while the world is not ready."""
_PUBLISH_PAUSE_SECONDS: Final = 1.0
_DOUBLINGS: Final = 16
"""More of them would only make the number large: every pause is at its longest by then."""


class _Waiting:
    """What is kept of an event while the world is not ready for its effect."""

    def __init__(self, traceparent: str) -> None:
        self.tries = 0
        self.told_after = LONG_SECONDS
        self.traceparent = traceparent
        self.reported: set[str] = set()
        """The reasons that were reported."""


class _Asked(NamedTuple):
    """An event whose effect is to be carried out."""

    recorded: Recorded
    delivery: Delivery | None
    """What the broker waits for; None if it was given up once, and a person asks again."""
    traceparent: str


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
        now: Callable[[], Awaitable[datetime]],
        telemetry: Telemetry,
        measures: Measures | None = None,
    ) -> None:
        """Run `effect`; reports are sent as `service`, proven by `token`; `now` is the broker's."""
        self._telemetry = telemetry
        self._measures = measures or Measures()
        self._effect = effect
        self._service = service
        self._broker = broker
        self._settle = settle
        self._load = load
        self._token = token
        self._now = now
        self._waiting: dict[int, float] = {}
        """Sequence of each event that waits, and since when by the monotonic clock."""
        self.lanes: Lanes[_Asked] = Lanes(tasks, self._run)
        self._measures.waits.labels(effect.name).set_function(self.waited)

    def waited(self) -> float:
        """Return for how many seconds the oldest waiting effect has found the world not ready."""
        since = min(self._waiting.values(), default=None)
        return 0.0 if since is None else clock.monotonic() - since

    def accept(self, delivery: Delivery) -> Awaitable[None] | None:
        """Put a delivered event into its lane, or settle it if it is none of ours."""
        try:
            recorded = events.recorded(
                delivery.subject, delivery.data, seq=delivery.seq, time=delivery.time
            )
        except events.Unreadable as error:
            return self._unread(delivery, error)
        if not isinstance(recorded.event, self._effect.events):
            return self._settle(delivery, Acked())
        asked = _Asked(recorded, delivery, events.traceparent(delivery.data))
        self.lanes.put(self._effect.lane(recorded), asked)
        return None

    def again(self, letter: parking.Letter) -> None:
        """Put what was given up into its lane once more; its dead letter goes when it works.

        Raises:
            Unreadable: If this version cannot read the event.
        """
        recorded = events.recorded(
            letter.subject, letter.body, seq=letter.sequence, time=letter.time
        )
        asked = _Asked(recorded, None, events.traceparent(letter.body))
        self.lanes.put(self._effect.lane(recorded), asked)

    async def _unread(self, delivery: Delivery, error: events.Unreadable) -> None:
        """Set an event aside that this version cannot read: its effect may be missing."""
        letter = parking.unread_event(delivery, error, self._effect.name)
        await parking.put_aside(self._broker, parking.unread_subject(delivery), letter)
        self._measures.letter(letter.reason)
        await self._settle(delivery, Acked())

    async def _run(self, asked: _Asked) -> None:
        recorded = asked.recorded
        span = self._telemetry.span(
            f"effect {self._effect.name}",
            asked.traceparent,
            {"catalyst.aggregate": recorded.ref.path, "catalyst.seq": recorded.seq},
        )
        with span as traceparent:
            found, why = await self._attempts(recorded, traceparent)
            for number, report in enumerate(_each(found)):
                report_id = derived_id(f"{self._effect.name}/{recorded.id}", number)
                await self._publish(report, report_id, recorded, traceparent)
        letter = _letter_of(recorded)
        if asked.delivery is None:
            if not why:
                await parking.discard(self._broker, letter)
            return
        if why and not _each(found):
            unheard = parking.unread(
                asked.delivery, parking.EFFECT_FAILED, why, reaction=self._effect.name
            )
            await parking.put_aside(self._broker, letter, unheard)
            self._measures.letter(unheard.reason)
        await self._settle(asked.delivery, Acked())

    async def _attempts(self, recorded: Recorded, traceparent: str) -> tuple[Reports, str]:
        """Return what is to be reported, and why the effect was given up; empty if it worked."""
        waiting = _Waiting(traceparent)
        try:
            return await self._carried_out(recorded, waiting)
        finally:
            self._waiting.pop(recorded.seq, None)

    async def _carried_out(self, recorded: Recorded, waiting: _Waiting) -> tuple[Reports, str]:
        why, attempt = "", 1
        while attempt <= MAX_ATTEMPTS:
            try:
                report = await self._effect.run(recorded, self._load)
                self._count("done")
                return report, ""  # noqa: TRY300 - what is counted belongs to the attempt
            except Retry as error:
                why = str(error)
                if not await self._waits(recorded, error, waiting):
                    break
                continue
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
            await asyncio.sleep(_pause(attempt, _LONGEST_PAUSE_SECONDS))
            attempt += 1
        self._count("given-up")
        log.error("effect given up", extra={**self._facts(recorded, attempt), "why": why})
        return self._effect.failed(recorded, why), why or "given up"

    async def _waits(self, recorded: Recorded, error: Retry, waiting: _Waiting) -> bool:
        """Wait before the next try; False at once if the time that the effect has is over."""
        left = await self._left(recorded)
        if left <= 0:
            return False
        self._count("waits")
        waiting.tries += 1
        since = self._waiting.setdefault(recorded.seq, clock.monotonic())
        waited = clock.monotonic() - since
        facts = {
            "effect": self._effect.name,
            "aggregate": recorded.ref.path,
            "seq": recorded.seq,
            "waited_seconds": round(waited, 1),
            "why": str(error),
        }
        if waited < waiting.told_after:
            log.info("effect waits", extra=facts)
        else:
            waiting.told_after = max(waiting.told_after, waited) * 2
            log.warning("effect waits for long", extra=facts)
        if waited >= LONG_SECONDS:
            await self._tell(recorded, str(error), waiting)
        # Jittered, because what was away is asked by everybody when it is back.
        pause = _pause(waiting.tries, _LONGEST_WAIT_SECONDS) * random.uniform(0.5, 1)  # noqa: S311
        await asyncio.sleep(min(max(pause, error.after_seconds), left))
        return True

    async def _tell(self, recorded: Recorded, why: str, waiting: _Waiting) -> None:
        """Report what is waited for, unless that was done."""
        if why in waiting.reported:
            return
        waiting.reported.add(why)
        for number, report in enumerate(_each(self._effect.waits(recorded, why))):
            source = f"{self._effect.name}/{recorded.id}/{why}"
            await self._publish(report, derived_id(source, number), recorded, waiting.traceparent)

    async def _left(self, recorded: Recorded) -> float:
        """Return the seconds that an effect may still wait."""
        until = self._effect.until(recorded)
        if until is None:
            return float("inf")
        try:
            return (until - await self._now()).total_seconds()
        except BrokerError:
            # Nothing can be reported either: the next try asks again.
            return float("inf")

    def _count(self, result: str) -> None:
        self._measures.effects.labels(self._effect.name, result).inc()

    async def _publish(
        self, report: Report, report_id: str, recorded: Recorded, traceparent: str
    ) -> None:
        message = BY_SHAPE[type(report.command)]
        envelope = Envelope(
            specversion="1.0",
            id=report_id,
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


def _letter_of(recorded: Recorded) -> str:
    """Return where an event stands in the dead-letter queue once its effect is given up."""
    return recorded.ref.dead_letter("e", recorded.seq)


def _each(reports: Reports) -> tuple[Report, ...]:
    """Return what is to be reported, in order."""
    if reports is None:
        return ()
    return reports if isinstance(reports, tuple) else (reports,)


def _pause(tries: int, longest: float) -> float:
    """Return the seconds between a try and the next; they double up to `longest`."""
    return min(_FIRST_PAUSE_SECONDS * 2.0 ** min(tries, _DOUBLINGS), longest)
