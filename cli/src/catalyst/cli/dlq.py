"""`catalyst dlq`: what was set aside, why, and what becomes of it."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import nullcontext
from typing import Annotated, Any
from urllib.parse import quote

import msgspec
import typer

from catalyst.chassis import clock
from catalyst.cli import owned
from catalyst.cli.ages import age
from catalyst.cli.calling import as_called
from catalyst.cli.exits import ExitCode, Failure
from catalyst.cli.output import Format, Table, as_yaml, clean, note, show, write
from catalyst.cli.send import tell
from catalyst.cli.sending import commands
from catalyst.cli.target import (
    ContextOption,
    OutputOption,
    SeenOrgOption,
    Target,
    TimeoutOption,
    TokenOption,
    UrlOption,
    reads,
    resolve,
    run,
)
from catalyst.client.errors import Malformed, Problem
from catalyst.client.http_transport import HttpClient
from catalyst.contracts.message import Outcome, UtcTime
from catalyst.contracts.registry import COMMANDS
from catalyst.contracts.subjects import PLATFORM, BadSubject, Ref
from catalyst.contracts.topology import ORIGINS


class Held(msgspec.Struct, frozen=True, kw_only=True):
    """The message inside a dead letter."""

    id: str
    type: str
    time: UtcTime
    actor: str = ""


class Letter(msgspec.Struct, frozen=True, kw_only=True):
    """A dead letter, as it is listed."""

    subject: str
    set_aside: UtcTime
    reason: str
    message: Held
    detail: str = ""


class _Page(msgspec.Struct, frozen=True, kw_only=True):
    items: tuple[Letter, ...]
    next: int | None = msgspec.field(name="continue", default=None)


SubjectArgument = Annotated[
    str,
    typer.Argument(
        metavar="SUBJECT",
        help=as_called("Of the dead letter, as `catalyst dlq list` shows it."),
    ),
]


def list_(
    *,
    org: SeenOrgOption = None,
    output: OutputOption = Format.TABLE,
    context: ContextOption = None,
    url: UrlOption = None,
    token: TokenOption = None,
) -> None:
    """List what was set aside, oldest first.

    Example:
      catalyst dlq list --org omantel
    """
    target = resolve(context, url, token)
    owner = None if org == PLATFORM else org
    # Messages are set aside even where their Organization was never made.
    with owned.allowed_in(target, owner) if owner else nullcontext():
        found, raw = run(_all(target, org))
    if not found and owner:
        owned.require(target, owner)
    show(raw, output, lambda: _table(found))


def show_(
    subject: SubjectArgument,
    *,
    output: OutputOption = Format.TABLE,
    context: ContextOption = None,
    url: UrlOption = None,
    token: TokenOption = None,
) -> None:
    """Show one dead letter: why it was set aside, and the message itself.

    Example:
      catalyst dlq show dlq.omantel.environment.organization.omantel.c12
    """
    target = resolve(context, url, token)

    async def work() -> Any:
        async with reads(target) as door:
            return await door.read(f"/v1/dlq/{quote(subject, safe='')}")

    try:
        found = run(work())
    except Problem as problem:
        if problem.status != owned.NOT_FOUND:
            raise
        raise owned.no_such(
            f"dead letter {subject!r}", "`catalyst dlq list` shows them"
        ) from problem
    show(found, output, lambda: write(as_yaml(found).rstrip("\n")))


def retry(
    subject: SubjectArgument,
    *,
    all_: Annotated[
        bool, typer.Option("--all", help="Everything of that thing, in its old order.")
    ] = False,
    timeout: TimeoutOption = 30.0,
    output: OutputOption = Format.TABLE,
    context: ContextOption = None,
    url: UrlOption = None,
    token: TokenOption = None,
) -> None:
    """Decide a message again that was set aside, with its old id, sender and time.

    Example:
      catalyst dlq retry dlq.omantel.environment.organization.omantel.c12 --all
    """
    data: dict[str, Any] = {} if all_ else {"subject": subject}
    target = resolve(context, url, token)
    found = run(_mend(target, subject, "retry", data, timeout))
    tell(found, output, lambda: write(_again(found)))


def drop(
    subject: SubjectArgument,
    *,
    reason: Annotated[str, typer.Option(help="Why it is given up; it is recorded.")],
    timeout: TimeoutOption = 30.0,
    output: OutputOption = Format.TABLE,
    context: ContextOption = None,
    url: UrlOption = None,
    token: TokenOption = None,
) -> None:
    """Give a message up that was set aside; its outcome becomes the rejection `dropped`.

    What could not be read was never a command, and has no outcome: it is removed.

    Example:
      catalyst dlq drop dlq.omantel.environment.organization.omantel.c12 --reason "sent by mistake"
    """
    data = {"subject": subject, "reason": reason}
    target = resolve(context, url, token)
    found = run(_mend(target, subject, "drop", data, timeout))
    tell(found, output, lambda: write(clean(f"{subject} is given up")))


def _again(found: Outcome) -> str:
    """Return what a retry did: it counts messages, or effects that nobody answered."""
    counts: Mapping[str, int] = found.result or {}
    what, count = next(iter(counts.items()), ("freed", 0))
    thing_, done = ("effect", "asked") if what == "asked" else ("message", "decided")
    return f"{count} {thing_}{'' if count == 1 else 's'} {done} again"


def thing(subject: str) -> Ref:
    """Return what a dead letter belongs to.

    Raises:
        Failure: If the text is no subject of one.
    """
    head, _, rest = subject.partition(".")
    path, _, origin = rest.rpartition(".")
    try:
        if head == "dlq" and origin[:1] in ORIGINS and origin[1:].isdigit():
            return Ref.parse(path)
    except BadSubject as error:
        raise _not_a_subject(subject) from error
    raise _not_a_subject(subject)


def unreadable(subject: str) -> bool:
    """Return whether a dead letter was never a command: nobody could read what it was for."""
    return subject.split(".")[3:5] == ["unknown", "unknown"]


def _not_a_subject(subject: str) -> Failure:
    return Failure(
        ExitCode.USAGE,
        f"{subject!r} is not the subject of a dead letter",
        hint="`catalyst dlq list` shows them",
    )


async def _mend(
    target: Target, subject: str, verb: str, data: dict[str, Any], timeout: float
) -> Outcome:
    ref = thing(subject)
    if unreadable(subject):
        taking = COMMANDS.get(f"{ref.service}.drop.v1")
        if verb != "drop" or taking is None:
            raise Failure(
                ExitCode.REJECTED,
                "this could not be read, so it was never a command of anything: "
                f"there is nothing to {verb}",
                code="unreadable",
                hint=f"it changes nothing; `catalyst dlq show {subject}` shows it, "
                f"`catalyst dlq drop {subject} --reason WHY` removes it",
            )
        # It was never of an aggregate, so any of that service takes the order.
        ref = msgspec.structs.replace(ref, aggregate=taking.aggregates[0])
    async with commands(target) as door:
        return await door.send(
            f"{ref.service}.{verb}.v1",
            data,
            timeout=timeout,
            organization=ref.organization,
            aggregate=ref.aggregate,
            id=ref.id,
        )


async def _all(target: Target, org: str | None) -> tuple[list[Letter], dict[str, Any]]:
    """Return every dead letter that may be seen, decoded and as it came."""
    async with reads(target) as door:
        return await letters(door, org)


async def letters(door: HttpClient, org: str | None = None) -> tuple[list[Letter], dict[str, Any]]:
    """Read every dead letter that may be seen, decoded and as it came."""
    found: list[Letter] = []
    raw: list[Any] = []
    after: int | None = None
    while True:
        body = await door.read("/v1/dlq", organization=org, **{"continue": after})
        try:
            page = msgspec.convert(body, _Page, strict=False)
        except msgspec.ValidationError as error:
            raise Malformed(f"the dead letters cannot be read: {error}") from error
        found.extend(page.items)
        raw.extend(body["items"])
        if page.next is None or page.next == after:
            return found, {"items": raw}
        after = page.next


def _table(found: list[Letter]) -> None:
    if not found:
        note("nothing was set aside")
        return
    now = clock.now()
    table = Table("SUBJECT", "REASON", "MESSAGE", "ID", "FROM", "SINCE")
    for letter in found:
        held = letter.message
        table.add(
            letter.subject,
            letter.reason,
            held.type,
            held.id,
            held.actor,
            age(letter.set_aside, now),
        )
    table.write()
