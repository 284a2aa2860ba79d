"""`catalyst replay --check`: does the read model still say what the log says?"""

from __future__ import annotations

import asyncio
from typing import Annotated, Any, Final

import msgspec
import typer

from catalyst.chassis.jetstream.connection import connect
from catalyst.chassis.jetstream.port import BrokerError, Denied
from catalyst.cli.exits import Ended, ExitCode, Failure
from catalyst.cli.output import Format, Table, note, show, write
from catalyst.cli.target import ContextOption, OutputOption, Target, resolve, run
from catalyst.contracts.permissions import OPERATOR
from catalyst.projector.adapters.buckets import StreamReadModel
from catalyst.projector.adapters.log import StreamLog
from catalyst.projector.ports import Doubt
from catalyst.projector.replay import Check, NotComparable, check

TRIES: Final = 5
PAUSE_SECONDS: Final = 0.5
MAX_SHOWN: Final = 20


def replay(
    *,
    check_: Annotated[
        bool, typer.Option("--check", help="Fold the whole log again, and compare.")
    ] = False,
    output: OutputOption = Format.TABLE,
    context: ContextOption = None,
) -> None:
    """Fold the log again into memory and compare every byte with the read model.

    Example:
      catalyst replay --check

    Nothing is written. Ends with 8 if they differ. Reads from the broker, not from the HTTP door.
    """
    if not check_:
        raise Failure(ExitCode.USAGE, "say what to do: --check folds again and compares")
    target = resolve(context, None, None)
    if not target.nats:
        raise Failure(ExitCode.USAGE, "this needs the broker's address in the connection")
    found = run(checked(target))
    body: dict[str, Any] = {"equal": found.equal, **msgspec.to_builtins(found)}
    show(body, output, lambda: _table(found))
    if not found.equal:
        raise Ended(ExitCode.CHECK_FAILED)


async def checked(target: Target) -> Check:
    """Compare, again where something came in between.

    Raises:
        Failure: If broker or read model cannot be had.
    """
    try:
        async with connect(
            target.nats, name=OPERATOR, user=target.user, password=target.password
        ) as js:
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
    except Denied as error:
        raise Failure(ExitCode.NOT_ALLOWED, error.description) from error
    except BrokerError as error:
        raise Failure(ExitCode.UNREACHABLE, error.description) from error


def _table(found: Check) -> None:
    verdict = "equal" if found.equal else f"{len(found.differences)} rows differ"
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
        note("a rebuild writes the read model anew; please report this, it should not happen")
