"""`catalyst billing balance` and `ledger`: a voucher is called what was seen of its code."""

from datetime import timedelta
from typing import Any

import pytest

from catalyst.chassis import clock
from catalyst.cli import billing, owned

URL = "http://127.0.0.1:1"
ENTRY = "voucher-b1745105cefdc108fd7e956291f73b96"
NAMED = f"voucher WELC… ({ENTRY})"


def grant(name: str, source: str, reason: str) -> dict[str, Any]:
    amount = {"currency": "OMR", "minor": 20_000}
    about = {"grant": name, "source": source, "reason": reason}
    return {**about, "amount": amount, "left": 20_000, "expires": None}


def movement(entry: str, about: str = "") -> dict[str, Any]:
    return {
        "about": about,
        "seq": 7,
        "time": "2026-11-28T00:00:00Z",
        "kind": "credit-granted",
        "entry": entry,
        "postings": [{"account": "credit", "amount": {"currency": "OMR", "minor": 20_000}}],
    }


ACCOUNT: dict[str, Any] = {
    "status": "open",
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
    "ledger": [movement(ENTRY, "voucher WELC…"), movement("grant-g1", "a gift"), movement("p-1")],
}


def test_a_balance_names_a_voucher_by_what_is_seen_of_its_code(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(owned, "row", lambda *_: ACCOUNT)
    billing.balance(org="omantel", url=URL)
    lines = capsys.readouterr().out.splitlines()
    assert f"20.000 OMR left of {NAMED}" in lines
    assert "20.000 OMR left of grant grant-g1" in lines


def test_credit_that_ends_says_when_and_how_long_that_is(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ends = clock.now() + timedelta(days=31, minutes=1)
    ending = {**grant("grant-g1", "grant", "a gift"), "expires": f"{ends:%FT%TZ}"}
    monkeypatch.setattr(owned, "row", lambda *_: {**ACCOUNT, "grants": [ending]})
    billing.balance(org="omantel", url=URL)
    wanted = f"20.000 OMR left of grant grant-g1, until {ends:%F %H:%M} UTC, in 31d"
    assert wanted in capsys.readouterr().out.splitlines()


def test_a_balance_says_how_far_orders_may_go_beyond_the_credit(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    told = "orders may go up to 3.000 OMR beyond the credit, and are paid with their invoice"
    for most in (0, 3_000):
        (balance,) = ACCOUNT["balances"]
        limited = {**ACCOUNT, "balances": [{**balance, "credit_limit": most}]}
        monkeypatch.setattr(owned, "row", lambda *_, found=limited: found)
        billing.balance(org="omantel", url=URL)
        assert (told in capsys.readouterr().out.splitlines()) == bool(most)


@pytest.mark.guarantee("G12.23")
@pytest.mark.parametrize("status", ["open", "closed"])
def test_the_balance_of_a_closed_account_says_what_its_credit_is_for(
    status: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(owned, "row", lambda *_: {**ACCOUNT, "status": status})
    billing.balance(org="omantel", url=URL)
    said = "its credit pays for what is still invoiced, and nothing else"
    assert (said in capsys.readouterr().out) == (status == "closed")


def test_a_ledger_names_what_brought_credit_by_what_a_person_knows_of_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(owned, "row", lambda *_: ACCOUNT)
    billing.ledger(org="omantel", url=URL)
    first, second, third = capsys.readouterr().out.splitlines()[1:]
    assert NAMED in first
    assert "a gift (grant-g1)" in second
    assert " p-1 " in third
