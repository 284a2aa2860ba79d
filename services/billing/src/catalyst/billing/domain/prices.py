"""What things cost: a quote, made of one version of the price book and nothing else.

Whoever needs a price calls this, the query that shows it as well as the rule that takes the money,
so that the two cannot differ. What the book does not name has no price: it is refused, never free.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

from catalyst.contracts.message import FieldError
from catalyst.contracts.money_v1 import Money, total, zero
from catalyst.contracts.prices_v1 import Addon, Book, Item, Priced, Quote, QuoteLine
from catalyst.contracts.rejection import Rejected

MONTH: Final = "%Y-%m"

Paid = Mapping[str, Money]
"""What is paid already for this month, by `<application>.<environment>`."""


def subscription_id(application: str, environment: str) -> str:
    """Return the id of what an Application costs in one Environment."""
    return f"{application}.{environment}"


def month_of(now: datetime) -> str:
    """Return the calendar month, in UTC, that an instant belongs to."""
    return now.strftime(MONTH)


def in_force(books: Sequence[Book], now: datetime) -> Book:
    """Return the version that counts now: the one that began last; of two, the one applied later.

    Raises:
        Rejected: `prices-unavailable` without any.
    """
    begun = [(book.start, place, book) for place, book in enumerate(books) if book.start <= now]
    if not begun:
        message = "no price book is in force, so nothing has a price: a billing-admin applies one"
        raise Rejected("prices-unavailable", message)
    return max(begun, key=lambda item: item[:2])[2]


def quote(book: Book, items: Sequence[Item], currency: str, paid: Paid, pointer: str = "") -> Quote:
    """Return what some items cost each month, and what is due now.

    Args:
        book: The version of the price book.
        items: What is wanted; each Application and Environment once.
        currency: The currency to say it in.
        paid: What is paid already for this month; a lower price gives nothing back.
        pointer: Where the items stand in what was asked, for errors.

    Raises:
        Rejected: `currency-not-priced`, or all of `sku-unknown`, `addon-not-offered` and
            `item-duplicate` that were found.
    """
    require_currency(book, currency)
    errors: list[FieldError] = []
    lines: list[QuoteLine] = []
    seen: set[str] = set()
    for number, item in enumerate(items):
        place = f"{pointer}/items/{number}"
        name = subscription_id(item.application, item.environment)
        if name in seen:
            errors.append(_error("item-duplicate", place, f"{name} is listed twice"))
        seen.add(name)
        found = _lines(book, item, currency, place, errors)
        lines += found
    if errors:
        raise Rejected(errors[0].rule, errors[0].message, errors)
    return Quote(
        book=book.book,
        version=book.version,
        items=tuple(items),
        lines=tuple(lines),
        total=total(currency, (line.amount for line in lines)),
        due=due(lines, currency, paid),
    )


def due(lines: Sequence[QuoteLine], currency: str, paid: Paid) -> Money:
    """Return what is due now of what things cost each month.

    Raises:
        Rejected: `currency-mixed` if something is paid in another currency.
    """
    months: dict[str, Money] = {}
    for line in lines:
        name = subscription_id(line.application, line.environment)
        months[name] = months.get(name, zero(currency)).plus(line.amount)
    return total(currency, (_owed(name, month, paid.get(name)) for name, month in months.items()))


def _owed(name: str, month: Money, paid: Money | None) -> Money:
    """Return the rest of this month's price; months are charged whole and never given back."""
    if paid is None:
        return month
    if paid.currency != month.currency:
        message = (
            f"this month of {name} is paid in {paid.currency}, so that it cannot be bought in "
            f"{month.currency} before the next one"
        )
        raise Rejected("currency-mixed", message)
    return Money(currency=month.currency, minor=max(0, month.minor - paid.minor))


def _lines(
    book: Book, item: Item, currency: str, place: str, errors: list[FieldError]
) -> list[QuoteLine]:
    found: list[QuoteLine] = []
    name = item.blueprint.removeprefix("bp-")
    blueprint = _named(book.blueprints, name)
    if blueprint is None:
        message = f"the price book has no price for the Blueprint {f'bp-{name}'!r}"
        errors.append(_error("sku-unknown", f"{place}/blueprint", message))
    else:
        found.append(_line(item, blueprint, f"blueprint.{name}", currency))
    if item.plan is not None:
        package = _named(book.packages, item.plan)
        if package is None:
            message = f"the price book has no package {item.plan!r}; it has {_skus(book.packages)}"
            errors.append(_error("sku-unknown", f"{place}/plan", message))
        else:
            found.append(_line(item, package, f"package.{item.plan}", currency))
    for number, sku in enumerate(item.addons):
        line = _addon(book, item, sku, currency, f"{place}/addons/{number}", errors)
        if line is not None:
            found.append(line)
    return found


def _addon(
    book: Book, item: Item, sku: str, currency: str, place: str, errors: list[FieldError]
) -> QuoteLine | None:
    addon = next((addon for addon in book.addons if addon.sku == sku), None)
    if addon is None:
        message = f"the price book has no add-on {sku!r}; it has {_skus(book.addons)}"
        errors.append(_error("sku-unknown", place, message))
        return None
    if item.addons.count(sku) > 1:
        errors.append(_error("item-duplicate", place, f"the add-on {sku!r} is listed twice"))
        return None
    state = addon.packages.get(item.plan or "")
    if state is None:
        package = f"the package {item.plan!r}" if item.plan else "an Application without a package"
        offered = [one for one in book.addons if (item.plan or "") in one.packages]
        message = f"the add-on {sku!r} is not offered with {package}; {_skus(offered)} can be had"
        errors.append(_error("addon-not-offered", place, message))
        return None
    if state == "included":
        line = _line(item, addon, sku, currency)
        return QuoteLine(
            sku=sku,
            name=line.name,
            formula=f"included in the package {item.plan}",
            amount=zero(currency),
            application=item.application,
            environment=item.environment,
            redundant=True,
        )
    return _line(item, addon, sku, currency)


def _line(item: Item, priced: Priced | Addon, sku: str, currency: str) -> QuoteLine:
    amount = priced_in(priced.month, currency, sku)
    return QuoteLine(
        sku=sku,
        name=priced.name,
        formula=f"1 month x {amount}",
        amount=amount,
        application=item.application,
        environment=item.environment,
    )


def priced_in(prices: Sequence[Money], currency: str, sku: str) -> Money:
    """Return the price in one currency.

    Raises:
        Rejected: `currency-not-priced` if there is none.
    """
    found = next((price for price in prices if price.currency == currency), None)
    if found is None:
        raise Rejected("currency-not-priced", f"{sku!r} has no price in {currency}")
    return found


def _skus(offered: Sequence[Priced | Addon]) -> str:
    return ", ".join(one.sku for one in offered) or "none"


def _named(priced: Sequence[Priced], sku: str) -> Priced | None:
    return next((one for one in priced if one.sku == sku), None)


def require_currency(book: Book, currency: str, pointer: str = "") -> None:
    """Refuse a currency in which a version of the price book sells nothing.

    Raises:
        Rejected: `currency-not-priced`, at `pointer`.
    """
    if currency not in book.currencies:
        known = ", ".join(book.currencies)
        message = f"the price book has no {currency}, only {known}"
        raise Rejected("currency-not-priced", message, pointer=pointer)


def _error(code: str, pointer: str, message: str) -> FieldError:
    return FieldError(pointer=pointer, rule=code, message=message)
