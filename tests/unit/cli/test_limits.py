"""`catalyst billing limit`, `grant` and `payment`: what is sent, and what is said of it."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from tests.support.each import each

from catalyst.chassis import clock
from catalyst.cli import limits, owned, paying
from catalyst.cli.exits import ExitCode
from catalyst.cli.main import ended
from catalyst.client.errors import Problem
from catalyst.contracts.message import Outcome
from catalyst.contracts.money_v1 import Money

WHERE = ("--org", "omantel", "--url", "http://127.0.0.1:1")
RIALS = {"currency": "OMR", "minor": 2_000}
ACCOUNT: dict[str, Any] = {
    "status": "open",
    "balances": [
        {"currency": "OMR", "credit_limit": 3_000},
        {"currency": "USD", "credit_limit": 0},
    ],
    "holds": [],
    "spend_limits": [RIALS],
}
ALERT = {"percent": 80, "spent": RIALS, "limit": RIALS, "since": "2026-11-30T10:05:00Z"}


def accepted(*events: str) -> Outcome:
    return Outcome(
        id="c-1",
        type="x.v1",
        status="accepted",
        digest="",
        time=datetime(2026, 11, 28, tzinfo=UTC),
        events=events,
    )


def sending(monkeypatch: pytest.MonkeyPatch, *events: str) -> list[tuple[str, str, Any]]:
    """Let what is sent be accepted with events; return what was sent, and for whom."""
    sent: list[tuple[str, str, Any]] = []

    def send(_target: object, verb: str, owner: str, data: Any, _timeout: float) -> Outcome:
        sent.append((verb, owner, data))
        return accepted(*events)

    for module in (limits, paying):
        monkeypatch.setattr(module, "sent_to", send)
    return sent


def rials(minor: int) -> Money:
    return Money(currency="OMR", minor=minor)


@each(
    [
        (
            ("limit", "spend", "50", "OMR"),
            ("set-spend-limit", {"limit": rials(50_000)}),
            "a month of omantel may cost 50.000 OMR",
            "that was the limit before",
        ),
        (
            ("limit", "lift", "OMR"),
            ("set-spend-limit", {"limit": None, "currency": "OMR"}),
            "omantel has no spend limit in OMR any more",
            "there was none before",
        ),
        (
            ("limit", "lift"),
            ("set-spend-limit", {"limit": None, "currency": None}),
            "omantel has no spend limit any more",
            "there was none before",
        ),
        (
            ("limit", "credit", "1.5", "OMR"),
            ("set-credit-limit", {"limit": rials(1_500)}),
            "orders of omantel may go up to 1.500 OMR beyond the credit",
            "that was so before",
        ),
        (
            ("limit", "credit", "0", "OMR"),
            ("set-credit-limit", {"limit": rials(0)}),
            "orders of omantel in OMR do not go beyond the credit",
            "that was so before",
        ),
        (
            ("grant", "5", "OMR", "--as", "g-1", "--reason", "Sorry.", "--priority", "7"),
            (
                "grant-credit",
                {"grant": "g-1", "reason": "Sorry.", "priority": 7, "amount": rials(5_000)},
            ),
            "5.000 OMR of goodwill stands on the account of omantel as g-1",
            "it stood there before, and counts once",
        ),
        (
            ("payment", "20", "OMR", "--as", "p-1", "--reference", "Transfer 7"),
            (
                "record-payment",
                {"payment": "p-1", "amount": rials(20_000), "reference": "Transfer 7"},
            ),
            "20.000 OMR came in for omantel as p-1",
            "it stood there before, and counts once",
        ),
    ]
)
def test_what_is_sent_is_said_and_once_more_that_it_was_so(
    typed: tuple[str, ...],
    command: tuple[str, Any],
    said: str,
    again: str,
    *,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for events, ends in ((("billing.some.v1",), ""), ((), f"; {again}")):
        sent = sending(monkeypatch, *events)
        assert ended(["billing", *typed, *WHERE]) == ExitCode.OK
        assert sent == [(command[0], "omantel", command[1])]
        assert capsys.readouterr().out == f"{said}{ends}\n"
    assert ended(["billing", *typed, *WHERE, "--json"]) == ExitCode.OK
    assert json.loads(capsys.readouterr().out)["id"] == "c-1"


def test_goodwill_may_end(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    sent = sending(monkeypatch)
    more = ("--as", "g-1", "--reason", "Sorry.", "--expires", "2027-01-01", *WHERE)
    assert ended(["billing", "grant", "5", "OMR", *more]) == ExitCode.OK
    ((_, _, data),) = sent
    assert data["expires"] == "2027-01-01T00:00:00Z"
    assert "--expires 2027-01-01 is midnight in UTC" in capsys.readouterr().err


@each([(1, "and 1 invoice is paid by it"), (2, "and 2 invoices are paid by it")])
def test_a_payment_says_how_many_invoices_it_pays(
    count: int, said: str, *, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    events = ("billing.payment-recorded.v1", *["billing.invoice-paid.v1"] * count)
    sending(monkeypatch, *events)
    more = ("--as", "p-1", "--reference", "Transfer 7", *WHERE)
    assert ended(["billing", "payment", "20", "OMR", *more]) == ExitCode.OK
    assert said in capsys.readouterr().out


@each(
    [
        (("limit", "spend", "1.0001", "OMR"), ["AMOUNT CURRENCY: '1.0001' has more than 3 digits"]),
        (("limit", "spend", "OMR", "1"), ["Hint: the amount comes first: 1 OMR"]),
        (("limit", "credit", "-1", "OMR"), ["AMOUNT: '-1' is below zero"]),
        (
            ("grant", "1.00001", "OMR", "--as", "g", "--reason", "x", "--expires", "soon"),
            ["AMOUNT CURRENCY: ", "--expires 'soon' is no time"],
        ),
        (("payment", "1", "XYZ", "--as", "p", "--reference", "x"), ["the currency 'XYZ'"]),
    ]
)
def test_what_is_wrong_is_named_before_anything_is_sent(
    typed: tuple[str, ...],
    says: list[str],
    *,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    sent = sending(monkeypatch)
    assert ended(["billing", *typed, *WHERE]) == ExitCode.USAGE
    told = capsys.readouterr().err
    assert [text for text in says if text not in told] == []
    assert sent == []


def test_limits_are_shown_with_what_the_month_costs_and_to_a_program_as_numbers(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    running = [{"month": "2026-11", "amounts": [{"total": {**RIALS, "minor": 1_700}}]}]
    monkeypatch.setattr(clock, "now", lambda: datetime(2026, 11, 30, tzinfo=UTC))
    monkeypatch.setattr(owned, "row", lambda *_: ACCOUNT)
    monkeypatch.setattr(owned, "answer", lambda *_: {"running": running})
    monkeypatch.setattr(owned, "docs", lambda *_: [{"month": "2026-11", "alerts": [ALERT]}])
    assert ended(["billing", "limit", "show", *WHERE]) == ExitCode.OK
    shown = capsys.readouterr()
    assert "sets one" not in shown.err
    assert shown.out.splitlines() == [
        "a month may cost 2.000 OMR; 2026-11 costs 1.700 OMR so far",
        "  80 % were reached at 2026-11-30 10:05 UTC: 2.000 OMR of 2.000 OMR was spent",
        "orders may go up to 3.000 OMR beyond the credit, and are paid with their invoice",
    ]
    assert ended(["billing", "limit", "show", *WHERE, "--json"]) == ExitCode.OK
    assert json.loads(capsys.readouterr().out) == {
        "organization": "omantel",
        "spend_limits": [RIALS],
        "credit_limits": [{**RIALS, "minor": 3_000}],
        "month": "2026-11",
        "spent": [{**RIALS, "minor": 1_700}],
        "alerts": [ALERT],
    }


def test_an_account_without_limits_says_so_and_what_sets_one(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refused(*_: Any) -> Any:
        raise Problem(403, "forbidden")

    monkeypatch.setattr("catalyst.cli.output.as_called", str)
    monkeypatch.setattr(owned, "row", lambda *_: {**ACCOUNT, "balances": [], "spend_limits": []})
    for name in ("answer", "docs"):
        monkeypatch.setattr(owned, name, refused)
    assert ended(["billing", "limit", "show", *WHERE]) == ExitCode.OK
    shown = capsys.readouterr()
    assert shown.out.splitlines() == [
        "a month may cost anything that credit pays for: no limit is set",
        "orders do not go beyond the credit",
    ]
    assert "`catalyst billing limit spend AMOUNT CURRENCY --org omantel` sets one" in shown.err
    assert ended(["billing", "limit", "show", *WHERE, "--json"]) == ExitCode.OK
    # What is not shown to who asks is not zero.
    shown = capsys.readouterr()
    told = json.loads(shown.out)
    assert (told["spent"], told["alerts"], shown.err) == (None, None, "")


def test_a_month_without_charges_is_told_to_a_program_as_a_list_too(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(owned, "row", lambda *_: ACCOUNT)
    monkeypatch.setattr(owned, "answer", lambda *_: {"running": []})
    monkeypatch.setattr(owned, "docs", lambda *_: [])
    assert ended(["billing", "limit", "show", *WHERE, "--json"]) == ExitCode.OK
    told = json.loads(capsys.readouterr().out)
    assert (told["spent"], told["alerts"]) == ([], [])
