"""Inputs that are not commands: events for a process manager, and fired timers, as jobs."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from catalyst.chassis import timer
from catalyst.chassis.job import Collected, Job
from catalyst.chassis.service import Process, Source
from catalyst.contracts.decision import Actor, Arrived, Recorded
from catalyst.contracts.message import derived_id
from catalyst.contracts.subjects import Ref

FIRING: Final = "timer"
"""Type of a firing in outcomes and dead letters."""


def from_event(process: Process, service: str, recorded: Recorded, subject: str) -> Job | None:
    """Return the job of an event for a process manager, or None if it ignores the event."""
    ref = process.correlate(recorded)
    if ref is None or not isinstance(recorded.event, process.events):
        return None
    return Job(
        ref=ref,
        type=recorded.type,
        input_id=recorded.id,
        done_id=derived_id(f"{process.name}/{recorded.id}", 0),
        digest=f"{process.name}/{recorded.id}",
        now=recorded.time,
        actor=_service(service),
        correlationid=recorded.correlationid,
        causationid=recorded.causationid,
        payload=recorded,
        origin="e",
        sequence=recorded.seq,
        delivery=None,
        subject=subject,
        reaction=process.name,
    )


def from_firing(subject: str, data: bytes, *, seq: int, time: datetime) -> Job:
    """Return the job of a fired timer.

    Raises:
        subjects.BadSubject: If it did not fire where timers fire.
        msgspec.MsgspecError: If the body is not a timer's.
    """
    ref, firing, done_id = timer.fired(subject, data)
    return Job(
        ref=ref,
        type=FIRING,
        input_id=done_id,
        done_id=done_id,
        digest=f"{subject}/{firing.gen}",
        now=time,
        actor=_service(ref.service),
        correlationid=firing.gen,
        payload=firing,
        origin="e",
        sequence=seq,
        delivery=None,
        subject=subject,
        body=data,
    )


def from_source(
    source: Source, ref: Ref, items: Sequence[Arrived], subject: str, body: bytes = b""
) -> Job:
    """Return the job of messages of a source; subject and body are those of the first.

    Its id follows from which messages these are: of others, or of another stream of the same name,
    it is another one.
    """
    places = ",".join(str(item.seq) for item in items)
    digest = f"{source.name}/{places}/{items[0].time.isoformat()}"
    done_id = derived_id(digest, ref.path)
    return Job(
        ref=ref,
        type=source.name,
        input_id=done_id,
        done_id=done_id,
        digest=digest,
        now=items[-1].time,
        actor=_service(ref.service),
        correlationid=done_id,
        payload=Collected(source.name, tuple(items)),
        origin=source.stream[0].lower(),
        sequence=items[0].seq,
        delivery=None,
        subject=subject,
        body=body,
        reaction=source.name,
    )


def _service(name: str) -> Actor:
    return Actor(name=f"service:{name}", proven=True)
