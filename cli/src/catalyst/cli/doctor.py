"""`catalyst doctor`: what is wrong, and what to do about it."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

import httpx
import msgspec

from catalyst.cli import brokercheck
from catalyst.cli.dlq import letters
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
from catalyst.client.errors import ClientError, Problem
from catalyst.client.http_transport import HttpClient

WARN_LAG_MS: Final = 2_000
"""The longest that an event may take to a browser at any load that is accepted."""
FAIL_LAG_MS: Final = 30_000
WARN_FREE_BYTES: Final = 2 * 1024**3
FAIL_FREE_BYTES: Final = 256 * 1024**2
"""Below this the embedded broker refuses to start."""
MAX_SHOWN: Final = 20
READY_SECONDS: Final = 5.0


class _Readiness(msgspec.Struct):
    status: str
    checks: dict[str, str] = {}


def doctor(
    *,
    output: OutputOption = Format.TABLE,
    context: ContextOption = None,
    url: UrlOption = None,
    token: TokenOption = None,
) -> None:
    """Look at everything that can be wrong, and say what to do about it.

    Example:
      catalyst doctor

    Ends with 8 if a check fails. Warnings alone end with 0.
    """
    target = resolve(context, url, token)
    found = run(_examine(target))
    show(found, output, lambda: _table(found))
    if any(item.health is Health.FAIL for item in found):
        raise Ended(ExitCode.CHECK_FAILED)


async def _examine(target: Target) -> list[Finding]:
    found = [item async for item in _door(target)]
    found += [item async for item in brokercheck.examine(target)]
    found.append(_disk(target))
    return found


async def _door(target: Target) -> AsyncIterator[Finding]:
    """Look at what the HTTP door shows."""
    if not target.http:
        yield skipped("http", "the connection has no HTTP address")
        return
    async with reads(target) as door:
        try:
            await door.read("/healthz")
        except ClientError as error:
            yield fail("http", str(error), "start it with `catalyst up`, or mend the address")
            return
        yield ok("http", f"{target.http} answers")
        yield await _ready(door)
        signed_in = await _session(door)
        yield signed_in
        if signed_in.health is not Health.OK:
            yield skipped("read model", "needs a token")
            return
        for check in (_freshness, _stale, _dead_letters):
            try:
                yield await check(door)
            except Problem as problem:
                name = check.__name__.strip("_").replace("_", " ")
                yield fail(name, f"{problem.code}: {problem.message}", _STATUS_FIX)


_STATUS_FIX: Final = "see the log of the member that answers this"


async def _ready(door: HttpClient) -> Finding:
    try:
        answer = await door.calls.http.get("/readyz", timeout=READY_SECONDS)
        body = msgspec.json.decode(answer.content, type=_Readiness)
    except (httpx.HTTPError, msgspec.MsgspecError) as error:
        return fail("ready", f"no usable answer ({type(error).__name__})", _STATUS_FIX)
    wrong = [f"{name}: {said}" for name, said in body.checks.items() if said != "ok"]
    if wrong or answer.status_code != 200:
        return fail("ready", "; ".join(wrong) or body.status, "see the checks below")
    return ok("ready", "what is published is delivered")


async def _session(door: HttpClient) -> Finding:
    try:
        found = await door.read("/v1/session")
    except Problem as problem:
        fix = "`catalyst token --email … --role …`, then `catalyst context add`"
        return fail("token", problem.message, fix)
    roles = ", ".join(found.get("roles") or ()) or "no platform role"
    return ok("token", f"{found.get('actor')} with {roles}, until {found.get('expires')}")


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
                stuck.append(f"{row.key}: {row.stale.get('code')} since {since}")
    if not stuck:
        return ok("stale rows", "every row moves")
    shown = "; ".join(stuck[:MAX_SHOWN])
    more = f" and {len(stuck) - MAX_SHOWN} more" if len(stuck) > MAX_SHOWN else ""
    return fail(
        "stale rows",
        f"{len(stuck)}: {shown}{more}",
        "`catalyst dlq list` shows what waits; mend the cause, then `catalyst dlq retry`",
    )


async def _dead_letters(door: HttpClient) -> Finding:
    found, _ = await letters(door)
    if not found:
        return ok("dead letters", "none")
    reasons: dict[str, int] = {}
    for letter in found:
        reasons[letter.reason] = reasons.get(letter.reason, 0) + 1
    told = ", ".join(f"{count} {reason}" for reason, count in sorted(reasons.items()))
    return warn("dead letters", told, "`catalyst dlq list`, then retry or drop each")


def _disk(target: Target) -> Finding:
    """Look at the disk that the data directory is on."""
    if not target.data:
        return skipped("disk", "the data are not on this machine")
    path = Path(target.data)
    if not path.is_dir():
        return warn("disk", f"{path} is gone", "`catalyst context remove` forgets the connection")
    free = shutil.disk_usage(path).free
    detail = f"{free / 1024**3:.1f} GiB free below {path}"
    if free < FAIL_FREE_BYTES:
        return fail("disk", detail, "make room: without it nothing more is accepted")
    if free < WARN_FREE_BYTES:
        return warn("disk", detail, "make room soon")
    return ok("disk", detail)


def _table(found: list[Finding]) -> None:
    table = Table("CHECK", "HEALTH", "DETAIL")
    for item in found:
        table.add(item.check, item.health.value, item.detail)
    table.write()
    for item in found:
        if item.fix and item.health in {Health.WARN, Health.FAIL}:
            note(f"{item.check}: {item.fix}")
