"""Timers: armed, cancelled and fired by the broker's own scheduler, inside the deciding batch.

A firing carries `gen`, the id of the `done` that armed it, and counts only if the state still waits
for that one: a late, doubled or replaced firing changes nothing.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

import msgspec

from catalyst.chassis.jetstream.port import Outgoing
from catalyst.contracts import codec, subjects
from catalyst.contracts.decision import Arm, Fired
from catalyst.contracts.message import derived_id
from catalyst.contracts.subjects import BadSubject, Ref
from catalyst.contracts.topology import TIMER_TTL

_PREFIX: Final = "due.tmr."


class Body(msgspec.Struct, frozen=True, kw_only=True):
    """Body of a `tmr.…` message and of what it fires."""

    timer: str
    gen: str


def arm(ref: Ref, timer: Arm, *, now: datetime, done_id: str) -> Outgoing:
    """Return the message that arms a timer; on the same subject it replaces an older one."""
    at = (now + timer.after).astimezone(UTC)
    return Outgoing(
        ref.timer(timer.timer),
        codec.encode(Body(timer=timer.timer, gen=done_id)),
        {
            "Nats-Schedule": f"@at {at.isoformat().replace('+00:00', 'Z')}",
            "Nats-Schedule-Target": ref.due(timer.timer),
            "Nats-Schedule-TTL": TIMER_TTL,
        },
    )


def cancellation(ref: Ref, timer: str) -> dict[str, str]:
    """Return the headers that cancel a timer; they travel on an event, one timer each."""
    return {"Nats-Scheduler": ref.timer(timer), "Nats-Schedule-Next": "purge"}


def fired(subject: str, data: bytes) -> tuple[Ref, Fired, str]:
    """Return whose timer fired, which one, and the id under which the firing is decided.

    Raises:
        BadSubject: If the subject is not one to which a timer fires.
        msgspec.MsgspecError: If the body is not a timer's.
    """
    path, _, name = subject.removeprefix(_PREFIX).rpartition(".")
    if not subject.startswith(_PREFIX):
        raise BadSubject(f"{subject!r} is not where a timer fires")
    body = msgspec.json.decode(data, type=Body)
    firing = Fired(timer=subjects.unescape(name), gen=body.gen)
    return Ref.parse(path), firing, derived_id(subject, body.gen)
