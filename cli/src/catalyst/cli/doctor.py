"""`catalyst doctor`: what is wrong, and what to do about it."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Annotated, Final

import httpx
import msgspec
import typer

from catalyst.cli import brokercheck, doorcheck, waitcheck, workercheck
from catalyst.cli.ages import lasting, left
from catalyst.cli.brokercheck import CONSUMER, LOG
from catalyst.cli.calling import as_called
from catalyst.cli.dlq import letters, unreadable
from catalyst.cli.doorcheck import (
    ANSWERING,
    BROKERS_DISK,
    DISK,
    SHORT_SECONDS,
    cluster,
    disk,
    limited,
)
from catalyst.cli.exits import Ended, ExitCode
from catalyst.cli.findings import Finding, Health, fail, ok, skipped, warn
from catalyst.cli.output import Format, Table, note, show
from catalyst.cli.target import (
    ContextOption,
    OutputOption,
    Target,
    TokenOption,
    UrlOption,
    reads,
    resolve,
    run,
)
from catalyst.cli.waitcheck import WAITING
from catalyst.client.errors import Malformed, Problem
from catalyst.client.http_transport import HttpClient
from catalyst.contracts.roles import SOVEREIGN_ADMIN
from catalyst.projector.replay import KEEP

WARN_LAG_MS: Final = 2_000
"""The longest that an event may take to a browser at any load that is accepted."""
FAIL_LAG_MS: Final = 30_000
MAX_SHOWN: Final = 20
STALE: Final = "stale rows"
SAMPLED: Final = "sampled rows"
LETTERS: Final = "dead letters"
_OF_ALL: Final = frozenset({STALE, WAITING, LETTERS})
"""Checks of whatever is shown: who is not shown everything does not hear of the rest."""
_NO_ROOM: Final = (
    f"make room first, see {DISK}: without any, no worker can renew its lease; then look again"
)
LISTED: Final = "`catalyst dlq list` shows them"
UNWELL_SECONDS: Final = 1.0
"""For each check behind a door that says itself that it is not well."""
LONG_SECONDS: Final = 20.0
"""For a check that reads everything there is."""


class _Differing(msgspec.Struct):
    key: str
    since: datetime


class _Condition(msgspec.Struct):
    rows: int
    checked: int
    differing: int
    differences: tuple[_Differing, ...]


def doctor(
    *,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Show each consumer, well or not.")
    ] = False,
    output: OutputOption = Format.TABLE,
    context: ContextOption = None,
    url: UrlOption = None,
    token: TokenOption = None,
) -> None:
    """Look at everything that can be wrong, and say what to do about it.

    Example:
      catalyst doctor

    Consumers that are well are told as one; -v and -o json show each.
    What waits or fails on its own, such as a change that needs an approval, or a source that cannot
    be read, is a warning: the stack does its work, and whoever owns it can mend it.
    Ends with 8 if a check fails. Warnings alone end with 0.
    """
    target = resolve(context, url, token)
    found = run(_examine(target))
    show(found, output, lambda: _table(found if verbose else summed(found)))
    if any(item.health is Health.FAIL for item in found):
        raise Ended(ExitCode.CHECK_FAILED)


async def _examine(target: Target) -> list[Finding]:
    async with asyncio.TaskGroup() as tasks:
        door = tasks.create_task(_door(target))
        broker = tasks.create_task(brokercheck.examine(target))
    return roomless(kept([*door.result(), *broker.result(), *cluster(target), *disk(target)]))


async def _door(target: Target) -> list[Finding]:
    """Look at what the HTTP door shows; every check is a row, however it ends."""
    if not target.http:
        return [
            skipped("http", "no HTTP address is known: reads and dead letters were not looked at")
        ]
    async with reads(target) as door:
        reached = await doorcheck.reached(door, target.data)
        if reached.health is not Health.OK:
            return [reached]
        held: set[str] = set()
        async with asyncio.TaskGroup() as tasks:
            asking = tasks.create_task(doorcheck.ready(door))
            signing = tasks.create_task(limited("token", _session(door, held), SHORT_SECONDS))
        ready, session = asking.result(), signing.result()
        found = [reached, ready, session]
        if session.health is not Health.OK:
            return [*found, skipped("read model", "not looked at: this needs a token that holds")]
        # A door that is not well would keep each of these waiting for what does not come.
        seconds = UNWELL_SECONDS if ready.health is Health.FAIL else LONG_SECONDS
        async with asyncio.TaskGroup() as tasks:
            checks = [
                tasks.create_task(limited(ANSWERING, doorcheck.services(door), SHORT_SECONDS))
                for _ in ([] if target.nats else [ANSWERING])
            ]
            checks += [
                tasks.create_task(limited("read model", _freshness(door), SHORT_SECONDS)),
                tasks.create_task(limited(STALE, _stale(door), seconds)),
                tasks.create_task(limited(WAITING, waitcheck.waiting(door), seconds)),
                tasks.create_task(limited(SAMPLED, _sampled(door), SHORT_SECONDS)),
                tasks.create_task(limited(LETTERS, _dead_letters(door), seconds)),
            ]
        results = [check.result() for check in checks]
        return found + [item if SOVEREIGN_ADMIN in held else partly(item) for item in results]


def partly(item: Finding) -> Finding:
    """Return what a check found of what whoever asks is shown: nothing is said of the rest."""
    if item.health is not Health.OK or item.check not in _OF_ALL:
        return item
    return skipped(item.check, f"{item.detail}, of what you are shown; the rest is not looked at")


async def _session(door: HttpClient, roles_held: set[str]) -> Finding:
    try:
        found = await door.read("/v1/session")
    except Problem as problem:
        if problem.status != httpx.codes.UNAUTHORIZED:
            raise
        fix = "`catalyst token --email … --role …`, then `catalyst context add`"
        return fail("token", problem.message, fix)
    held = found.get("roles") or ()
    roles_held.update(held)
    roles = ", ".join(held) or "no platform role"
    part = "" if SOVEREIGN_ADMIN in held else "; what it may not see is not looked at"
    until = f", until {left(found['expires'])}" if found.get("expires") else ""
    return ok("token", f"{found.get('actor')} with {roles}{until}{part}")


async def _freshness(door: HttpClient) -> Finding:
    fresh = (await door.list("all", limit=1)).fresh
    detail = f"as of {fresh.as_of}, head {fresh.head}, {fresh.lag_ms} ms behind"
    if fresh.lag_ms >= FAIL_LAG_MS:
        return fail("read model", detail, "is the projector running? its log says what stops it")
    if fresh.lag_ms >= WARN_LAG_MS:
        return warn("read model", detail, "the projector is behind; look again in a minute")
    return ok("read model", detail)


async def _stale(door: HttpClient) -> Finding:
    """Name every row that does not move."""
    stuck = []
    async for page in door.pages("all"):
        for row in page.rows:
            if isinstance(row.stale, dict):
                since = row.stale.get("since")
                how_long = f" {lasting(since)}" if isinstance(since, str) else ""
                stuck.append(f"{row.key}: {row.stale.get('code')}{how_long}")
    if not stuck:
        return ok(STALE, "every row takes what happens")
    shown = "; ".join(stuck[:MAX_SHOWN])
    more = f" and {len(stuck) - MAX_SHOWN} more" if len(stuck) > MAX_SHOWN else ""
    return fail(
        STALE,
        f"{len(stuck)}: {shown}{more}",
        "`catalyst dlq list` shows what waits; mend the cause, then `catalyst dlq retry`",
    )


async def _sampled(door: HttpClient) -> Finding:
    """Name the rows that the projector, in the background, found not to be what the log says."""
    try:
        return sampled(msgspec.convert(await door.read("/v1/read-model"), _Condition))
    except msgspec.ValidationError as error:
        raise Malformed(f"the answer cannot be read: {error}") from error


def sampled(found: _Condition) -> Finding:
    """Return what the background check of the projector that answers has found.

    Args:
        found: What it says of itself.
    """
    if not found.differing and not found.checked:
        none = f"none of {found.rows} was held against the log yet: `catalyst replay --check` does"
        return skipped(SAMPLED, none if found.rows else "there are none: nothing to compare")
    if not found.differing:
        return ok(SAMPLED, f"{found.checked} held against the log, none differs")
    named = found.differences[:MAX_SHOWN]
    shown = "; ".join(f"{item.key} since {_minute(item.since)}" for item in named)
    more = f" and {found.differing - len(named)} more" if found.differing > len(named) else ""
    return fail(
        SAMPLED,
        f"{found.differing} not what the log says: {shown}{more}",
        "first `catalyst replay --check`, which shows how they differ; if it finds that they do, "
        "and not that the log lost messages, "
        "`catalyst replay --rebuild --accept-differences` writes all rows anew from the log",
    )


def kept(found: list[Finding]) -> list[Finding]:
    """Return the checks without the advice to write rows anew from a log that lost messages."""
    if not any(item.check == LOG and item.health is Health.FAIL for item in found):
        return found
    return [
        msgspec.structs.replace(item, fix=f"see {LOG}: {KEEP}") if item.check == SAMPLED else item
        for item in found
    ]


def roomless(found: list[Finding]) -> list[Finding]:
    """Return the checks without the advice to end workers that a full disk keeps from answering.

    Whose broker is on another machine has another disk, which is not seen from here.
    """
    full = any(item.check == DISK and item.health is Health.FAIL for item in found)
    if not full or any(item.check == BROKERS_DISK for item in found):
        return found
    return [
        msgspec.structs.replace(item, fix=_NO_ROOM)
        if item.fix and item.check == workercheck.CHECK
        else item
        for item in found
    ]


def _minute(time: datetime) -> str:
    return f"{time:%F %H:%M} UTC"


async def _dead_letters(door: HttpClient) -> Finding:
    found, _ = await letters(door)
    waiting = [letter for letter in found if not unreadable(letter.subject)]
    apart = len(found) - len(waiting)
    told_apart = apart_told(apart) if apart else ""
    if not waiting:
        return ok(LETTERS, told_apart or "none")
    reasons: dict[str, int] = {}
    for letter in waiting:
        reasons[letter.reason] = reasons.get(letter.reason, 0) + 1
    told = ", ".join(f"{count} {reason}" for reason, count in sorted(reasons.items()))
    detail = f"{told}; {told_apart}" if told_apart else told
    return warn(LETTERS, detail, "`catalyst dlq list`, then retry or drop each")


def apart_told(count: int) -> str:
    """Return what to do about dead letters that were never a command."""
    return (
        f"{count} unreadable: no commands, so they change nothing; {LISTED}, "
        "`catalyst dlq show SUBJECT` shows one, and `catalyst dlq drop SUBJECT --reason WHY` "
        "removes it"
    )


def summed(found: list[Finding]) -> list[Finding]:
    """Return the checks with all consumers that are well as one, before those that are not."""
    apart = [item for item in found if not _is_consumer(item)]
    wrong = [item for item in found if _is_consumer(item) and item.health is not Health.OK]
    well = len(found) - len(apart) - len(wrong)
    if not well:
        return found
    total = well + len(wrong)
    told = f"all {total} take and settle" if not wrong else f"{well} of {total} take and settle"
    place = next(index for index, item in enumerate(found) if _is_consumer(item))
    return [*apart[:place], ok("consumers", f"{told} what is for them"), *wrong, *apart[place:]]


def _is_consumer(item: Finding) -> bool:
    return item.check.startswith(f"{CONSUMER} ")


def _table(found: list[Finding]) -> None:
    table = Table("CHECK", "HEALTH", "DETAIL")
    for item in found:
        table.add(item.check, item.health.value, as_called(item.detail))
    table.write()
    for item in found:
        if item.fix and item.health in {Health.WARN, Health.FAIL}:
            note(f"{item.check}: {item.fix}")
