"""`catalyst billing balance` and `ledger`: a voucher is called what was seen of its code."""

from typing import Any

import pytest

from catalyst.cli import billing, owned

URL = "http://127.0.0.1:1"
ENTRY = "voucher-b1745105cefdc108fd7e956291f73b96"
NAMED = f"voucher WELC… ({ENTRY})"


def grant(name: str, source: str, reason: str) -> dict[str, Any]:
    amount = {"currency": "OMR", "minor": 20_000}
    about = {"grant": name, "source": source, "reason": reason}
    return {**about, "amount": amount, "left": 20_000, "expires": None}


def movement(entry: str) -> dict[str, Any]:
    return {
        "seq": 7,
        "time": "2026-11-28T00:00:00Z",
        "kind": "credit-granted",
        "entry": entry,
        "postings": [{"account": "credit", "amount": {"currency": "OMR", "minor": 20_000}}],
    }


ACCOUNT: dict[str, Any] = {
    "balances": [
        {
            "currency": "OMR",
            "available": 40_000,
            "credit": 40_000,
            "held": 0,
            "owed": 0,
            "revenue": 0,
        }
    ],
    "grants": [grant(ENTRY, "voucher", "voucher WELC…"), grant("grant-g1", "grant", "a gift")],
    "holds": [],
    "ledger": [movement(ENTRY), movement("grant-g1"), movement("voucher-spent")],
}


def test_a_balance_names_a_voucher_by_what_is_seen_of_its_code(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(owned, "row", lambda *_: ACCOUNT)
    billing.balance(org="omantel", url=URL)
    lines = capsys.readouterr().out.splitlines()
    assert f"20.000 OMR left of {NAMED}" in lines
    assert "20.000 OMR left of grant grant-g1" in lines


def test_a_ledger_does_so_for_as_long_as_there_is_credit_of_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(owned, "row", lambda *_: ACCOUNT)
    billing.ledger(org="omantel", url=URL)
    first, second, third = capsys.readouterr().out.splitlines()[1:]
    assert NAMED in first
    assert "grant-g1" in second
    assert "a gift" not in second
    assert "voucher-spent" in third
