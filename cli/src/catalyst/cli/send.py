"""`catalyst send` and `catalyst outcome`: a command and what became of it."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from typing import Annotated, Any, Final, Never

import msgspec
import typer

from catalyst.cli import addressing, files, trace
from catalyst.cli.documents import one_object, parse
from catalyst.cli.exits import Ended, ExitCode, Failure, expected, next_step, of_refusal
from catalyst.cli.output import Format, complain, note, show, write
from catalyst.cli.sending import causes, commands
from catalyst.cli.target import (
    CommandOrgOption,
    ContextOption,
    OrgOption,
    OutputOption,
    Target,
    TimeoutOption,
    TokenOption,
    UrlOption,
    organization,
    resolve,
    run,
)
from catalyst.cli.typed import place
from catalyst.client import draft
from catalyst.client.api import Sent
from catalyst.client.draft import SendOptions
from catalyst.client.errors import ClientError, Problem, Undecided
from catalyst.contracts import codec
from catalyst.contracts.codec import Undecodable
from catalyst.contracts.message import Outcome
from catalyst.contracts.registry import COMMANDS
from catalyst.contracts.roles import COMMAND_ROLES
from catalyst.contracts.subjects import PLATFORM

_MANIFEST_KEYS: Final = frozenset({"apiVersion", "kind"})
_MANIFEST: Final = re.compile(r'"apiVersion"\s*:')


def complete_type(incomplete: str) -> list[tuple[str, str]]:
    """Return the command types of people that begin like this, with what each means."""
    return [
        (type_, message.summary)
        for type_, message in COMMANDS.items()
        if type_.startswith(incomplete) and type_ in COMMAND_ROLES
    ]


def send(
    type_: Annotated[
        str,
        typer.Argument(
            metavar="TYPE", help="Wire name of the command.", autocompletion=complete_type
        ),
    ],
    *,
    data: Annotated[str | None, typer.Option("--data", "-d", help="The data, as JSON.")] = None,
    file: Annotated[
        str | None, typer.Option("--file", "-f", help="File with the data; `-` is stdin.")
    ] = None,
    org: OrgOption = None,
    id_: Annotated[
        str | None,
        typer.Option("--id", help="Which thing; for an Organization, its slug is enough."),
    ] = None,
    aggregate: Annotated[
        str | None,
        typer.Option(help="Kind of thing, for a command that several kinds take."),
    ] = None,
    command_id: Annotated[
        str | None, typer.Option(help="Id of the command; the same id is the same command.")
    ] = None,
    wait: Annotated[
        bool, typer.Option("--wait/--no-wait", help="Wait for the outcome, or only send.")
    ] = True,
    timeout: TimeoutOption = 30.0,
    output: OutputOption = Format.TABLE,
    context: ContextOption = None,
    url: UrlOption = None,
    token: TokenOption = None,
) -> None:
    """Send a command and show its outcome.

    Example:
      catalyst send environment.update-organization.v1 --org omantel --data '{"display_name": "O"}'

    Sent again with the same --command-id, it is the same command: it is decided once, and the
    recorded outcome comes back. `catalyst contracts list --kind command` shows all types, those
    that people send first.
    """
    addressing.check(type_, org, aggregate, id_, command_id)
    body = _body(data, file)
    target = resolve(context, url, token)
    sent_as = command_id or draft.command_id()
    options: SendOptions = {
        "organization": organization(org),
        "id": id_,
        "aggregate": aggregate,
        "command_id": sent_as,
    }

    async def work() -> Outcome | Sent:
        async with commands(target) as door:
            if wait:
                return await door.send(type_, body, timeout=timeout, **options)
            return await door.submit(type_, body, timeout=timeout, **options)

    try:
        found = run(work())
    except ClientError as error:
        failure = unsure(error, sent_as) or _misnamed(error, type_) or _of_services(error, type_)
        if failure is None:
            raise
        raise failure from error
    if isinstance(found, Sent):
        show(found, output, lambda: write(found.command_id))
        return
    finish(found, output, addressing.misnamed(type_, found.errors))


def _misnamed(error: ClientError, type_: str) -> Failure | None:
    """Return a refusal of fields that the command does not have, with those it has."""
    hint = addressing.misnamed(type_, error.errors) if isinstance(error, Problem) else ""
    failure = expected(error) if hint else None
    if failure is not None:
        failure.hint = hint
    return failure


def _of_services(error: ClientError, type_: str) -> Failure | None:
    """Return a refusal of what no role may send: none is missing then."""
    failure = expected(error)
    if failure is None or failure.exit_code is not ExitCode.NOT_ALLOWED or type_ in COMMAND_ROLES:
        return None
    failure.hint = "`catalyst contracts list --kind command` shows first what people send"
    return failure


def unsure(error: ClientError, command_id: str) -> Failure | None:
    """Return what to do after a send of which nobody knows what became; None after a plain no."""
    failure = expected(error)
    if failure is None or failure.exit_code not in {ExitCode.TIMED_OUT, ExitCode.UNREACHABLE}:
        return None
    if isinstance(error, Undecided):
        return failure
    failure.message += f"; {command_id} is not known to be stored"
    again = f"the same id makes a repeat safe: --command-id {command_id}"
    failure.hint = f"{failure.hint}; {again}" if failure.hint else again
    return failure


def outcome(
    command_id: Annotated[str, typer.Argument(metavar="ID", help="Id of the command.")],
    *,
    org: CommandOrgOption = None,
    timeout: Annotated[float, typer.Option(help="Seconds to wait for it.", min=0.0)] = 0.0,
    output: OutputOption = Format.TABLE,
    context: ContextOption = None,
    url: UrlOption = None,
    token: TokenOption = None,
) -> None:
    """Show the recorded outcome of a command; outcomes are kept for 30 days.

    Example:
      catalyst outcome c-7Q2 --org omantel --timeout 10
    """
    target = resolve(context, url, token)
    if not org and (timeout or not target.http):
        why = "to wait for an outcome" if timeout else "at the broker"
        raise Failure(ExitCode.USAGE, f"--org is missing: it is needed {why}")

    async def work() -> Outcome | None:
        async with commands(target) as door:
            owner = org or await _owner(target, command_id)
            return await door.outcome(command_id, organization=organization(owner), timeout=timeout)

    found = run(work())
    if found is None:
        failure = trace.unknown(command_id, org, waited=timeout > 0)
        failure.causes = run(causes(target)) if timeout else ()
        raise failure
    finish(found, output)


async def _owner(target: Target, command_id: str) -> str:
    """Return whose command it is, from the log."""
    found = await trace.read(target, command_id)
    return found.get("organization") or PLATFORM


def finish(found: Outcome, form: Format, hint: str = "") -> None:
    """Show an outcome, and end with the code that says whether it was accepted.

    `hint` says what to do about a refusal, where its code alone does not.
    """
    show(found, form, lambda: _table(found))
    if exit_of(found) is not ExitCode.OK:
        _refuse(found, form, hint, bare=True)


def conclude(found: Outcome, form: Format, hint: str = "") -> None:
    """End like `finish` a verb that is no `send`: a person reads of a refusal why, and no outcome.

    Nor is a field named alone: the person gave none, but what the verb made it of.
    """
    if form is Format.TABLE and exit_of(found) is not ExitCode.OK:
        _refuse(found, form, hint, bare=False)
    finish(found, form, hint)


def tell(found: Outcome, form: Format, said: Callable[[], None], hint: str = "") -> None:
    """Say in words what became of a command that was accepted; other forms have its outcome.

    `hint` is as in `finish`.
    """
    if form is Format.TABLE and exit_of(found) is ExitCode.OK:
        said()
        return
    conclude(found, form, hint)


def _refuse(found: Outcome, form: Format, hint: str = "", *, bare: bool) -> Never:
    """Say why a command was not accepted: in words, or to a program in the form that it asked for.

    `bare` names a field of which nothing else is said, too.

    Raises:
        Ended: Always, with the code that says so.
    """
    hint = hint or next_step(found.code, message=found.message)
    if form is not Format.TABLE:
        why = Failure(
            exit_of(found), found.message, code=found.code, hint=hint, errors=found.errors
        )
        complain(why, form)
        raise Ended(exit_of(found))
    note(f"Error: {found.code}: {found.message}")
    for error in found.errors:
        where = place(error.pointer)
        text = f"{where or '/'}: {error.message}"
        if error.message == found.message and where and bare:
            note(f"  in the field {where}")
        elif found.message not in {error.message, text}:
            note(f"  {text}")
    if hint:
        note(f"Hint: {hint}")
    raise Ended(exit_of(found))


def exit_of(found: Outcome) -> ExitCode:
    """Return the exit code that an outcome stands for."""
    return ExitCode.OK if found.status == "accepted" else of_refusal(found.code)


def _table(found: Outcome) -> None:
    lines: list[tuple[str, Any]] = [
        ("id", found.id),
        ("type", found.type),
        ("status", found.status),
        ("seq", found.seq),
    ]
    if found.code:
        lines.append(("code", found.code))
    if found.events:
        lines.append(("events", ", ".join(found.events)))
    elif found.status == "accepted":
        # With a result, something was done that no event tells of.
        why = ": it was so already" if found.result is None else ""
        lines.append(("events", f"none{why}"))
    if found.result is not None:
        lines.append(("result", msgspec.json.encode(found.result).decode()))
    for name, value in lines:
        write(f"{name:<8}{value}")


def _checked(body: bytes, source: str) -> bytes:
    """Return JSON as it came, so that the door takes it.

    Raises:
        Failure: If it is none.
    """
    try:
        codec.check(body)
    except Undecodable as error:
        told = error.message.replace("the body", source, 1)
        told = told if told != error.message else f"{source}: {told}"
        raise Failure(ExitCode.REJECTED, told, code=error.code) from error
    return body


def _body(data: str | None, file: str | None) -> object:
    """Return the data of the command, as bytes where they are JSON already.

    Raises:
        Failure: If both or a wrong file are given.
    """
    if data is not None and file is not None:
        raise Failure(ExitCode.USAGE, "--data and --file say the same thing; give one")
    if data is not None:
        return _checked(data.encode(), "--data")
    if file is None:
        return b"{}"
    text = files.read(file)
    if text.lstrip().startswith("{") and not _MANIFEST.search(text):
        return _checked(text.encode(), files.shown(file))
    found = parse(text, files.shown(file))
    if any(isinstance(one.value, dict) and one.value.keys() >= _MANIFEST_KEYS for one in found):
        raise Failure(
            ExitCode.USAGE,
            f"{files.shown(file)} holds a manifest, and not the data of a command",
            hint=f"`catalyst apply -f {shlex.quote(file)}` makes it so",
        )
    return one_object(found, files.shown(file), "the data")
