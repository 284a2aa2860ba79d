"""`catalyst events`: the log, as far as you may see it."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator
from contextlib import aclosing, nullcontext
from datetime import datetime, timedelta
from typing import Annotated, Any, Final

import msgspec
import typer

from catalyst.chassis import clock
from catalyst.cli import owned, trace
from catalyst.cli.addressing import closest
from catalyst.cli.exits import ExitCode, Failure
from catalyst.cli.near import meant
from catalyst.cli.output import Format, Table, as_json, as_yaml, note, show, write
from catalyst.cli.target import (
    ContextOption,
    OutputOption,
    SeenOrgOption,
    Target,
    TokenOption,
    UrlOption,
    reads,
    resolve,
    run,
)
from catalyst.cli.watched import followed, is_there, told
from catalyst.client.errors import Problem
from catalyst.client.events import START, EventFilter, EventPage, LoggedEvent
from catalyst.client.http_transport import HttpClient
from catalyst.client.rows import Reset
from catalyst.client.watching import Watch
from catalyst.contracts.registry import COMMANDS, EVENTS
from catalyst.contracts.subjects import PLATFORM

PAGE: Final = 500
_AGO: Final = re.compile(r"([0-9]{1,6})([smhd])")
_UNITS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_HEADINGS: Final = ("SEQ", "TIME", "TYPE", "ORG", "THING", "ACTOR")
_WIDTHS: Final = (8, 20, 42, 12, 32, 30)
"""Of the columns where rows come one by one."""


def complete_type(incomplete: str) -> list[tuple[str, str]]:
    """Return the event types that begin like this, with what each means, for the shell."""
    return [(name, one.summary) for name, one in EVENTS.items() if name.startswith(incomplete)]


def events(
    *,
    follow: Annotated[
        bool, typer.Option("--follow", help="Stay, and show each event as it happens.")
    ] = False,
    types: Annotated[
        list[str] | None,
        typer.Option(
            "--type",
            metavar="TYPE",
            help="Wire name of the event; may be repeated.",
            autocompletion=complete_type,
        ),
    ] = None,
    org: SeenOrgOption = None,
    since: Annotated[
        str | None, typer.Option(help="From then on: `10m`, `2h`, `3d`, or a time with zone.")
    ] = None,
    after: Annotated[int | None, typer.Option(help="Behind this sequence.", min=0)] = None,
    command: Annotated[
        str | None, typer.Option(help="Only what began with the command of this id.")
    ] = None,
    last: Annotated[
        int | None,
        typer.Option(
            help="The newest so many, in place of the oldest; --limit does not count then.",
            min=1,
            max=1_000_000,
        ),
    ] = None,
    limit: Annotated[int, typer.Option(help="At most so many; --follow has no end.", min=1)] = 1000,
    output: OutputOption = Format.TABLE,
    context: ContextOption = None,
    url: UrlOption = None,
    token: TokenOption = None,
) -> None:
    """Show the events of the log, oldest first.

    Example:
      catalyst events --org omantel --since 1h --follow

    Without --follow, it ends with what there is: without --since, --after or --last, the first 1000
    of all.

    With --follow, it begins with what happens next, or with what --since or --after names, and goes
    on until Ctrl-C (exit code 130), or until the token expires (7). It reconnects by itself and
    misses none, also where the stack is started again. With -o json, one event a line.
    """
    if last is not None and (follow or since or after is not None):
        what = "--last begins where it has to: leave --follow, --since and --after out"
        raise Failure(ExitCode.USAGE, what)
    wanted = Types(types or [])
    asked: EventFilter = {
        "organization": org,
        "type": wanted.asked,
        "since": moment(since, clock.now()) if since else None,
        "after": after,
        "command": command,
    }
    target = resolve(context, url, token)
    owner = None if org in {None, PLATFORM} else org
    try:
        with owned.allowed_in(target, owner) if owner else nullcontext():
            if follow:
                run(_follow(target, asked, output, wanted))
            else:
                _list(target, asked, (limit, last), output, owner, wanted)
    except Problem as problem:
        failure = (
            strange(wanted.asked) if any(one.pointer == "/type" for one in problem.errors) else None
        )
        if failure is None:
            raise
        raise failure from problem


class Types:
    """Which types of events are wanted: of one the door is asked, several are picked out here."""

    def __init__(self, types: list[str]) -> None:
        """Want these; none: all.

        Raises:
            Failure: If there are several, and one of them is none.
        """
        self.several = frozenset(types) if len(set(types)) > 1 else frozenset()
        self.asked = types[0] if types and not self.several else None
        for type_ in types if self.several else ():
            failure = strange(type_)
            if failure is not None:
                raise failure

    def fit(self, event: LoggedEvent) -> bool:
        """Return whether an event that came is one of them."""
        return not self.several or event.type in self.several


ALL: Final = Types([])


def moment(text: str, now: datetime) -> datetime:
    """Return the instant that a person means.

    Raises:
        Failure: If nobody can tell.
    """
    ago = _AGO.fullmatch(text)
    if ago is not None:
        return now - timedelta(seconds=int(ago[1]) * _UNITS[ago[2]])
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        hint = "write 10m, 2h, 3d, or a time with its zone such as 2026-01-31T12:00:00Z"
        raise Failure(ExitCode.USAGE, f"{text!r} is not an instant", hint=hint)
    return found


def _list(
    target: Target,
    asked: EventFilter,
    wanted: tuple[int, int | None],
    form: Format,
    owner: str | None,
    types: Types,
) -> None:
    """Show the oldest events, at most the first number of them, or the newest, if that is given."""
    limit, last = wanted
    work = _last(target, asked, last, types) if last else _read(target, asked, limit, types)
    found, page = run(work)
    if not found and owner is not None:
        owned.require(target, owner)
    command = asked.get("command")
    if not found and command:
        # One that wrote no event is known all the same.
        run(trace.read(target, command, asked.get("organization")))
    body = {"items": found, "continue": page.next, "as_of": page.as_of, "head": page.head}
    show(body, form, lambda: _table(found))
    if form is Format.TABLE:
        note(f"as of {page.as_of}, head {page.head}")
        if page.next is not None:
            note(f"there are more: --after {page.next} goes on, --last 20 shows the newest")


async def _read(
    target: Target, asked: EventFilter, limit: int, types: Types
) -> tuple[list[LoggedEvent], EventPage]:
    """Return the events, and the page that the last of them came with."""
    async with reads(target) as door:
        return await oldest(door, asked, limit, types)


async def oldest(
    door: HttpClient, asked: EventFilter, limit: int, types: Types
) -> tuple[list[LoggedEvent], EventPage]:
    """Return the oldest events, and how far the log was read: to the last of them, or its end."""
    found: list[LoggedEvent] = []
    wanted: EventFilter = {**asked}
    while True:
        # What is picked out here may be rare among what comes.
        wanted["limit"] = PAGE if types.several else min(PAGE, limit - len(found))
        page = await door.events(**wanted)
        found.extend(filter(types.fit, page.items))
        if len(found) > limit:
            found = found[:limit]
            return found, msgspec.structs.replace(page, next=found[-1].seq)
        if page.next is None or len(found) == limit:
            return found, page
        wanted["after"] = page.next


async def _last(
    target: Target, asked: EventFilter, count: int, types: Types
) -> tuple[list[LoggedEvent], EventPage]:
    async with reads(target) as door:
        return await newest(door, asked, count, types)


async def newest(
    door: HttpClient,
    asked: EventFilter,
    count: int,
    types: Types = ALL,
) -> tuple[list[LoggedEvent], EventPage]:
    """Return the newest events, oldest first, and how far the log had got when it was asked.

    It looks back from the end in ever larger pieces; what came meanwhile is left out.
    """
    wanted: EventFilter = {**asked}
    wanted["limit"] = 1
    begun = await door.events(**wanted)
    wanted["limit"] = PAGE
    found: list[LoggedEvent] = []
    upto, piece = begun.head, PAGE
    while upto > 0 and len(found) < count:
        low = max(0, upto - piece)
        kept: deque[LoggedEvent] = deque(maxlen=count - len(found))
        at: int | None = low
        while at is not None and at < upto:
            wanted["after"] = at
            page = await door.events(**wanted)
            kept.extend(one for one in page.items if one.seq <= upto and types.fit(one))
            at = page.next
        found = [*kept, *found]
        upto, piece = low, 4 * piece
    return found, EventPage(items=tuple(found), as_of=begun.head, head=begun.head)


def strange(type_: str | None) -> Failure | None:
    """Return what is wrong with the type of an event; None: nothing that is known here."""
    if type_ is None or type_ in EVENTS:
        return None
    what = f"there is no event {type_!r}"
    if type_ in COMMANDS:
        what = f"{type_} is a command, and no event"
    hint = f"{meant(closest(type_, EVENTS))}`catalyst contracts list --kind event` shows all"
    return Failure(ExitCode.NOT_FOUND, what, code="unknown-type", hint=hint)


async def _follow(target: Target, asked: EventFilter, form: Format, types: Types = ALL) -> None:
    table = Table(*_HEADINGS)

    def opened(door: HttpClient, cursor: str) -> Watch[LoggedEvent]:
        return door.follow(cursor=cursor, **asked)

    begun = False
    stream = followed(target, opened, "every event is")
    async with aclosing(stream) as changes:
        async for change in changes:
            if not begun:
                # Only now it is known that there is anything to stand below a heading.
                begun = True
                await _begin(target, asked, form, table)
            match change:
                case LoggedEvent():
                    if types.fit(change):
                        _write(change, form, table)
                case Reset(reason=reason) if reason != START:
                    note(f"the events are shown from their beginning: {reason}")
                case _:
                    told(change)


async def _begin(target: Target, asked: EventFilter, form: Format, table: Table) -> None:
    if form is Format.TABLE:
        table.widths(*_WIDTHS)
    owner = asked.get("organization")
    if owner not in {None, PLATFORM}:
        await is_there(target, owner)
    note("every event follows, Ctrl-C ends")


def _write(event: LoggedEvent, form: Format, table: Table) -> None:
    match form:
        case Format.JSON:
            write(as_json(event, indent=0))
        case Format.YAML:
            write("---\n" + as_yaml(event).rstrip("\n"))
        case Format.TABLE:
            table.write_next(*_cells(event))


def _table(found: list[LoggedEvent]) -> None:
    if not found:
        note("nothing to show")
        return
    table = Table(*_HEADINGS)
    for event in found:
        table.add(*_cells(event))
    table.write()


def _cells(event: LoggedEvent) -> Iterator[Any]:
    yield event.seq
    yield msgspec.to_builtins(event.time)
    yield event.type
    yield event.organization
    yield f"{event.aggregate}/{event.aggregate_id}"
    yield event.actor
