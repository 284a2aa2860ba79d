"""Sifting: of another service's aggregate only the events that its fold here looks at are read.

An aggregate may have thousands of events, such as each change of its health, and states of what
another service decides have no snapshot. What is left unread is guarded all the same: the version
is that of the newest event of any kind. Called by `states.py`; calls the broker port.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from catalyst.chassis import events
from catalyst.chassis.jetstream.port import Broker, Stored, Unavailable
from catalyst.contracts import runtime_v1
from catalyst.contracts.message import Event
from catalyst.contracts.topology import EV

_OF_THE_RUNTIME: Final = frozenset({runtime_v1.Parked, runtime_v1.Unparked})
"""What is folded of every aggregate, whatever else is."""


def matters(subject: str, kinds: Collection[type[Event]]) -> bool:
    """Whether an event on this subject is one of these kinds; all are if none is named."""
    if not kinds:
        return True
    shape = events.shape(subject)
    return shape in kinds or shape in _OF_THE_RUNTIME


async def read(
    broker: Broker, guard: str, kinds: Collection[type[Event]], up_to: int | None
) -> tuple[list[Stored], int]:
    """Return the events of these kinds, oldest first, and the sequence of the newest of any kind.

    The newest of each kind are read together, as of one moment; then each kind that matters up to
    there. A replica that is behind lacks that end, and its answer is not taken.

    Raises:
        BrokerError: As the broker port says; `Unavailable` as well where the answers do not fit.
    """
    newest = await broker.last_many(EV, [guard], up_to=up_to)
    found: list[Stored] = []
    for last in newest:
        if matters(last.subject, kinds):
            found += await _until(broker, last)
    found.sort(key=lambda stored: stored.seq)
    return found, max((stored.seq for stored in newest), default=0)


async def _until(broker: Broker, last: Stored) -> list[Stored]:
    """Return all on the subject of `last`, and nothing behind it."""
    every = await broker.replay(EV, last.subject)
    found = [stored for stored in every if stored.seq <= last.seq]
    if not found or found[-1].seq != last.seq:
        raise Unavailable(503, 0, f"{last.subject} was read by a replica that is behind")
    return found
