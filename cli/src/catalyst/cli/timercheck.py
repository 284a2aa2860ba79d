"""The part of `catalyst doctor` that says whether the broker fires what is armed.

Months are closed, deadlines pass and credit expires by timers alone: a broker that fires none looks
well, and nobody misses an invoice that was never made.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Final

from catalyst.chassis.jetstream.port import Broker, Stored
from catalyst.chassis.jetstream.times import of_text
from catalyst.cli.findings import Finding, fail, ok, skipped
from catalyst.contracts.topology import EV

CHECK: Final = "timers"
ALL: Final = "tmr.>"
LATE_SECONDS: Final = 60.0
"""The broker fires within a second; one that has just started reads all of them first."""
LOOK_SECONDS: Final = 2.0
"""To look at all that are armed: which come due first, the broker does not tell."""
PAGE: Final = 1_000
_AT: Final = "@at "
_FIX: Final = (
    "no month is closed, no deadline passes and no credit expires meanwhile: look at the log of "
    "nats-server and its disk, and restart it; what is due fires then"
)

Armed = Mapping[str, datetime | None]
"""By subject, when each timer is due; None: it is none of ours."""


async def timers(
    js: Broker, *, late_seconds: float = LATE_SECONDS, look_seconds: float = LOOK_SECONDS
) -> Finding:
    """Return whether timers fire that are due.

    Args:
        js: The connection.
        late_seconds: How long one may be due.
        look_seconds: How long it may take to look at all of them.
    """
    # Asked before them: what comes due meanwhile is not late.
    now = of_text((await js.api(f"STREAM.INFO.{EV}", None))["ts"])
    armed: dict[str, datetime | None] = {}
    start = 1
    try:
        async with asyncio.timeout(look_seconds):
            while page := await js.replay(EV, ALL, start=start, limit=PAGE):
                armed |= due(page)
                start = page[-1].seq + 1
    except TimeoutError:
        return judged(armed, now, late_seconds=late_seconds, whole=False)
    return judged(armed, now, late_seconds=late_seconds)


def due(page: Iterable[Stored]) -> dict[str, datetime | None]:
    """Return when each of some timers is due; on one subject the last one counts."""
    return {one.subject: _due(one) for one in page}


def judged(
    armed: Armed, now: datetime, *, late_seconds: float = LATE_SECONDS, whole: bool = True
) -> Finding:
    """Return what the timers come to that stand in the log.

    Args:
        armed: Those that were looked at.
        now: What time it is.
        late_seconds: How long one may be due.
        whole: Whether these are all.
    """
    late = sorted(
        (at, subject)
        for subject, at in armed.items()
        if at is not None and (now - at).total_seconds() > late_seconds
    )
    seen = f"{len(armed)}" if whole else f"the {len(armed)} that were looked at"
    if late:
        first, subject = late[0]
        detail = (
            f"{len(late)} of {seen} are overdue, the first since {first:%F %H:%M} UTC: {subject}"
        )
        return fail(CHECK, detail, _FIX)
    if not whole:
        return skipped(CHECK, f"none of {seen} is overdue; there are more than a glance takes in")
    return ok(CHECK, f"{seen} armed, none is overdue")


def _due(one: Stored) -> datetime | None:
    """Return when a timer is due; None: it is none of ours."""
    text = one.headers.get("Nats-Schedule", "")
    try:
        return of_text(text.removeprefix(_AT)) if text.startswith(_AT) else None
    except ValueError:
        return None
