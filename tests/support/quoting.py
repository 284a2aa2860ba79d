"""A secret, a bug that quotes whatever it is given, and everything that a log holds of it."""

import logging
from typing import Final, NoReturn

SECRET: Final = "hunter2"
PLACE: Final = r"LookupError in quoting\.py, line \d+"
"""How the bug is told where its words are not, as a pattern."""


def quoting(given: object) -> NoReturn:
    """Fail as most of Python does: with what was given in the error's own words."""
    raise LookupError(f"no such thing: {given!r}") from ValueError(f"bad: {given!r}")


def logged(records: list[logging.LogRecord]) -> str:
    """Return all that any formatter could write of these records, tracebacks included."""
    return "\n".join(logging.Formatter().format(one) + str(vars(one)) for one in records)
