"""Versions of the price book: which may come, which is forgotten, and how two of them differ."""

from datetime import datetime
from typing import Any

import pytest
from tests.support import billing
from tests.support.each import each
from tests.support.scenario import given

from catalyst.billing.domain import book_text, price_book
from catalyst.contracts import billing_v1 as bill1
from catalyst.contracts.prices_v1 import Book
from catalyst.contracts.rejection import Rejected

AT = "/data/document"


def text(version: str, begins: str, **changes: str) -> str:
    """Return the text of a version from its day on."""
    found = billing.TEXT.replace('"2026-04"', f'"{version}"').replace("2026-04-01", begins)
    for before, after in changes.items():
        found = found.replace(before, after)
    return found


def fact(version: str, begins: str, **changes: str) -> Any:
    """Return the fact that a version was applied."""
    found = billing.book(text(version, begins, **changes))
    return billing.BOOK, bill1.PriceBookApplied(content=found, digest=book_text.digest(found))


def apply(document: str, on: str, *facts: Any) -> Any:
    """Return what follows from applying a text at an instant."""
    command = bill1.ApplyPriceBook(document=document)
    now = datetime.fromisoformat(on)
    return given(*facts).when(command, billing.BOOK, by=billing.BILLING_ADMIN, now=now)


def test_a_version_may_begin_on_the_day_that_runs_until_its_last_instant() -> None:
    before = fact("a", "2026-04-01")
    last = "2026-04-20T23:59:59.999999+00:00"
    assert apply(text("b", "2026-04-20"), last, before).events
    apply(text("b", "2026-04-19"), last, before).then_rejected("price-book-past", AT)
    # The first version ever may say what was sold before anybody wrote it down.
    assert apply(text("b", "2026-01-01"), last).events


def test_a_name_says_the_same_for_ever() -> None:
    before = fact("a", "2026-04-01")
    now = "2026-04-20T10:00:00+00:00"
    other = text("a", "2026-04-01", **{"5.000": "6.000"})
    for facts in ((before,), (before, fact("b", "2026-05-01"))):
        apply(other, now, *facts).then_rejected("price-book-version-exists", AT)
        again = apply(text("a", "2026-04-01"), now, *facts)
        assert again.events == []
        assert again.decision.result["version"] == "a"


def test_so_many_versions_wait_for_their_day_and_no_more() -> None:
    now = "2026-04-20T10:00:00+00:00"
    waiting = [fact(f"v{number}", "2027-01-01") for number in range(price_book.AHEAD)]
    more = text("more", "2027-01-01")
    assert apply(more, now, fact("a", "2026-04-01"), *waiting[1:]).events
    apply(more, now, fact("a", "2026-04-01"), *waiting).then_rejected("price-book-ahead", AT)
    # One that begins at this very instant waits no more.
    midnight = "2027-01-01T00:00:00+00:00"
    assert apply(more, midnight, fact("a", "2026-04-01"), *waiting).events


@each([
    ("2026-01-01", "2026-05-31", []),
    ("2026-01-01", "2026-05-01", []),
    ("2026-01-01", "2026-04-30", [AT]),
    ("2026-01-02", "2026-05-31", [AT]),
    ("2026-01-02", "2026-06-01", []),
    ("2025-12-31", "2026-12-01", [AT]),
])  # fmt: skip
def test_a_version_is_needed_until_another_prices_every_month_that_may_be_priced(
    second: str, today: str, refused: list[str]
) -> None:
    """In May, use of January may still be invoiced, by what was in force on its first day."""
    assert price_book.MONTHS == 5
    newer = [fact(f"v{number}", second) for number in range(price_book.KEPT - 1)]
    facts = fact("a", "2026-01-01"), *newer
    found = apply(text("more", today), f"{today}T10:00:00+00:00", *facts)
    if refused:
        found.then_rejected("price-book-often", *refused)
    else:
        assert [one.version for one in found.state().versions][:2] == ["v0", "v1"]


# ---- in which currencies something is sold


def unsold(currency: str, on: str, *facts: Any) -> str:
    """Return why nothing is sold in a currency at an instant."""
    state = given(*facts).world.state(billing.BOOK)
    with pytest.raises(Rejected) as refused:
        price_book.require_priced(state, currency, datetime.fromisoformat(on), "/data/currency")
    (error,) = refused.value.errors
    assert (error.rule, error.pointer) == ("currency-not-priced", "/data/currency")
    return error.message.partition(":")[0]


def require(currency: str, on: str, *facts: Any) -> None:
    """Fail if nothing is sold in a currency at an instant."""
    state = given(*facts).world.state(billing.BOOK)
    price_book.require_priced(state, currency, datetime.fromisoformat(on), "/data/currency")


RIALS = {
    "[OMR, USD]": "[OMR]",
    ', USD: "13.00"': "",
    ', USD: "32.50"': "",
    ', USD: "1.95"': "",
    ', USD: "3.90"': "",
    ', USD: "0.00"': "",
    ', USD: "0"': "",
    ', USD: "0.000104"': "",
    ', USD: "0.26"': "",
}
"""Takes the dollars out of a book."""


def test_a_currency_is_taken_that_something_is_sold_in_now_or_will_be() -> None:
    april, june = "2026-04-20T10:00:00+00:00", "2026-06-01T00:00:00+00:00"
    both, rials = fact("a", "2026-04-01"), fact("b", "2026-06-01", **RIALS)
    none = "nothing has a price in USD; the price book has OMR"
    require("USD", april)
    require("USD", april, both, rials)
    assert unsold("USD", june, both, rials) == none
    # Of those in force the one that began last counts, whichever came last.
    assert unsold("USD", june, rials, both) == none
    later = fact("b", "2026-06-01"), fact("a", "2026-04-01", **RIALS)
    for instant in (april, june):
        require("USD", instant, *later)
    assert unsold("EUR", april, *later) == (
        "nothing has a price in EUR; the price book has OMR and USD"
    )


# ---- how two versions differ


def differs(before: Book, after: Book) -> list[tuple[str, str, str, str]]:
    """Return what is told of a change of prices."""
    found = price_book.differences(before, after)
    return [(one.sku, one.change, one.before, one.after) for one in found]


def test_what_is_new_gone_or_otherwise_is_told_by_its_sku_in_words() -> None:
    before = billing.book()
    after = billing.book(**{
        "  m: {name: Medium": "  l: {name: Large",
        "m: included": "l: included",
        "bp-wiki: {": "forum: {",
        '{OMR: "1.500", USD: "3.90"}': '{OMR: "1.501", USD: "3.90"}',
    })  # fmt: skip
    backup = "0.750 OMR or 1.95 USD a month"
    medium = "12.500 OMR or 32.50 USD a month"
    free = "0.000 OMR or 0.00 USD a month"
    word = "OMR or 3.90 USD a month"
    assert differs(before, after) == [
        ("addon.backup", "changed", f"{backup} (m included, s optional)",
         f"{backup} (l included, s optional)"),
        ("blueprint.forum", "added", "", free),
        ("blueprint.wiki", "removed", free, ""),
        ("blueprint.wordpress", "changed", f"1.500 {word}", f"1.501 {word}"),
        ("package.l", "added", "", medium),
        ("package.m", "removed", medium, ""),
    ]  # fmt: skip
    assert differs(before, before) == []


GRADUATED = billing.TEXT[billing.TEXT.index("    formula:") :]
FREE = "0.000000 OMR or 0.000000 USD"
MORE = "0.000040 OMR or 0.000104 USD"
LEAST = "at least 0.100 OMR, at least 0.26 USD"
PRICE = '{OMR: "0.5", USD: "1"}'


@each([
    (GRADUATED, f"sum of GiB-hour, graduated: {FREE} up to 1000; {MORE}, {LEAST}"),
    (f"    formula: per-unit\n    price: {PRICE}\n",
     "sum of GiB-hour, per-unit: 0.500000 OMR or 1.000000 USD"),
    (f"    formula: package\n    price: {PRICE}\n    size: 10\n    included: 5\n",
     "sum of GiB-hour, package for 10: 0.500000 OMR or 1.000000 USD, 5 included"),
    (f"    formula: package\n    price: {PRICE}\n    size: 1\n",
     "sum of GiB-hour, package: 0.500000 OMR or 1.000000 USD"),
    (f"    formula: volume\n    steps:\n      - {{price: {PRICE}, flat: {PRICE}}}\n",
     "sum of GiB-hour, volume: 0.500000 OMR or 1.000000 USD and 0.500 OMR and 1.00 USD"),
])  # fmt: skip
def test_the_price_of_use_is_told_with_all_that_makes_it(formula: str, told: str) -> None:
    after = billing.book(billing.TEXT.replace(GRADUATED, formula))
    bare = billing.book(billing.TEXT[: billing.TEXT.index("usage:")])
    assert differs(bare, after) == [("usage.storage", "added", "", told)]
