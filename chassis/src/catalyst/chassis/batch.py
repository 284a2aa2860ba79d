"""From a decision to the messages of its batch, in the one order that the protocol allows.

Outcome, guards, claims, snapshot, timers, commands to be sent, events; without events the outcome
comes last.

Pure: the decide loop hands over what it read, the grouping sends what comes out.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from datetime import timedelta
from itertools import chain
from typing import Final, NamedTuple

import msgspec

from catalyst.chassis import events as event_codec
from catalyst.chassis import timer
from catalyst.chassis.claiming import ClaimBody, HeldClaim
from catalyst.chassis.guard import Guard
from catalyst.chassis.jetstream.port import Outgoing
from catalyst.chassis.job import Job
from catalyst.chassis.states import Held
from catalyst.contracts import codec, subjects
from catalyst.contracts.decision import Arm, Cancel, Decision, Send
from catalyst.contracts.message import Answer, Envelope, Event, Outcome, derived_id
from catalyst.contracts.registry import named
from catalyst.contracts.rejection import Rejected
from catalyst.contracts.runtime_v1 import TakeAnswer
from catalyst.contracts.subjects import Claim, Ref
from catalyst.contracts.topology import (
    DONE_TTL,
    MAX_BODY_BYTES,
    MAX_EVENTS_PER_COMMAND,
    MAX_GROUP_MESSAGES,
    PAYLOAD_MARGIN_BYTES,
)

BATCH_HEADERS_BYTES: Final = 128
"""What the broker port adds to each message of a batch, at most."""
ANSWER_LENGTH: Final = 1024
"""Characters of a refusal's message that its sender hears."""

_DONE_HEADERS: Final = {"Nats-TTL": DONE_TTL, "Nats-Expected-Last-Subject-Sequence": "0"}
_ROOM_BYTES: Final = 16 * 1024
"""More than the headers of one message take, whose values are subjects and numbers, and more than
where an outcome stands adds to it."""


class TooLarge(Rejected):
    """The decision would write more than the broker or the protocol takes."""

    def __init__(self, message: str) -> None:
        """Refuse with the code `too-large`."""
        super().__init__("too-large", message)


class Written(NamedTuple):
    """An event of a draft: what is sent, on which aggregate, and the value that folds."""

    message: Outgoing
    ref: Ref
    event: Event


class Draft(msgspec.Struct, kw_only=True):
    """All messages of one decision; they stay together in a batch."""

    done: str
    """Subject of the outcome; empty if the batch records none (parking)."""
    outcome: Outcome | None
    checks: list[Guard] = []
    check_subject: tuple[str | None, str] = (None, "")
    claims: list[Outgoing] = []
    snapshot: Outgoing | None = None
    timers: list[Outgoing] = []
    sends: list[Outgoing] = []
    events: list[Written] = []
    cancels: set[str] = set()
    """Subjects of timers that an event of this draft cancels."""
    guards: dict[str, int] = {}
    """Every guard string and what it must be at, read or written."""
    alone: bool = False
    """Send it in a batch of its own."""

    def writes(self) -> set[str]:
        """Subjects and guard strings that this draft changes."""
        changed = {item.subject for item in (*self.claims, *self.timers, *self.sends)}
        changed.update(item.ref.guard for item in self.events)
        changed.update(self.cancels)
        if self.snapshot is not None:
            changed.add(self.snapshot.subject)
        if self.done:
            changed.add(self.done)
        return changed

    @property
    def changes(self) -> bool:
        """Whether anything follows from it besides an outcome."""
        return bool(self.events or self.claims or self.timers or self.sends)

    def size(self) -> int:
        """Number of messages."""
        return (
            (1 if self.outcome is not None else 0)
            + len(self.checks)
            + len(self.claims)
            + (1 if self.snapshot is not None else 0)
            + len(self.timers)
            + len(self.sends)
            + len(self.events)
        )

    def before_done(self) -> list[Outgoing]:
        """Messages that stand before the outcome in its batch."""
        if self.events:
            return []
        return [*self._checks(), *self.claims, *self.timers, *self.sends]

    def after_done(self) -> list[Outgoing]:
        """Messages that stand behind it: where there are events, they come last."""
        if not self.events:
            return []
        snapshot = [self.snapshot] if self.snapshot is not None else []
        return [
            *self._checks(),
            *self.claims,
            *snapshot,
            *self.timers,
            *self.sends,
            *(item.message for item in self.events),
        ]

    def counts(self) -> dict[str, int]:
        """Number of messages of this draft by class, the outcome left out."""
        found = {}
        if self.checks:
            found["chk"] = len(self.checks)
        if self.claims:
            found["clm"] = len(self.claims)
        if self.snapshot is not None and self.events:
            found["st"] = 1
        if self.timers:
            found["tmr"] = len(self.timers)
        if self.sends:
            found["out"] = len(self.sends)
        if self.events:
            found["evt"] = len(self.events)
        return found

    def recorded(self, *, before: int, after: int) -> Outcome:
        """Return the outcome as it is stored, given how many messages stand around it."""
        if self.outcome is None:
            raise ValueError("this draft records no outcome")
        return msgspec.structs.replace(
            self.outcome, counts=self.counts(), before=before, after=after, seq=0, log=""
        )

    def done_message(self, recorded: Outcome) -> Outgoing:
        """Return the message of an outcome that `recorded` made."""
        return Outgoing(self.done, codec.encode(recorded), _DONE_HEADERS)

    def _checks(self) -> list[Outgoing]:
        organization, done_id = self.check_subject
        return [
            guard.message(subjects.check(organization, done_id, number))
            for number, guard in enumerate(self.checks)
        ]


def rejection(job: Job, outcome: Outcome, guards: Mapping[str, int]) -> Draft:
    """Return the draft of a refusal: the outcome, and a guard for all that was read."""
    draft = _start(job, outcome)
    draft.guards = dict(guards)
    draft.checks = [Guard(string, at) for string, at in guards.items()]
    _answer(draft, job)
    return draft


def acceptance(
    job: Job,
    decision: Decision,
    outcome: Outcome,
    held: Mapping[Ref, Held],
    claims: Mapping[Claim, HeldClaim],
    more: Sequence[Event] = (),
) -> Draft:
    """Return the draft of a decision.

    Args:
        job: The input.
        decision: What the rule wants.
        outcome: What is recorded.
        held: Every aggregate that was read, the deciding one included.
        claims: Every claim that was read.
        more: Events of the runtime itself on the deciding aggregate, after the rule's.

    Raises:
        TooLarge: If it has more events than allowed.
    """
    draft = _start(job, outcome)
    emitted = [(item.ref or job.ref, item.event) for item in decision.events]
    emitted.extend((job.ref, event) for event in more)
    if len(emitted) > MAX_EVENTS_PER_COMMAND:
        raise TooLarge(f"{len(emitted)} events, {MAX_EVENTS_PER_COMMAND} are allowed")
    _add_events(draft, job, emitted, held)
    _add_claims(draft, job, decision, claims)
    _add_timers(draft, job, decision)
    for number, send in enumerate(decision.commands):
        draft.sends.append(_out(job, send, f"out{number}"))
    written = {ref for ref, _ in emitted}
    for ref, item in held.items():
        draft.guards[ref.guard] = item.version
        if ref not in written:
            draft.checks.append(Guard(ref.guard, item.version))
    _answer(draft, job)
    return draft


def measure(draft: Draft, max_payload: int) -> None:
    """Refuse what the broker would refuse, before the first byte is sent; drop a large snapshot.

    Raises:
        TooLarge: If there are more messages than one batch takes, or one is above the limit. A
            command to be sent has the limit of every command.
    """
    if draft.size() > MAX_GROUP_MESSAGES:
        raise TooLarge(f"{draft.size()} messages, {MAX_GROUP_MESSAGES} are allowed")
    for message in draft.sends:
        if len(message.data) > MAX_BODY_BYTES:
            raise TooLarge(f"a command of {len(message.data)} bytes, {MAX_BODY_BYTES} are allowed")
    limit = max_payload - PAYLOAD_MARGIN_BYTES
    if draft.snapshot is not None and draft.snapshot.size() + BATCH_HEADERS_BYTES > limit:
        draft.snapshot = None
    written = (item.message for item in draft.events)
    for message in chain(draft.claims, draft.timers, draft.sends, written):
        # Nearly always far below: then its headers need not be counted.
        if len(message.data) + _ROOM_BYTES > limit:
            _refuse_above(message, limit)
    if draft.outcome is not None:
        message = draft.done_message(draft.outcome)
        if len(message.data) + _ROOM_BYTES > limit:
            _refuse_above(draft.done_message(draft.recorded(before=0, after=0)), limit)


def _refuse_above(message: Outgoing, limit: int) -> None:
    size = message.size() + BATCH_HEADERS_BYTES
    if size > limit:
        raise TooLarge(f"a message of {size} bytes, {limit} are allowed")


def _start(job: Job, outcome: Outcome) -> Draft:
    return Draft(
        done=subjects.done(job.ref.organization, job.done_id),
        outcome=outcome,
        check_subject=(job.ref.organization, job.done_id),
    )


def event_message(
    job: Job, ref: Ref, event: Event, position: int | str, headers: Mapping[str, str]
) -> Outgoing:
    """Return an event as it is sent; its id derives from the outcome's and its position."""
    message = named(type(event), ref.service)
    envelope = Envelope(
        specversion="1.0",
        id=derived_id(job.done_id, position),
        source=f"catalyst/{job.ref.service}",
        type=message.type,
        time=job.now,
        organization=ref.organization,
        actor=job.actor.name,
        correlationid=job.correlationid,
        causationid=job.input_id,
        traceparent=job.traceparent or None,
        data=event_codec.encode(event),
    )
    subject = ref.event(message.name, message.version)
    return Outgoing(subject, codec.encode(envelope), headers)


def _add_events(
    draft: Draft, job: Job, emitted: Sequence[tuple[Ref, Event]], held: Mapping[Ref, Held]
) -> None:
    seen: set[Ref] = set()
    for number, (ref, event) in enumerate(emitted):
        if ref.organization != job.ref.organization:
            raise ValueError(f"{job.type} writes outside its Organization: {ref.path}")
        if ref.service != job.ref.service:
            raise ValueError(f"{job.type} writes what another service decides: {ref.path}")
        headers: dict[str, str] = {}
        if ref not in seen:
            seen.add(ref)
            headers = Guard(ref.guard, held[ref].version).headers()
        draft.events.append(
            Written(message=event_message(job, ref, event, number, headers), ref=ref, event=event)
        )


def _add_claims(
    draft: Draft, job: Job, decision: Decision, claims: Mapping[Claim, HeldClaim]
) -> None:
    if not claims:
        return
    taken = {item.claim for item in decision.claims}
    for item in decision.claims:
        at, subject = claims[item.claim].version, item.claim.subject
        # Nearly always the very same ones, which then make up one block of a batch.
        shared = _claim_headers(at, item.ttl)
        holder = None if item.release else job.ref.path
        body = ClaimBody(holder=holder, done=job.done_id, digest=item.digest)
        draft.claims.append(Outgoing(subject, codec.encode(body), shared))
        draft.guards[subject] = at
    for claim, read in claims.items():
        if claim not in taken:
            draft.checks.append(Guard(claim.subject, read.version))
            draft.guards[claim.subject] = read.version


@functools.lru_cache(maxsize=256)
def _claim_headers(at: int, ttl: timedelta | None) -> Mapping[str, str]:
    headers = {"Nats-Expected-Last-Subject-Sequence": str(at)}
    if ttl is not None:
        headers["Nats-TTL"] = f"{max(1, round(ttl.total_seconds()))}s"
    return headers


def _add_timers(draft: Draft, job: Job, decision: Decision) -> None:
    if not decision.timers:
        return
    cancels = [item for item in decision.timers if isinstance(item, Cancel)]
    arms = [item for item in decision.timers if isinstance(item, Arm)]
    armed = {item.timer for item in arms}
    if len(cancels) > len(draft.events):
        raise ValueError(f"{job.type} cancels more timers than it writes events")
    for item, written in zip(cancels, list(draft.events), strict=False):
        if item.timer in armed:
            raise ValueError(f"{job.type} cancels the timer {item.timer!r} that it arms")
        headers = {**written.message.headers, **timer.cancellation(job.ref, item.timer)}
        place = draft.events.index(written)
        message = Outgoing(written.message.subject, written.message.data, headers)
        draft.events[place] = Written(message=message, ref=written.ref, event=written.event)
        draft.cancels.add(job.ref.timer(item.timer))
    made = (timer.arm(job.ref, item, now=job.now, done_id=job.done_id) for item in arms)
    draft.timers.extend(made)


def _out(job: Job, send: Send, position: str) -> Outgoing:
    message = named(type(send.command), send.ref.service)
    envelope = Envelope(
        specversion="1.0",
        id=derived_id(job.done_id, position),
        source=f"catalyst/{job.ref.service}",
        type=message.type,
        time=job.now,
        organization=send.ref.organization,
        actor=f"service:{job.ref.service}",
        correlationid=job.correlationid,
        causationid=job.input_id,
        process=job.ref.path if job.hears else None,
        traceparent=job.traceparent or None,
        data=event_codec.encode(send.command),
    )
    subject = send.ref.command(message.name, message.version)
    return Outgoing("out" + subject.removeprefix("cmd"), codec.encode(envelope))


def _answer(draft: Draft, job: Job) -> None:
    """Put the answer to a process manager into the batch that holds the outcome."""
    if job.process is None or draft.outcome is None:
        return
    answer = Answer(
        command_id=job.done_id,
        status=draft.outcome.status,
        code=draft.outcome.code,
        events=len(draft.outcome.events),
        message=draft.outcome.message[:ANSWER_LENGTH],
    )
    message = named(TakeAnswer, job.process.service)
    envelope = Envelope(
        specversion="1.0",
        id=derived_id(job.done_id, "answer"),
        source=f"catalyst/{job.ref.service}",
        type=message.type,
        time=job.now,
        organization=job.process.organization,
        actor=f"service:{job.ref.service}",
        correlationid=job.correlationid,
        causationid=job.done_id,
        traceparent=job.traceparent or None,
        data=event_codec.encode(TakeAnswer(answer=answer)),
    )
    subject = job.process.command(message.name, message.version)
    draft.sends.append(Outgoing("out" + subject.removeprefix("cmd"), codec.encode(envelope)))
