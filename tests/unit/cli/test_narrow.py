"""Columns in a terminal of few of them: words are not cut, and what is left is readable."""

from __future__ import annotations

from tests.support.each import each

from catalyst.cli.columns import GAP, fit

LONG = "4 files, last commit by admin@localhost <user:catalyst#admin@localhost>"


@each([40, 60])
def test_columns_of_sentences_give_way_below_their_longest_word(room: int) -> None:
    row = ("ok", "the Git home can be cloned and holds the manifests", LONG)
    widths = fit(("", "WHAT", "DETAIL"), [row], room)
    assert sum(widths.values()) + GAP * 2 <= room
    # No narrower than what is needed, or than a third of a narrow terminal.
    assert widths[1] >= len("manifests")
    assert widths[2] >= 12
