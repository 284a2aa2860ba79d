"""What waits: use that fits nothing yet, in the order of the log, and when it is looked at again.

It is looked at by a timer, in parts, and before other use of the same name is. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

import msgspec

from catalyst.billing.domain.usage import Usage, Waiting
from catalyst.contracts.decision import Arm
from catalyst.contracts.usage_v1 import Use

TIMER: Final = "waiting"
CODES: Final = frozenset(
    {
        "account-not-found",
        "prices-unavailable",
        "subscription-not-found",
        "sku-unknown",
        "currency-not-priced",
    }
)
"""Why a use waits: what it lacks may come. Nothing else is mended by waiting."""
MOST: Final = 2_000
"""Uses of one month that wait; what comes beyond that is listed, and is to be sent again."""
PART: Final = 300
"""Uses that are looked at in one firing, beside as many earlier ones of their names."""
SOON: Final = timedelta(seconds=1)
"""After which the next part is looked at."""
LEAST: Final = timedelta(minutes=1)
LONGEST: Final = timedelta(hours=6)


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """Some of what waits."""

    uses: tuple[Use, ...]
    """In the order in which they were listed."""
    keys: tuple[str, ...]
    """Of those that are looked at for their own sake."""
    last: bool
    """Whether nothing is listed behind them."""


def next_part(state: Usage) -> Part:
    """Return what is looked at next: what is listed behind the part before it.

    What was listed earlier under the names of this part is in it too: of two that say different
    things the first one counts. Where there is much of that, fewer names are looked at.
    """
    order = list(state.waiting)
    start = order.index(state.looked) + 1 if state.looked in state.waiting else 0
    size = PART
    while True:
        keys = tuple(order[start : start + size])
        before = _named(
            (state.waiting[key] for key in order[:start]), (state.waiting[key].use for key in keys)
        )
        if size == 1 or len(before) + len(keys) <= 2 * PART:
            break
        size //= 2
    return Part(
        uses=(*before, *(state.waiting[key].use for key in keys)),
        keys=keys,
        last=start + size >= len(order),
    )


def of_names(state: Usage, uses: Iterable[Use]) -> tuple[Use, ...]:
    """Return all that waits under the names of uses: it is looked at before they are."""
    return _named(state.waiting.values(), uses)


def _named(kept: Iterable[Waiting], uses: Iterable[Use]) -> tuple[Use, ...]:
    names = {(use.source, use.id) for use in uses}
    return tuple(one.use for one in kept if (one.use.source, one.use.id) in names)


def armed(since: Iterable[datetime], now: datetime) -> Arm:
    """Return when all of it is looked at again: the longer it has waited, the later."""
    wait = (now - max(since)) // 10
    return Arm(timer=TIMER, after=min(max(wait, LEAST), LONGEST))


def soon() -> Arm:
    """Return when the next part is looked at."""
    return Arm(timer=TIMER, after=SOON)
