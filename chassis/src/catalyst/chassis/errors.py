"""How a handler or an effect says that the world is not ready, or never will be."""

from __future__ import annotations

import traceback
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
    return f"{name} in {Path(frames[-1].filename).name}, line {frames[-1].lineno}"
