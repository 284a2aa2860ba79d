"""How current the rows are that this process shows."""

from __future__ import annotations

from datetime import datetime

import msgspec

from catalyst.chassis import clock


class Fresh(msgspec.Struct, frozen=True):
    """What every answer says."""

    as_of: int
    """Everything up to here is in it."""
    head: int
    """The log's last sequence when last looked at."""
    lag_ms: int
    """Age of the oldest message that is not in it; 0 when caught up."""


class Freshness:
    """The log's head, as polled, and since when we are behind it."""

    def __init__(self) -> None:
        """Know nothing yet."""
        self.head = 0
        self.log = ""
        """The log's name; empty until it was asked for."""
        self._behind_since: float | None = None
        self._behind_from = 0
        self._polled = 0.0

    def saw(self, log: str, head: int, as_of: int, oldest: datetime | None, now: datetime) -> None:
        """Take over a poll; `oldest` is the time of the oldest message above `as_of`, if any."""
        self.log, self.head = log, head
        self._polled = clock.monotonic()
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
        if as_of >= head:
            return 0.0
        if self._behind_since is not None and as_of <= self._behind_from:
            return clock.monotonic() - self._behind_since
        # What is missing now was there at the last poll; how much longer is not known.
        return clock.monotonic() - self._polled
