"""The worker's own door: from the bytes of a command to a job, or to the reason why not.

The same token and the same command get the same answer here and at the HTTP door: one parser, one
table of roles. Nothing of the aggregate's state is looked at.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, NamedTuple

import msgspec

from catalyst.chassis.access import RolesTable
from catalyst.chassis.brokerclock import BrokerClock
from catalyst.chassis.jetstream.port import Delivery
from catalyst.chassis.job import Job
from catalyst.chassis.parking import Letter
from catalyst.chassis.tokens import BadToken, Claims, Verifier, bearer
from catalyst.contracts import codec, message, registry, roles, subjects
from catalyst.contracts.codec import Undecodable
from catalyst.contracts.decision import Actor
from catalyst.contracts.message import COMMAND_ID, TRACEPARENT, Envelope, FieldError
from catalyst.contracts.registry import Message
from catalyst.contracts.rejection import Rejected
from catalyst.contracts.runtime_v1 import TakeAnswer
from catalyst.contracts.subjects import Addressed, BadSubject, Ref
from catalyst.contracts.topology import (
    COMMAND_MAX_AGE_SECONDS,
    COMMAND_MAX_AHEAD_SECONDS,
    MAX_SUBJECT,
)

ACTOR_HEADER: Final = "Catalyst-Actor"
SINCE_HEADER: Final = "Catalyst-Since"
REPLY_HEADER: Final = "Catalyst-Reply"
_REPLY: Final = re.compile(r"[!-)+\-/-=?-~]+(?:\.[!-)+\-/-=?-~]+)*")
"""A literal subject in visible ASCII: no wildcard, no empty token, nothing that ends a frame."""
_REPLY_MAX: Final = 256


class Unreadable(Exception):
    """No outcome can be recorded for this message; it goes to the dead letters with the reason."""

    def __init__(self, code: str, message: str) -> None:
        """Say why, with a registered code."""
        super().__init__(message)
        self.code = code
        self.message = message


class _Identified(msgspec.Struct):
    """As much of a refused message as is needed to record the refusal."""

    id: str
    type: str = ""
    correlationid: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """How a worker admits commands."""

    service: str
    verifier: Verifier | None
    """None: no token can be proven, so none is accepted."""
    table: RolesTable
    clock: BrokerClock
    require_tokens: bool
    """Refuse a command without a token: the broker's permissions are not ours."""

    async def admit(self, delivery: Delivery) -> Job:
        """Return the job of a delivered command; a refusal stands in the job.

        Raises:
            Unreadable: If subject or id cannot be read, so that no outcome can be recorded.
            BrokerError: As the broker port says; the same delivery can be admitted later.
            KeysUnavailable: If nobody can tell now whether a token holds.
        """
        job = await self._admit(delivery)
        job.delivery = delivery
        job.delivered = delivery.delivered
        return job

    async def _admit(self, delivery: Delivery) -> Job:
        addressed = _addressed(delivery.subject)
        try:
            envelope = codec.command_envelope(delivery.data)
        except Undecodable as error:
            return _refused_early(delivery, addressed, error)
        if not COMMAND_ID.fullmatch(envelope.id):
            raise Unreadable("invalid-id", f"{envelope.id[:64]!r} is not a command id")
        job = _job(_delivered(delivery), addressed, envelope)
        try:
            claims = await self._prove(job, delivery)
            job.process = _process(job, addressed, envelope)
            await self._check(job, envelope, delivery, claims)
            job.payload = _payload(job, envelope)
        except Rejected as refusal:
            job.refusal = refusal
        except Undecodable as error:
            job.refusal = _as_rejection(error)
        # Whatever else is wrong with it: an id of a service's kind is used up by a service alone.
        if job.done_id.startswith("_") and job.actor.service is None:
            job.record = False
            job.refusal = Rejected(
                "invalid-id", "an id that begins with `_` is a service's", pointer="/id"
            )
        return job

    async def _prove(self, job: Job, delivery: Delivery) -> Claims | None:
        """Find out who asks; None without a token."""
        organization = job.ref.organization
        header = delivery.headers.get("Authorization")
        if header is None:
            job.actor = Actor(name=f"nats:{organization or '_'}")
            if self.require_tokens:
                raise Rejected("unauthenticated", "a token is needed here and there is none")
            return None
        claims = await self._verify(header, delivery.time)
        job.actor = Actor(
            name=claims.actor,
            email=claims.verified_email,
            roles=self.table.roles(claims, organization),
            proven=True,
        )
        writer = delivery.headers.get(ACTOR_HEADER, "")
        if claims.service == self.service and writer.startswith("service:"):
            job.actor = Actor(name=writer, proven=True)
        return claims

    async def _verify(self, header: str, at: datetime) -> Claims:
        try:
            token = bearer(header)
            if token is None or self.verifier is None:
                raise Rejected("unauthenticated", "no token can be verified here")
            return await self.verifier.verify(token, at=at)
        except BadToken as error:
            raise Rejected("unauthenticated", str(error)) from error

    async def _authorize(self, job: Job, claims: Claims) -> None:
        if job.type not in registry.COMMANDS or roles.may_send(job.type, job.actor.roles):
            return
        fresh = await self.table.roles_of(job.ref.organization, claims)
        job.actor = msgspec.structs.replace(job.actor, roles=fresh)
        if not roles.may_send(job.type, fresh):
            raise roles.denied(job.type)

    async def _check(
        self, job: Job, envelope: Envelope, delivery: Delivery, claims: Claims | None
    ) -> None:
        if claims is not None and claims.service is None:
            await self._authorize(job, claims)
        _check_subject(job, envelope)
        _check_service(job)
        if not job.reply and delivery.headers.get(REPLY_HEADER):
            raise Rejected("reply-not-allowed", "the reply subject is outside the Organization's")
        if envelope.time is not None and envelope.time - job.now > _AHEAD:
            raise Rejected(
                "command-from-future", "`time` is ahead of the broker's", pointer="/time"
            )
        relayed = claims is not None and claims.service == self.service
        since = _since(delivery.headers) if relayed else None
        since = since or job.now
        if await self.clock.now() - since > _MAX_AGE:
            raise Rejected("command-too-old", "the command waited more than 29 days")


def readmit(found: Letter) -> Job:
    """Return the job of a dead letter, as it was admitted then: nothing is judged again.

    Raises:
        Unreadable: If the message cannot be read.
    """
    addressed = _addressed(found.subject)
    try:
        envelope = codec.envelope(found.body)
        job = _job(_origin(found), addressed, envelope)
    except Undecodable as error:
        raise Unreadable(error.code, error.message) from error
    job.actor = found.actor or job.actor
    try:
        job.process = _process(job, addressed, envelope)
        job.payload = _payload(job, envelope)
    except Undecodable as error:
        # This version takes no such data any more: an answer can be recorded all the same.
        job.refusal = _as_rejection(error)
    except Rejected as refusal:
        job.refusal = refusal
    return job


_ANSWER: Final = "take-answer"
_AHEAD: Final = timedelta(seconds=COMMAND_MAX_AHEAD_SECONDS)
_MAX_AGE: Final = timedelta(seconds=COMMAND_MAX_AGE_SECONDS)


def _since(headers: Mapping[str, str]) -> datetime | None:
    """Return the start of a relayed command's age, if the relay named it."""
    if SINCE_HEADER not in headers:
        return None
    try:
        since = datetime.fromisoformat(headers[SINCE_HEADER])
    except ValueError as error:
        raise Rejected("invalid-envelope", f"{SINCE_HEADER} is not a time") from error
    if since.tzinfo is None:
        raise Rejected("invalid-envelope", f"{SINCE_HEADER} has no offset")
    return since


def _addressed(subject: str) -> Addressed:
    if len(subject) > MAX_SUBJECT:
        raise Unreadable("too-large", f"the subject has {len(subject)} characters")
    try:
        return subjects.parse(subject)
    except BadSubject as error:
        raise Unreadable("subject-mismatch", str(error)) from error


class _Origin(NamedTuple):
    """Where a message came from, delivered now or set aside once."""

    subject: str
    seq: int
    time: datetime
    body: bytes
    headers: Mapping[str, str]


def _delivered(delivery: Delivery) -> _Origin:
    return _Origin(
        subject=delivery.subject,
        seq=delivery.seq,
        time=delivery.time,
        body=delivery.data,
        headers=delivery.headers,
    )


def _origin(found: Letter) -> _Origin:
    return _Origin(
        subject=found.subject,
        seq=found.sequence,
        time=found.time,
        body=found.body,
        headers=found.headers,
    )


def _job(origin: _Origin, addressed: Addressed, envelope: Envelope) -> Job:
    type_ = addressed.type
    return Job(
        ref=addressed.ref,
        type=type_,
        input_id=envelope.id,
        done_id=envelope.id,
        digest=_digest(type_, origin.subject, envelope.data),
        now=origin.time,
        actor=Actor(name="nats:_"),
        correlationid=envelope.correlationid or envelope.id,
        causationid=envelope.causationid or "",
        payload=None,
        origin="c",
        sequence=origin.seq,
        delivery=None,
        subject=origin.subject,
        body=origin.body,
        reply=_reply(addressed.ref, origin.headers),
        traceparent=_trace(envelope.traceparent or origin.headers.get("traceparent", "")),
    )


def _trace(text: str) -> str:
    """Return a traceparent, or nothing: what is none is no reason to refuse a command."""
    return text if TRACEPARENT.fullmatch(text) else ""


def _digest(type_: str, subject: str, data: bytes | msgspec.Raw) -> str:
    try:
        return message.digest(type_, subject, data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        # Not JSON: refused anyway; the fingerprint is of the bytes, so a repeat is still known.
        return hashlib.sha256(bytes(data)).hexdigest()


def _refused_early(delivery: Delivery, addressed: Addressed, error: Undecodable) -> Job:
    """Return the job of a message that breaks a rule of every message, if its id can be read."""
    try:
        found = msgspec.json.decode(delivery.data, type=_Identified)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as unreadable:
        raise Unreadable(error.code, error.message) from unreadable
    if not COMMAND_ID.fullmatch(found.id) or found.id.startswith("_"):
        raise Unreadable(error.code, error.message)
    correlation = found.correlationid or ""
    envelope = Envelope(
        specversion="1.0",
        id=found.id,
        source="unknown",
        type=addressed.type,
        correlationid=correlation if COMMAND_ID.fullmatch(correlation) else None,
        data=msgspec.Raw(delivery.data),
    )
    job = _job(_delivered(delivery), addressed, envelope)
    job.actor = Actor(name=f"nats:{addressed.ref.organization or '_'}")
    return msgspec.structs.replace(job, refusal=_as_rejection(error))


def _as_rejection(error: Undecodable) -> Rejected:
    errors = []
    if error.pointer or error.rule != error.code:
        errors = [FieldError(pointer=error.pointer, rule=error.rule, message=error.sentence)]
    return Rejected(error.code, error.message, errors)


def _check_subject(job: Job, envelope: Envelope) -> None:
    if envelope.type != job.type:
        raise Rejected(
            "subject-mismatch",
            f"the subject says {job.type}, the body {envelope.type}",
            pointer="/type",
        )
    said = envelope.organization
    if said is not None and said != job.ref.organization:
        raise Rejected(
            "subject-mismatch",
            f"the subject says {job.ref.organization!r}, the body {said!r}",
            pointer="/organization",
        )
    if envelope.subject is not None and envelope.subject != job.ref.id:
        raise Rejected(
            "subject-mismatch",
            f"the subject says {job.ref.id!r}, the body {envelope.subject!r}",
            pointer="/subject",
        )


def _check_service(job: Job) -> None:
    """Refuse what only a service may send, and what no service sends."""
    command = registry.COMMANDS.get(job.type)
    if command is None:
        return
    service = job.actor.service
    if service is None:
        if command.sent_by == "services":
            raise Rejected("forbidden", f"only a service sends {job.type}")
    elif not roles.may_send(job.type, (), service):
        raise Rejected("forbidden", f"service {service!r} does not send {job.type}")


def _reply(ref: Ref, headers: Mapping[str, str]) -> str:
    """Return where the answer may go; empty if nowhere, so that no refusal goes astray either."""
    wanted = headers.get(REPLY_HEADER, "")
    prefix = f"rsp.{subjects.organization_token(ref.organization)}."
    fits = len(wanted) <= _REPLY_MAX and _REPLY.fullmatch(wanted) is not None
    return wanted if fits and wanted.startswith(prefix) else ""


def _process(job: Job, addressed: Addressed, envelope: Envelope) -> Ref | None:
    """Return the process manager that hears the outcome, whatever it is.

    An answer is not answered; nobody but a service is, and it only for its own processes.
    """
    if envelope.process is None or job.actor.service is None or addressed.name == _ANSWER:
        return None
    try:
        process = Ref.parse(envelope.process)
    except BadSubject as error:
        raise Rejected("invalid-envelope", str(error), pointer="/process") from error
    if process.service != job.actor.service:
        raise Rejected(
            "invalid-envelope", "the process belongs to another service", pointer="/process"
        )
    return process


def _payload(job: Job, envelope: Envelope) -> message.Command | message.Answer:
    found = _message(job)
    command = codec.command_data(found, envelope.data)
    return command.answer if isinstance(command, TakeAnswer) else command


def _message(job: Job) -> Message:
    found = registry.COMMANDS.get(job.type)
    if found is None or job.ref.aggregate not in found.aggregates:
        raise Rejected(
            "unknown-type",
            f"{job.ref.aggregate!r} takes no command {job.type!r}",
            pointer="/type",
        )
    return found
