"""The part of `catalyst doctor` that asks the HTTP door how it is, and looks at the disk."""

from __future__ import annotations

import shutil
from asyncio import TaskGroup, timeout
from collections.abc import Awaitable
from pathlib import Path
from typing import Final

import httpx
import msgspec

from catalyst.chassis.jwks import RENEWAL
from catalyst.cli import contexts
from catalyst.cli.findings import Finding, fail, ok, skipped, warn
from catalyst.cli.target import Target
from catalyst.client.errors import ClientError, Malformed, Problem
from catalyst.client.http_calls import Query
from catalyst.client.http_transport import HttpClient
from catalyst.contracts.registry import SERVICES
from catalyst.contracts.subjects import PLATFORM

WARN_FREE_BYTES: Final = 2 * 1024**3
FAIL_FREE_BYTES: Final = 256 * 1024**2
"""Below this the embedded broker refuses to start."""
SHORT_SECONDS: Final = 2.5
READY: Final = "ready"
"""The check whether the stack says itself that it can do its work."""
ANSWERING: Final = "services"
"""The check whether each service answers, where its workers are not seen."""
_NO_QUESTION: Final = "at-work"
_ANSWER_SECONDS: Final = 1.0
"""For one that is about to start."""
DISK: Final = "disk"
"""The check of the room below the data directory."""
BROKERS_DISK: Final = "broker's disk"
"""What stands beside it where the broker has another."""
STATUS_FIX: Final = "see the log of the member that answers this"
KEYS_FIX: Final = (
    "mend the keys where CATALYST_JWKS, or CATALYST_OTHER_ISSUERS for another issuer, says that "
    "they are (the gateway's log names the place); they are read again by themselves"
)


class _Readiness(msgspec.Struct):
    status: str
    checks: dict[str, str] = {}


async def limited(
    check: str, work: Awaitable[Finding], seconds: float, fix: str = STATUS_FIX
) -> Finding:
    """Return what a check finds, or the row that says why it found nothing in `seconds`."""
    try:
        async with timeout(seconds):
            return await work
    except TimeoutError:
        return fail(check, f"no answer within {seconds:g} s", fix)
    except Problem as problem:
        if problem.status == httpx.codes.FORBIDDEN:
            return skipped(check, f"not looked at: {problem.message}")
        return fail(check, f"{problem.code}: {problem.message}", fix)
    except ClientError as error:
        return fail(check, str(error), fix)


async def reached(door: HttpClient, data: str) -> Finding:
    """Return whether anybody answers at the door's address; `data`: where it runs, if known."""
    start = f"start it with `{contexts.start(data)}`"
    fix = f"{start}, or choose another connection with `catalyst context use NAME`"
    return await limited("http", _reached(door), SHORT_SECONDS, fix)


async def _reached(door: HttpClient) -> Finding:
    await door.read("/healthz")
    return ok("http", f"{door.calls.address} answers")


async def ready(door: HttpClient) -> Finding:
    """Return what the stack says of itself."""
    return await limited(READY, _ready(door), SHORT_SECONDS)


async def _ready(door: HttpClient) -> Finding:
    try:
        answer = await door.calls.http.get("/readyz", timeout=SHORT_SECONDS)
        body = msgspec.json.decode(answer.content, type=_Readiness)
    except httpx.HTTPError:
        return fail(READY, f"no answer within {SHORT_SECONDS:g} s", STATUS_FIX)
    except msgspec.MsgspecError:
        return fail(READY, "the answer cannot be read", STATUS_FIX)
    wrong = {name: said for name, said in body.checks.items() if said != "ok"}
    told = "; ".join(f"{name}: {said}" for name, said in wrong.items())
    fix = KEYS_FIX if any("keys" in name for name in wrong) else "see the checks below"
    if wrong.keys() == {RENEWAL}:
        return warn(READY, told, fix)
    if wrong or answer.status_code != httpx.codes.OK:
        return fail(READY, told or body.status, fix)
    return ok(READY, "what is published is delivered")


async def services(door: HttpClient) -> Finding:
    """Return whether each service answers: whoever knows the broker sees its workers besides."""
    async with TaskGroup() as tasks:
        asked = {name: tasks.create_task(_refusal(door, name)) for name in SERVICES}
    away = []
    for name, task in asked.items():
        match task.result():
            case Problem(status=httpx.codes.SERVICE_UNAVAILABLE):
                away.append(name)
            case Problem(status=httpx.codes.NOT_FOUND):
                pass
            case wrong:
                raise wrong
    if away:
        return fail(ANSWERING, f"nobody answers for {', '.join(away)}", "start what is away again")
    return ok(ANSWERING, f"all {len(SERVICES)} answer")


async def _refusal(door: HttpClient, service: str) -> ClientError:
    """Return what comes of a question that there is not: who is at work says that."""
    place = f"/v1/queries/{service}/{_NO_QUESTION}"
    try:
        whose: Query = {"organization": PLATFORM, "version": 1}
        await door.calls.ask("POST", place, query=whose, body=b"{}", timeout=_ANSWER_SECONDS)
    except ClientError as error:
        return error
    return Malformed(f"{service} answers a question that there is not")


def cluster(target: Target) -> list[Finding]:
    """Say if what is known comes from a simulated cluster that runs no more."""
    if not contexts.lacks_its_cluster(target.data):
        return []
    return [warn("cluster", contexts.LACKS_CLUSTER, contexts.cluster_again(target.data))]


def disk(target: Target) -> list[Finding]:
    """Look at the disk that the data directory is on, which may not be the broker's."""
    if not target.data:
        return [_unseen("no data directory on this machine is known")]
    path = Path(target.data)
    try:
        path.stat()
    except FileNotFoundError:
        forget = "`catalyst context remove` forgets the connection"
        return [warn(DISK, f"{path} is gone", forget)]
    except OSError as error:
        return [warn(DISK, f"{path} cannot be looked at: {error.strerror}", "ask whose it is")]
    if not target.embedded:
        what = "Git homes and logs are written there"
        return [_room(path, what), _unseen("the broker is not the one of this data directory")]
    return [_room(path, "without it nothing more is accepted")]


def _unseen(why: str) -> Finding:
    return skipped(BROKERS_DISK, f"{why}: the disk of its machine is not seen from here")


def _room(path: Path, needed: str) -> Finding:
    free = shutil.disk_usage(path).free
    detail = f"{free / 1024**3:.1f} GiB free below {path}"
    if free < FAIL_FREE_BYTES:
        return fail(DISK, detail, f"make room: {needed}")
    if free < WARN_FREE_BYTES:
        return warn(DISK, detail, "make room soon")
    return ok(DISK, detail)
