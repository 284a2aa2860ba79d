"""The worker's own door: from the bytes of a command to a job, or to the reason why not.

The same token and the same command get the same answer here and at the HTTP door: one parser, one
table of roles. Nothing of the aggregate's state is looked at.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

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
from catalyst.contracts.message import COMMAND_ID, Envelope, FieldError
from catalyst.contracts.registry import Message
from catalyst.contracts.rejection import Rejected
from catalyst.contracts.runtime_v1 import TakeAnswer
from catalyst.contracts.subjects import Addressed, BadSubject, Ref
from catalyst.contracts.topology import COMMAND_MAX_AGE_SECONDS, COMMAND_MAX_AHEAD_SECONDS

ACTOR_HEADER: Final = "Catalyst-Actor"
SINCE_HEADER: Final = "Catalyst-Since"
REPLY_HEADER: Final = "Catalyst-Reply"


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
        """
        job = await self._admit(delivery)
        job.delivery = delivery
        job.delivered = delivery.delivered
        return job

    async def _admit(self, delivery: Delivery) -> Job:
        addressed = _addressed(delivery.subject)
        try:
            envelope = codec.envelope(delivery.data)
        except Undecodable as error:
            return _refused_early(delivery, addressed, error)
        if not COMMAND_ID.fullmatch(envelope.id):
            raise Unreadable("invalid-id", f"{envelope.id[:64]!r} is not a command id")
        job = _job(_delivered(delivery), addressed, envelope)
        try:
            await self._prove(job, delivery)
            _check_id(job)
            await self._check(job, addressed, envelope, delivery)
            job.payload = _payload(job, addressed, envelope)
        except Rejected as refusal:
            job.refusal = refusal
        except Undecodable as error:
            job.refusal = _as_rejection(error)
        return job

    async def _prove(self, job: Job, delivery: Delivery) -> None:
        organization = job.ref.organization
        header = delivery.headers.get("Authorization")
        if header is None:
            job.actor = Actor(name=f"nats:{organization or '_'}")
            if self.require_tokens:
                raise Rejected("unauthenticated", "a token is needed here and there is none")
            return
        claims = await self._verify(header, delivery.time)
        job.actor = Actor(
            name=claims.actor,
            email=claims.verified_email,
            roles=self.table.roles(claims, organization),
            proven=True,
        )
        if claims.service == self.service and ACTOR_HEADER in delivery.headers:
            job.actor = Actor(name=delivery.headers[ACTOR_HEADER], proven=True)
        if claims.service is None:
            await self._authorize(job, claims)

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
            raise Rejected("forbidden", f"your roles do not allow {job.type}")

    async def _check(
        self, job: Job, addressed: Addressed, envelope: Envelope, delivery: Delivery
    ) -> None:
        _check_subject(addressed, envelope)
        _check_service(job)
        if job.reply and not job.reply.startswith(_reply_prefix(addressed.ref)):
            job.reply = ""
            raise Rejected("reply-not-allowed", "the reply subject is outside the Organization's")
        if envelope.time is not None and envelope.time - job.now > _AHEAD:
            raise Rejected(
                "command-from-future", "`time` is ahead of the broker's", pointer="/time"
            )
        since = _since(job, delivery.headers) or job.now
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
        job.actor = found.actor or job.actor
        job.payload = _payload(job, addressed, envelope)
    except Undecodable as error:
        raise Unreadable(error.code, error.message) from error
    except Rejected as refusal:
        job.refusal = refusal
    return job


_AHEAD: Final = timedelta(seconds=COMMAND_MAX_AHEAD_SECONDS)
_MAX_AGE: Final = timedelta(seconds=COMMAND_MAX_AGE_SECONDS)


def _since(job: Job, headers: Mapping[str, str]) -> datetime | None:
    """Return the start of a relayed command's age; only a service is believed."""
    if job.actor.service is None or SINCE_HEADER not in headers:
        return None
    return datetime.fromisoformat(headers[SINCE_HEADER])


def _addressed(subject: str) -> Addressed:
    try:
        return subjects.parse(subject)
    except BadSubject as error:
        raise Unreadable("subject-mismatch", str(error)) from error


@dataclass(frozen=True, slots=True, kw_only=True)
class _Origin:
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
    return Job(
        ref=addressed.ref,
        type=addressed.type,
        input_id=envelope.id,
        done_id=envelope.id,
        digest=_digest(addressed.type, origin.subject, envelope.data),
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
        reply=origin.headers.get(REPLY_HEADER, ""),
        traceparent=envelope.traceparent or origin.headers.get("traceparent", ""),
    )


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
    envelope = Envelope(
        specversion="1.0",
        id=found.id,
        source="unknown",
        type=addressed.type,
        correlationid=found.correlationid,
        data=msgspec.Raw(delivery.data),
    )
    job = _job(_delivered(delivery), addressed, envelope)
    job.actor = Actor(name=f"nats:{addressed.ref.organization or '_'}")
    return replace(job, refusal=_as_rejection(error))


def _as_rejection(error: Undecodable) -> Rejected:
    errors = []
    if error.pointer or error.rule != error.code:
        errors = [FieldError(pointer=error.pointer, rule=error.rule, message=error.message)]
    return Rejected(error.code, error.message, errors)


def _check_id(job: Job) -> None:
    if job.done_id.startswith("_") and job.actor.service is None:
        job.record = False
        raise Rejected("invalid-id", "an id that begins with `_` is a service's", pointer="/id")


def _check_subject(addressed: Addressed, envelope: Envelope) -> None:
    if envelope.type != addressed.type:
        raise Rejected(
            "subject-mismatch",
            f"the subject says {addressed.type}, the body {envelope.type}",
            pointer="/type",
        )
    said = envelope.organization
    if said is not None and said != addressed.ref.organization:
        raise Rejected(
            "subject-mismatch",
            f"the subject says {addressed.ref.organization!r}, the body {said!r}",
            pointer="/organization",
        )
    if envelope.subject is not None and envelope.subject != addressed.ref.id:
        raise Rejected(
            "subject-mismatch",
            f"the subject says {addressed.ref.id!r}, the body {envelope.subject!r}",
            pointer="/subject",
        )


def _check_service(job: Job) -> None:
    """Refuse what only a service may send, and what no service sends."""
    if job.type not in registry.COMMANDS:
        return
    if job.type in roles.SERVICE_COMMANDS:
        if not roles.may_send(job.type, (), job.actor.service):
            raise Rejected("forbidden", f"only a service sends {job.type}")
    elif job.actor.service is not None and not roles.may_send(job.type, (), job.actor.service):
        raise Rejected("forbidden", f"service {job.actor.service!r} does not send {job.type}")


def _reply_prefix(ref: Ref) -> str:
    return f"rsp.{subjects.organization_token(ref.organization)}."


def _payload(
    job: Job, addressed: Addressed, envelope: Envelope
) -> message.Command | message.Answer:
    found = _message(addressed)
    command = codec.command_data(found, envelope.data)
    if envelope.process is not None and job.actor.service is not None:
        try:
            job.process = Ref.parse(envelope.process)
        except BadSubject as error:
            raise Rejected("invalid-envelope", str(error), pointer="/process") from error
    if isinstance(command, TakeAnswer):
        # An answer is not answered.
        job.process = None
        return command.answer
    return command


def _message(addressed: Addressed) -> Message:
    found = registry.COMMANDS.get(addressed.type)
    if found is None or addressed.ref.aggregate not in found.aggregates:
        raise Rejected(
            "unknown-type",
            f"{addressed.ref.aggregate!r} takes no command {addressed.type!r}",
            pointer="/type",
        )
    return found
