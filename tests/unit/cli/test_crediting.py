"""`catalyst billing credit-note`: in which currency it is, and what is no line of an invoice."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from catalyst.cli import charging, owned
from catalyst.cli.exits import ExitCode, Failure
from catalyst.contracts.message import Outcome

NOVEMBER = datetime(2026, 11, 28, tzinfo=UTC)
URL = "http://127.0.0.1:1"
LINE: dict[str, Any] = {"line": 1, "amount": {"currency": "OMR", "minor": 1500}}


def paged(*lines: dict[str, Any]) -> Any:
    """Return what answers with the lines of an invoice, each page with one of them."""

    def answer(*given: Any) -> Any:
        start = given[3]["start"]
        return {"lines": [one for one in lines if one["line"] == start + 1]}

    return answer


def test_a_credit_note_is_sent_in_the_invoice_s_currency(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    sent: list[Any] = []
    monkeypatch.setattr(owned, "owner_of", lambda *_: "omantel")
    monkeypatch.setattr(owned, "answer", paged(LINE, {**LINE, "line": 2}))

    def send(*given: Any) -> Outcome:
        sent.append(given[1:4])
        return Outcome(id="c-1", type="x.v1", status="accepted", digest="", time=NOVEMBER)

    monkeypatch.setattr(charging, "sent_to", send)
    charging.credit_note("2026-11", ["1=0.500", "2=1"], note_name="n-1", reason="down", url=URL)
    said = "n-1 gives back 1.500 OMR of the invoice 2026-11 of omantel"
    assert capsys.readouterr().out.splitlines() == [said]
    lines = [
        {"line": 1, "amount": {"currency": "OMR", "minor": 500}},
        {"line": 2, "amount": {"currency": "OMR", "minor": 1000}},
    ]
    data = {"note": "n-1", "invoice": "2026-11", "reason": "down", "lines": lines}
    assert sent == [("issue-credit-note", "omantel", data)]


def test_a_credit_note_over_two_currencies_is_refused_by_name_of_both_lines(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """`2=0.100` of a line in rials was called wrong because the first line is in yen."""
    yen = {**LINE, "amount": {"currency": "JPY", "minor": 5}}
    monkeypatch.setattr(owned, "owner_of", lambda *_: "omantel")
    monkeypatch.setattr(owned, "answer", paged(yen, {**LINE, "line": 2}))
    for lines, status, said in (
        (["1=5", "2=0.100"], ExitCode.USAGE, "line 2 is in OMR, and line 1 in JPY"),
        (["1=5", "3=1"], ExitCode.NOT_FOUND, "the invoice has no line 3"),
    ):
        with pytest.raises(Failure) as refused:
            charging.credit_note("2026-11", lines, note_name="n-1", reason="down", url=URL)
        assert refused.value.exit_code is status
        assert said in refused.value.message
