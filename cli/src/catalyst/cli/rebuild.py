"""Asks the running projector to build the read model anew, and tells what came of it.

Part of the verb `catalyst replay`.
"""

from __future__ import annotations

from typing import Any, Final

import httpx
import msgspec

from catalyst.cli.exits import Ended, ExitCode, Failure
from catalyst.cli.output import Format, Table, note, show, write
from catalyst.cli.target import Target, reads, run
from catalyst.client.errors import TimedOut
from catalyst.client.http_calls import decode, problem_of, transport_error

PATH: Final = "/v1/read-model/rebuild"
SILENCE_SECONDS: Final = 30.0
"""Longest silence; while a rebuild runs, the door sends a sign every few seconds."""


class _Difference(msgspec.Struct, frozen=True):
    key: str
    what: str


class Rebuilt(msgspec.Struct, frozen=True, kw_only=True):
    """What the projector says of a rebuild."""

    status: str
    old_epoch: str
    epoch: str
    as_of: int
    rows: int
    events: int
    compared_at: int | None
    differing: int
    differences: tuple[_Difference, ...]
    """The first of them."""
    reason: str


def rebuild(target: Target, output: Format, *, accept: bool, losses: bool) -> None:
    """Ask, wait for the end, and show it.

    Raises:
        Failure: If it was refused, the log lost messages, it failed, or nobody can tell how it
            ended.
        Ended: With `CHECK_FAILED`, if rows differ and that is not accepted.
    """
    accepted = {"accept_differences": accept, "accept_losses": losses}
    found = run(_asked(target, {name: "true" for name, given in accepted.items() if given}))
    if found.status == "overtaken":
        raise Failure(
            ExitCode.REJECTED,
            f"another rebuild was quicker: the read model is {found.epoch} now",
            code="rebuild-overtaken",
        )
    if found.status == "lost":
        raise Failure(
            ExitCode.CHECK_FAILED,
            found.reason,
            code="log-lost",
            hint="without a backup, --accept-losses makes what is left of the log the read model",
        )
    if found.status == "failed":
        raise Failure(
            ExitCode.UNEXPECTED,
            f"the old read model goes on serving: {found.reason}",
            code="rebuild-failed",
            hint="`catalyst doctor` shows what is not well; then ask again",
        )
    body: dict[str, Any] = msgspec.to_builtins(found)
    show(body, output, lambda: _table(found))
    if found.status != "switched":
        raise Ended(ExitCode.CHECK_FAILED)


async def _asked(target: Target, params: dict[str, str]) -> Rebuilt:
    # Asked once only: the same request again would be another rebuild.
    async with reads(target) as door:
        calls = door.calls
        try:
            answer = await calls.http.post(
                PATH,
                params=params,
                headers=calls.headers({}),
                timeout=SILENCE_SECONDS,
            )
        except httpx.HTTPError as error:
            failure = transport_error(error, calls.address)
            if not isinstance(failure, TimedOut):
                raise failure from error
            raise Failure(
                ExitCode.TIMED_OUT,
                str(failure),
                hint="the old read model serves until the new one is whole; "
                "`catalyst replay --check` tells whether the one that serves is right",
            ) from error
        if answer.status_code >= httpx.codes.BAD_REQUEST:
            raise problem_of(answer.status_code, answer.headers, answer.content)
        rebuilt: Rebuilt = decode(answer.content, Rebuilt)
        return rebuilt


def _table(found: Rebuilt) -> None:
    switched = found.status == "switched"
    compared = "not compared" if found.compared_at is None else f"{found.differing} rows"
    for name, value in (
        ("result", "switched" if switched else "not switched: rows differ"),
        ("old epoch", found.old_epoch),
        ("new epoch", found.epoch if switched else "none, the old one goes on serving"),
        ("as of", found.as_of),
        ("rows", found.rows),
        ("events", found.events),
        ("differ", compared),
    ):
        write(f"{name:<11}{value}")
    if found.differences:
        write("")
        table = Table("ROW", "OLD READ MODEL")
        for item in found.differences:
            table.add(item.key, item.what)
        table.write()
    if found.differing:
        note("please report this, it should not happen unless the fold itself is another one")
    if not switched:
        note(
            "`catalyst replay --check` shows how they differ, and whether the log lost messages; "
            "if it did not, the rebuild with --accept-differences switches to what the log says"
        )
