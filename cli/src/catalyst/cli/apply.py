"""`catalyst apply`: make it so, whatever it was before."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

import msgspec
import typer

from catalyst.cli import desired, files, planned
from catalyst.cli.calling import as_called
from catalyst.cli.change import carry_out
from catalyst.cli.desired import Step, Wanted, Wrong, wrong
from catalyst.cli.documents import parse
from catalyst.cli.exits import Ended, ExitCode, Failure, of_problem
from catalyst.cli.output import Format, note, show, write
from catalyst.cli.send import exit_of
from catalyst.cli.sending import explaining
from catalyst.cli.target import (
    ContextOption,
    OrgOption,
    OutputOption,
    Target,
    TokenOption,
    UrlOption,
    organization,
    reads,
    resolve,
    run,
)
from catalyst.client.errors import Problem
from catalyst.client.http_transport import HttpClient
from catalyst.client.rows import Row
from catalyst.contracts.message import FieldError, Outcome

Done = Literal["created", "updated", "unchanged", "planned", "rejected"]


def _require_hash(text: str) -> None:
    """Take note that this can be the hash of a plan.

    Raises:
        Failure: If it cannot; where it is a file, with how that is applied.
    """
    try:
        planned.require_hash(text)
    except Failure as failure:
        if Path(text).exists():
            failure.hint = f"`catalyst apply -f {shlex.quote(text)}` applies what stands there"
        raise


class Result(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What became of one manifest."""

    what: str
    result: Done
    place: str
    commands: tuple[str, ...] = ()
    """Ids of the commands that were sent, or types of those that would be."""
    seq: int = 0
    """Sequence of the last outcome."""
    code: str = ""
    message: str = ""
    errors: tuple[Wrong, ...] = ()
    exit: ExitCode = ExitCode.OK


def apply(
    plan: Annotated[
        str | None,
        typer.Argument(
            metavar="HASH",
            help=as_called("Hash of a plan that `catalyst plan` showed, or how it begins."),
            autocompletion=planned.complete,
        ),
    ] = None,
    *,
    file: Annotated[
        list[str] | None,
        typer.Option(
            "--file", "-f", metavar="FILE", help="File, folder, or `-` for stdin; may be repeated."
        ),
    ] = None,
    watch: Annotated[
        bool, typer.Option("--watch", "-w", help="With a plan: show its steps until it is over.")
    ] = False,
    org: OrgOption = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say which commands would be sent.")
    ] = False,
    timeout: Annotated[float, typer.Option(help="Seconds to wait for each.", min=0.1)] = 30.0,
    output: OutputOption = Format.TABLE,
    context: ContextOption = None,
    url: UrlOption = None,
    token: TokenOption = None,
) -> None:
    """Carry out a plan, or create and update what manifests describe.

    Example:
      catalyst apply -f examples/omantel.yaml
      catalyst apply -f examples/acme.yaml --dry-run
      catalyst apply 2c26b46b68ff --watch

    Manifests describe an Organization, an Environment or an EnvironmentPolicy.

    What a manifest leaves out stays as it is; null takes it away. Applied again, nothing happens.
    Nothing is sent unless every document can be read. --org says whose the policies are.

    A plan is applied once, however often it is sent. With --watch, the command ends as the change
    does: 0 if it completed, 3 if it failed, was cancelled or was rejected. So it does without, if
    the plan was applied before and its change is over.
    """
    if plan is not None:
        _require_hash(plan)
        if file or dry_run or org:
            text = "a plan says everything itself; leave --file, --org and --dry-run out"
            raise Failure(ExitCode.USAGE, text)
        carry_out(resolve(context, url, token), plan, output, watch=watch, timeout=timeout)
        return
    if not file:
        text = "nothing to apply: give the hash of a plan, or -f and a manifest"
        raise Failure(ExitCode.USAGE, text)
    if watch:
        raise Failure(ExitCode.USAGE, "--watch is for plans; manifests are done when it ends")
    documents = [
        document
        for name in files.expand(file)
        for document in parse(files.read(name), files.shown(name))
    ]
    items = desired.wanted(documents, organization(org))
    if not items:
        told = "the files hold no manifest"
        if len(file) == 1:
            told = f"{files.shown(file[0])} is empty: it must hold at least one manifest"
        raise Failure(ExitCode.USAGE, told)
    target = resolve(context, url, token)
    results = run(_apply_all(target, items, output, dry_run=dry_run, timeout=timeout))
    show(results, output, lambda: None)
    worst = max(result.exit for result in results)
    if worst is not ExitCode.OK:
        raise Ended(worst)


async def _apply_all(
    target: Target, items: list[Wanted], form: Format, *, dry_run: bool, timeout: float
) -> list[Result]:
    results: list[Result] = []
    async with explaining(target), reads(target) as door:
        applying = _Applying(door, timeout)
        for item in items:
            result = await applying.plan(item) if dry_run else await applying.apply(item)
            results.append(result)
            if form is Format.TABLE:
                _say(result)
    return results


class _Applying:
    """Applies one manifest after the other, each seeing what the ones before it wrote."""

    def __init__(self, door: HttpClient, timeout: float) -> None:
        self._door = door
        self._timeout = timeout
        self._seq: int | None = None
        self._log: str | None = None

    async def plan(self, item: Wanted) -> Result:
        """Say what would be sent."""
        try:
            steps = desired.steps(item, await self._row(item))
        except Failure as failure:
            return _failed(item, failure)
        except Problem as problem:
            if problem.status not in _OF_THE_ITEM:
                raise
            return _refused(item, problem)
        result: Done = "planned" if steps else "unchanged"
        types = tuple(step.type for step in steps)
        return Result(what=item.title, result=result, place=item.place, commands=types)

    async def apply(self, item: Wanted) -> Result:
        """Send what is missing and await each outcome; the first rejection ends it."""
        try:
            row, outcomes = await self._carry_out(item)
            if row is None and outcomes and outcomes[-1].code in _THERE_ALREADY:
                # It was made a moment ago, and the read model had not shown it: now it has.
                row, outcomes = await self._carry_out(item)
        except Failure as failure:
            return _failed(item, failure)
        except Problem as problem:
            if problem.status not in _OF_THE_ITEM:
                raise
            return _refused(item, problem)
        if outcomes and outcomes[-1].status == "rejected":
            return _rejected(item, outcomes[-1], outcomes)
        result: Done = "unchanged"
        if any(outcome.events for outcome in outcomes):
            result = "created" if row is None else "updated"
        return Result(
            what=item.title,
            result=result,
            place=item.place,
            commands=tuple(outcome.id for outcome in outcomes),
            seq=max((outcome.seq for outcome in outcomes), default=0),
        )

    async def _carry_out(self, item: Wanted) -> tuple[Row | None, list[Outcome]]:
        """Return what stood before, and each outcome; the last may be a rejection."""
        row, steps = await self._start(item)
        outcomes: list[Outcome] = []
        for step in steps:
            outcomes.append(await self._send(item, step))
            if outcomes[-1].status == "rejected":
                break
        return row, outcomes

    async def _start(self, item: Wanted) -> tuple[Row | None, list[Step]]:
        """Return what stands now and what is missing, with our own earlier commands seen."""
        row = await self._row(item)
        steps = desired.steps(item, row)
        if not steps:
            return row, steps
        earlier = await self._earlier(item, steps[0].command_id(item))
        if earlier is None or earlier.status == "rejected":
            return row, steps
        # It was accepted, maybe a moment ago: the read model may not have shown it yet.
        self._saw(earlier)
        row = await self._row(item)
        return row, desired.steps(item, row)

    async def _row(self, item: Wanted) -> Row | None:
        try:
            row, _ = await self._door.get(
                item.kind,
                item.id,
                organization=item.organization,
                min_seq=self._seq,
                log=self._log,
            )
        except Problem as problem:
            if problem.status == 404:
                return None
            raise
        return row

    async def _send(self, item: Wanted, step: Step) -> Outcome:
        """Send one command under the id that its content and starting point give it.

        What stands under that id already does not always count: a rejection's cause may be gone,
        and a thing that was created may have been deleted since. Then the log's position counts,
        too, so that it is decided anew, but once for every state of affairs.
        """
        command_id = step.command_id(item)
        earlier = await self._earlier(item, command_id)
        if earlier is not None and (earlier.status == "rejected" or step.base == 0):
            page = await self._door.list(item.kind, organization=item.organization, limit=1)
            command_id = step.command_id(item, after=page.fresh.as_of)
        outcome = await self._door.send(
            step.type,
            step.data,
            organization=item.organization,
            id=item.id,
            command_id=command_id,
            timeout=self._timeout,
        )
        self._saw(outcome)
        return outcome

    async def _earlier(self, item: Wanted, command_id: str) -> Outcome | None:
        return await self._door.outcome(command_id, organization=item.organization)

    def _saw(self, outcome: Outcome) -> None:
        if outcome.seq:
            self._seq = max(self._seq or 0, outcome.seq)
            self._log = outcome.log or self._log


_THERE_ALREADY = frozenset({"organization-exists", "environment-exists", "policy-exists"})

_OF_THE_ITEM = frozenset({400, 403, 404, 409, 413, 422})
"""Refusals that say something about one manifest; others end everything."""


def _rejected(item: Wanted, outcome: Outcome, outcomes: list[Outcome]) -> Result:
    found = _not_taken(item, outcome.code, outcome.message, outcome.errors, exit_of(outcome))
    return msgspec.structs.replace(
        found, commands=tuple(each.id for each in outcomes), seq=outcome.seq
    )


def _failed(item: Wanted, failure: Failure) -> Result:
    return _not_taken(item, failure.code, failure.message, failure.errors, failure.exit_code)


def _refused(item: Wanted, problem: Problem) -> Result:
    code = of_problem(problem).exit_code
    return _not_taken(item, problem.code, problem.message, problem.errors, code)


def _not_taken(
    item: Wanted, code: str, message: str, errors: Sequence[FieldError], exit_code: ExitCode
) -> Result:
    """Return a refusal; what is wrong is named as the manifest has it, a single field alone."""
    found = wrong(item, errors)
    if len(found) == 1 and message.endswith(found[0].message):
        message = found[0].message
    return Result(
        what=item.title,
        result="rejected",
        place=item.place,
        code=code,
        message=message,
        errors=found,
        exit=exit_code,
    )


def _say(result: Result) -> None:
    text = f"{result.what} {result.result}"
    if result.result == "planned":
        text += f": {', '.join(result.commands)}"
    elif result.seq and result.result in {"created", "updated"}:
        text += f" (seq {result.seq})"
    write(text)
    if result.result == "rejected":
        one = len(result.errors) == 1 and result.errors[0].message == result.message
        place = result.errors[0].place if one else result.place
        note(f"Error: {place}: {result.code}: {result.message}")
        for error in () if one else result.errors:
            note(f"  {error.place}: {error.message}")
