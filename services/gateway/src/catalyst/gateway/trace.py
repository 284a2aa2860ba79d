"""The causal chain of a command, from the log alone: what it led to, step by step.

Ids of what follows derive from ids of what was there, so the chain is walked, not searched: the
outcome of a command lies beside its events and the commands it sent; each event may have been taken
up by a process manager or an effect, under an id that follows from both.

A change also goes on because of what others saw or decided, such as a cluster's facts. Its own
events are therefore read too, and what is recorded for those that nothing led to.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

import msgspec

from catalyst.chassis.jetstream.port import Broker, Stored
from catalyst.contracts import subjects
from catalyst.contracts.message import (
    COMMAND_ID,
    Envelope,
    FieldError,
    Outcome,
    UtcTime,
    derived_id,
    is_stray,
)
from catalyst.contracts.registry import COMMANDS
from catalyst.contracts.subjects import BadSubject, Ref
from catalyst.contracts.topology import CONSUMERS, EV

MAX_STEPS: Final = 500
"""Steps of one chain; a longer one says that it was cut."""
_PLAIN: Final = ("relay", "timers", "commands")
_OVER: Final = frozenset({"provisioning.change-completed.v1", "provisioning.change-failed.v1"})
"""Events after which nothing of a change follows."""

_SEEN: Final = "provisioning.change-step-progressed.v1"
"""The event of a change that may rest on what somebody saw."""

Kind = Literal["command", "sent", "reaction", "effect", "timer"]


class _Told(msgspec.Struct):
    """What is read of an event that may rest on what somebody saw."""

    source: str | None = None


class TracedEvent(msgspec.Struct, frozen=True, kw_only=True):
    """An event that a step wrote."""

    seq: int
    id: str
    type: str
    time: UtcTime
    aggregate: str
    """Path of the aggregate it happened to."""
    source: str = ""
    """Who saw what it rests on, `cluster` or `simulator`; empty: it rests on nothing seen."""


class TracedSend(msgspec.Struct, frozen=True, kw_only=True):
    """A command that a step put into the log, to be sent."""

    id: str
    type: str
    aggregate: str


class Step(msgspec.Struct, kw_only=True):
    """One decision: its input, its outcome, what it wrote."""

    id: str
    """Id under which the outcome is recorded."""
    kind: Kind
    by: str
    """The process manager or effect that took the event up; empty for others."""
    cause: str
    """Id of the event, command or decision that it follows from; empty for the first."""
    type: str
    aggregate: str
    actor: str
    status: Literal["accepted", "rejected", "pending"]
    code: str = ""
    message: str = ""
    errors: tuple[FieldError, ...] = ()
    time: UtcTime | None = None
    seq: int = 0
    """Sequence of the outcome itself; 0 while there is none."""
    last_seq: int = 0
    """Last sequence of its batch: what `min_seq` takes."""
    events: list[TracedEvent] = []
    sends: list[TracedSend] = []
    timers: list[str] = []
    """Names of timers that it armed and that still wait."""


@dataclass(frozen=True, slots=True)
class _Lead:
    """Where the outcome of a next step may be."""

    organization: str | None
    id: str
    kind: Kind
    by: str
    cause: str
    expected: TracedSend | None = None
    """For a command that was sent: what is shown while it is pending."""
    position: int = 0
    """For an effect: which of its reports."""


@dataclass(slots=True)
class Chain:
    """All steps that were found, oldest first."""

    steps: list[Step] = field(default_factory=list)
    refs: dict[str, Ref] = field(default_factory=dict)
    """Every aggregate in the chain by its path."""
    cut: bool = False
    incomplete: str = ""
    """Why it is not everything; empty if it is."""


def takers() -> tuple[str, ...]:
    """Return the name of every process manager and effect that takes up events."""
    names = (item.name.partition("--")[2] for item in CONSUMERS if item.stream == EV)
    return tuple(sorted({name for name in names if name not in _PLAIN}))


async def roots(
    broker: Broker, command_id: str, organization: str | None, *, any_owner: bool
) -> list[Stored]:
    """Return the recorded outcomes under an id: one, or one for each owner that has such an id."""
    if not COMMAND_ID.fullmatch(command_id):
        return []
    if any_owner:
        return await broker.last_many(EV, [f"done.*.{command_id}"])
    stored = await broker.last(EV, subjects.done(organization, command_id))
    return [] if stored is None else [stored]


async def walk(broker: Broker, root: Stored) -> Chain:
    """Return everything that followed from a recorded outcome, level by level."""
    chain = Chain()
    owner = subjects.organization_of(root.subject.split(".")[1])
    outcome = msgspec.json.decode(root.data, type=Outcome)
    leads = [_Lead(owner, outcome.id, "command", "", outcome.causationid)]
    own: list[Envelope] = []
    seen: set[tuple[str | None, str]] = set()
    while not chain.cut:
        fresh = _fresh(leads, seen)
        if not fresh:
            own = await _own(broker, root)
            # The oldest alone: the others may follow from it.
            found = (_fresh(_causes(event), seen) for event in _unlinked(chain, own))
            fresh = next(filter(None, found), {})
        if not fresh:
            break
        seen |= fresh.keys()
        leads = await _level(broker, chain, list(fresh.values()))
    chain.steps.sort(key=lambda step: (step.seq == 0, step.seq))
    chain.incomplete = _incomplete(chain, own)
    return chain


def _fresh(
    leads: Iterable[_Lead], seen: set[tuple[str | None, str]]
) -> dict[tuple[str | None, str], _Lead]:
    found = {(lead.organization, lead.id): lead for lead in leads}
    return {key: lead for key, lead in found.items() if key not in seen}


async def _own(broker: Broker, root: Stored) -> list[Envelope]:
    """Return the events of the change that the chain began with, from there on; else nothing."""
    outcome = msgspec.json.decode(root.data, type=Outcome)
    path = _path(outcome.subject)
    if outcome.status != "accepted" or path.split(".")[1:3] != ["provisioning", "change"]:
        return []
    stored = await broker.replay(EV, f"evt.{path}.>", start=root.seq - outcome.before)
    events = (item.data for item in stored if not is_stray(item.data))
    return [msgspec.json.decode(data, type=Envelope) for data in events]


def _unlinked(chain: Chain, own: Iterable[Envelope]) -> list[Envelope]:
    known = {event.id for step in chain.steps for event in step.events}
    return [event for event in own if event.id not in known]


def _causes(event: Envelope) -> Iterable[_Lead]:
    """Yield where the decision may be that wrote an event."""
    cause = event.causationid or ""
    yield _Lead(event.organization, cause, "command", "", "")
    for name in takers():
        yield _report(event.organization, name, cause, 0)


def _incomplete(chain: Chain, own: Sequence[Envelope]) -> str:
    """Return why a chain is not everything that followed; nothing if it is."""
    if chain.cut:
        return f"it has more than {MAX_STEPS} steps"
    if _unlinked(chain, own):
        return "what led to some events of the change is not recorded any more"
    if any(step.status == "pending" for step in chain.steps):
        return "not everything is decided yet"
    if own and not any(event.type in _OVER for event in own):
        return "the change is not over yet"
    return ""


async def _level(broker: Broker, chain: Chain, leads: Sequence[_Lead]) -> list[_Lead]:
    wanted = {subjects.done(lead.organization, lead.id): lead for lead in leads}
    stored = {item.subject: item for item in await broker.last_many(EV, list(wanted))}
    following: list[_Lead] = []
    for subject, lead in wanted.items():
        if len(chain.steps) >= MAX_STEPS:
            chain.cut = True
            break
        found = stored.get(subject)
        if found is not None:
            following += await _step(broker, chain, lead, found)
        elif lead.expected is not None:
            chain.steps.append(_pending(lead, lead.expected))
    return following


def _pending(lead: _Lead, expected: TracedSend) -> Step:
    return Step(
        id=lead.id,
        kind=lead.kind,
        by="",
        cause=lead.cause,
        type=expected.type,
        aggregate=expected.aggregate,
        actor="",
        status="pending",
    )


async def _step(broker: Broker, chain: Chain, lead: _Lead, stored: Stored) -> list[_Lead]:
    """Add the decision of an outcome to the chain; return where it may have led."""
    outcome = msgspec.json.decode(stored.data, type=Outcome)
    own = sum(outcome.counts.values())
    first = stored.seq - outcome.before
    last = stored.seq + max(0, own - outcome.before)
    beside: list[Stored] = []
    if own:
        # Some of them may have expired; none of another decision stands between.
        read = await broker.replay(EV, ">", start=first, limit=own + 1)
        beside = [item for item in read if item.seq <= last]
    # A process manager and an effect leave the same trail, but only an effect reports by a command.
    effect = lead.kind == "reaction" and outcome.type in COMMANDS
    step = Step(
        id=lead.id,
        kind="effect" if effect else lead.kind,
        by=lead.by,
        cause=lead.cause or outcome.causationid,
        type=outcome.type,
        aggregate=_path(outcome.subject),
        actor=outcome.actor,
        status=outcome.status,
        code=outcome.code,
        message=outcome.message,
        errors=outcome.errors,
        time=outcome.time,
        seq=stored.seq,
        last_seq=stored.seq + outcome.after,
    )
    chain.steps.append(step)
    leads = list(_read(chain, step, beside))
    if step.kind == "reaction" and step.events:
        # Its input was another's event; who decided is whoever wrote.
        step.aggregate = step.events[0].aggregate
    _note(chain, step.aggregate)
    if outcome.counts.get("tmr"):
        leads += await _firings(broker, step)
    if effect:
        # An effect reports on each thing of its event, numbered without a gap.
        leads.append(_report(lead.organization, lead.by, lead.cause, lead.position + 1))
    return leads


def _path(subject: str) -> str:
    """Return the path of the aggregate in a `cmd.`, `evt.` or `due.tmr.` subject; or nothing."""
    tokens = subject.removeprefix("due.").split(".")
    return ".".join(tokens[1:5]) if len(tokens) >= 6 else ""


def _owner(path: str) -> str | None:
    return subjects.organization_of(path.partition(".")[0])


def _note(chain: Chain, path: str) -> None:
    if path and path not in chain.refs:
        try:
            chain.refs[path] = Ref.parse(path)
        except BadSubject:
            # Recorded for a subject that names no aggregate: there is nothing to show for it.
            return


def _read(chain: Chain, step: Step, messages: Iterable[Stored]) -> Iterable[_Lead]:
    """Sort the messages beside an outcome into its step; yield what may follow from each."""
    for item in messages:
        kind, _, rest = item.subject.partition(".")
        if kind == "tmr":
            step.timers.append(subjects.unescape(rest.rpartition(".")[2]))
        if kind not in {"evt", "out"}:
            continue
        envelope = msgspec.json.decode(item.data, type=Envelope)
        path = _path(item.subject)
        _note(chain, path)
        if kind == "evt":
            yield from _of_event(step, item, envelope, path)
        else:
            sent = TracedSend(id=envelope.id, type=envelope.type, aggregate=path)
            step.sends.append(sent)
            owner = _owner(path)
            yield _Lead(owner, envelope.id, "sent", "", step.id, sent)


def _of_event(step: Step, item: Stored, envelope: Envelope, path: str) -> Iterable[_Lead]:
    step.events.append(
        TracedEvent(
            seq=item.seq,
            id=envelope.id,
            type=envelope.type,
            time=item.time,
            aggregate=path,
            source=_source(envelope),
        )
    )
    owner = _owner(path)
    for name in takers():
        yield _report(owner, name, envelope.id, 0)


def _source(envelope: Envelope) -> str:
    if envelope.type != _SEEN:
        return ""
    return msgspec.json.decode(envelope.data, type=_Told).source or ""


def _report(owner: str | None, name: str, event: str, position: int) -> _Lead:
    """Return where what took up an event may have left a report, by the report's position."""
    taken = derived_id(f"{name}/{event}", position)
    return _Lead(owner, taken, "reaction", name, event, position=position)


async def _firings(broker: Broker, step: Step) -> list[_Lead]:
    """Return the firings of timers that a step armed."""
    if not step.aggregate:
        return []
    found = []
    for item in await broker.replay(EV, f"due.tmr.{step.aggregate}.*"):
        body: dict[str, Any] = msgspec.json.decode(item.data or b"{}")
        if body.get("gen") == step.id:
            owner = _owner(step.aggregate)
            taken = derived_id(item.subject, step.id)
            found.append(_Lead(owner, taken, "timer", "", step.id))
    return found
