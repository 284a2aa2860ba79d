"""The only file that asks for the time; for deadlines, logs and freshness, never for rules."""

from __future__ import annotations

import time
from datetime import UTC, datetime


def now() -> datetime:
    """Return this process's idea of the current instant, in UTC."""
    return datetime.now(UTC)


def monotonic() -> float:
    """Return seconds on a clock that never goes back."""
    return time.monotonic()
