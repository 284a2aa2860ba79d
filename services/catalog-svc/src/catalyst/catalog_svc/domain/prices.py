"""What Blueprints cost each month, as the price book of billing says; followed from the log."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final

import msgspec

from catalyst.contracts import billing_v1 as bill1
from catalyst.contracts.decision import Recorded
from catalyst.contracts.money_v1 import Money
from catalyst.contracts.prices_v1 import Book, Priced

FOLLOWED: Final = "evt._.billing.price-book.default.>"
"""Subjects of the events that it is made of."""


class Prices:
    """The versions of the price book, each in force from its day on until the next one."""

    def __init__(self) -> None:
        """Know no price."""
        self._books: list[Book] = []

    def take(self, recorded: Recorded) -> None:
        """Fold one event of the price book."""
        if isinstance(recorded.event, bill1.PriceBookApplied):
            self._books.append(recorded.event.content)

    def of(self, blueprint: str, now: datetime) -> Priced | None:
        """Return what a Blueprint costs at a time; None if no book in force says so."""
        book = self.in_force(now)
        if book is None:
            return None
        sku = blueprint.removeprefix("bp-")
        return next((one for one in book.blueprints if one.sku == sku), None)

    def in_force(self, now: datetime) -> Book | None:
        """Return the version that began last; of two the one applied later; None if none has."""
        begun = [book for book in reversed(self._books) if book.start <= now]
        return max(begun, key=lambda book: book.start, default=None)

    def offered(self, now: datetime) -> dict[str, tuple[Any, ...]]:
        """Return the currencies, the packages, and the add-ons with the packages that have them.

        Without a book in force there are none.
        """
        book = self.in_force(now)
        if book is None:
            return {"currencies": (), "packages": (), "addons": ()}
        return {
            "currencies": book.currencies,
            "packages": tuple(
                {"sku": one.sku, "name": one.name, "price": said(one.month)}
                for one in book.packages
            ),
            "addons": tuple(
                {
                    "sku": one.sku,
                    "name": one.name,
                    "price": said(one.month),
                    "packages": one.packages,
                }
                for one in book.addons
            ),
        }


def said(month: Iterable[Money]) -> tuple[dict[str, Any], ...]:
    """Return the price of a month in each currency, also as people read it."""
    return tuple({**msgspec.to_builtins(one), "text": str(one)} for one in month)
