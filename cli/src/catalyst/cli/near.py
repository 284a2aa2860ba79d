"""Which names are like one that is not there. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from typing import Final

SUGGESTED: Final = 3


def meant(near: Sequence[str]) -> str:
    """Return the question whether one of these is meant, to stand before a hint; maybe empty."""
    return f"do you mean {' or '.join(near)}? " if near else ""


def alike(name: str, names: Iterable[str], before: str = "") -> list[str]:
    """Return the names of things that are most like one, most alike first; maybe none.

    `before` stands before every name, and makes none of them alike. What is there is meant itself.
    """
    known = sorted({one.removeprefix(before) for one in names})
    if name.removeprefix(before) in known:
        return []
    near = get_close_matches(name.removeprefix(before), known, n=SUGGESTED)
    return [before + one for one in near]
