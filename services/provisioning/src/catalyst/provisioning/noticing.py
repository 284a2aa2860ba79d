"""Lets the changes that wait look again when who may approve, or a policy, is another.

An effect without anything outside: a reaction concerns one change, and these events concern many.
"""

from __future__ import annotations

from typing import Final

from catalyst.chassis.index import Index
from catalyst.chassis.service import Effect, Loader, Report
from catalyst.contracts import provisioning_v1 as pro1
from catalyst.contracts.decision import Recorded
from catalyst.provisioning.domain.held import MOVES, Held

NAME: Final = "held"


def noticing(index: Index, held: Held) -> Effect:
    """Return the effect that asks each change which waits to look again; `index` feeds `held`."""

    async def run(recorded: Recorded, _load: Loader) -> tuple[Report, ...]:
        await index.reach(recorded.seq)
        return tuple(Report(ref=ref, command=pro1.LookAgain()) for ref in held.concerned(recorded))

    return Effect(
        name=NAME,
        events=MOVES,
        run=run,
        failed=_nobody,
        lane=lambda recorded: recorded.ref.organization or "",
    )


def _nobody(_recorded: Recorded, _why: str) -> None:
    """Report nothing: each looks again by itself, at most a day later."""
