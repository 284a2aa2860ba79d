"""`catalyst billing balance` and `ledger`: a voucher is called what was seen of its code."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from catalyst.chassis import clock
from catalyst.cli import billing, owned, spent
from catalyst.cli.target import Target
from catalyst.client.errors import Problem

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


LIMIT = {"currency": "OMR", "minor": 1_800}
MONTH = "2026-11"


def alert(percent: int, limit: dict[str, Any] = LIMIT) -> dict[str, Any]:
    spent = {"currency": "OMR", "minor": 1_850}
    return {"percent": percent, "spent": spent, "limit": limit, "since": "2026-11-30T10:05:00Z"}


def limited(
    monkeypatch: pytest.MonkeyPatch, minor: int, *alerts: dict[str, Any], held: int = 0
) -> list[str]:
    """What is said of an account with a limit, whose month costs so much."""
    holds = [{"hold": "ch-1", "amount": {"currency": "OMR", "minor": held}}] if held else []
    running = [
        {"month": "2026-10", "amounts": [{"total": {"currency": "OMR", "minor": 9}}]},
        {"month": MONTH, "amounts": [{"total": {"currency": "OMR", "minor": minor}}]},
    ]
    used = [{"month": "2026-10", "alerts": [alert(80)]}, {"month": MONTH, "alerts": list(alerts)}]
    monkeypatch.setattr(clock, "now", lambda: datetime(2026, 11, 30, tzinfo=UTC))
    monkeypatch.setattr(owned, "answer", lambda *_: {"running": running})
    monkeypatch.setattr(owned, "docs", lambda *_: used)
    account = {**ACCOUNT, "spend_limits": [LIMIT], "holds": holds}
    return spent.lines(Target(http=URL), account, "omantel")


def test_a_spend_limit_stands_with_what_the_month_costs_and_what_was_told_of_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    earlier = alert(100, {"currency": "OMR", "minor": 1_000})
    over = "a month may cost 1.800 OMR; 2026-11 costs 1.850 OMR so far, so nothing more can be "
    over += "ordered in it; use that comes is counted"
    told = "  100 % were reached at 2026-11-30 10:05 UTC: 1.850 OMR of 1.800 OMR was spent"
    assert limited(monkeypatch, 1_850, earlier, alert(100)) == [over, told]
    account = {**ACCOUNT, "spend_limits": [LIMIT]}
    monkeypatch.setattr(owned, "row", lambda *_: account)
    billing.balance(org="omantel", url=URL)
    assert [over, told] == [
        line for line in capsys.readouterr().out.splitlines() if line in {over, told}
    ]


@pytest.mark.parametrize("held", [799, 800])
def test_what_is_held_counts_for_the_limit_and_is_not_spent(
    held: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    (line,) = limited(monkeypatch, 1_000, held=held)
    assert "2026-11 costs 1.000 OMR so far" in line
    assert ("nothing more can be ordered" in line) == (held == 800)


OTHER = {"currency": "USD", "minor": 500}
TWO = {**ACCOUNT, "spend_limits": [LIMIT, OTHER], "holds": []}


@pytest.mark.parametrize("months", [[], [{"month": MONTH, "amounts": []}]])
def test_a_month_that_nothing_was_charged_in_yet_costs_nothing(
    months: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    limited(monkeypatch, 0)
    monkeypatch.setattr(owned, "answer", lambda *_: {"running": months})
    (line,) = spent.lines(Target(http=URL), {**TWO, "spend_limits": [LIMIT]}, "omantel")
    assert line == "a month may cost 1.800 OMR; 2026-11 costs 0.000 OMR so far"


def test_what_is_held_in_another_currency_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    limited(monkeypatch, 1_000)
    held = {"hold": "ch-1", "amount": {"currency": "USD", "minor": 800}}
    omr, usd = spent.lines(Target(http=URL), {**TWO, "holds": [held]}, "omantel")
    assert omr == "a month may cost 1.800 OMR; 2026-11 costs 1.000 OMR so far"
    assert usd.startswith("a month may cost 5.00 USD; 2026-11 costs 0.00 USD so far, so nothing")


def test_where_billing_cannot_say_what_a_month_costs_that_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    limited(monkeypatch, 0)
    month = {"month": MONTH, "problem": "no-price", "amounts": []}
    monkeypatch.setattr(owned, "answer", lambda *_: {"running": [month]})
    limits = ["a month may cost 1.800 OMR", "a month may cost 5.00 USD"]
    told = spent.lines(Target(http=URL), TWO, "omantel")
    assert told == [*limits, f"what {MONTH} costs so far is not known: no-price"]


def test_a_limit_is_told_also_where_nothing_else_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: Any) -> Any:
        raise Problem(403, "forbidden")

    monkeypatch.setattr(owned, "answer", refused)
    monkeypatch.setattr(owned, "docs", refused)
    account = {**ACCOUNT, "spend_limits": [LIMIT]}
    told = spent.lines(Target(http=URL), account, "omantel")
    assert told == ["a month may cost 1.800 OMR"]


def test_what_could_not_be_looked_at_of_a_limit_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def down(*_: Any) -> Any:
        raise Problem(503, "unavailable", "later")

    monkeypatch.setattr(clock, "now", lambda: datetime(2026, 11, 30, tzinfo=UTC))
    monkeypatch.setattr(owned, "answer", down)
    monkeypatch.setattr(owned, "docs", down)
    account = {**ACCOUNT, "spend_limits": [LIMIT]}
    assert spent.lines(Target(http=URL), account, "omantel") == [
        "a month may cost 1.800 OMR",
        f"what {MONTH} costs so far is not known: later",
        "what was told of that is not known: later",
    ]
