"""`catalyst plan show`: the plan of a change that was applied, for whoever approves it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final

import msgspec
import typer

from catalyst.cli import owned, planshow, said, saving
from catalyst.cli.exits import Ended, ExitCode
from catalyst.cli.output import Format, note, show
from catalyst.cli.plan import DiffOption
from catalyst.cli.target import (
    ChangeOrgOption,
    ContextOption,
    OutputOption,
    Target,
    TokenOption,
    UrlOption,
    complete_change,
    resolve,
    run,
)
from catalyst.client.errors import Problem

Doc = Mapping[str, Any]
_NONE: Final = "change-not-found"
_REJECTED: Final = "rejected: "
"""How the reason of a change that was rejected begins."""


def show_(
    change: Annotated[
        str,
        typer.Argument(metavar="CHANGE", help="Id of the change.", autocompletion=complete_change),
    ],
    *,
    org: ChangeOrgOption = None,
    diff: DiffOption = False,
    output: OutputOption = Format.TABLE,
    context: ContextOption = None,
    url: UrlOption = None,
    token: TokenOption = None,
) -> None:
    """Show the plan that a change carries out: what it writes, costs and risks, to who approves it.

    It is made again from the log, and shown only if it comes out as it was.

    Example:
      catalyst plan show ch-7Q2 --org omantel --diff
    """
    target = resolve(context, url, token)
    owner = _owner(target, org, change)
    try:
        answered = owned.answered(target, "provisioning", "planned", {"change": change}, owner)
    except Problem as problem:
        if problem.code != _NONE:
            raise
        hint = f"`catalyst get changes --org {owner}` shows those there are"
        missing = owned.no_such(f"change {change!r} of {owner!r} that waits for you", hint)
        missing.code = problem.code
        raise missing from problem
    found: dict[str, Any] = answered.result
    wanted = output is Format.TABLE and found["plan"] is not None
    row = run(said.shown(target, change, owner)) if wanted else None
    doc: Doc | None = msgspec.to_builtins(row.doc) if row is not None else None
    paid = saving.told(target, found["plan"], owner) if wanted else ()
    show(answered, output, lambda: _told(found, owner, doc, paid, diff=diff))
    if found["plan"] is None:
        if output is Format.TABLE:
            note(f"`catalyst get changes {change} --org {owner}` shows what was asked for")
        raise Ended(ExitCode.REJECTED)
    if output is Format.TABLE:
        _offer(found, owner, doc, by=row.actor if row is not None else "", diff=diff)


def _owner(target: Target, org: str | None, change: str) -> str:
    """Return whose change it is; without an owner that is shown to whoever may read it.

    Raises:
        Failure: If no such change is shown.
    """
    if org:
        return owned.owner_of(target, org, "whose change is it?")
    missing = owned.no_such(f"change {change!r}", "--org says whose it is, where none is shown")
    return str(owned.row(target, "changes", change, None, missing)["organization"])


def _told(found: Doc, owner: str, doc: Doc | None, paid: Sequence[str], *, diff: bool) -> None:
    plan = found["plan"]
    if plan is not None:
        lines = planshow.lines(
            plan, owner, diff=diff, paid=paid, change=found["change"], applied=True, doc=doc
        )
        planshow.write_lines(lines)
        return
    planshow.write_lines(
        [f"the plan of {found['change']} cannot be made again as it was:"]
        + [f"  {text}" for text in found["missing"]]
        + [f"hash     {found['hash']}"]
    )


def _ended(change: str, doc: Doc, by: str) -> str:
    """Return how a change stands; one that was rejected ended with what was said to it last."""
    text = f"{change} is {doc['status']}"
    if doc["status"] != "rejected":
        return text
    # A person is named with kind and issuer before; a service may have written the row since.
    who = f" by {by.rpartition('#')[2]}" if by.startswith("user:") else ""
    return f"{text}{who}: {doc['reason'].removeprefix(_REJECTED)}"


def _offer(found: Doc, owner: str, doc: Doc | None, *, by: str, diff: bool) -> None:
    """Say what can be done about a change whose plan was shown.

    Args:
        found: The answer.
        owner: Whose the change is.
        doc: Its row; None if that is not shown.
        by: Who wrote the row last.
        diff: Whether the files were shown line by line.
    """
    change = found["change"]
    if found["plan"]["files"] and not diff:
        note("--diff shows the files line by line")
    if doc is None or said.waits_for_approvals(doc):
        approve = said.approve(change, owner, found["hash"])
        note(f"{approve} approves this very plan")
    else:
        note(_ended(change, doc, by))
