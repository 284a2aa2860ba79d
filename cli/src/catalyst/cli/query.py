"""`catalyst query`: ask what needs a service's rules, such as the plan of a deletion."""

from __future__ import annotations

import importlib
from typing import Annotated, Final

import typer

from catalyst.cli import files, owned
from catalyst.cli.documents import one_object, parse
from catalyst.cli.exits import ExitCode, Failure
from catalyst.cli.near import alike, meant
from catalyst.cli.output import Format, as_yaml, note, show, write
from catalyst.cli.processes import MODULES
from catalyst.cli.target import (
    ContextOption,
    OrgOption,
    OutputOption,
    TokenOption,
    UrlOption,
    organization,
    resolve,
)
from catalyst.client.errors import Problem
from catalyst.contracts.registry import SERVICES

NOT_FOUND: Final = 404


def query(
    service: Annotated[
        str, typer.Argument(metavar="SERVICE", help=f"Who is asked: {', '.join(SERVICES)}.")
    ],
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="What is asked; after a wrong one all are listed.")
    ],
    *,
    data: Annotated[str, typer.Option("--data", "-d", help="The question, as JSON.")] = "{}",
    file: Annotated[
        str | None, typer.Option("--file", "-f", help="File with the question; `-` is stdin.")
    ] = None,
    org: OrgOption = None,
    output: OutputOption = Format.TABLE,
    context: ContextOption = None,
    url: UrlOption = None,
    token: TokenOption = None,
) -> None:
    """Ask a service; nothing is changed by that.

    Example:
      catalyst query environment plan-organization-deletion --org omantel -o json

    A plan's request, hash, inputs and expires are what the command that applies it takes.
    """
    source = "--data" if file is None else files.shown(file)
    found = parse(data if file is None else files.read(file), source)
    body = one_object(found, source, "the question")
    if not org and (service, name) not in questions():
        raise _no_question(service, name)
    if not org:
        raise Failure(ExitCode.USAGE, "--org is missing: about which Organization is it?")
    target = resolve(context, url, token)
    try:
        answered = owned.answered(target, service, name, body, organization(org))
    except Problem as problem:
        if problem.status != NOT_FOUND or (service, name) in questions():
            raise
        raise _no_question(service, name) from problem
    show(answered, output, lambda: write(as_yaml(answered.result).rstrip("\n")))
    if output is Format.TABLE:
        note(f"as of {answered.as_of}")


def _no_question(service: str, name: str) -> Failure:
    """Return that nobody answers this, with what is asked of the service, or of any."""
    known = questions()
    own = [one for one in known if one[0] == service]
    near = [f"{service} {one}" for one in alike(name, [asked for _, asked in own])]
    there = ", ".join(" ".join(one) for one in own or known)
    what = f"there is no question '{service} {name}'"
    hint = f"{meant(near)}questions there are: {there}"
    return Failure(ExitCode.NOT_FOUND, what, hint=hint)


def questions() -> tuple[tuple[str, str], ...]:
    """Return every question there is: who is asked, and what."""
    # Imported here: only whoever asks wrongly needs the services' own lists.
    found: list[tuple[str, str]] = []
    for service in SERVICES:
        listed = importlib.import_module(f"{MODULES[service]}.queries").QUERIES
        found += [(service, query.name) for query in listed]
    return tuple(found)
