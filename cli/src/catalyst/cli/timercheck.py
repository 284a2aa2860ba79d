"""The part of `catalyst doctor` that says whether the broker fires what is armed.

Months are closed, deadlines pass and credit expires by timers alone: a broker that fires none looks
well, and nobody misses an invoice that was never made.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Final

from catalyst.chassis.jetstream.port import Broker, Stored
from catalyst.chassis.jetstream.times import of_text
from catalyst.cli.findings import Finding, fail, ok
from catalyst.contracts.topology import EV

CHECK: Final = "timers"
ALL: Final = "tmr.>"
LATE_SECONDS: Final = 60.0
"""The broker fires within a second; one that has just started reads all of them first."""
LOOKED_AT: Final = 1_000
"""Of all that are armed, the oldest: among them are those that came due first."""
_AT: Final = "@at "
_FIX: Final = (
    "no month is closed, no deadline passes and no credit expires meanwhile: look at the log of "
    "nats-server and its disk, and restart it; what is due fires then"
)


async def timers(js: Broker, *, late_seconds: float = LATE_SECONDS) -> Finding:
    """Return whether timers fire that are due.

    Args:
        js: The connection.
        late_seconds: How long one may be due.
    """
    armed = await js.replay(EV, ALL, limit=LOOKED_AT)
    # Asked after them: what fires in between is not late.
    now = of_text((await js.api(f"STREAM.INFO.{EV}", None))["ts"])
    return judged(armed, now, late_seconds=late_seconds)


def judged(
    armed: Iterable[Stored], now: datetime, *, late_seconds: float = LATE_SECONDS
) -> Finding:
    """Return what the timers come to that stand in the log; on one subject the last one counts."""
    due = {one.subject: _due(one) for one in armed}
    late = sorted(
        (at, subject)
        for subject, at in due.items()
        if at is not None and (now - at).total_seconds() > late_seconds
    )
    if not late:
        return ok(CHECK, f"{len(due)} armed, none is overdue")
    first, subject = late[0]
    detail = (
        f"{len(late)} of {len(due)} are overdue, the first since {first:%F %H:%M} UTC: {subject}"
    )
    return fail(CHECK, detail, _FIX)


def _due(one: Stored) -> datetime | None:
    """Return when a timer is due; None: it is none of ours."""
    text = one.headers.get("Nats-Schedule", "")
    try:
        return of_text(text.removeprefix(_AT)) if text.startswith(_AT) else None
    except ValueError:
        return None
