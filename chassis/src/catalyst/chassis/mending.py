"""`retry` and `drop`: what was parked is decided again in its old order, or given up.

Works without the fold and touches only what a `parked` names and no `unparked` does. `unparked`
stands in the same batch as the outcome of the message that it frees. An effect that was given up is
parked nowhere: it is asked again, or its dead letter dropped. Called by the decide loop.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
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
        self.again: dict[str, Callable[[Letter], None]] = {}
        """How each effect of the service is asked again, by its name; the worker fills it."""

    async def mend(self, job: Job, deciding: Decides) -> dict[str, int]:
        """Free what the command names, oldest first.

        Returns:
            How many messages were `freed`, or how many effects were `asked` again.

        Raises:
            Rejected: `not-parked` if it names nothing parked, `not-oldest` if what it names waits
                for an older one, `retry-failed` if one fails again.
            BrokerError: As the broker port says; what was freed until then stays freed.
        """
        if job.delivered > parking.MAX_DELIVERIES:
            raise Rejected("retry-failed", f"delivered {job.delivered} times without an outcome")
        own = await self._fresh(job)
        wanted = getattr(job.payload, "subject", None)
        named = [entry.subject for entry in own.parked if wanted in {None, entry.subject}]
        if not named and not job.freed:
            done = await self._given_up(job)
            if done is not None:
                return done
            if job.delivered == 1:
                raise Rejected("not-parked", "nothing is parked here under that name")
        dropping = isinstance(job.payload, runtime_v1.Drop)
        if wanted is not None and not dropping and len(own.parked) > len(named) > 0:
            oldest, _ = (await self._letters([entry.subject for entry in own.parked]))[0]
            if oldest != wanted:
                raise Rejected("not-oldest", f"{oldest} waits for longer: free it first, or all")
        # An earlier attempt, whose answer was lost, may have freed some or all of them.
        for subject in job.freed.difference(named):
            await parking.discard(self._broker, subject)
        job.freed.update(named)
        letters = await self._letters(named, lost=dropping)
        for subject, found in letters:
            own = await self._fresh(job)
            if any(entry.subject == subject for entry in own.parked):
                await self._free(job, own, subject, found, deciding)
                await parking.discard(self._broker, subject)
        return {"freed": len(job.freed)}

    async def _given_up(self, job: Job) -> dict[str, int] | None:
        """Ask an effect again, or drop its dead letter; None if the command names none.

        What nobody could read is dropped under any aggregate of its Organization and service.
        """
        subject = getattr(job.payload, "subject", None) or ""
        if parking.is_unread(subject, job.ref.organization, job.ref.service):
            if not isinstance(job.payload, runtime_v1.Drop):
                raise Rejected(
                    "retry-failed",
                    "unreadable, or nothing can be recorded for it: drop it",
                )
            if await self._broker.last(DLQ, subject, leader=True) is None:
                return None
            await parking.discard(self._broker, subject)
            return {"freed": 1}
        if subject.rpartition(".")[0] != f"dlq.{job.ref.path}":
            return None
        stored = await self._broker.last(DLQ, subject, leader=True)
        found = None if stored is None else parking.read(stored)
        if found is None or found.reason != parking.EFFECT_FAILED:
            return None
        if isinstance(job.payload, runtime_v1.Drop):
            await parking.discard(self._broker, subject)
            return {"freed": 1}
        again = self.again.get(found.reaction)
        if again is None:
            raise Rejected("retry-failed", f"no effect of this version is {found.reaction!r}")
        try:
            again(await parking.whole(self._broker, found))
        except events.Unreadable as error:
            raise Rejected("retry-failed", str(error)) from error
        return {"asked": 1}

    async def _fresh(self, job: Job) -> Held:
        self._states.forget([job.ref])
        return await self._states.get(job.ref)

    async def _letters(
        self, named: Sequence[str], *, lost: bool = False
    ) -> list[tuple[str, Letter | None]]:
        """Return dead letters, oldest first; with `lost`, None for one that is gone."""
        found: list[tuple[str, Letter | None]] = []
        for subject in named:
            stored = await self._broker.last(DLQ, subject, leader=True)
            if stored is None and not lost:
                raise Rejected("retry-failed", f"the dead letter {subject} is gone")
            found.append((subject, None if stored is None else parking.read(stored)))
        return sorted(found, key=_age)

    async def _free(
        self, job: Job, own: Held, subject: str, found: Letter | None, deciding: Decides
    ) -> None:
        dropping = isinstance(job.payload, runtime_v1.Drop)
        entry = next(entry for entry in own.parked if entry.subject == subject)
        how = "dropped" if dropping else "retried"
        freed = runtime_v1.Unparked(subject=subject, message_id=entry.message_id, how=how)
        try:
            again = await self._rebuilt(subject, found)
        except Rejected:
            if not dropping:
                raise
            # Nobody can say any more what it was: it is freed, and no outcome can be recorded.
            await deciding.commit_event(job, own, freed)
            return
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
            raise Rejected("retry-failed", f"{entry.message_id!r} failed again: {error}") from error
        await deciding.commit(draft, reading, alone=True)

    async def _rebuilt(self, subject: str, found: Letter | None) -> Job:
        if found is None:
            raise Rejected("retry-failed", f"the dead letter {subject} is gone")
        try:
            found = await parking.whole(self._broker, found)
        except events.Unreadable as error:
            raise Rejected("retry-failed", str(error)) from error
        try:
            return self.rebuild(found)
        except (*_UNREADABLE, events.Unreadable, door.Unreadable) as error:
            raise Rejected("retry-failed", f"{found.message_id!r} cannot be read") from error

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


def _age(item: tuple[str, Letter | None]) -> tuple[bool, float, int]:
    """Return what sorts dead letters by age; what is gone comes first."""
    _, found = item
    return (False, 0.0, 0) if found is None else (True, found.time.timestamp(), found.sequence)


def _of_source(source: Source, found: Letter) -> Job:
    value = source.decode(found.subject, found.body)
    ref = source.correlate(value)
    if ref is None:
        raise events.Unreadable(f"the source {source.name!r} ignores {found.subject!r}")
    item = Arrived(value=value, seq=found.sequence, time=found.time)
    return inputs.from_source(source, ref, [item], found.subject, found.body)


def event_draft(job: Job, own: Held, event: Event) -> batch.Draft:
    """Return the draft of one runtime event without an outcome."""
    # Not one of the places that the events of the job's own outcome have.
    position = f"{type(event).__name__}/{own.version}"
    guard = Guard(job.ref.guard, own.version)
    message = batch.event_message(job, job.ref, event, position, guard.headers())
    return batch.Draft(
        done="",
        outcome=None,
        check_subject=(job.ref.organization, derived_id(job.done_id, position)),
        events=[batch.Written(message=message, ref=job.ref, event=event)],
        guards={job.ref.guard: own.version},
        alone=True,
    )
