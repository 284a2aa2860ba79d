"""How current the rows are that this process shows."""

from __future__ import annotations

from datetime import datetime
from typing import Final

import msgspec

from catalyst.chassis import clock

POLL_AGE_SECONDS: Final = 2.5
"""A head that was asked for longer ago than this is not known: more may have come since."""


class Fresh(msgspec.Struct, frozen=True):
    """What every answer says."""

    as_of: int
    """Everything up to here is in it."""
    head: int
    """The log's last sequence when last looked at."""
    lag_ms: int
    """Age of the oldest message that is not in it, at most: 0 when caught up, and the age of what
    is known about the log while that cannot be asked."""


class Freshness:
    """The log's head, as polled, and since when we are behind it."""

    def __init__(self) -> None:
        """Know nothing yet."""
        self.head = 0
        self.log = ""
        """The log's name; empty until it was asked for."""
        self._behind_since: float | None = None
        self._behind_from = 0
        self._polled = clock.monotonic()

    @property
    def unknown(self) -> bool:
        """True while the log cannot be asked, so that nobody knows how far it is."""
        return clock.monotonic() - self._polled > POLL_AGE_SECONDS

    def saw(
        self,
        log: str,
        head: int,
        as_of: int,
        *,
        oldest: datetime | None,
        now: datetime,
        asked: float,
    ) -> None:
        """Take over a poll.

        Args:
            log: The log's name.
            head: Its last sequence.
            as_of: Where the rows were.
            oldest: Time of the oldest message above that, if any.
            now: The broker's clock.
            asked: When it was asked, by our monotonic clock.
        """
        self.log, self.head = log, head
        self._polled = asked
        if oldest is None or as_of >= head:
            self._behind_since = None
            return
        age = max((now - oldest).total_seconds(), 0.0)
        self._behind_since = clock.monotonic() - age
        self._behind_from = as_of

    def at(self, as_of: int) -> Fresh:
        """Return the freshness of rows that are at `as_of`."""
        head = max(self.head, as_of)
        return Fresh(as_of, head, round(self._lag(as_of, head) * 1000))

    def _lag(self, as_of: int, head: int) -> float:
        if as_of >= head and not self.unknown:
            return 0.0
        if self._behind_since is not None and as_of <= self._behind_from:
            return clock.monotonic() - self._behind_since
        # What is missing now was there at the last poll, how much longer is not known; or nothing
        # is known of what came after that poll.
        return clock.monotonic() - self._polled
