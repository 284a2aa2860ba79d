"""`catalyst query`: ask what needs a service's rules, such as the plan of a deletion."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from catalyst.cli import files
from catalyst.cli.documents import parse
from catalyst.cli.exits import ExitCode, Failure
from catalyst.cli.output import Format, as_yaml, note, show, write
from catalyst.cli.target import (
    ContextOption,
    OrgOption,
    OutputOption,
    TokenOption,
    UrlOption,
    organization,
    reads,
    resolve,
    run,
)
from catalyst.client.reads import Answered


def query(
    service: Annotated[str, typer.Argument(metavar="SERVICE", help="Who is asked.")],
    name: Annotated[str, typer.Argument(metavar="NAME", help="What is asked.")],
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
      catalyst query environment plan-organization-deletion --org acme -o json

    A plan's request, hash, inputs and expires are what the command that applies it takes.
    """
    source = "--data" if file is None else files.shown(file)
    found = parse(data if file is None else files.read(file), source)
    if len(found) != 1 or not isinstance(found[0].value, dict):
        raise Failure(ExitCode.USAGE, f"{source} must hold one object: the question")
    body: dict[str, Any] = found[0].value
    target = resolve(context, url, token)

    async def work() -> Answered:
        async with reads(target) as door:
            return await door.query(service, name, body, organization=organization(org))

    answered = run(work())
    show(answered, output, lambda: write(as_yaml(answered.result).rstrip("\n")))
    if output is Format.TABLE:
        note(f"as of {answered.as_of}")
