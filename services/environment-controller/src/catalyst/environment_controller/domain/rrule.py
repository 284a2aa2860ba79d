"""Recurrence rules of RFC 5545, 3.3.10, as change windows use them: checked, not run.

A window has no DTSTART of its own: it counts from Monday 1 January 2001, 00:00, in its time zone.
So COUNT, which would be used up long ago, is refused, as are frequencies below an hour.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final

_REFUSED: Final = ("SECONDLY", "MINUTELY")
_FREQUENCIES: Final = ("HOURLY", "DAILY", "WEEKLY", "MONTHLY", "YEARLY")
_WEEKDAY: Final = re.compile(r"(?P<nth>[+-]?[0-9]{1,2})?(?P<day>MO|TU|WE|TH|FR|SA|SU)")
_NUMBER: Final = re.compile(r"[0-9]{1,3}")
_SIGNED: Final = re.compile(r"[+-]?[0-9]{1,3}")
_UNTIL: Final = re.compile(r"[0-9]{8}(T[0-9]{6}Z)?")
_INTERVAL_MAX: Final = 999
_WEEKS: Final = 53
_LONGEST: Final = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
"""Days of each month in a leap year."""


class BadRule(ValueError):
    """The text is no recurrence rule; the message names the part and what is wrong in it."""


def check(text: str) -> str:
    """Return the rule in upper case.

    Raises:
        BadRule: If a part is unknown, doubled, missing, out of range, or not allowed with the
            others.
    """
    parts = _parts(text.upper())
    frequency = parts.get("FREQ")
    if frequency is None:
        raise BadRule("FREQ is missing")
    if frequency in _REFUSED:
        raise BadRule(f"FREQ: a change window opens once an hour at most, not {frequency}")
    if frequency not in _FREQUENCIES:
        raise BadRule(f"FREQ: {frequency!r} is none of {', '.join(_FREQUENCIES)}")
    for name, value in parts.items():
        _CHECKS[name](name, value)
    _check_together(frequency, parts)
    return ";".join(f"{name}={value}" for name, value in parts.items())


def _parts(text: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for part in text.split(";"):
        name, equals, value = part.partition("=")
        if not equals or not value:
            raise BadRule(f"{part!r} is not NAME=VALUE")
        if name not in _CHECKS:
            raise BadRule(f"{name!r} is not a part of a recurrence rule")
        if name in found:
            raise BadRule(f"{name} stands there twice")
        found[name] = value
    return found


# ---- each part alone


def _no_check(_name: str, _value: str) -> None:
    """Leave to the caller what depends on other parts."""


def _refuse_count(_name: str, _value: str) -> None:
    raise BadRule("COUNT needs a first occurrence, and a change window has none: use UNTIL")


def _check_until(_name: str, value: str) -> None:
    shape = "%Y%m%dT%H%M%SZ" if "T" in value else "%Y%m%d"
    wrong = f"UNTIL: {value!r} is neither a date (20301231) nor a UTC time (20301231T180000Z)"
    if not _UNTIL.fullmatch(value):
        raise BadRule(wrong)
    try:
        datetime.strptime(value, shape)  # noqa: DTZ007 - only the shape is judged
    except ValueError as error:
        raise BadRule(wrong) from error


def _check_interval(_name: str, value: str) -> None:
    if not _NUMBER.fullmatch(value) or not 1 <= int(value) <= _INTERVAL_MAX:
        raise BadRule(f"INTERVAL: {value!r} is not a number from 1 to {_INTERVAL_MAX}")


def _check_weekdays(name: str, value: str) -> None:
    for item in value.split(","):
        match = _WEEKDAY.fullmatch(item)
        if match is None:
            raise BadRule(f"{name}: {item!r} is not a weekday such as MO or -1FR")
        if match["nth"] and not 1 <= abs(int(match["nth"])) <= _WEEKS:
            raise BadRule(f"{name}: {item!r} counts beyond 1 to {_WEEKS}")


def _check_weekstart(name: str, value: str) -> None:
    match = _WEEKDAY.fullmatch(value)
    if match is None or match["nth"]:
        raise BadRule(f"{name}: {value!r} is not a weekday such as MO")


def _numbers(low: int, high: int, *, signed: bool = False) -> Callable[[str, str], None]:
    """Return the check of a list of numbers; signed ones count from the end and are never 0."""

    def check_numbers(name: str, value: str) -> None:
        for item in value.split(","):
            if not (_SIGNED if signed else _NUMBER).fullmatch(item):
                raise BadRule(f"{name}: {item!r} is not a number")
            number = abs(int(item)) if signed else int(item)
            if not low <= number <= high:
                raise BadRule(f"{name}: {item} is not between {low} and {high}")

    return check_numbers


_CHECKS: Final[Mapping[str, Callable[[str, str], None]]] = {
    "FREQ": _no_check,
    "UNTIL": _check_until,
    "COUNT": _refuse_count,
    "INTERVAL": _check_interval,
    # RFC 5545 knows a leap second, in which no clock here ever is: such a window would stay shut.
    "BYSECOND": _numbers(0, 59),
    "BYMINUTE": _numbers(0, 59),
    "BYHOUR": _numbers(0, 23),
    "BYDAY": _check_weekdays,
    "BYMONTHDAY": _numbers(1, 31, signed=True),
    "BYYEARDAY": _numbers(1, 366, signed=True),
    "BYWEEKNO": _numbers(1, 53, signed=True),
    "BYMONTH": _numbers(1, 12),
    "BYSETPOS": _numbers(1, 366, signed=True),
    "WKST": _check_weekstart,
}
"""Part → what is checked of it alone; also the list of parts that there are."""


# ---- parts together


_ONLY_WITH: Final[Mapping[str, tuple[str, ...]]] = {
    "BYMONTHDAY": ("HOURLY", "DAILY", "MONTHLY", "YEARLY"),
    "BYYEARDAY": ("HOURLY", "YEARLY"),
    "BYWEEKNO": ("YEARLY",),
}
"""Part → the frequencies that RFC 5545 allows it with."""


def _check_together(frequency: str, parts: Mapping[str, str]) -> None:
    for name, allowed in _ONLY_WITH.items():
        if name in parts and frequency not in allowed:
            raise BadRule(f"{name} is not allowed with FREQ={frequency}")
    if "BYSETPOS" in parts and not any(
        name.startswith("BY") and name != "BYSETPOS" for name in parts
    ):
        raise BadRule("BYSETPOS needs another BY part to choose from")
    counted = any(item[0] in "+-0123456789" for item in parts.get("BYDAY", "MO").split(","))
    if counted and frequency not in {"MONTHLY", "YEARLY"}:
        raise BadRule(f"BYDAY: a counted weekday is not allowed with FREQ={frequency}")
    if counted and "BYWEEKNO" in parts:
        raise BadRule("BYDAY: a counted weekday is not allowed beside BYWEEKNO")
    _check_comes(parts)


def _check_comes(parts: Mapping[str, str]) -> None:
    """Refuse days that none of the months named has, such as 30 February."""
    if "BYMONTH" not in parts or "BYMONTHDAY" not in parts:
        return
    days = [abs(int(day)) for day in parts["BYMONTHDAY"].split(",")]
    months = [int(month) for month in parts["BYMONTH"].split(",")]
    if all(min(days) > _LONGEST[month - 1] for month in months):
        raise BadRule(f"BYMONTHDAY: {parts['BYMONTHDAY']} never comes in month {parts['BYMONTH']}")
