"""The loop that answers one input: load, decide, commit, and after any doubt read and decide again.

Called by a lane with one job at a time per aggregate. Every way out is one of: an outcome is
recorded, the message is parked, or it is not settled and the broker delivers it again.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Sequence
from contextlib import AsyncExitStack
from typing import Final

from catalyst.chassis import batch, claiming, outcome, parking
from catalyst.chassis.answered import Answered
from catalyst.chassis.brokerclock import BrokerClock
from catalyst.chassis.errors import Retry, said
from catalyst.chassis.grouping import Grouping, Placed, Superseded
from catalyst.chassis.jetstream.port import (
    Broker,
    BrokerError,
    DuplicateId,
    NothingStored,
    Outgoing,
    Unavailable,
    WrongSequence,
)
from catalyst.chassis.job import Collected, Job
from catalyst.chassis.measures import Measures
from catalyst.chassis.mending import Mending, event_draft
from catalyst.chassis.reading import Reading
from catalyst.chassis.service import Asking, Service
from catalyst.chassis.states import Held, States
from catalyst.chassis.turns import Turns
from catalyst.chassis.way import Way, Ways
from catalyst.contracts.decision import Decision, Fired, Recorded
from catalyst.contracts.message import Event, Outcome
from catalyst.contracts.registry import named
from catalyst.contracts.rejection import Rejected
from catalyst.contracts.subjects import Claim, Ref
from catalyst.contracts.topology import EV, MAX_GROUP_MESSAGES

log = logging.getLogger(__name__)

BUG_ATTEMPTS: Final = 3
"""How often a rule may fail with a bug before its message is parked."""
SNAPSHOT_EVERY: Final = 100
"""Events after which the next batch carries a snapshot."""
_PAUSE_SECONDS: Final = (0.2, 1.0)
_SUBJECT_MAX: Final = 3500
"""Characters of what is read; the broker hangs up on a request line of 4 KiB."""
_CONFLICT_PAUSE_SECONDS: Final = 0.05


class Bug(Exception):
    """A rule raised something that is no answer."""


class Fewer(Exception):
    """Messages that were to be decided as one input have to be decided in smaller parts."""


class Deciding:
    """Answers the jobs of one service."""

    def __init__(
        self,
        service: Service,
        broker: Broker,
        states: States,
        grouping: Grouping,
        clock: BrokerClock,
        asking: Asking,
        measures: Measures | None = None,
    ) -> None:
        """Decide by the table `service`; store through `grouping`; rules prepare by `asking`."""
        self._asking = asking
        self._service = service
        self._broker = broker
        self._states = states
        self._grouping = grouping
        self._clock = clock
        self._measures = measures or Measures()
        self._mending = Mending(service, broker, states)
        self.again = self._mending.again
        self._ways = Ways(service)
        self._turns = Turns()
        self._answered = Answered()

    async def answer(self, job: Job) -> Outcome | None:
        """Return the outcome of a job; tries until there is one, or nothing to be recorded.

        None if it was parked, or if nothing follows from the messages of a source.

        Raises:
            Fewer: If messages of a source cannot be decided as one input.
            Rejected: If a source refuses its one message.
        """
        async with AsyncExitStack() as turn:
            found = await self._until_answered(job, turn)
            self._answered.add(job)
            return found

    async def _until_answered(self, job: Job, turn: AsyncExitStack) -> Outcome | None:
        """Try until there is an answer; `turn` holds the place at what many want to change."""
        # `retry` and `drop` act before they record anything, so a repeat has to be known first.
        doubt = job.delivered > 1 or job.is_runtime or job in self._answered
        failures, mine = 0, ""
        while True:
            try:
                # What was read anew fits into a group again; who fails once more goes alone.
                return await self._try(job, look_first=doubt, alone=failures > 1)
            except Superseded as error:
                # It was not tried, so there is nothing to doubt. Whoever waits here decides from
                # what the one before has stored, and not all from what the first one makes stale.
                self._measures.conflicts.inc()
                if error.guard != mine:
                    await turn.aclose()
                    await turn.enter_async_context(self._turns.at(error.guard))
                    mine = error.guard
                continue
            except (WrongSequence, DuplicateId):
                self._measures.conflicts.inc()
                await asyncio.sleep(random.uniform(0, _CONFLICT_PAUSE_SECONDS))  # noqa: S311
            except Retry as error:
                # Nobody is refused for what is not there yet; nor does all that waits ask at once.
                log.info("rule waits", extra={"command_id": job.done_id, "why": str(error)})
                await asyncio.sleep(error.after_seconds * random.uniform(1, 1.5))  # noqa: S311
            except NothingStored:
                await asyncio.sleep(random.uniform(*_PAUSE_SECONDS))  # noqa: S311
            except Unavailable as error:
                log.info("outcome in doubt", extra={"command_id": job.done_id, "why": str(error)})
                await asyncio.sleep(_PAUSE_SECONDS[0])
            except BrokerError as error:
                # Never the message's fault, so nothing is parked: wait, a person may have to act.
                log.warning("broker refused", extra={"command_id": job.done_id, "why": str(error)})
                failures += 1  # Nor of what was read, so the next attempt is alone already.
                await asyncio.sleep(_PAUSE_SECONDS[1])
            doubt = True
            failures += 1

    async def _try(self, job: Job, *, look_first: bool, alone: bool) -> Outcome | None:
        if not job.record and job.refusal is not None:
            return outcome.rejected(job, job.refusal)
        if look_first:
            known = await self.recorded(job)
            if known is not None:
                return known
        if job.refusal is not None:
            draft = batch.rejection(job, outcome.rejected(job, job.refusal), {})
            return await self._store(job, draft, None, alone=alone)
        if job.is_runtime:
            return await self._mend(job)
        own = await self._own(job, fresh=look_first)
        reason, detail = parking.why(job, own)
        if reason:
            return await self._set_aside(job, reason, detail)
        try:
            reading, draft = await self.draft(job, own)
        except Bug as error:
            return await self._after_bug(job, error)
        if isinstance(job.payload, Collected) and not draft.changes:
            await self._still(reading)
            return None
        return await self._store(job, draft, reading, alone=alone)

    async def _still(self, reading: Reading) -> None:
        """Make sure that a decision for nothing, which no guard protects, was made from the newest.

        Raises:
            WrongSequence: If it was not.
        """
        for ref, held in reading.held.items():
            newest = await self._broker.last(EV, ref.guard, leader=True)
            if (0 if newest is None else newest.seq) != held.version:
                self._states.forget(list(reading.held))
                raise WrongSequence(400, 0, f"{ref.path} moved behind {held.version}")

    async def _mend(self, job: Job) -> Outcome:
        """Carry out `retry` or `drop` and record its own outcome, under the aggregate's guard."""
        try:
            answer = outcome.accepted(job, (), await self._mending.mend(job, self))
        except Rejected as refusal:
            answer = outcome.rejected(job, refusal)
        own = await self._states.get(job.ref)
        draft = batch.rejection(job, answer, {own.ref.guard: own.version})
        return await self._store(job, draft, Reading(own, {}, {}), alone=True)

    async def commit_event(self, job: Job, own: Held, event: Event) -> None:
        """Write one event of the runtime on an aggregate.

        Raises:
            BrokerError: As the broker port says.
            Superseded: Likewise, if nothing was tried.
        """
        draft = event_draft(job, own, event)
        await self.commit(draft, Reading(own, {}, {}), alone=True)

    async def recorded(self, job: Job) -> Outcome | None:
        """Return what is recorded for this job; an id that something else has is refused."""
        log_name = await self._clock.log()
        try:
            known = await outcome.find(self._broker, job.ref.organization, job.done_id, log_name)
            if known is None or known.digest == job.digest:
                return known
        except outcome.Unreadable as error:
            if job.is_several:
                raise Fewer(parking.UNRECORDABLE) from error
            await parking.unrecordable(self._broker, job, str(error))
            self._measures.letter(parking.UNRECORDABLE)
        return outcome.rejected(job, outcome.reused(job.done_id))

    async def _own(self, job: Job, *, fresh: bool) -> Held:
        if fresh:
            self._states.forget([job.ref])
        elif self._ways.makes(job):
            return self._states.presume(job.ref)
        return await self._states.get(job.ref)

    async def draft(
        self, job: Job, own: Held, more: Sequence[Event] = ()
    ) -> tuple[Reading, batch.Draft]:
        """Decide, and return what was read with what follows from it.

        Args:
            job: The input.
            own: The deciding aggregate.
            more: Events of the runtime itself, written in the same batch.

        Raises:
            Bug: If the rule raised anything but a rejection.
            Retry: If its preparation did.
            Fewer: If messages of a source cannot be decided as one input.
            Rejected: If a source refuses its one message.
        """
        reading = Reading(own, {}, {})
        job.hears = self._ways.hears(job.ref.aggregate)
        try:
            way = self._ways.of(job)
            facts = None
            if way.prepare is not None:
                facts = await way.prepare(job.payload, job.ref, job.actor, job.now, self._asking)
            reading = await self._read(own, way)
            context = reading.context(job, facts)
            decision = way.decide(own.state, way.input, context)
            types = tuple(_type_of(item.event, job.ref.service) for item in decision.events)
            accepted = outcome.accepted(job, types, decision.result)
            found = batch.acceptance(job, decision, accepted, reading.held, reading.claims, more)
            self._add_snapshot(found, own)
            batch.measure(found, self._broker.max_payload)
        except Rejected as refusal:
            if isinstance(job.payload, Collected) and job.refusal is None:
                # Nobody waits for the answer of a source, so that a refusal has to be listed.
                if job.is_several:
                    raise Fewer(refusal.code) from refusal
                raise
            if isinstance(job.payload, Recorded | Fired):
                # Nobody hears the refusal of an event or of a timer: it would be lost unseen.
                raise Bug(f"{refusal.code}: {refusal.message}") from refusal
            found = self._refusal(job, refusal, reading, more)
        except (BrokerError, Retry, Bug):
            raise
        except Exception as error:
            raise Bug(said(error, quoting=not job.is_secret)) from error
        return reading, found

    def _refusal(
        self, job: Job, refusal: Rejected, reading: Reading, more: Sequence[Event]
    ) -> batch.Draft:
        rejected = outcome.rejected(job, refusal)
        if more:
            nothing = Decision()
            return batch.acceptance(job, nothing, rejected, reading.held, reading.claims, more)
        return batch.rejection(job, rejected, reading.guards())

    async def _read(self, own: Held, way: Way) -> Reading:
        wanted = way.reads(own.state, way.input, own.ref)
        if len(wanted) > MAX_GROUP_MESSAGES:
            # Whatever is decided guards each of them; so a refusal has to fit as well.
            raise batch.TooLarge(f"{len(wanted)} things to read, {MAX_GROUP_MESSAGES} are allowed")
        others: dict[Ref, Held] = {}
        for item in wanted:
            if len(item.subject if isinstance(item, Claim) else item.guard) > _SUBJECT_MAX:
                raise batch.TooLarge("a name is too long to be looked up")
            if isinstance(item, Ref) and item != own.ref:
                others[item] = await self._states.get(item)
        named = [item for item in wanted if isinstance(item, Claim)]
        claims = claiming.free(named) if own.presumed else await self._states.claims(named)
        broken = next((held for held in others.values() if held.broken), None)
        if broken is not None:
            raise Bug(f"{broken.ref.path} cannot be read: {broken.broken}")
        return Reading(own, others, claims)

    def _add_snapshot(self, draft: batch.Draft, own: Held) -> None:
        body = self._states.snapshot(own, SNAPSHOT_EVERY)
        if body is not None and any(item.ref == own.ref for item in draft.events):
            draft.snapshot = Outgoing(own.ref.snapshot, body, {"Nats-Rollup": "sub"})

    async def _store(
        self, job: Job, draft: batch.Draft, reading: Reading | None, *, alone: bool
    ) -> Outcome:
        placed = await self.commit(draft, reading, alone=alone)
        if placed.outcome is None:
            raise Bug("a decision without an outcome")
        return outcome_of(placed, await self._clock.log())

    async def commit(self, draft: batch.Draft, reading: Reading | None, *, alone: bool) -> Placed:
        """Store a draft; on success what is held moves on, on failure it is read again.

        Raises:
            BrokerError: As the broker port says.
            Superseded: If it was not tried.
        """
        draft.alone = draft.alone or alone
        held = reading.held if reading is not None else {}
        stale = self._states.moved(held)
        if stale is not None:
            raise Superseded(stale.guard)
        try:
            placed = await self._grouping.commit(draft)
        except BrokerError:
            self._states.forget(list(held))
            raise
        except Superseded:
            self._states.let_go(held)
            raise
        after: dict[Ref, list[tuple[Event, int]]] = {}
        for written, seq in zip(draft.events, placed.events, strict=True):
            after.setdefault(written.ref, []).append((written.event, seq))
        for ref, written_events in after.items():
            before = held.get(ref)
            if before is None:
                self._states.forget([ref])
            else:
                own = reading is not None and ref == reading.own.ref
                snapshot = own and draft.snapshot is not None
                self._states.advance(before, written_events, snapshot=snapshot)
        return placed

    async def _set_aside(self, job: Job, reason: str, detail: str) -> Outcome | None:
        """Park a message that must not be decided, unless it has its outcome or is parked."""
        if job.is_several:
            # One dead letter holds one message.
            raise Fewer(reason)
        known = await self.recorded(job)
        if known is not None:
            return known
        self._states.forget([job.ref])
        own = await self._states.get(job.ref)
        if reason == "behind" and not own.parked:
            # What was parked is free again: this one is decided in its turn.
            return await self._try(job, look_first=True, alone=True)
        await self.park(job, own, reason, detail)
        return None

    async def _after_bug(self, job: Job, error: Bug) -> Outcome | None:
        job.attempts += 1
        log.error(
            "rule failed",
            extra={"message_type": job.type, "attempt": job.attempts, "why": str(error)},
            exc_info=None if job.is_secret else error,
        )
        if job.attempts < BUG_ATTEMPTS:
            await asyncio.sleep(0.1 * 2**job.attempts)
            return await self._try(job, look_first=True, alone=True)
        return await self._set_aside(job, "bug", str(error))

    async def park(self, job: Job, own: Held, reason: str, detail: str) -> None:
        """Set a message aside and mark its aggregate; returns once both stand.

        Raises:
            BrokerError: If a guard did not hold: look for an outcome, then try again.
            Superseded: Likewise.
        """
        subject = job.ref.dead_letter(job.origin, job.sequence)
        if any(entry.subject == subject for entry in own.parked):
            return
        letter = parking.letter(job, reason, detail)
        await parking.put_aside(self._broker, subject, letter)
        self._measures.letter(letter.reason)
        draft = parking.parked_draft(job, own, subject, reason, detail)
        await self.commit(draft, Reading(own, {}, {}), alone=True)
        self._measures.parked.labels(reason).inc()
        log.error(
            "parked",
            extra={"message_type": job.type, "aggregate": job.ref.path, "reason": reason},
        )


def outcome_of(placed: Placed, log_name: str) -> Outcome:
    """Return the outcome of a committed draft as its reader sees it."""
    if placed.outcome is None:
        raise ValueError("nothing was recorded")
    return outcome.placed(placed.outcome, placed.last, log_name)


def _type_of(event: Event, service: str) -> str:
    return named(type(event), service).type
