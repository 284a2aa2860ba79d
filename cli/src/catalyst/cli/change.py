"""`catalyst approve`, `reject`, `cancel`, and the applying of a plan: what is said to a change."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Final

import typer

from catalyst.cli import following, owned, planned, planshow, said
from catalyst.cli.ages import lasting
from catalyst.cli.calling import as_called
from catalyst.cli.exits import Ended, ExitCode, Failure, next_step
from catalyst.cli.output import Format, clean, note, show, write
from catalyst.cli.send import exit_of, tell, unsure
from catalyst.cli.sending import commands
from catalyst.cli.target import (
    ChangeOrgOption,
    ContextOption,
    OutputOption,
    Target,
    TimeoutOption,
    TokenOption,
    UrlOption,
    complete_open_change,
    resolve,
    run,
)
from catalyst.client import draft
from catalyst.client.errors import ClientError
from catalyst.contracts.message import Outcome

ChangeArgument = Annotated[
    str,
    typer.Argument(
        metavar="CHANGE",
        help=as_called("Id of the change, as `catalyst get changes` lists it."),
        autocompletion=complete_open_change,
    ),
]
HashOption = Annotated[
    str | None,
    typer.Option(
        "--hash",
        help="Hash of the plan that you looked at, or its beginning; another one is refused.",
    ),
]
ReasonOption = Annotated[str, typer.Option("--reason", help="Why.")]
_APPLY: Final = "provisioning.apply-plan.v1"
_STALE: Final = "plan-stale"
_OWN: Final = "approval-own"
_WHOSE: Final = "whose change is it?"


def approve(
    change: ChangeArgument,
    *,
    org: ChangeOrgOption = None,
    hash_: HashOption = None,
    comment: Annotated[str, typer.Option("--comment", help="What you say to it.")] = "",
    timeout: TimeoutOption = 30.0,
    output: OutputOption = Format.TABLE,
    context: ContextOption = None,
    url: UrlOption = None,
    token: TokenOption = None,
) -> None:
    """Approve a change that waits for it; it counts for exactly one plan, never for your own.

    What it does, file by file, and what may hurt, is shown by `catalyst plan show`.

    Example:
      catalyst approve ch-7Q2 --org omantel --comment 'Looks right.'
    """
    target = resolve(context, url, token)
    owner, looked_at = _meant(target, org, change, hash_)
    data = {"hash": looked_at, "comment": comment}
    found = run(_send(target, "approve-change", change, owner, data, timeout))
    own = found.code == _OWN
    hint = said.who_else(target, change, owner) if own else said.ended(target, change, owner, found)
    tell(found, output, lambda: said.after_approval(target, change, owner, found), hint)


def reject(
    change: ChangeArgument,
    *,
    reason: ReasonOption,
    org: ChangeOrgOption = None,
    hash_: HashOption = None,
    timeout: TimeoutOption = 30.0,
    output: OutputOption = Format.TABLE,
    context: ContextOption = None,
    url: UrlOption = None,
    token: TokenOption = None,
) -> None:
    """Refuse a change that waits for approvals; it ends, and nothing of it is done.

    Example:
      catalyst reject ch-7Q2 --org omantel --reason 'Not before the fair.'
    """
    target = resolve(context, url, token)
    owner, looked_at = _meant(target, org, change, hash_)
    data = {"hash": looked_at, "reason": reason}
    found = run(_send(target, "reject-change", change, owner, data, timeout))
    hint = said.ended(target, change, owner, found)
    tell(found, output, lambda: said.after_end(target, change, owner, found), hint)


def cancel(
    change: ChangeArgument,
    *,
    reason: ReasonOption,
    org: ChangeOrgOption = None,
    timeout: TimeoutOption = 30.0,
    output: OutputOption = Format.TABLE,
    context: ContextOption = None,
    url: UrlOption = None,
    token: TokenOption = None,
) -> None:
    """Stop a change before its point of no return; what it has done is taken back.

    Example:
      catalyst cancel ch-7Q2 --org omantel --reason 'Wrong version.'
    """
    target = resolve(context, url, token)
    owner = owned.owner_of(target, org, _WHOSE) if org else _row_of(target, change)["organization"]
    found = run(_send(target, "cancel-change", change, owner, {"reason": reason}, timeout))
    hint = said.ended(target, change, owner, found)
    tell(found, output, lambda: said.after_end(target, change, owner, found), hint)


def carry_out(target: Target, text: str, form: Format, *, watch: bool, timeout: float) -> None:
    """Apply the kept plan that a hash names, and follow its change if that is wanted.

    Raises:
        Failure: If there is no such plan, or nobody knows what became of it.
        Ended: With the code that says how it ended.
    """
    kept = planned.find(text, planned.folder(target.name))
    try:
        found, before = run(_apply(target, kept, timeout))
    except ClientError as error:
        failure = unsure(error, kept.change)
        if failure is None:
            raise
        failure.hint = f"`catalyst apply {text}` again is safe: the same plan is applied once"
        raise failure from error
    if before is not None and not watch:
        _applied_before(kept, text, found, before, form)
        return
    if not watch or exit_of(found) is not ExitCode.OK:
        hint = said.anew(target, kept, found) or next_step(found.code, kept.organization)
        tell(found, form, lambda: said.after_apply(target, kept, text, found), hint)
        return
    if form is Format.TABLE:
        note(f"the change is {kept.change}; Ctrl-C stops watching, not the change")
    watching = following.follow(
        target,
        kept.change,
        kept.organization,
        form,
        since=found.seq,
        deletes=kept.plan["request"]["action"] == "delete-organization",
    )
    code = run(watching)
    if code is not ExitCode.OK:
        raise Ended(code)
    if form is Format.TABLE and kept.plan["request"]["application"]:
        for text in _looked_at(kept):
            note(text)


def _looked_at(kept: planned.Kept) -> Iterator[str]:
    """Yield what shows an Application after a change, and what that left behind for nobody.

    One that was removed has its history.
    """
    name, place = kept.plan["request"]["application"], f"--org {kept.organization}"
    if kept.plan["request"]["action"] == "uninstall":
        yield f"`catalyst app history {name} {place}` shows what happened to it"
    else:
        yield f"`catalyst app show {name} {place}` shows how it is"
    yield from planshow.idle(kept.plan, kept.organization)


def _applied_before(
    kept: planned.Kept, text: str, found: Outcome, doc: Mapping[str, Any], form: Format
) -> None:
    """Say what became of a plan that was applied before.

    Raises:
        Ended: If its change is over, and did not complete.
    """
    since = doc["finished"] or doc["opened"]
    told = f"already applied as {kept.change}, now {doc['status']} ({lasting(since)})"
    show(found, form, lambda: write(clean(told)))
    if form is Format.TABLE and doc["status"] == "waiting":
        said.waiting(kept, text, doc)
    elif form is Format.TABLE:
        trace = f"`catalyst trace {kept.change} --org {kept.organization}` shows what it led to"
        steps = "--watch shows its steps until it is over"
        note(f"nothing was sent again; {trace if doc['status'] in following.OVER else steps}")
    code = following.OVER.get(doc["status"], ExitCode.OK)
    if code is not ExitCode.OK:
        raise Ended(code)


async def _apply(
    target: Target, kept: planned.Kept, timeout: float
) -> tuple[Outcome, dict[str, Any] | None]:
    """Send the plan under an id of its own; one that was refused may be tried anew.

    Returns:
        The outcome, and the change's row if the plan was applied before and it is shown.
    """
    async with commands(target) as door:
        command_id = kept.change
        earlier = await door.outcome(command_id, organization=kept.organization)
        if earlier is not None and earlier.status == "rejected":
            command_id = draft.command_id()
        elif earlier is not None:
            row = await said.row(target, kept.change, kept.organization)
            return earlier, row
        sent = await door.send(
            _APPLY,
            kept.command,
            timeout=timeout,
            organization=kept.organization,
            id=kept.change,
            command_id=command_id,
        )
        return sent, None


def _meant(target: Target, org: str | None, change: str, hash_: str | None) -> tuple[str, str]:
    """Return whose change it is, and the hash of the plan that was looked at.

    Of whoever names both whole nothing is read first: the service itself says what is wrong.

    Raises:
        Failure: If the hash is none, or begins otherwise than that of the change.
    """
    owner = owned.owner_of(target, org, _WHOSE) if org else None
    if hash_:
        planned.require_hash(hash_)
    if owner is not None and hash_ and len(hash_) == planned.WHOLE:
        return owner, hash_
    doc = _row_of(target, change, owner)
    own = str(doc["hash"])
    if not hash_ or len(hash_) == planned.WHOLE:
        return str(doc["organization"]), hash_ or own
    if not own.startswith(hash_):
        text = f"{hash_} is not the plan of {change}, whose hash begins with {own[:12]}"
        hint = "look at that plan before you decide; nothing was sent"
        raise Failure(ExitCode.REJECTED, text, code=_STALE, hint=hint)
    return str(doc["organization"]), own


def _row_of(target: Target, change: str, owner: str | None = None) -> Any:
    """Return the document of a change; without an owner, of whosever it is: ids are unique.

    Raises:
        Failure: If there is no such change to see.
    """
    whose, place = (f" of {owner!r}", f" --org {owner}") if owner else ("", "")
    hint = f"`catalyst get changes{place}` shows those there are"
    missing = owned.no_such(f"change {change!r}{whose}", hint)
    return owned.row(target, "changes", change, owner, missing)


async def _send(
    target: Target, verb: str, change: str, owner: str, data: dict[str, Any], timeout: float
) -> Outcome:
    async with commands(target) as door:
        return await door.send(
            f"provisioning.{verb}.v1", data, timeout=timeout, organization=owner, id=change
        )
