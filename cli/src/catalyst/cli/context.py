"""`catalyst context`: named connections."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from catalyst.cli import contexts, startable
from catalyst.cli.contexts import Context, Credentials
from catalyst.cli.exits import ExitCode, Failure
from catalyst.cli.output import Format, Table, note, show, write
from catalyst.cli.target import NO_CONNECTION, OutputOption, run
from catalyst.client.connect import HTTP_SCHEMES, NATS_SCHEMES

_HIDDEN = "(hidden; -o json shows it)"


_NAME = typer.Argument(
    metavar="NAME", help="Name of the connection.", autocompletion=contexts.complete
)
NameArgument = Annotated[str, _NAME]


def list_(*, output: OutputOption = Format.TABLE) -> None:
    """List the named connections: which is current, and which stacks run on this machine.

    Example:
      catalyst context list

    RUNS is not known of what stands elsewhere: nothing is asked there.
    """
    known = contexts.load(contexts.default_path())
    here = {name: item for name, item in known.contexts.items() if item.data}
    runs: dict[str, bool] = run(startable.running(here))
    body = [
        {
            "name": name,
            "current": name == known.current,
            "http": item.http,
            "nats": item.nats,
            "runs": runs.get(name),
            "data": item.data,
        }
        for name, item in sorted(known.contexts.items())
    ]
    show(body, output, lambda: _table(known, runs))


def show_(
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="NAME", help="Name; else the current.", autocompletion=contexts.complete
        ),
    ] = None,
    *,
    output: OutputOption = Format.TABLE,
) -> None:
    """Show one connection; -o json holds its secrets, for scripts.

    Example:
      catalyst context show -o json
    """
    known = contexts.load(contexts.default_path())
    chosen = name or known.current
    if not chosen and not known.contexts:
        raise Failure(ExitCode.USAGE, "no connection is named", hint=NO_CONNECTION)
    if not chosen:
        raise Failure(
            ExitCode.NOT_FOUND, "no connection is current", hint="`catalyst context use NAME`"
        )
    found = contexts.pick(known, chosen)
    body = msgspec.to_builtins(msgspec.structs.replace(found, data=""))
    show(body, output, lambda: _detail(chosen, found))


def use(name: NameArgument) -> None:
    """Make a connection the one that is used unless another is named.

    Example:
      catalyst context use local
    """
    contexts.use(contexts.default_path(), name)
    note(f"{name} is the current connection")


def add(
    name: Annotated[
        str | None,
        typer.Argument(metavar="NAME", help="Name of the connection; with --data its own."),
    ] = None,
    *,
    data: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="Directory of a stack of this machine: its connection, again."
        ),
    ] = None,
    http: Annotated[str, typer.Option(help="Address of the HTTP door.")] = "",
    nats: Annotated[str, typer.Option(help="Address of the broker.")] = "",
    token: Annotated[
        str, typer.Option(help="Token that says who asks.", envvar="CATALYST_TOKEN")
    ] = "",
    user: Annotated[str, typer.Option(help="User at the broker.")] = "",
    password: Annotated[
        str, typer.Option(help="Password at the broker.", envvar="CATALYST_NATS_PASSWORD")
    ] = "",
) -> None:
    """Add a connection, or replace the one of that name.

    Example:
      catalyst context add prod --http https://catalyst.example.com --token "$TOKEN"
      catalyst context add --data /var/lib/catalyst
    """
    if data is not None:
        if any((name, http, nats, user)):
            raise Failure(
                ExitCode.USAGE,
                "--data says all of a connection, its name too: leave the rest out",
            )
        contexts.check_place(contexts.default_path())
        called, known, before = run(startable.register(data, contexts.default_path()))
        note(f"{called} is kept in {contexts.default_path()}{_turned(called, known, before)}")
        return
    if name is None:
        raise Failure(ExitCode.USAGE, "give a NAME with --http or --nats, or --data DIR alone")
    if not name or name != name.strip() or any(ord(letter) < 33 for letter in name):
        raise Failure(
            ExitCode.USAGE, f"{name!r} is no name for a connection: give one without blanks"
        )
    if not http and not nats:
        raise Failure(ExitCode.USAGE, "give --http, --nats or both")
    context = Context(
        http=contexts.check_address(http, HTTP_SCHEMES) if http else "",
        nats=contexts.check_address(nats, NATS_SCHEMES) if nats else "",
        operator=Credentials(user=user, password=password, token=token),
    )
    path = contexts.default_path()
    before = contexts.load(path)
    contexts.register(path, name, context)
    note(f"{name} is kept in {path}{_turned(name, contexts.load(path), before)}")


def _turned(name: str, known: contexts.Contexts, before: contexts.Contexts) -> str:
    """Return that a connection is the current one now, if it was not before."""
    if known.current != name or before.current == name:
        return ""
    return ", and is the current connection now"


def remove(name: NameArgument) -> None:
    """Forget a connection.

    Example:
      catalyst context remove prod
    """
    path = contexts.default_path()
    current = contexts.load(path).current
    data = contexts.remove(path, name).data
    again = f"; `{contexts.adding(data)}` brings it back" if data and Path(data).is_dir() else ""
    note(f"{name} is forgotten{again}")
    left = ", ".join(sorted(contexts.load(path).contexts))
    if name == current and left:
        note(f"it was the current connection: `catalyst context use NAME` chooses one of {left}")


def _table(known: contexts.Contexts, runs: Mapping[str, bool]) -> None:
    if not known.contexts:
        note("no connection is known; `catalyst up` and `catalyst context add` make one")
        return
    table = Table("CURRENT", "NAME", "HTTP", "NATS", "RUNS", "DATA")
    for name, item in sorted(known.contexts.items()):
        mark = "*" if name == known.current else ""
        table.add(mark, name, item.http, item.nats, runs.get(name), item.data)
    table.write()
    for name in sorted(name for name, answers in runs.items() if not answers):
        data = known.contexts[name].data
        start = f"`{contexts.start(data)}` starts it, " if Path(data).is_dir() else ""
        note(f"{name} does not run: {start}`catalyst context remove {name}` forgets it")


def _detail(name: str, found: Context) -> None:
    who = found.operator
    lines = [
        ("name", name),
        ("http", found.http),
        ("nats", found.nats),
        ("user", who.user),
        ("password", _HIDDEN if who.password else ""),
        ("token", _HIDDEN if who.token else ""),
        ("data", found.data),
    ]
    lines += [(member, f"{at}/metrics") for member, at in sorted(found.members.items())]
    for label, value in lines:
        if value:
            write(f"{label:<13}{value}")
