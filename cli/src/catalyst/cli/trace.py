"""`catalyst trace`: everything that a command led to, from the log alone."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Annotated, Any, Final
from urllib.parse import quote

import msgspec
import typer

from catalyst.cli.ages import age
from catalyst.cli.exits import ExitCode, Failure
from catalyst.cli.output import Format, Table, clean, note, show, terminal, write
from catalyst.cli.target import (
    CommandOrgOption,
    ContextOption,
    OutputOption,
    Target,
    TokenOption,
    UrlOption,
    reads,
    resolve,
    run,
)
from catalyst.client.errors import Malformed, Problem
from catalyst.contracts.provisioning_values_v1 import as_seen
from catalyst.contracts.subjects import BadSubject, RowKey, unescape

_LONG_SECONDS: Final = 10.0
"""From then on nobody counts milliseconds."""


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """An event that a step wrote."""

    seq: int
    id: str
    type: str
    time: datetime | None = None
    aggregate: str = ""
    source: str = ""


class Sent(msgspec.Struct, frozen=True, kw_only=True):
    """A command that a step sent."""

    id: str
    type: str
    aggregate: str = ""


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One decision in the chain."""

    id: str
    kind: str
    type: str
    status: str
    cause: str = ""
    by: str = ""
    aggregate: str = ""
    actor: str = ""
    code: str = ""
    message: str = ""
    time: datetime | None = None
    last_seq: int = 0
    events: tuple[Event, ...] = ()
    sends: tuple[Sent, ...] = ()
    timers: tuple[str, ...] = ()


class ChangedRow(msgspec.Struct, frozen=True, kw_only=True):
    """A row of the read model that the chain changed."""

    key: str
    seq: int
    time: datetime | None = None
    """Of the event that last changed it, as it says itself: that of what it was decided on."""
    written: datetime | None = None
    """When the read model has had it as it is."""
    gone: bool = False
    shows: bool = False


class Chain(msgspec.Struct, frozen=True, kw_only=True):
    """The answer of the door."""

    command: str
    steps: tuple[Step, ...]
    rows: tuple[ChangedRow, ...] = ()
    read_model_as_of: int = 0
    complete: bool = True
    incomplete: str = ""
    hidden: int = 0


def trace(
    command_id: Annotated[str, typer.Argument(metavar="ID", help="Id of the command.")],
    *,
    org: CommandOrgOption = None,
    output: OutputOption = Format.TABLE,
    context: ContextOption = None,
    url: UrlOption = None,
    token: TokenOption = None,
) -> None:
    """Show what a command led to: events, reactions, effects, rows, and when each happened.

    Example:
      catalyst trace c-7Q2 --org omantel
    """
    target = resolve(context, url, token)

    found = run(read(target, command_id, org))
    try:
        chain = msgspec.convert(found, Chain, strict=False)
    except msgspec.ValidationError as error:
        raise Malformed(f"the chain cannot be read: {error}") from error
    show(found, output, lambda: _tree(chain))


async def read(target: Target, command_id: str, org: str | None = None) -> Any:
    """Return what the door knows of a command; without `org`, whosever it is.

    Raises:
        Failure: If it knows none of this id, with what to do about it.
    """
    try:
        async with reads(target) as door:
            return await door.read(f"/v1/trace/{quote(command_id, safe='')}", organization=org)
    except Problem as problem:
        if problem.code != "not-found":
            raise
        raise unknown(command_id, org) from problem


def unknown(command_id: str, org: str | None, *, waited: bool = False) -> Failure:
    """Return that nothing is recorded under an id, and where to look."""
    owner = org or "ORG"
    named = shlex.quote(command_id)
    wait = f"`catalyst outcome {named} --org {owner} --timeout 30` waits for one just sent; "
    hint = f"`catalyst events --org {owner} --since 1h` lists what happened; outcomes are kept for "
    hint = f"{'' if waited else wait}{hint}30 days"
    what = f"no outcome of {command_id!r} is recorded, or it is not yours to see"
    return Failure(ExitCode.NOT_FOUND, what, hint=hint)


class Line(msgspec.Struct, frozen=True):
    """A line of the tree, and what stands below it."""

    text: str
    below: tuple[Line, ...] = ()


def lines(chain: Chain) -> Iterator[Line]:
    """Yield the roots of the tree: the command, and steps whose cause is not shown."""
    begin = _begin(chain)
    causes: dict[str, list[Step]] = {}
    known = {step.id for step in chain.steps}
    known |= {event.id for step in chain.steps for event in step.events}
    roots = []
    for step in chain.steps:
        if step.cause in known and step.cause != step.id:
            causes.setdefault(step.cause, []).append(step)
        else:
            roots.append(step)
    for root in roots:
        yield _of_step(root, causes, begin)


def _begin(chain: Chain) -> datetime | None:
    """Return when the first step was decided: every other time is told as what follows it."""
    return next((step.time for step in chain.steps if step.time is not None), None)


def _of_step(step: Step, causes: dict[str, list[Step]], begin: datetime | None) -> Line:
    below = [
        Line(
            _event(event, begin),
            tuple(_of_step(next_, causes, begin) for next_ in causes.get(event.id, ())),
        )
        for event in step.events
    ]
    below += [Line(f"timer {name} armed") for name in step.timers]
    below += [_of_step(next_, causes, begin) for next_ in causes.get(step.id, ())]
    return Line(_step(step, begin), tuple(below))


def _step(step: Step, begin: datetime | None) -> str:
    name = f"{step.kind} {step.by}: {step.type}" if step.by else f"{step.kind} {step.type}"
    parts = [name, step.status if not step.code else f"{step.status} ({step.code})"]
    if step.last_seq:
        parts.append(f"seq {step.last_seq}")
    if after := _after(step.time, begin):
        parts.append(after)
    if step.actor:
        parts.append(f"by {step.actor}")
    return "  ".join(parts)


def _after(time: datetime | None, begin: datetime | None) -> str:
    """Return how long after the beginning something was: in milliseconds while that says enough."""
    if time is None or begin is None:
        return ""
    seconds = max(0.0, (time - begin).total_seconds())
    return f"+{seconds * 1000:.0f} ms" if seconds < _LONG_SECONDS else f"+{age(begin, time)}"


def _plain(token: str) -> str:
    """Return what a token of a subject stands for, or itself if that is nothing."""
    try:
        return unescape(token)
    except BadSubject:
        return token


def _row(key: str) -> tuple[str, str | None]:
    """Return what a row is of, and whose; of one that is none, its key."""
    try:
        found = RowKey.decode(key)
    except BadSubject:
        return key, None
    return f"{found.kind}/{found.name}", found.organization


def _event(event: Event, begin: datetime | None) -> str:
    where = ".".join(_plain(token) for token in event.aggregate.split(".")[2:])
    parts = [f"event {event.type}", f"seq {event.seq}", _after(event.time, begin), where]
    return as_seen("  ".join(part for part in parts if part), event.source)


def _tree(chain: Chain) -> None:
    for line in drawn(list(lines(chain)), fancy=terminal()):
        write(clean(line))
    if chain.rows:
        write("")
        begin = _begin(chain)
        stored = {event.seq: event.time for step in chain.steps for event in step.events}
        table = Table("ROW", "ORG", "SEQ", "SHOWN", "CHANGED", "WRITTEN")
        for row in chain.rows:
            shown = "gone" if row.gone and row.shows else row.shows
            # An event bears the time of what it was decided on; above stands when it was stored.
            changed = stored.get(row.seq) or row.time
            times = (_after(changed, begin), _after(row.written, begin))
            table.add(*_row(row.key), row.seq or None, shown, *times)
        table.write()
    note(f"command {chain.command}, read model as of {chain.read_model_as_of}")
    if not chain.complete:
        note(f"not complete: {chain.incomplete or 'something is still on its way'}")
    if chain.hidden:
        note(f"{chain.hidden} steps concern what you may not see")


def drawn(roots: Sequence[Line], *, fancy: bool, before: str = "") -> Iterator[str]:
    """Yield the tree line by line, with branches on a terminal and with indents elsewhere."""
    for root in roots:
        yield before + root.text
        yield from _below(root.below, before, fancy=fancy)


def _below(below: Sequence[Line], before: str, *, fancy: bool) -> Iterator[str]:
    for index, line in enumerate(below):
        last = index == len(below) - 1
        if fancy:
            yield f"{before}{'└─ ' if last else '├─ '}{line.text}"
            yield from _below(line.below, before + ("   " if last else "│  "), fancy=True)
        else:
            yield f"{before}  {line.text}"
            yield from _below(line.below, before + "  ", fancy=False)
