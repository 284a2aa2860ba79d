"""Times as a person reads them: how long ago, for how long, until when. JSON has the times."""

from __future__ import annotations

from datetime import UTC, datetime

from catalyst.chassis import clock


def age(then: datetime | None, now: datetime) -> str:
    """Return how long ago something was, in the largest unit that says enough."""
    if then is None:
        return "-"
    seconds = max(0, int((now - then).total_seconds()))
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds >= 2 * size:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"


def ago(text: str) -> str:
    """Return how long ago a time of a message or a row was, as in `3m ago`."""
    return f"{age(_read(text), clock.now())} ago"


def lasting(text: str) -> str:
    """Return for how long something has been so that began then, as in `for 3m`."""
    return f"for {age(_read(text), clock.now())}"


def left(text: str) -> str:
    """Return until when something counts, and how long that is: `2026-11-30 12:30 UTC, in 14m`."""
    then = _read(text)
    now = clock.now()
    over = then <= now
    long = f"{age(then, now)} ago" if over else f"in {age(now, then)}"
    return f"{then:%F %H:%M} UTC, {long}"


def moment(text: str | None) -> datetime | None:
    """Return the time that a message or a row names; None: it names none."""
    return None if text is None else _read(text)


def clocked(then: datetime | None) -> str:
    """Return at which time of the day something was, with the day if it was another; None: now."""
    now = clock.now()
    then = then or now
    return f"{then:%T}" if then.date() == now.date() else f"{then:%F %T}"


def _read(text: str) -> datetime:
    found = datetime.fromisoformat(text)
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)
