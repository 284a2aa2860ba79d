"""Change windows: whether changes may happen at a time, until when, and when next. Pure.

A window opens by a recurrence rule or a cron expression, in its time zone, for some minutes. Deny
wins over allow; where any window allows, changes happen in such a window only. A window that
cannot be read allows nothing and denies everything, and says so.
"""

from __future__ import annotations

import bisect
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import product
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
from dateutil.rrule import rrule, rrulestr

from catalyst.contracts.environment_v1 import Window

ANCHOR: Final = datetime(2001, 1, 1)  # noqa: DTZ001 - local time of whichever zone it is read in
"""Every recurrence counts from here, in its own time zone: a Monday."""
HORIZONS: Final = (timedelta(days=15), timedelta(days=400))
"""How far it is looked for the next opening, the near one first; as far alone, for the next end."""
_DAY: Final = timedelta(days=1)
_NEVER: Final = datetime.max.replace(tzinfo=UTC)
_PERIODS: Final = {"HOURLY": timedelta(hours=1), "DAILY": _DAY, "WEEKLY": 7 * _DAY}
"""Frequencies whose steps all have one length."""
_MONTHS: Final = "jan feb mar apr may jun jul aug sep oct nov dec".split()  # noqa: SIM905
_DAYS: Final = "sun mon tue wed thu fri sat".split()  # noqa: SIM905
_NAMES: Final = {
    **{name: number for number, name in enumerate(_MONTHS, 1)},
    **{name: number for number, name in enumerate(_DAYS)},
}


class Opening(msgspec.Struct, frozen=True, kw_only=True):
    """Whether changes may happen now, until when, and when next."""

    open: bool
    next: datetime | None = None
    """When it opens, if it is closed; None: not within 400 days."""
    closes: datetime | None = None
    """When it closes, if it is open; None: not within 15 days."""
    problem: str = ""
    """What is wrong with a window, for whoever edits the policy."""


class Unreadable(ValueError):
    """A window that nobody can say the times of."""


def opening(windows: Sequence[Window], now: datetime) -> Opening:
    """Return whether changes may happen at `now`, and if not, when they may next."""
    if not windows:
        return Opening(open=True)
    try:
        for horizon in HORIZONS:
            found = _look(windows, now, now + horizon)
            if found is not None:
                return found
    except Unreadable as error:
        return Opening(open=False, problem=str(error))
    return Opening(open=False)


def together(found: Iterable[Opening]) -> Opening:
    """Return when all of these are open: not before the last of those that are closed now.

    If none is, until the first of them closes.
    """
    every = list(found)
    closed = [one for one in every if not one.open]
    if closed:
        return max(closed, key=lambda one: one.next or _NEVER)
    return min(every, key=lambda one: one.closes or _NEVER, default=Opening(open=True))


def _look(windows: Sequence[Window], now: datetime, until: datetime) -> Opening | None:
    """Return how it is at `now`, and when that changes first; None: it stays shut up to `until`."""
    allow = _merged([i for w in windows if w.effect == "allow" for i in _times(w, now, until)])
    deny = _merged([i for w in windows if w.effect == "deny" for i in _times(w, now, until)])
    any_allowed = any(window.effect == "allow" for window in windows)

    def is_open(at: datetime) -> bool:
        return not _within(deny, at) and (not any_allowed or _within(allow, at))

    if is_open(now):
        ends = sorted({*(end for _, end in allow), *(start for start, _ in deny)})
        closes = (at for at in ends if now < at <= until)
        return Opening(open=True, closes=next(closes, None))
    begins = sorted({*(end for _, end in deny), *(start for start, _ in allow)})
    opens = next((at for at in begins if now < at <= until and is_open(at)), None)
    return None if opens is None else Opening(open=False, next=opens)


def _merged(spans: list[tuple[datetime, datetime]]) -> list[tuple[datetime, datetime]]:
    found: list[tuple[datetime, datetime]] = []
    for start, end in sorted(spans):
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        else:
            found.append((start, end))
    return found


def _within(spans: list[tuple[datetime, datetime]], at: datetime) -> bool:
    place = bisect.bisect_right(spans, at, key=lambda span: span[0]) - 1
    return place >= 0 and at < spans[place][1]


def _times(window: Window, now: datetime, until: datetime) -> Iterator[tuple[datetime, datetime]]:
    """Yield the spans of a window that touch what is looked at, in UTC."""
    length = timedelta(minutes=window.duration_minutes)
    try:
        zone = ZoneInfo(window.timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise Unreadable(f"there is no time zone {window.timezone!r}") from error
    # A day more on both sides: offsets of time zones differ by less.
    first = now.astimezone(UTC).replace(tzinfo=None) - length - _DAY
    last = until.astimezone(UTC).replace(tzinfo=None) + _DAY
    starts = _cron(window.cron, first, last) if window.cron else _rule(window, zone, first, last)
    for start in starts:
        opened = start.replace(tzinfo=zone).astimezone(UTC)
        yield opened, opened + length


def _rule(window: Window, zone: ZoneInfo, first: datetime, last: datetime) -> Iterator[datetime]:
    try:
        parts = dict(part.split("=", 1) for part in window.rrule.split(";"))
        until = parts.pop("UNTIL", "")
        if until:
            last = min(last, _until(until, zone))
        anchor = ANCHOR
        period = _PERIODS.get(parts.get("FREQ", ""))
        if period is not None:
            # Only whole steps are left out, so that the same times come.
            step = period * int(parts.get("INTERVAL", "1"))
            anchor += step * max(0, (first - _DAY - ANCHOR) // step)
        text = ";".join(f"{name}={value}" for name, value in parts.items())
        found = rrulestr(text, dtstart=anchor)
        if not isinstance(found, rrule):
            raise Unreadable(f"the rule {window.rrule!r} is more than one rule")
        yield from found.replace(until=last).between(first, last, inc=True)
    except (ValueError, TypeError, ArithmeticError) as error:
        raise Unreadable(f"the rule {window.rrule!r} cannot be read: {error}") from error


def _until(text: str, zone: ZoneInfo) -> datetime:
    """Return until when, in local time; a date counts to its end."""
    if "T" not in text:
        day = datetime.strptime(text, "%Y%m%d")  # noqa: DTZ007 - local time
        return day.replace(hour=23, minute=59, second=59)
    at = datetime.strptime(text, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    try:
        return at.astimezone(zone).replace(tzinfo=None)
    except OverflowError:
        # So is for ever written: where time ends, no zone makes a difference.
        return at.replace(tzinfo=None)


# ---- cron


def _cron(text: str, first: datetime, last: datetime) -> Iterator[datetime]:
    parts = text.lower().split()
    if len(parts) != 5:
        raise Unreadable(f"{text!r} has not five fields")
    try:
        minutes, hours, days, months, weekdays = (
            _values(part, low, high)
            for part, (low, high) in zip(
                parts, ((0, 59), (0, 23), (1, 31), (1, 12), (0, 7)), strict=True
            )
        )
    except ValueError as error:
        raise Unreadable(f"the expression {text!r} cannot be read") from error
    any_day, any_weekday = parts[2].startswith("*"), parts[4].startswith("*")
    day = first.date()
    while day <= last.date():
        if day.month in months and _day_fits(day, days, weekdays, any_day, any_weekday):
            for hour, minute in product(sorted(hours), sorted(minutes)):
                at = datetime(day.year, day.month, day.day, hour, minute)  # noqa: DTZ001
                if first <= at <= last:
                    yield at
        day += _DAY


def _day_fits(
    day: date,
    days: frozenset[int],
    weekdays: frozenset[int],
    any_day: bool,  # noqa: FBT001 - two facts, not settings
    any_weekday: bool,  # noqa: FBT001
) -> bool:
    """Where both are named, cron takes either the day of the month or the day of the week."""
    in_month = day.day in days
    in_week = day.isoweekday() % 7 in {weekday % 7 for weekday in weekdays}
    if any_day or any_weekday:
        return in_month and in_week
    return in_month or in_week


def _values(part: str, low: int, high: int) -> frozenset[int]:
    found: set[int] = set()
    for item in part.split(","):
        span, _, step = item.partition("/")
        begin, _, end = span.partition("-")
        if span == "*":
            first, last = low, high
        else:
            first = int(_NAMES.get(begin, begin))
            last = int(_NAMES.get(end, end)) if end else first
        found.update(range(first, last + 1, int(step or 1)))
    if not found.issubset(range(low, high + 1)):
        raise ValueError(f"{part!r} is not between {low} and {high}")
    return frozenset(found)
