"""When a source is read again."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from catalyst.contracts.rejection import Rejected

SHORTEST: Final = timedelta(seconds=10)
LONGEST: Final = timedelta(days=30)
FIRST_RETRY: Final = timedelta(seconds=30)
"""After the first failure, if the interval is not shorter."""
LONGEST_RETRY: Final = timedelta(hours=1)
"""Between two tries of a source that cannot be read, if its interval is not longer."""
SYNC_TIME: Final = timedelta(minutes=10)
"""Within which a reading has to end."""

_UNITS: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def interval(text: str) -> timedelta:
    """Return the length of time that an interval names.

    Raises:
        Rejected: `source-interval-invalid` if it is not between 10 s and 30 days.
    """
    found = timedelta(**{_UNITS[text[-1]]: int(text[:-1])})
    if not SHORTEST <= found <= LONGEST:
        message = f"the interval {text} is not between 10s and 30d"
        raise Rejected("source-interval-invalid", message, pointer="/data/interval")
    return found


def retry(wanted: timedelta | None, failures: int) -> timedelta:
    """Return how long to wait after so many failures in a row; it doubles from one to the next.

    Args:
        wanted: The source's interval; None for one that is read when somebody asks.
        failures: At least 1.
    """
    usual = LONGEST_RETRY if wanted is None else wanted
    first = min(usual, FIRST_RETRY)
    doubled: timedelta = first * 2 ** min(failures - 1, 20)
    return min(doubled, max(usual, LONGEST_RETRY))
