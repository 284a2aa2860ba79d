"""`retry` and `drop`: what was parked is decided again in its old order, or given up.

Works without the fold and touches only what a `parked` names and no `unparked` does. `unparked`
stands in the same batch as the outcome of the message that it frees. Called by the decide loop.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Final, Protocol

import msgspec

from catalyst.chassis import batch, door, events, inputs, parking
from catalyst.chassis.grouping import Placed
from catalyst.chassis.guard import Guard
from catalyst.chassis.jetstream.port import Broker, BrokerError
from catalyst.chassis.job import Job
from catalyst.chassis.parking import Letter
from catalyst.chassis.reading import Reading
from catalyst.chassis.service import Service, Source
from catalyst.chassis.states import Held, States
from catalyst.contracts import runtime_v1
from catalyst.contracts.codec import Undecodable
from catalyst.contracts.decision import Arrived
from catalyst.contracts.message import Event, Outcome, derived_id
from catalyst.contracts.rejection import Rejected
from catalyst.contracts.subjects import BadSubject
from catalyst.contracts.topology import DLQ

log = logging.getLogger(__name__)


_UNREADABLE: Final = (BadSubject, Undecodable, msgspec.MsgspecError)


class Decides(Protocol):
    """What mending needs of the loop that decides."""

    async def recorded(self, job: Job) -> Outcome | None:
        """Return what is recorded for a job."""
        ...

    async def draft(
        self, job: Job, own: Held, more: Sequence[Event] = ()
    ) -> tuple[Reading, batch.Draft]:
        """Decide, and return what was read with what follows from it."""
        ...

    async def commit(self, draft: batch.Draft, reading: Reading | None, *, alone: bool) -> Placed:
        """Store a draft."""
        ...

    async def commit_event(self, job: Job, own: Held, event: Event) -> None:
        """Write one event of the runtime on an aggregate."""
        ...


class Mending:
    """Carries `retry` and `drop` out for one service."""

    def __init__(self, service: Service, broker: Broker, states: States) -> None:
        """Read dead letters through `broker`."""
        self._service = service
        self._broker = broker
        self._states = states

    async def mend(self, job: Job, deciding: Decides) -> int:
        """Free what the command names, oldest first; return how many were freed.

        Raises:
            Rejected: `not-parked` if it names nothing parked, `retry-failed` if one fails again.
            BrokerError: As the broker port says; what was freed until then stays freed.
        """
        if job.delivered > parking.MAX_DELIVERIES:
            raise Rejected("retry-failed", f"delivered {job.delivered} times without an outcome")
        own = await self._fresh(job)
        wanted = getattr(job.payload, "subject", None)
        named = [entry.subject for entry in own.parked if wanted in {None, entry.subject}]
        if not named and not job.freed and job.delivered == 1:
            raise Rejected("not-parked", "nothing is parked here under that name")
        # An earlier attempt, whose answer was lost, may have freed some or all of them.
        for subject in job.freed.difference(named):
            await self._discard(subject)
        job.freed.update(named)
        letters = await self._letters(named)
        for subject, found in letters:
            own = await self._fresh(job)
            if any(entry.subject == subject for entry in own.parked):
                await self._free(job, own, subject, found, deciding)
                await self._discard(subject)
        return len(job.freed)

    async def _fresh(self, job: Job) -> Held:
        self._states.forget([job.ref])
        return await self._states.get(job.ref)

    async def _letters(self, named: Sequence[str]) -> list[tuple[str, Letter]]:
        found: list[tuple[str, Letter]] = []
        for subject in named:
            stored = await self._broker.last(DLQ, subject, leader=True)
            if stored is None:
                raise Rejected("retry-failed", f"the dead letter {subject} is gone")
            found.append((subject, parking.read(stored)))
        return sorted(found, key=lambda item: (item[1].time, item[1].sequence))

    async def _free(
        self, job: Job, own: Held, subject: str, found: Letter, deciding: Decides
    ) -> None:
        dropping = isinstance(job.payload, runtime_v1.Drop)
        how = "dropped" if dropping else "retried"
        freed = runtime_v1.Unparked(subject=subject, message_id=found.message_id, how=how)
        try:
            again = self.rebuild(found)
        except (*_UNREADABLE, events.Unreadable, door.Unreadable) as error:
            raise Rejected("retry-failed", f"{found.message_id!r} cannot be read") from error
        if await deciding.recorded(again) is not None:
            await deciding.commit_event(job, own, freed)
            return
        if dropping:
            reason = job.payload.reason if isinstance(job.payload, runtime_v1.Drop) else ""
            again.refusal = Rejected("dropped", reason)
        elif own.broken:
            raise Rejected("retry-failed", f"its history cannot be read: {own.broken}")
        try:
            reading, draft = await deciding.draft(again, own, [freed])
        except BrokerError:
            raise
        except Exception as error:
            raise Rejected("retry-failed", f"{found.message_id!r} failed again: {error}") from error
        await deciding.commit(draft, reading, alone=True)

    def rebuild(self, found: Letter) -> Job:
        """Return the job of a dead letter, with the identity and time that it had.

        Raises:
            BadSubject: If its subject cannot be read.
            msgspec.MsgspecError: If its body cannot be read.
            events.Unreadable: If it is an event of a type unknown here.
            codec.Undecodable: If a source cannot read it.
        """
        if found.stream == "CMD":
            return door.readmit(found)
        if found.subject.startswith("due."):
            return inputs.from_firing(
                found.subject, found.body, seq=found.sequence, time=found.time
            )
        for source in self._service.sources:
            if (source.name, source.stream) == (found.reaction, found.stream):
                return _of_source(source, found)
        recorded = events.recorded(found.subject, found.body, seq=found.sequence, time=found.time)
        for process in self._service.processes:
            if process.name == found.reaction:
                job = inputs.from_event(process, self._service.name, recorded, found.subject)
                if job is not None:
                    return job
        raise events.Unreadable(f"no process of this version takes {found.message_type!r}")

    async def _discard(self, subject: str) -> None:
        """Take the copy out of the queue; a failure here only leaves it listed."""
        try:
            await self._broker.api(f"STREAM.PURGE.{DLQ}", {"filter": subject})
        except BrokerError as error:
            log.warning("dead letter stays listed", extra={"subject": subject, "why": str(error)})


def _of_source(source: Source, found: Letter) -> Job:
    value = source.decode(found.subject, found.body)
    ref = source.correlate(value)
    if ref is None:
        raise events.Unreadable(f"the source {source.name!r} ignores {found.subject!r}")
    item = Arrived(value=value, seq=found.sequence, time=found.time)
    return inputs.from_source(source, ref, [item], found.subject, found.body)


def event_draft(job: Job, own: Held, event: Event) -> batch.Draft:
    """Return the draft of one runtime event without an outcome."""
    own_id = derived_id(job.done_id, f"{type(event).__name__}/{own.version}")
    guard = Guard(job.ref.guard, own.version)
    message = batch.event_message(job, job.ref, event, own.version, guard.headers())
    return batch.Draft(
        done="",
        outcome=None,
        check_subject=(job.ref.organization, own_id),
        events=[batch.Written(message=message, ref=job.ref, event=event)],
        guards={job.ref.guard: own.version},
        alone=True,
    )
