"""How a handler or an effect says that the world is not ready, or never will be."""

from __future__ import annotations

import traceback
from collections.abc import Iterable, Iterator
from pathlib import Path


class Retry(Exception):
    """The world is not ready: try the same input again later."""

    def __init__(self, reason: str, *, after_seconds: float = 1.0) -> None:
        """Ask for another try after at least `after_seconds`."""
        super().__init__(reason)
        self.after_seconds = after_seconds


class Poison(Exception):
    """The input can never work; it is set aside with this reason at once."""


class Expected(Exception):
    """A failure that a person can mend; its text is the whole message, without a traceback."""

    def __init__(self, message: str, *, hint: str = "") -> None:
        """Say what is wrong; `hint` says what to do about it."""
        super().__init__(message)
        self.hint = hint


class WrongSettings(Expected):
    """Variables that have a wrong value or are missing, each named with what it must be."""

    def __init__(self, wrong: Iterable[str]) -> None:
        """Tell all of them, each once."""
        self.wrong = tuple(dict.fromkeys(wrong))
        one = len(self.wrong) == 1
        self.headline = "a setting is wrong" if one else f"{len(self.wrong)} settings are wrong"
        super().__init__(
            "\n".join((self.headline, *(f"  {line}" for line in self.wrong))),
            hint="settings are environment variables; docs/settings.md lists them",
        )


def said(error: Exception, *, quoting: bool) -> str:
    """Return what a bug is, in one line.

    Args:
        error: What was raised.
        quoting: With its own words, which often quote what was given; else with its place.
    """
    name = type(error).__name__
    if quoting:
        return f"{name}: {error}"
    frames = traceback.extract_tb(error.__traceback__)
    if not frames:
        return name
    return f"{name} in {Path(frames[-1].filename).name}, line {frames[-1].lineno}"


def unquoted(error: Exception) -> dict[str, object]:
    """Return a bug for the `extra` of a log's record: all that a traceback says but its words.

    Wherever what was given may hold a secret, this stands in place of `exc_info`.
    """
    return {"why": said(error, quoting=False), "trail": list(_trail(error))}


def _trail(error: BaseException) -> Iterator[str]:
    """Yield each failure that led to this one, the last first, with the places that it passed."""
    left, seen = [error], set[int]()
    while left:
        one = left.pop(0)
        if id(one) in seen:
            continue
        seen.add(id(one))
        frames = traceback.extract_tb(one.__traceback__)
        places = (f"{Path(frame.filename).name}:{frame.lineno}" for frame in frames)
        yield " ".join((type(one).__name__, *places))
        if isinstance(one, BaseExceptionGroup):
            left += one.exceptions
        before = one.__cause__ or (None if one.__suppress_context__ else one.__context__)
        if before is not None:
            left.append(before)
