"""Which columns of a table fit in a terminal, and how wide each may be. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

GAP: Final = 3
"""Blanks between two columns."""
PROSE: Final = frozenset({"BLOCKED BY", "DETAIL", "MEANING", "WHAT", "VALUE", "WHEN", "WHY"})
"""Columns of sentences: these go on in the next line, between two words."""
WHOLE: Final = frozenset(
    {"TYPE", "MESSAGE", "SUBJECT", "NAME", "ROW", "FIELD", "ID", "CHECK", "CHANGE", "VERSION"}
)
"""Columns whose content is copied into other commands: never cut."""
EXPENDABLE: Final = (
    "FROM",
    "ACTOR",
    "ID",
    "STORED",
    "MESSAGE",
    "SEQ",
    "BILLING",
    "ENVIRONMENTS",
    "FOR",
    "KIND",
    "DISPLAY NAME",
    "ORG",
    "CHANGED",
    "TIER",
    "TIME",
    "POLICY",
    "CATEGORY",
    "ORIGIN",
    "STEPS",
    "BY",
    "OPENED",
)
"""Columns that a narrow terminal does without, in the order in which they go."""
NOTHING: Final = "-"
"""What a cell shows that holds nothing; a column of these alone goes before any other."""
_PROSE_FLOOR: Final = 24
_WORD: Final = 36
"""A word up to so long is not broken as long as a column is left that can go instead."""
_FLOOR: Final = 12


def fit(headings: Sequence[str], rows: Sequence[Sequence[str]], room: int) -> dict[int, int]:
    """Return the columns that are shown, with the width of each.

    What is never cut may need more than there is: then the lines are longer than `room`.
    """
    natural = [max(len(row[index]) for row in (headings, *rows)) for index in range(len(headings))]
    widths = dict(enumerate(natural))
    prose = [index for index in widths if headings[index] in PROSE]
    for index in sorted(prose, key=lambda item: -widths[item]):
        floor = max(_PROSE_FLOOR, min(_WORD, _longest(index, headings, rows)))
        _narrow(widths, [index], floor, room)
    gone: list[int] = []
    for index in (*_bare(rows), *(headings.index(name) for name in EXPENDABLE if name in headings)):
        if _over(widths, room) <= 0 or len(widths) == 1:
            break
        if index in widths:
            gone.append(index)
            del widths[index]
    # The last one that went may have left room for others.
    for index in reversed(gone):
        if _over(widths, room) + GAP + natural[index] <= 0:
            widths[index] = natural[index]
    prose = [index for index in prose if index in widths]
    cut = [index for index in widths if headings[index] not in PROSE | WHOLE]
    _narrow(widths, cut, _FLOOR, room)
    for index in prose:
        _narrow(widths, [index], _longest(index, headings, rows), room)
    # There is no room for whole words: they are broken here, where the lines still belong together.
    _narrow(widths, prose, _FLOOR, room)
    for index in prose:
        widths[index] = min(natural[index], widths[index] + max(0, -_over(widths, room)))
    return dict(sorted(widths.items()))


def _longest(index: int, headings: Sequence[str], rows: Sequence[Sequence[str]]) -> int:
    """Return how long the longest word of a column is."""
    texts = (headings[index], *(row[index] for row in rows))
    return max((len(word) for text in texts for word in text.split()), default=0)


def _bare(rows: Sequence[Sequence[str]]) -> list[int]:
    """Return the columns that hold nothing in any row."""
    return [index for index, cells in enumerate(zip(*rows, strict=True)) if {*cells} == {NOTHING}]


def _narrow(widths: dict[int, int], which: Sequence[int], floor: int, room: int) -> None:
    """Take from the widest first, none below `floor`, until all fits."""
    for index in sorted(which, key=lambda item: -widths[item]):
        over = _over(widths, room)
        if over <= 0:
            return
        widths[index] = max(min(widths[index], floor), widths[index] - over)


def _over(widths: dict[int, int], room: int) -> int:
    return sum(widths.values()) + GAP * (len(widths) - 1) - room
