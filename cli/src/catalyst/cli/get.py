"""`catalyst get`: rows of the read model, once or as they change."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing, nullcontext
from typing import Annotated, Any

import msgspec
import typer

from catalyst.chassis import clock
from catalyst.cli import ages, beginning, chains, kinds, owned, said, untaken
from catalyst.cli.exits import ExitCode, Failure
from catalyst.cli.near import alike, meant
from catalyst.cli.output import Format, Table, as_yaml, note, show, write
from catalyst.cli.planshow import write_lines
from catalyst.cli.target import (
    ContextOption,
    OutputOption,
    SeenEnvOption,
    SeenOrgOption,
    Target,
    TimeoutOption,
    TokenOption,
    UrlOption,
    begun,
    organization,
    reads,
    resolve,
    run,
)
from catalyst.cli.watched import followed, is_there
from catalyst.cli.watchshow import Printer, cells
from catalyst.client.errors import Problem
from catalyst.client.holding import held
from catalyst.client.http_calls import ANSWER_SECONDS
from catalyst.client.http_transport import HttpClient
from catalyst.client.reads import Filter
from catalyst.client.rows import (
    Change,
    Freshness,
    Page,
    Row,
    Synced,
    name_of,
)
from catalyst.client.watching import Watch
from catalyst.contracts.subjects import PLATFORM, RowKey


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """What to read."""

    kinds: str
    name: str | None = None
    where: Filter = {}
    min_seq: int | None = None
    log: str | None = None
    timeout_seconds: float = ANSWER_SECONDS


def complete_name(ctx: typer.Context, incomplete: str) -> list[str]:
    """Return what rows of the kind are called that begins like this, for the shell."""
    given = ctx.params
    where: Filter = {
        "organization": given.get("org") and (organization(given["org"]) or "_"),
        "environment": given.get("env"),
    }
    try:
        wanted = kinds.plural(given.get("kind") or "")
    except Failure:
        return []
    return begun(wanted, ctx, incomplete, where, kinds.called)


def get(
    kind: Annotated[
        str,
        typer.Argument(
            metavar="KIND",
            help=f"{', '.join(kinds.NAMES[:-1])} or {kinds.NAMES[-1]}.",
            autocompletion=kinds.complete,
        ),
    ],
    name: Annotated[
        str | None,
        typer.Argument(metavar="NAME", help="One of them.", autocompletion=complete_name),
    ] = None,
    *,
    org: SeenOrgOption = None,
    env: SeenEnvOption = None,
    label: Annotated[
        str | None, typer.Option("--label", "-l", help="Labels that must fit: `a=b,c!=d`.")
    ] = None,
    field: Annotated[
        str | None, typer.Option("--field", help="Fields that must fit: `phase=ready`.")
    ] = None,
    watch: Annotated[
        bool, typer.Option("--watch", "-w", help="Stay, and show each change as it happens.")
    ] = False,
    min_seq: Annotated[
        int | None,
        typer.Option(help="Wait until the answer holds this sequence, such as an outcome's."),
    ] = None,
    log: Annotated[
        str | None, typer.Option(help="Log that the sequence belongs to, if you know it.")
    ] = None,
    timeout: TimeoutOption = ANSWER_SECONDS,
    output: OutputOption = Format.TABLE,
    context: ContextOption = None,
    url: UrlOption = None,
    token: TokenOption = None,
) -> None:
    """Show rows of the read model, with how fresh they are.

    Example:
      catalyst get environments --org omantel --watch

    With -o json, --watch writes one change a line. It reconnects by itself and misses nothing. With
    --min-seq its first rows wait, too.
    """
    where: Filter = {
        "organization": org and (organization(org) or "_"),
        "environment": env,
        "label": label,
        "field": field,
    }
    wanted = Wanted(
        kinds=kinds.plural(kind),
        name=name,
        where=where,
        min_seq=min_seq,
        log=log,
        timeout_seconds=timeout,
    )
    target = resolve(context, url, token)
    if watch:
        run(_watch(target, wanted, output))
    elif name is not None and wanted.kinds in kinds.NAMES and wanted.kinds != "all":
        _one(target, wanted, output)
    else:
        read(target, wanted, output)


def _one(target: Target, wanted: Wanted, form: Format) -> None:
    name = wanted.name or ""

    async def work() -> tuple[Row, Freshness]:
        async with reads(target) as door:
            return await door.get(
                wanted.kinds,
                name,
                min_seq=wanted.min_seq,
                log=wanted.log,
                timeout=wanted.timeout_seconds,
                **wanted.where,
            )

    try:
        row, fresh = run(work())
    except Problem as problem:
        if problem.status != owned.NOT_FOUND:
            raise
        pages = run(_all(target, wanted)) if wanted.kinds in kinds.GIVEN else []
        known = ((row, page.fresh) for page in pages for row in page.rows)
        called = [pair for pair in known if kinds.called(pair[0]) == name]
        if len(called) > 1:
            raise _several(wanted.kinds, name, [row for row, _ in called]) from problem
        if not called:
            near = owned.suggested(name, lambda: run(_names(target, wanted)))
            hint = f"{near}`catalyst get {wanted.kinds}` lists those there are"
            missing = owned.no_such(f"{kinds.singular(wanted.kinds)} {name!r}", hint)
            missing.code = problem.code
            raise missing from problem
        ((row, fresh),) = called
    show(_shown(row, fresh), form, lambda: _detail(row))
    if form is Format.TABLE:
        run(_say_chain(target, wanted.kinds, row))
        if kinds.singular(wanted.kinds) == "change" and isinstance(row.doc, dict):
            said.approving(row.doc)
        if kinds.singular(wanted.kinds) == "voucher" and isinstance(row.doc, dict):
            note(f"as of now it is {kinds.standing_of(row.doc)}")
        _say_fresh(fresh)


def _several(kind: str, name: str, rows: list[Row]) -> Failure:
    """Return that a name stands for more than one row, and what each is kept under."""
    keys = [RowKey.decode(row.key) for row in rows]
    each = [f"`catalyst get {kind} {at.name} --org {at.organization or PLATFORM}`" for at in keys]
    hint = f"{' or '.join(each)} shows one"
    return Failure(ExitCode.USAGE, f"{len(rows)} {kind} are called {name!r}", hint=hint)


async def _say_chain(target: Target, kind: str, row: Row) -> None:
    """Say what the row waits for, up to the cause; where it runs, each place has its own."""
    doc = row.doc if isinstance(row.doc, dict) else {}
    links = doc.get("blocked_by")
    if not links:
        return
    at = RowKey.decode(row.key)
    name = doc["name"] if at.kind == "blueprint" else at.name
    lines = await chains.told(target, links, at.organization, start=(at.kind, name))
    write("blocked by")
    write_lines(f"  {line}" for line in lines)


async def _names(target: Target, wanted: Wanted) -> list[str]:
    """Return what all rows are called among which one was looked for."""
    return [kinds.called(row) for page in await _all(target, wanted) for row in page.rows]


async def _all(target: Target, wanted: Wanted) -> list[Page]:
    """Return every page of which one or all rows are wanted."""
    async with reads(target) as door:
        reading = door.pages(
            wanted.kinds,
            min_seq=wanted.min_seq,
            log=wanted.log,
            timeout=wanted.timeout_seconds,
            **wanted.where,
        )
        return [page async for page in reading]


def read(target: Target, wanted: Wanted, form: Format, beside: Sequence[kinds.Column] = ()) -> bool:
    """Show every row that is wanted, once; returns whether there was any.

    `beside` are columns of what other rows tell, to stand in the table before what blocks a row.

    Raises:
        Failure: If none is called so, or there is no such Organization or Environment to see.
    """
    owner, env = wanted.where.get("organization"), wanted.where.get("environment")
    owner = None if owner == PLATFORM else owner
    with owned.allowed_in(target, owner) if owner else nullcontext():
        found = run(_all(target, wanted))
    rows = [row for page in found for row in page.rows if wanted.name in {None, name_of(row.key)}]
    if not rows and owner is not None:
        owned.require(target, owner)
    if not rows and env is not None:
        owned.require_environment(target, owner, env)
    if not rows and wanted.name is not None:
        near = meant(alike(wanted.name, (name_of(row.key) for page in found for row in page.rows)))
        raise Failure(ExitCode.NOT_FOUND, f"nothing is called {wanted.name!r}", hint=near.strip())
    # Later pages may be newer; the whole is as fresh as its oldest part.
    fresh = min((page.fresh for page in found), key=lambda item: item.as_of)
    body = {"items": rows, **msgspec.to_builtins(fresh)}
    show(body, form, lambda: _listing(wanted.kinds, rows, beside))
    if form is Format.TABLE:
        _say_fresh(fresh)
        if not rows:
            run(_say_why_nothing(target, wanted))
    return bool(rows)


async def _say_why_nothing(target: Target, wanted: Wanted) -> None:
    """Say what brings the first of what was asked for, unless something was asked of it.

    Whose roles show none of it cannot know whether there is a first.
    """
    where = (
        wanted.name,
        *(value for part, value in wanted.where.items() if part != "organization"),
    )
    if any(where):
        return
    # Imported here: only whoever is shown nothing waits for it.
    from catalyst.cli import unseen  # noqa: PLC0415

    owner = organization(wanted.where.get("organization"))
    shown = await unseen.shows(target, wanted.kinds, owner)
    note(beginning.first(wanted.kinds, owner) if shown else beginning.UNSEEN)


async def _watch(target: Target, wanted: Wanted, form: Format) -> None:
    printer = Printer(wanted.kinds, wanted.name, form)

    def opened(door: HttpClient, cursor: str) -> Watch[Change]:
        return door.watch(wanted.kinds, name=wanted.name, cursor=cursor, **wanted.where)

    stream = followed(target, opened, "every change is")
    async with aclosing(stream), aclosing(await _holding(target, wanted, stream)) as changes:
        async for change in changes:
            nothing = isinstance(change, Synced) and printer.has_nothing
            printer.take(change)
            if nothing and form is Format.TABLE:
                owner = wanted.where.get("organization")
                if owner in {None, PLATFORM} or await is_there(target, owner):
                    await _say_why_nothing(target, wanted)


async def _holding(
    target: Target, wanted: Wanted, stream: AsyncGenerator[Change, None]
) -> AsyncGenerator[Change, None]:
    """Return the stream as it is wanted: with `min_seq`, its first rows hold that sequence."""
    if wanted.min_seq is None:
        return stream
    if wanted.log is not None:
        # A stream does not say whose sequences it tells; whatever else is asked of them does.
        async with reads(target) as door:
            await door.list(wanted.kinds, limit=1, min_seq=0, log=wanted.log, **wanted.where)
    return held(stream, wanted.min_seq, timeout=wanted.timeout_seconds)


def _listing(wanted: str, rows: list[Row], beside: Sequence[kinds.Column] = ()) -> None:
    if not rows:
        note("nothing to show")
        return
    now = clock.now()
    columns = kinds.columns(wanted)
    before = [heading for heading, _ in columns].index("BLOCKED BY") if beside else 0
    columns = (*columns[:before], *beside, *columns[before:])
    table = Table(*(heading for heading, _ in columns), "CHANGED")
    for row in rows:
        table.add(*cells(columns, row), ages.age(row.time, now))
    table.write()
    if wanted == "sources":
        for line in untaken.told(rows):
            note(line)
    held = next(
        (one for one in rows if isinstance(one.doc, dict) and one.doc.get("blocked_by")), None
    )
    if held is not None and any(heading == "BLOCKED BY" for heading, _ in columns):
        at = RowKey.decode(held.key)
        one = f"`catalyst get {wanted} {at.name} --org {at.organization or PLATFORM}`"
        note(f"{one} says whole what it waits for, and who does what about it")


def _detail(row: Row) -> None:
    write(as_yaml(msgspec.to_builtins(row)).rstrip("\n"))


def _shown(row: Row, fresh: Freshness) -> dict[str, Any]:
    return {**msgspec.to_builtins(row), **msgspec.to_builtins(fresh)}


def _say_fresh(fresh: Freshness) -> None:
    behind = f"{fresh.lag_ms} ms behind" if fresh.lag_ms else "nothing pending"
    note(f"as of {fresh.as_of}, head {fresh.head}, {behind}")
