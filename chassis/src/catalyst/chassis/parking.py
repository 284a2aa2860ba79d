"""Parking: a message that cannot be decided is set aside, visibly, and later ones wait behind it.

The copy goes to the dead-letter queue first, one per subject; then `parked` is written under the
aggregate's guard, in one batch with a check that no outcome exists; then the message is settled.
`parked` and `unparked` are read without the fold, so a broken aggregate can still be mended.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

import msgspec
from msgspec.structs import replace

from catalyst.chassis import batch
from catalyst.chassis.events import Stray, Unreadable
from catalyst.chassis.guard import Guard
from catalyst.chassis.jetstream.port import (
    Broker,
    BrokerError,
    Delivery,
    Full,
    Outgoing,
    Stored,
)
from catalyst.chassis.job import Job
from catalyst.chassis.states import Held
from catalyst.contracts import codec, runtime_v1, subjects
from catalyst.contracts.decision import Actor
from catalyst.contracts.message import derived_id
from catalyst.contracts.subjects import Ref
from catalyst.contracts.topology import DLQ, EV, FACTS, ORIGINS

log = logging.getLogger(__name__)

MAX_DELIVERIES: Final = 4
"""A message delivered more often than this, without an outcome, is parked before it is decided."""
EFFECT_FAILED: Final = "effect-failed"
"""Reason of a dead letter that no `parked` names: an effect was given up, and no step waits."""
UNRECORDABLE: Final = "outcome-unreadable"
"""Reason of a dead letter that no `parked` names: what stands under its id is no outcome, so that
none can be recorded."""
STRAY: Final = "no-event"
"""Reason of a dead letter that no `parked` names: it stands among the events and is none."""
_STRAY: Final = (
    "an answer of the broker that was led here by whoever asked; it changes nothing, and what it "
    "stands among goes on"
)
_NO_ROOM: Final = "dead-letter queue is full"
_UNREAD: Final = "unknown.unknown"
"""In place of aggregate and id."""
_RETRY_SECONDS: Final = 1.0
_DETAIL_MAX: Final = 500
_BEGINNING: Final = 4 * 1024
"""Bytes kept of a body that is not kept whole."""
_TOKEN_MAX: Final = 255


class Letter(msgspec.Struct, frozen=True, kw_only=True):
    """A dead letter: the message, and what was proven about it when it was set aside."""

    stream: str
    """Where it came from: `CMD`, `EV`, `FACTS` or `USE`."""
    sequence: int
    time: datetime
    """The broker's timestamp of the message; `now` when it is decided again."""
    subject: str
    message_id: str
    message_type: str
    reason: str
    """A short code."""
    detail: str = ""
    body: bytes
    """The message, or only its beginning: see `size`."""
    size: int = 0
    """Bytes of the whole body if only its beginning is kept; it stands at `stream` and `sequence`,
    if anywhere. 0: the body is whole."""
    digest: str = ""
    """sha256 of the whole body if only its beginning is kept, in hexadecimal."""
    headers: dict[str, str] = {}
    """Without `Authorization`: a token is never kept."""
    actor: Actor | None = None
    """Who sent it, as far as it was proven; None if it was not looked at."""
    reaction: str = ""
    """Name of the process manager or effect that was at work."""


_KEPT_HEADERS: Final = frozenset({"Catalyst-Since", "traceparent"})


def _kept(headers: Mapping[str, str]) -> dict[str, str]:
    """Return the headers that are kept; one that is too long means nothing, and is not."""
    return {
        name: text
        for name, text in headers.items()
        if name in _KEPT_HEADERS and len(text) <= _TOKEN_MAX
    }


def letter(job: Job, reason: str, detail: str) -> Letter:
    """Return the dead letter of a job."""
    return Letter(
        stream=ORIGINS[job.origin],
        sequence=job.sequence,
        time=job.now,
        subject=job.subject,
        message_id=job.input_id,
        message_type=job.type,
        reason=reason,
        detail=detail[:_DETAIL_MAX],
        body=job.body,
        headers=_kept(job.delivery.headers if job.delivery is not None else {}),
        actor=job.actor,
        reaction=job.reaction,
    )


def unread_event(delivery: Delivery, error: Unreadable, reaction: str) -> Letter:
    """Return the dead letter of an event that cannot be read, or of what is none."""
    if isinstance(error, Stray):
        return unread(delivery, STRAY, _STRAY, reaction=reaction)
    return unread(delivery, "fold-failed", str(error), reaction=reaction)


def unread(delivery: Delivery, reason: str, detail: str, *, reaction: str = "") -> Letter:
    """Return the dead letter of a message that never became a job."""
    return Letter(
        stream=delivery.stream,
        sequence=delivery.seq,
        time=delivery.time,
        subject=delivery.subject,
        message_id="",
        message_type="",
        reason=reason,
        detail=detail[:_DETAIL_MAX],
        body=delivery.data,
        headers=_kept(delivery.headers),
        reaction=reaction,
    )


def unread_subject(delivery: Delivery, service: str = "") -> str:
    """Return where a message of unreadable address stands in the dead-letter queue.

    Args:
        delivery: The message.
        service: Who set it aside; by default the service that its subject names.
    """
    tokens = delivery.subject.removeprefix("due.").split(".")
    organization = subjects.PLATFORM
    if len(tokens) > 1 and delivery.stream != FACTS:
        # A fact's subject names an Environment there.
        organization = tokens[1]
    service = service or (tokens[2] if len(tokens) > 2 else "unknown")
    try:
        subjects.organization_of(organization)
    except subjects.BadSubject:
        organization = subjects.PLATFORM
    if len(organization) > _TOKEN_MAX:
        organization = subjects.PLATFORM
    origin = delivery.stream[0].lower()
    return f"dlq.{organization}.{service}.{_UNREAD}.{origin}{delivery.seq}"


async def list_strays(broker: Broker, ref: Ref, strays: Sequence[Stored], count: int) -> None:
    """List what stands among an aggregate's events and is none, or leave it for the next load.

    The log has it, so a decision does not wait until it can be listed.

    Args:
        broker: Where it is listed.
        ref: The aggregate.
        strays: The first few of them.
        count: How many there are.
    """
    organization = subjects.organization_token(ref.organization)
    for stored in strays:
        subject = f"dlq.{organization}.{ref.service}.{_UNREAD}.e{stored.seq}"
        found = _stray_letter(stored, "" if count == len(strays) else f" ({count} such in a row)")
        try:
            stands = await _stands(broker, subject, _written(found, broker.max_payload), found)
            why = "" if stands else _NO_ROOM
        except BrokerError as error:
            why = str(error)
        if why:
            log.warning("what is no event is not listed", extra={"subject": subject, "why": why})
            return


def _stray_letter(stored: Stored, more: str) -> Letter:
    return Letter(
        stream=EV,
        sequence=stored.seq,
        time=stored.time,
        subject=stored.subject,
        message_id="",
        message_type="",
        reason=STRAY,
        detail=_STRAY + more,
        body=stored.data,
    )


def is_unread(subject: str, organization: str | None, service: str) -> bool:
    """Return whether a dead letter of these two is of unreadable address: no aggregate's."""
    return subject.startswith(
        f"dlq.{subjects.organization_token(organization)}.{service}.{_UNREAD}."
    )


async def put_aside(broker: Broker, subject: str, found: Letter) -> None:
    """Store a dead letter and return once it stands there; waits while the broker cannot take it.

    A refusal is no proof that it is there (a full stream answers the same), so the subject is read.
    For what is no event there is no waiting until somebody makes room: the log has it.
    """
    body = _written(found, broker.max_payload)
    while True:
        try:
            if await _stands(broker, subject, body, found):
                return
            log.warning(_NO_ROOM, extra={"subject": subject})
            if found.reason == STRAY:
                return
        except BrokerError as error:
            log.warning("dead letter waits", extra={"subject": subject, "why": str(error)})
        await asyncio.sleep(_RETRY_SECONDS)


def _written(found: Letter, limit: int) -> bytes:
    """Return a letter as it is stored; of what the broker does not take whole, the beginning.

    That is something from the log, which has the whole: all else fits (`MIN_PAYLOAD_BYTES`).
    So of a large message that is no event: it is of no use to anybody, and is not to fill the
    queue.
    """
    body = codec.encode(found)
    if len(body) <= limit and (found.reason != STRAY or len(found.body) <= _BEGINNING):
        return body
    cut = replace(
        found,
        body=found.body[:_BEGINNING],
        size=len(found.body),
        digest=hashlib.sha256(found.body).hexdigest(),
    )
    return codec.encode(cut)


async def whole(broker: Broker, found: Letter) -> Letter:
    """Return a letter with its whole body, from the log if only the beginning was kept.

    Raises:
        Unreadable: If it is nowhere any more.
        BrokerError: As the broker port says.
    """
    if not found.digest:
        return found
    # Of the streams that messages are set aside from, this one alone keeps what is settled.
    stored = None
    if found.stream == EV:
        stored = await broker.message(EV, found.sequence, leader=True)
    if stored is None or hashlib.sha256(stored.data).hexdigest() != found.digest:
        raise Unreadable(
            f"{found.message_id or found.subject!r} was too large to be kept ({found.size} bytes), "
            "and stands nowhere any more"
        )
    return replace(found, body=stored.data, size=0, digest="")


async def unrecordable(broker: Broker, job: Job, detail: str) -> None:
    """Set a message aside for which no outcome can be recorded: its place is taken.

    Its aggregate goes on, so the dead letter stands among those that nobody could read.
    """
    organization = subjects.organization_token(job.ref.organization)
    subject = f"dlq.{organization}.{job.ref.service}.{_UNREAD}.{job.origin}{job.sequence}"
    log.error("nothing can be recorded", extra={"command_id": job.done_id, "why": detail})
    await put_aside(broker, subject, letter(job, UNRECORDABLE, detail))


async def _stands(broker: Broker, subject: str, body: bytes, found: Letter) -> bool:
    """Publish a dead letter; True if it is stored, now or before."""
    try:
        await broker.publish(Outgoing(subject, body))
    except Full:
        stored = await broker.last(DLQ, subject, leader=True)
        if stored is None:
            return False
        try:
            there = read(stored)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            # An answer of the broker can be led here, too; it goes once somebody drops it.
            log.warning("no dead letter stands in the place of one", extra={"subject": subject})
            return False
        return (there.message_id, there.time) == (found.message_id, found.time)
    return True


async def discard(broker: Broker, subject: str) -> None:
    """Take a dead letter out of the queue; a failure here only leaves it listed."""
    try:
        await broker.api(f"STREAM.PURGE.{DLQ}", {"filter": subject})
    except BrokerError as error:
        log.warning("dead letter stays listed", extra={"subject": subject, "why": str(error)})


def read(stored: Stored) -> Letter:
    """Return the dead letter that a message of the queue holds."""
    return msgspec.json.decode(stored.data, type=Letter)


def parked_draft(job: Job, held: Held, subject: str, reason: str, detail: str) -> batch.Draft:
    """Return the draft that marks an aggregate as parked, unless an outcome exists by then."""
    event = runtime_v1.Parked(
        subject=subject,
        message_id=job.input_id,
        message_type=job.type,
        reason=reason,
        detail=detail[:_DETAIL_MAX],
    )
    own_guard = Guard(job.ref.guard, held.version)
    message = batch.event_message(_as_parking(job), job.ref, event, 0, own_guard.headers())
    done = subjects.done(job.ref.organization, job.done_id)
    return batch.Draft(
        done="",
        outcome=None,
        checks=[Guard(done, 0)],
        check_subject=(job.ref.organization, derived_id(job.done_id, "parked")),
        events=[batch.Written(message=message, ref=job.ref, event=event)],
        guards={job.ref.guard: held.version, done: 0},
        alone=True,
    )


def _as_parking(job: Job) -> Job:
    """Return a job whose derived ids are not those of the decision that failed."""
    return Job(
        ref=job.ref,
        type=job.type,
        input_id=job.input_id,
        done_id=derived_id(job.done_id, "parked"),
        digest="",
        now=job.now,
        actor=Actor(name=f"service:{job.ref.service}", proven=True),
        correlationid=job.correlationid,
        payload=None,
        origin=job.origin,
        sequence=job.sequence,
        delivery=None,
        traceparent=job.traceparent,
    )


def why(job: Job, own: Held) -> tuple[str, str]:
    """Return why a message must not be decided, as a code and in words; empty if it may be."""
    if own.parked:
        return "behind", "an earlier message of it is parked"
    if own.broken:
        return "fold-failed", own.broken
    if job.delivered > MAX_DELIVERIES:
        return "redelivered", f"delivered {job.delivered} times"
    return "", ""
