"""`catalyst billing invoice`: what tells lines apart, and the names that an invoice goes by."""

from __future__ import annotations

from typing import Any

import pytest
from tests.unit.cli.test_billing import LINE, URL

from catalyst.cli import invoice, owned

EXPLAINED: dict[str, Any] = {
    "invoice": "2026-12",
    "number": "",
    "line": LINE,
    "price_book_seq": 7,
    "count": 0,
    "events": [],
    "next": None,
    "corrections": [],
}


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ({"period": "2026-12", "hold": ""}, "for 2026-12, charged with this invoice"),
        (
            {"period": "2026-11", "hold": "c-1\x1b[2J"},
            "for 2026-11, charged when it was ordered, with c-1\\x1b[2J",
        ),
    ],
)
def test_lines_of_the_same_text_are_told_apart_by_month_and_by_how_they_are_charged(
    line: dict[str, str],
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(owned, "answer", lambda *_: {**EXPLAINED, "line": {**LINE, **line}})
    invoice.explain("2026-12/3", org="omantel", url=URL)
    assert capsys.readouterr().out.splitlines()[1] == said
