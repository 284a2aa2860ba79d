"""How long to wait before the next try."""

from __future__ import annotations

import random
from typing import Final

FIRST_SECONDS: Final = 0.1
CAP_SECONDS: Final = 15.0
_RANDOM: Final = random.SystemRandom()


class Backoff:
    """Doubling waits with full jitter, so that many readers do not come back together."""

    def __init__(
        self, first_seconds: float = FIRST_SECONDS, cap_seconds: float = CAP_SECONDS
    ) -> None:
        """Start at `first_seconds`; no wait is above `cap_seconds`."""
        self._first = first_seconds
        self._cap = cap_seconds
        self._failures = 0

    @property
    def failures(self) -> int:
        """Tries that failed since the last reset."""
        return self._failures

    def reset(self) -> None:
        """Forget the failures: something worked."""
        self._failures = 0

    def ceiling(self) -> float:
        """Return the longest that the next wait may be, in seconds."""
        exponent = min(self._failures, 20)
        return float(min(self._cap, self._first * 2**exponent))

    def next(self, at_least: float = 0.0) -> float:
        """Count a failure and return the seconds to wait, never less than `at_least`."""
        ceiling = self.ceiling()
        self._failures += 1
        # The lower half is left out: a wait of nearly nothing would be no wait.
        return max(at_least, _RANDOM.uniform(ceiling / 2, ceiling))
