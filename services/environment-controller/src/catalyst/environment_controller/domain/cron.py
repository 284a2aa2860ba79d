"""Cron expressions of five fields, as change windows use them: checked, not run."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

import msgspec

_MONTHS: Final = "jan feb mar apr may jun jul aug sep oct nov dec".split()  # noqa: SIM905
_DAYS: Final = "sun mon tue wed thu fri sat".split()  # noqa: SIM905
_LONGEST: Final = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
"""Days of each month in a leap year."""
_ITEM: Final = re.compile(
    r"(?P<all>\*)(/(?P<every>[0-9]+))?"
    r"|(?P<first>[0-9]+|[a-z]{3})(-(?P<last>[0-9]+|[a-z]{3})(/(?P<step>[0-9]+))?)?"
)


class _Field(msgspec.Struct, frozen=True):
    name: str
    low: int
    high: int
    words: Mapping[str, int] = {}


_FIELDS: Final = (
    _Field("minute", 0, 59),
    _Field("hour", 0, 23),
    _Field("day of month", 1, 31),
    _Field("month", 1, 12, {word: number for number, word in enumerate(_MONTHS, 1)}),
    _Field("day of week", 0, 7, {word: number for number, word in enumerate(_DAYS)}),
)


class BadCron(ValueError):
    """The text is no cron expression; the message names the field and what is wrong in it."""


def check(text: str) -> str:
    """Return the expression with single spaces and lower-case names.

    Raises:
        BadCron: If a field is missing or wrong, or if the days named never come.
    """
    parts = text.lower().split()
    if len(parts) != len(_FIELDS):
        raise BadCron(f"{len(_FIELDS)} fields are needed, {len(parts)} are given")
    values = [_values(part, field) for part, field in zip(parts, _FIELDS, strict=True)]
    _, _, days, months, _ = values
    # Where both are named, cron takes either the day of the month or the day of the week.
    if parts[4] == "*" and all(min(days) > _LONGEST[month - 1] for month in months):
        raise BadCron(f"field 3 (day of month): {parts[2]!r} never comes in month {parts[3]!r}")
    return " ".join(parts)


def _values(part: str, field: _Field) -> frozenset[int]:
    found: set[int] = set()
    for item in part.split(","):
        found.update(_range(item, field))
    return frozenset(found)


def _range(item: str, field: _Field) -> range:
    match = _ITEM.fullmatch(item)
    if match is None:
        raise _bad(field, f"{item!r} is not a number, name, range or step")
    if match["all"]:
        low, high, step = field.low, field.high, int(match["every"] or 1)
    else:
        low = _number(match["first"], field)
        high = _number(match["last"], field) if match["last"] else low
        step = int(match["step"] or 1)
    if low > high:
        raise _bad(field, f"{item!r} begins after its end")
    if step < 1 or step > field.high:
        raise _bad(field, f"the step {step} of {item!r} is not between 1 and {field.high}")
    return range(low, high + 1, step)


def _number(text: str, field: _Field) -> int:
    if text in field.words:
        return field.words[text]
    if not text.isdigit():
        raise _bad(field, f"{text!r} is not a name here")
    number = int(text)
    if not field.low <= number <= field.high:
        raise _bad(field, f"{number} is not between {field.low} and {field.high}")
    return number


def _bad(field: _Field, message: str) -> BadCron:
    return BadCron(f"field {_FIELDS.index(field) + 1} ({field.name}): {message}")
