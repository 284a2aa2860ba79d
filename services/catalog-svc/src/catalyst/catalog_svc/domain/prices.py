"""What Blueprints cost each month, as the price book of billing says; followed from the log."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from catalyst.contracts import billing_v1 as bill1
from catalyst.contracts.decision import Recorded
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
