"""The text of a price book, read: every price by whole numbers, every mistake with its place.

book: main
version: "2026-04"
from: 2026-04-01
currencies: [OMR, USD]
packages:   {s: {name: Small, month: {OMR: "5.000", USD: "13.00"}}}
addons:     {addon.backup: {name: Backup, month: {...}, packages: {s: optional, m: included}}}
blueprints: {wordpress: {name: WordPress, month: {OMR: "1.500", USD: "4.00"}}}
usage:      {storage: {name: Storage, unit: GiB-hour, aggregation: sum, formula: graduated,
             steps: [{up_to: 100, price: {...}}, {price: {...}}], minimum: {...}}}
"""

from __future__ import annotations

import hashlib
import re
from datetime import UTC, date, datetime
from typing import Any, Final, cast

import msgspec

from catalyst.billing.domain.charges import micros
from catalyst.billing.domain.document import Finding, Node, Reader, Unreadable, read
from catalyst.contracts.message import FieldError
from catalyst.contracts.money_v1 import (
    EXPONENTS,
    MAX_UNITS,
    MicroMoney,
    Money,
    MoneyError,
    parse,
    parse_micro,
)
from catalyst.contracts.prices_v1 import Addon, Book, Charge, Priced, Step
from catalyst.contracts.rejection import Rejected

PACKAGES: Final = ("s", "m", "l", "xl", "flexi")
STATES: Final = ("included", "optional")
FORMULAS: Final = ("per-unit", "graduated", "volume", "package")
SCALES: Final = ("graduated", "volume")
AGGREGATIONS: Final = ("sum", "count", "max", "latest", "unique")
MOST_FINDINGS: Final = 50

_NAME: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
_SKU: Final = re.compile(r"[a-z][a-z0-9]*([.-][a-z0-9]+)*")
_VERSION: Final = re.compile(r"[a-z0-9][a-z0-9.-]{0,31}")
_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def book_of(text: str, pointer: str = "/data/document") -> Book:
    """Return the price book that a text is.

    Args:
        text: YAML or JSON.
        pointer: Where the text stands in the command, for errors.

    Raises:
        Rejected: `price-book-invalid`, with every mistake that was found, each with line, column
            and its pointer into the document.
    """
    book, findings = examine(text)
    if book is None or findings:
        first = str(findings[0])
        more = len(findings) - 1
        raise Rejected(
            "price-book-invalid",
            first if more == 0 else f"{first} (and {more} more)",
            [
                FieldError(pointer=pointer, rule="price-book-invalid", message=str(finding))
                for finding in findings[:MOST_FINDINGS]
            ],
        )
    return book


def examine(text: str) -> tuple[Book | None, list[Finding]]:
    """Return what a text says as a price book, and everything that is wrong with it."""
    try:
        root = read(text)
    except Unreadable as error:
        return None, [error.finding]
    reading = _Reading()
    return reading.book(root), reading.findings


def digest(book: Book) -> str:
    """Return the fingerprint of a price book's content."""
    return hashlib.sha256(msgspec.json.encode(book, order="sorted")).hexdigest()


class _Reading(Reader):
    """Reads one price book."""

    def __init__(self) -> None:
        super().__init__()
        self._currencies: tuple[str, ...] = ()
        self._sold: frozenset[str] = frozenset()
        """The packages."""

    def book(self, root: Node) -> Book | None:
        found = self.fields(
            root,
            {
                "book": True,
                "version": True,
                "from": True,
                "currencies": True,
                "packages": True,
                "addons": False,
                "blueprints": True,
                "usage": False,
            },
        )
        self._currencies = self._known_currencies(found.get("currencies"))
        start = self._day(found.get("from"))
        packages = self._all_priced(found.get("packages"), PACKAGES)
        self._sold = frozenset(package.sku for package in packages)
        book = Book(
            book=self._matching(found.get("book"), _NAME),
            version=self._matching(found.get("version"), _VERSION),
            start=start or datetime(1970, 1, 1, tzinfo=UTC),
            currencies=self._currencies,
            packages=packages,
            addons=tuple(self._addon(*one) for one in self.entries(found.get("addons"))),
            blueprints=self._all_priced(found.get("blueprints"), None),
            usage=tuple(self._charge(*one) for one in self.entries(found.get("usage"))),
        )
        return None if self.findings else book

    def _known_currencies(self, node: Node | None) -> tuple[str, ...]:
        found: list[str] = []
        for item in self.items(node):
            currency = self.one_of(item, tuple(EXPONENTS), "")
            if currency in found:
                self.wrong(item, f"{currency} is listed twice")
            elif currency:
                found.append(currency)
        if node is not None and node.value == []:
            self.wrong(node, "must name a currency")
        return tuple(found)

    def _day(self, node: Node | None) -> datetime | None:
        if node is None:
            return None
        if isinstance(node.value, str) and _DATE.fullmatch(node.value):
            try:
                day = date.fromisoformat(node.value)
            except ValueError:
                self.wrong(node, "there is no such day")
                return None
            return datetime(day.year, day.month, day.day, tzinfo=UTC)
        self.wrong(node, "must be a day such as 2026-04-01")
        return None

    def _matching(self, node: Node | None, pattern: re.Pattern[str]) -> str:
        text = self.text(node)
        if node is not None and text and not pattern.fullmatch(text):
            self.wrong(node, "must be lower-case letters, digits, '-' (and '.' in a version)")
        return text

    # ---- prices of a month

    def _all_priced(self, node: Node | None, known: tuple[str, ...] | None) -> tuple[Priced, ...]:
        found: list[Priced] = []
        for key, value in self.entries(node):
            sku = key if known is not None else key.removeprefix("bp-")
            if (known is not None and sku not in known) or not _NAME.fullmatch(sku):
                allowed = f"one of {', '.join(known)}" if known else "a name without dots"
                self.wrong(value, f"{key!r} must be {allowed}")
            elif any(one.sku == sku for one in found):
                self.wrong(value, f"{sku!r} stands here a second time")
            fields = self.fields(value, {"name": True, "month": True})
            name, month = self.text(fields.get("name")), self._month(fields.get("month"))
            found.append(Priced(sku=sku, name=name, month=month))
        if node is not None and known is not None and not found:
            self.wrong(node, "must name a package")
        return tuple(found)

    def _addon(self, sku: str, node: Node) -> Addon:
        if not _SKU.fullmatch(sku) or not sku.startswith("addon."):
            self.wrong(node, f"{sku!r} must be `addon.` and a name")
        fields = self.fields(node, {"name": True, "month": True, "packages": True})
        packages: dict[str, str] = {}
        for package, state in self.entries(fields.get("packages")):
            if package not in PACKAGES:
                self.wrong(state, f"{package!r} must be one of {', '.join(PACKAGES)}")
            elif package not in self._sold:
                self.wrong(state, f"the package {package!r} is not sold in this book")
            packages[package] = self.one_of(state, STATES, "optional")
        return Addon(
            sku=sku,
            name=self.text(fields.get("name")),
            month=self._month(fields.get("month")),
            packages=cast("dict[str, Any]", packages),
        )

    def _month(self, node: Node | None) -> tuple[Money, ...]:
        found: list[Money] = []
        for currency, text in self._by_currency(node):
            try:
                price = parse(text.value if isinstance(text.value, str) else "", currency)
                if micros(price) > MAX_UNITS:
                    self.wrong(text, "must be below 1000000000")
                found.append(price)
            except MoneyError as error:
                self.wrong(text, str(error))
        return tuple(found)

    def _by_currency(self, node: Node | None) -> list[tuple[str, Node]]:
        """Return the entries of a price, which must be said once in each currency of the book."""
        if node is None or not self._currencies:
            return []
        found = [one for one in self.entries(node) if one[0] in self._currencies]
        for currency, value in self.entries(node):
            if currency not in self._currencies:
                self.wrong(value, f"{currency!r} is not one of the book's currencies")
        missing = [one for one in self._currencies if one not in dict(found)]
        if missing:
            self.wrong(node, f"there is no price in {', '.join(missing)}")
        return found

    # ---- use

    def _charge(self, sku: str, node: Node) -> Charge:
        if not _SKU.fullmatch(sku):
            self.wrong(node, f"{sku!r} must be lower-case letters and digits, with '.' or '-'")
        fields = self.fields(
            node,
            {
                "name": True,
                "unit": True,
                "aggregation": True,
                "formula": True,
                "price": False,
                "steps": False,
                "size": False,
                "included": False,
                "minimum": False,
            },
        )
        formula = self.one_of(fields.get("formula"), FORMULAS, "")
        if "size" in fields and formula not in {"package", ""}:
            self.wrong(fields["size"], "only the formula 'package' has a size")
        return Charge(
            sku=sku,
            name=self.text(fields.get("name")),
            unit=self.text(fields.get("unit"), longest=32),
            aggregation=cast("Any", self.one_of(fields.get("aggregation"), AGGREGATIONS, "sum")),
            formula=cast("Any", formula),
            steps=self._steps(node, fields, scale=formula in SCALES) if formula else (),
            size=self.whole(fields.get("size"), 1, least=1),
            included=self.whole(fields.get("included"), 0),
            minimum=self._month(fields.get("minimum")),
        )

    def _steps(self, node: Node, fields: dict[str, Node], *, scale: bool) -> tuple[Step, ...]:
        wanted, other = ("steps", "price") if scale else ("price", "steps")
        if wanted not in fields or other in fields:
            self.wrong(node, f"this formula takes {wanted!r}, not {other!r}")
            return ()
        if not scale:
            return (Step(up_to=None, price=self._micros(fields["price"])),)
        found: list[Step] = []
        items = self.items(fields["steps"])
        for number, item in enumerate(items):
            inner = self.fields(item, {"up_to": False, "price": True, "flat": False})
            last = number == len(items) - 1
            if last == ("up_to" in inner):
                self.wrong(item, "every step but the last says `up_to`")
            up_to = None if last else self.whole(inner.get("up_to"), 1, least=1)
            before = found[-1].up_to if found else 0
            if up_to is not None and up_to <= (before or 0):
                self.wrong(item, "`up_to` must be above that of the step before")
            found.append(
                Step(
                    up_to=up_to,
                    price=self._micros(inner.get("price")),
                    flat=self._month(inner.get("flat")),
                )
            )
        if fields["steps"].value == []:
            self.wrong(fields["steps"], "must hold a step")
        return tuple(found)

    def _micros(self, node: Node | None) -> tuple[MicroMoney, ...]:
        found: list[MicroMoney] = []
        for currency, text in self._by_currency(node):
            value = text.value if isinstance(text.value, str) else ""
            try:
                found.append(parse_micro(value, currency))
            except MoneyError as error:
                self.wrong(text, str(error))
        return tuple(found)
