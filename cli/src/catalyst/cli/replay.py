"""`catalyst replay`: does the read model still say what the log says? And a rebuild of it."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any, Final

import msgspec
import typer

from catalyst.cli.exits import Ended, ExitCode, Failure
from catalyst.cli.operating import operating, require_broker
from catalyst.cli.output import Format, Table, note, show, write
from catalyst.cli.rebuild import rebuild
from catalyst.cli.target import (
    ContextOption,
    OutputOption,
    Target,
    TokenOption,
    UrlOption,
    resolve,
    run,
    starting,
)
from catalyst.contracts.permissions import OPERATOR
from catalyst.projector.adapters.buckets import StreamReadModel
from catalyst.projector.adapters.log import StreamLog
from catalyst.projector.older import KEEP_BEFORE
from catalyst.projector.ports import Doubt
from catalyst.projector.replay import KEEP, Check, NotComparable, check

TRIES: Final = 5
PAUSE_SECONDS: Final = 0.5
MAX_SHOWN: Final = 20


def replay(
    *,
    check_: Annotated[
        bool, typer.Option("--check", help="Fold the whole log again, and compare.")
    ] = False,
    rebuild_: Annotated[
        bool, typer.Option("--rebuild", help="Have the read model built anew, and switch to it.")
    ] = False,
    accept: Annotated[
        bool,
        typer.Option("--accept-differences", help="With --rebuild: switch although rows differ."),
    ] = False,
    losses: Annotated[
        bool,
        typer.Option(
            "--accept-losses",
            help="With --rebuild: build from what there is of a log that lost messages.",
        ),
    ] = False,
    output: OutputOption = Format.TABLE,
    context: ContextOption = None,
    url: UrlOption = None,
    token: TokenOption = None,
) -> None:
    """Fold the log again: to compare with the read model, or to build it anew.

    Example:
      catalyst replay --check
      catalyst replay --rebuild

    --check folds into memory and compares every byte. Nothing is written. It reads from the broker,
    not from the HTTP door. Ends with 8 if they differ, or if the log lost messages: it names the
    first that is known to be gone. Then the rows may be the last copy, and a rebuild, which would
    replace it, is refused. It also ends with 8 where the rows agree with a log that had lost its
    end when they were built: the rows of before are kept until you ask for a rebuild.

    --rebuild asks the running projector, as a sovereign-admin, for the next bucket, which is built
    while the old one serves. If both are equal, readers are moved over to it. Waits for the end;
    Ctrl-C ends the waiting alone. Ends with 0 if the new one serves; with 8 if rows differ, and
    then the old one goes on serving (unless --accept-differences), or if the log lost messages
    (unless --accept-losses, which replaces the last copy by what is left); with 3 if another
    rebuild is running, or was quicker; with 6 if the connection broke before the end; with 7 if you
    may not; with 1 if it failed.
    """
    if check_ == rebuild_:
        raise Failure(
            ExitCode.USAGE,
            "say one thing to do: --check folds again and compares, --rebuild builds anew",
        )
    if accept and not rebuild_:
        raise Failure(ExitCode.USAGE, "--accept-differences belongs to --rebuild")
    if losses and not rebuild_:
        raise Failure(ExitCode.USAGE, "--accept-losses belongs to --rebuild")
    target = resolve(context, url, token)
    if rebuild_:
        rebuild(target, output, accept=accept, losses=losses)
        return
    require_broker(target)
    with starting(target):
        found = run(checked(target))
    body: dict[str, Any] = {"equal": found.equal, **msgspec.to_builtins(found)}
    show(body, output, lambda: _table(found))
    if found.lost or found.lost_before or not found.equal:
        raise Ended(ExitCode.CHECK_FAILED)


async def checked(target: Target) -> Check:
    """Compare, again where something came in between.

    Raises:
        Failure: If broker or read model cannot be had.
        Unreachable: If no broker answers.
    """
    try:
        async with operating(target) as js:
            source, model = StreamLog(js, OPERATOR), StreamReadModel(js, OPERATOR)
            for _ in range(TRIES - 1):
                try:
                    return await check(source, model)
                except Doubt:
                    await asyncio.sleep(PAUSE_SECONDS)
            return await check(source, model)
    except Doubt as error:
        raise Failure(ExitCode.TIMED_OUT, f"the log could not be read whole: {error}") from error
    except NotComparable as error:
        raise Failure(ExitCode.NOT_FOUND, str(error)) from error


def _table(found: Check) -> None:
    verdict = "equal" if found.equal else f"{len(found.differences)} rows differ"
    if found.lost or found.lost_before:
        verdict += ", and messages of the log are gone"
    for name, value in (
        ("result", verdict),
        ("as of", found.as_of),
        ("rows", found.rows),
        ("events", found.events),
        ("stored", found.stored_hash),
        ("folded", found.folded_hash),
    ):
        write(f"{name:<8}{value}")
    if found.differences:
        write("")
        table = Table("ROW", "STORED", "FOLDED")
        for item in found.differences[:MAX_SHOWN]:
            table.add(item.key, item.stored, item.folded)
        table.write()
    if found.lost:
        note(found.lost)
        note(KEEP)
    elif found.lost_before:
        note(found.lost_before)
        note(KEEP_BEFORE)
    elif found.differences:
        note("`catalyst replay --rebuild --accept-differences` writes the read model anew")
        note("please report this, it should not happen")
