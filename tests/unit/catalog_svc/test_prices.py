"""What Blueprints cost, by the version of the price book that is in force."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from tests.support.catalogue import NOON

from catalyst.catalog_svc.domain.prices import Prices, said
from catalyst.contracts import billing_v1 as bill1
from catalyst.contracts.decision import Recorded
from catalyst.contracts.money_v1 import Money
from catalyst.contracts.prices_v1 import Addon, Book, Priced
from catalyst.contracts.subjects import Ref

DAY = timedelta(days=1)


def omr(minor: int) -> tuple[Money, ...]:
    return (Money(currency="OMR", minor=minor),)


def book(version: str, price: int, start: Any = NOON, **more: Any) -> Book:
    wiki = Priced(sku="wiki", name="Wiki", month=omr(price))
    other = Priced(sku="db", name="Db", month=omr(1))
    given: dict[str, Any] = {"packages": (), "addons": (), "blueprints": (other, wiki), **more}
    return Book(book="main", version=version, start=start, currencies=("OMR",), **given)


def of(*books: Book) -> Prices:
    made = Prices()
    for content in books:
        made.take(recorded(bill1.PriceBookApplied(content=content, digest="d")))
    return made


def recorded(event: Any) -> Recorded:
    return Recorded(
        event=event,
        type="",
        id="1",
        ref=Ref(None, "billing", "price-book", "default"),
        seq=1,
        time=NOON,
        actor="",
        correlationid="",
        causationid="",
    )


def price(prices: Prices, now: Any, name: str = "bp-wiki") -> int | None:
    found = prices.of(name, now)
    return None if found is None else found.month[0].minor


def test_a_price_is_that_of_the_version_in_force() -> None:
    prices = of(book("a", 1, NOON), book("b", 2, NOON + 2 * DAY), book("c", 3, NOON + DAY))
    days = [price(prices, NOON + count * DAY) for count in (-1, 0, 1, 2, 3)]
    assert days == [None, 1, 3, 2, 2]
    # It is in force from its very moment on.
    assert price(prices, NOON - timedelta(microseconds=1)) is None
    assert price(prices, NOON + DAY - timedelta(microseconds=1)) == 1


def test_of_two_of_one_day_the_one_applied_later_holds() -> None:
    prices = of(book("a", 1), book("b", 2), book("old", 3, NOON - DAY))
    assert price(prices, NOON) == 2
    found = prices.in_force(NOON)
    assert found is not None
    assert found.version == "b"


def test_what_has_no_price_has_none() -> None:
    prices = of(book("a", 1))
    assert price(prices, NOON, "wiki") == 1
    assert price(prices, NOON, "bp-none") is None
    assert price(prices, NOON, "bp-bp-wiki") is None
    assert price(Prices(), NOON) is None
    other = Prices()
    other.take(recorded(bill1.AccountClosed(organization="acme")))
    assert other.in_force(NOON) is None


def test_packages_and_add_ons_are_those_of_the_version_in_force() -> None:
    small = Priced(sku="s", name="Small", month=omr(5000))
    more = Addon(sku="backup", name="Backup", month=omr(250), packages={"s": "optional"})
    prices = of(book("a", 1, packages=(small,), addons=(more,)))
    five = {"currency": "OMR", "minor": 5000, "text": "5.000 OMR"}
    quarter = {"currency": "OMR", "minor": 250, "text": "0.250 OMR"}
    assert prices.offered(NOON) == {
        "currencies": ("OMR",),
        "packages": ({"sku": "s", "name": "Small", "price": (five,)},),
        "addons": (
            {
                "sku": "backup",
                "name": "Backup",
                "price": (quarter,),
                "packages": {"s": "optional"},
            },
        ),
    }
    assert prices.offered(NOON - DAY) == {"currencies": (), "packages": (), "addons": ()}
    assert said(omr(5000)) == (five,)
