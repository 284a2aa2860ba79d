"""`catalyst billing`: how a line is named, and what a person reads of an invoice."""

from __future__ import annotations

import json
from typing import Any

import pytest

from catalyst.cli import billing, invoice, owned
from catalyst.cli.exits import ExitCode, Failure
from catalyst.cli.main import ended

URL = "http://127.0.0.1:1"
RIAL = {"currency": "OMR", "minor": 1_500}
LINE: dict[str, Any] = {
    "line": 1,
    "name": "WordPress\x1b[2J",
    "subscription": "blog.omantel-prod",
    "formula": "1 month x 1.500 OMR",
    "amount": RIAL,
    "book": "main",
    "version": "2026-01",
}
AMOUNT = {"total": RIAL, "prepaid": RIAL, "credit": {**RIAL, "minor": 0}, "open": RIAL}
INVOICE: dict[str, Any] = {
    "number": "",
    "month": "2026-11",
    "status": "draft",
    "lines": [LINE],
    "amounts": [AMOUNT],
}


def test_a_line_is_named_by_its_invoice_and_its_number() -> None:
    assert invoice.parted("2026-11/12") == ("2026-11", 12)


@pytest.mark.parametrize("text", ["", "2026-11", "/1", "2026-11/", "2026-11/0", "2026-11/x", "1/²"])
def test_what_names_no_line_is_refused_with_one_that_does(text: str) -> None:
    with pytest.raises(Failure) as refused:
        invoice.parted(text)
    assert refused.value.exit_code is ExitCode.USAGE
    assert "LINE" in refused.value.message
    assert "2026-11/1" in refused.value.hint


def test_an_invoice_is_shown_with_its_sums_and_the_command_that_opens_a_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(owned, "row", lambda *_: INVOICE)
    invoice.show_("2026-11", org="omantel", url=URL)
    shown = capsys.readouterr()
    assert shown.out.splitlines()[0] == "no number yet, 2026-11, draft"
    assert "1.500 OMR" in shown.out
    assert "total 1.500 OMR: prepaid 1.500 OMR, credit 0.000 OMR, open 1.500 OMR" in shown.out
    assert "\x1b" not in shown.out
    assert "billing invoice explain 2026-11/1 --org omantel`" in shown.err


@pytest.mark.parametrize("code", [0, 8])
def test_an_invoice_that_the_log_does_not_make_again_ends_with_8(
    code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    same = code == 0
    found = {"invoice": "2026-11", "number": "", "same": same, "bytes": 7, "replayed": "ab"}
    monkeypatch.setattr(owned, "answer", lambda *_: found)
    arguments = ["billing", "invoice", "replay", "2026-11", "--org", "omantel", "--url", URL]
    assert ended(arguments) == code
    assert ("NOT the same" in capsys.readouterr().out) is not same
    assert ended([*arguments, "--json"]) == code
    assert json.loads(capsys.readouterr().out) == found


@pytest.mark.parametrize(
    "arguments",
    [
        ["billing", "balance"],
        ["billing", "ledger"],
        ["billing", "invoice", "list"],
        ["billing", "invoice", "explain", "2026-11/1"],
    ],
)
def test_whose_it_is_must_be_said(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert ended([*arguments, "--url", URL]) == ExitCode.USAGE
    assert "--org is missing" in capsys.readouterr().err
    assert ended([*arguments, "--url", URL, "--json"]) == ExitCode.USAGE
    assert json.loads(capsys.readouterr().err)["error"]["code"] == "usage"


def test_a_dashed_spelling_is_gone(capsys: pytest.CaptureFixture[str]) -> None:
    assert ended(["billing", "invoice-list", "--org", "omantel"]) == ExitCode.USAGE
    assert "invoice-list" in capsys.readouterr().err


def test_an_account_without_money_says_so_in_no_rows(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(owned, "row", lambda *_: {"balances": [], "grants": [], "holds": []})
    billing.balance(org="omantel", url=URL)
    shown = capsys.readouterr()
    assert shown.out.split() == ["CURRENCY", "AVAILABLE", "CREDIT", "HELD", "OWED", "TAKEN"]
    assert "billing ledger --org omantel`" in shown.err
