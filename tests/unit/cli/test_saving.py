"""A plan that takes something away says what is no longer paid, and what stays charged."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from catalyst.chassis import clock
from catalyst.cli import owned, saving
from catalyst.cli.target import resolve
from catalyst.client.errors import Unreachable

HERE = resolve(None, "http://127.0.0.1:1", None)


def subscription(name: str, *minor: int, currency: str = "OMR", **more: Any) -> dict[str, Any]:
    lines = [
        {"name": f"Part {at}", "formula": "1 month", "amount": {"currency": currency, "minor": one}}
        for at, one in enumerate(minor)
    ]
    return {
        "application": name,
        "environment": "acme-prod",
        "status": "active",
        "lines": lines,
    } | more


def plan(action: str, *sold: str) -> dict[str, Any]:
    return {"request": {"action": action}, "sold": list(sold)}


@pytest.fixture
def rows(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    found = [
        subscription("blog", 1_500, 750),
        subscription("blog", 9_000, environment="acme-dev"),
        subscription("old", 100, status="ended"),
        subscription("wiki", 2_000),
        subscription("free", 0),
    ]
    monkeypatch.setattr(owned, "docs", lambda *_: found)
    return found


@pytest.mark.guarantee("G27.11")
def test_a_removal_says_what_it_saves_and_that_this_month_stays_charged(
    rows: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clock, "now", lambda: datetime(2026, 12, 31, 23, 59, tzinfo=UTC))
    gone = plan("uninstall", "blog.acme-prod", "old.acme-prod")
    ends = saving.ending(HERE, gone, "acme")
    assert ends == rows[:1]
    assert [line.split() for line in saving.lines(ends)[1:4]] == [
        ["PRICE", "A", "MONTH", "FOR", "FORMULA"],
        ["1.500", "OMR", "blog", "Part", "0", "1", "month"],
        ["0.750", "OMR", "blog", "Part", "1", "1", "month"],
    ]
    assert saving.lines(ends)[4:] == [
        "saves    2.250 OMR a month, after the month in which it goes",
        "charged  2026-12 whole, 2.250 OMR or the dearest that it had: nothing is given back",
    ]


def test_two_currencies_are_not_added_up() -> None:
    found = saving.lines([subscription("a", 1_500), subscription("b", 250, currency="USD")])
    assert "saves    1.500 OMR and 2.50 USD a month, after the month in which it goes" in found


@pytest.mark.usefixtures("rows")
def test_what_takes_nothing_away_or_sold_nothing_saves_nothing() -> None:
    assert saving.ending(HERE, plan("install", "blog.acme-prod"), "acme") == []
    assert saving.ending(HERE, plan("uninstall"), "acme") == []
    assert saving.lines(()) == []


@pytest.mark.usefixtures("rows")
@pytest.mark.guarantee("G27.11")
def test_a_plan_that_changes_no_price_says_so_and_what_is_paid() -> None:
    def told(name: str, **more: Any) -> list[str]:
        lock = [{"application": name, "version": "1.1.0"}]
        request = {"action": "upgrade", "application": name}
        asked = {"request": request, "environment": "acme-prod", "lock": lock, "price": None}
        return saving.told(HERE, asked | more, "acme")

    assert told("blog") == ["", "price    unchanged, 2.250 OMR a month"]
    assert told("free") == ["", "price    unchanged, no charge of its own"]
    # Whoever may not read what is paid is shown nothing of it, as where there is nothing.
    assert told("old") == ["", "price    unchanged"]
    assert told("blog", environment="acme-stg") == ["", "price    unchanged"]
    assert told("blog", price={"quote": {}}) == []
    # What cannot be done has no price.
    assert told("blog", lock=[]) == []


def test_a_plan_is_shown_although_subscriptions_cannot_be_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refused(*_: object) -> Any:
        raise Unreachable("nobody answers")

    monkeypatch.setattr(owned, "docs", refused)
    assert saving.ending(HERE, plan("uninstall", "blog.acme-prod"), "acme") == []
    request = {"action": "configure", "application": "blog"}
    same: dict[str, Any] = {
        "request": request,
        "environment": "acme-prod",
        "lock": [{}],
        "price": None,
    }
    assert saving.told(HERE, same, "acme") == []
