"""Which prices a month's use has, what of the spend limit is told, and how much is remembered."""

from datetime import datetime, timedelta
from typing import Any

import msgspec
import pytest
from tests.support import billing
from tests.support import usage as used
from tests.support.each import each

from catalyst.billing.domain import account, usage
from catalyst.contracts import billing_v1 as bill1
from catalyst.contracts.money_v1 import MicroMoney
from catalyst.contracts.prices_v1 import Book
from catalyst.contracts.rejection import Rejected
from catalyst.contracts.usage_v1 import Metered, Unmatched

FIRST = usage.first_day("2026-04")


def book(version: str, start: datetime, meter: str = "tokens") -> Book:
    """Return a version of the price book with one meter, from an instant on."""
    found = billing.book(used.TEXT)
    (charge,) = (one for one in found.usage if one.sku == "tokens")
    only = (msgspec.structs.replace(charge, sku=meter, name=f"{meter} of {version}"),)
    return msgspec.structs.replace(found, version=version, start=start, usage=only)


def metered(version: str = "", meter: str = "tokens", minor: int = 0) -> Metered:
    return Metered(
        subscription="blog.acme-prod",
        meter=meter,
        aggregation="sum",
        quantity=1,
        uses=1,
        version=version,
        amount=MicroMoney(currency="OMR", micro=minor * 1000),
    )


EARLY, LATE = (FIRST + timedelta(days=days) for days in (5, 10))


@each(
    [
        ([("a", FIRST)], "a"),
        ([("a", FIRST), ("b", EARLY)], "a"),
        ([("a", FIRST - timedelta(days=9)), ("b", FIRST)], "b"),
        ([("a", LATE), ("b", EARLY)], "b"),
        ([("b", EARLY), ("a", LATE)], "b"),
        ([("a", EARLY), ("b", FIRST)], "b"),
    ],
    lambda one: one,
)
def test_a_month_has_the_prices_of_its_first_day_or_else_the_first_that_came(
    versions: list[tuple[str, datetime]], wanted: str
) -> None:
    books = [book(*one) for one in versions]
    assert usage.book_of(books, "2026-04").version == wanted


def test_without_any_prices_use_has_none() -> None:
    with pytest.raises(Rejected) as refused:
        usage.book_of([], "2026-04")
    assert refused.value.code == "prices-unavailable"


def test_a_meter_keeps_the_version_of_its_first_use_as_long_as_it_is_known() -> None:
    books = [book("a", FIRST), book("b", EARLY)]
    assert usage.charge_of(books, "2026-04", metered("b")).name == "tokens of b"
    assert usage.charge_of(books, "2026-04", metered("gone")).name == "tokens of a"


def test_what_no_version_names_has_no_price() -> None:
    with pytest.raises(Rejected) as refused:
        usage.charge_of([book("a", FIRST)], "2026-04", metered("a", "calls"))
    assert refused.value.code == "sku-unknown"


@pytest.mark.guarantee("G12.10")
@each(
    [
        (10_000, 7999, None),
        (10_000, 8000, 80),
        (10_000, 9999, 80),
        (10_000, 10_000, 100),
        (0, 0, None),
        (0, 1, 100),
        (1, 1, 100),
    ]
)
def test_a_part_of_the_spend_limit_is_told_from_the_very_amount_on(
    limit: int, spent: int, percent: int | None
) -> None:
    owner = account.Account(spend_limits={"OMR": limit}, month="2026-04", spent={"USD": 9})
    told = usage.alerts(usage.Usage(), owner, "2026-04", [metered(minor=spent)])
    expected = [] if percent is None else [(percent, billing.omr(spent))]
    assert [(one.percent, one.spent) for one in told] == expected


@pytest.mark.guarantee("G12.10")
def test_what_was_told_of_another_limit_is_told_again() -> None:
    owner = account.Account(spend_limits={"OMR": 10}, month="2026-04")
    uses = [metered(minor=10)]
    for limit, again in ((10, False), (9, True)):
        state = usage.Usage(alerted={"OMR": (100, billing.omr(limit))})
        assert bool(usage.alerts(state, owner, "2026-04", uses)) == again


def test_only_the_latest_that_were_listed_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(usage, "LISTED", 2)
    state: Any = usage.Usage()
    uses = [used.use(f"u-{number}") for number in range(4)]
    for use in uses:
        one = Unmatched(use=use, code="usage-late", reason="x")
        state = usage.evolve(state, bill1.UsageUnmatched(uses=(one,)))
    assert state.unmatched == tuple(f"{usage.told(one)}:usage-late" for one in uses[-2:])
