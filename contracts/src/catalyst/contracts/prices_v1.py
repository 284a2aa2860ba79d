"""The price book and what is made of it: version 1.

A book is text (YAML or JSON) when it comes in, and the values below when it stands in the log. A
quote is what the book says of things that somebody wants; order, hold and ledger carry it as it is.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from catalyst.contracts.message import END, Command, Event, Part, UtcTime
from catalyst.contracts.money_v1 import MicroMoney, Money
from catalyst.contracts.values_v1 import Line

Formula = Literal["per-unit", "graduated", "volume", "package"]
Aggregation = Literal["sum", "count", "max", "latest", "unique"]
State = Literal["included", "optional"]
Package = Literal["s", "m", "l", "xl", "flexi"]

Sku = Annotated[
    str,
    msgspec.Meta(
        max_length=128,
        pattern=r"^[a-z][a-z0-9]*([.-][a-z0-9]+)*" + END,
        description=(
            "at most 128 lower-case letters and digits, with single '.' and '-' between them, "
            "beginning with a letter"
        ),
        examples=["addon.backup"],
    ),
]
Name = Annotated[
    str,
    msgspec.Meta(
        min_length=1,
        max_length=63,
        pattern=r"^[a-z0-9][a-z0-9-]*" + END,
        description="1 to 63 lower-case letters, digits or '-', not beginning with '-'",
        examples=["acme-prod"],
    ),
]
BookVersion = Annotated[
    str,
    msgspec.Meta(
        min_length=1,
        max_length=32,
        pattern=r"^[a-z0-9][a-z0-9.-]*" + END,
        description="1 to 32 lower-case letters, digits, '.' or '-'",
        examples=["2026-04"],
    ),
]
BookText = Annotated[
    str,
    msgspec.Meta(
        min_length=1,
        max_length=200_000,
        description="a text of at most 200000 characters",
        examples=["book: main"],
    ),
]


class Item(Part, frozen=True, kw_only=True):
    """One Application that somebody wants in one Environment."""

    application: Name
    """The Application's name."""
    environment: Name
    """The Environment's name."""
    blueprint: Name
    """The Blueprint, with or without `bp-` in front."""
    version: Annotated[Line, msgspec.Meta(examples=["1.2.0"])] = ""
    """The Blueprint's version; prices do not depend on it."""
    plan: Package | None = None
    """The package; null: none."""
    addons: Annotated[
        tuple[Sku, ...], msgspec.Meta(max_length=20, description="a list of at most 20 entries")
    ] = ()
    """The add-ons, by their SKU."""


Items = Annotated[
    tuple[Item, ...],
    msgspec.Meta(min_length=1, max_length=50, description="a list of 1 to 50 items"),
]


class QuoteLine(Part, frozen=True, kw_only=True):
    """What one thing costs each month."""

    sku: Sku
    """What is priced."""
    name: Annotated[Line, msgspec.Meta(examples=["WordPress"])]
    """What people call it."""
    formula: Annotated[Line, msgspec.Meta(examples=["1 month x 5.000 OMR"])]
    """How the amount came about."""
    amount: Money
    """The price of one whole month."""
    application: Name
    """The Application that it is for."""
    environment: Name
    """The Environment that it is for."""
    redundant: bool = False
    """True: the package includes it already, so that it costs nothing."""


class Quote(Part, frozen=True, kw_only=True):
    """What the price book says of some items, and what is due for them now."""

    book: Name
    """The price book."""
    version: BookVersion
    """The version of the price book."""
    items: Items
    """What was asked for."""
    lines: Annotated[
        tuple[QuoteLine, ...], msgspec.Meta(max_length=1100, description="a list of lines")
    ]
    """What each thing costs."""
    total: Money
    """What all of it costs each month."""
    due: Money
    """What is held now: the total, less what is paid already for this month."""


# ---- what a book holds


class Priced(Part, frozen=True, kw_only=True):
    """Something with a price for each month, in one or more currencies."""

    sku: str
    """Its name in the book."""
    name: str
    """What people call it."""
    month: tuple[Money, ...]
    """The price of a whole month, once for each currency."""


class Addon(Part, frozen=True, kw_only=True):
    """An add-on, and which packages have it."""

    sku: str
    """Its name in the book."""
    name: str
    """What people call it."""
    month: tuple[Money, ...]
    """The price of a whole month, once for each currency."""
    packages: dict[str, State]
    """Each package that has it: included, or optional at its price."""


class Step(Part, frozen=True, kw_only=True):
    """One step of a scale."""

    up_to: int | None
    """The last unit that it is for; null: all further ones."""
    price: tuple[MicroMoney, ...]
    """The price of one unit, once for each currency."""
    flat: tuple[Money, ...] = ()
    """What the step costs as such, once for each currency."""


class Charge(Part, frozen=True, kw_only=True):
    """What some kind of use costs."""

    sku: str
    """Its name in the book; the meter is called alike."""
    name: str
    """What people call it."""
    unit: str
    """What is counted."""
    aggregation: Aggregation
    """How the month's quantity is made of single reports."""
    formula: Formula
    """How quantity becomes money."""
    steps: tuple[Step, ...]
    """The scale, from the first unit on; one step where there is no scale."""
    size: int = 1
    """How many units one package holds; for the formula `package`."""
    included: int = 0
    """How many units of each month cost nothing."""
    minimum: tuple[Money, ...] = ()
    """The least that a month with any use costs, once for each currency."""


class Book(Part, frozen=True, kw_only=True):
    """One version of the price book, whole."""

    book: str
    """The price book."""
    version: str
    """The version of the price book."""
    start: UtcTime
    """From when on it is in force."""
    currencies: tuple[str, ...]
    """Currencies in which it says prices."""
    packages: tuple[Priced, ...]
    """The packages."""
    addons: tuple[Addon, ...]
    """The add-ons."""
    blueprints: tuple[Priced, ...]
    """The Blueprints, by name without `bp-`."""
    usage: tuple[Charge, ...] = ()
    """What use costs."""


class PriceChange(Part, frozen=True, kw_only=True):
    """How one price differs between two versions."""

    sku: str
    """What is priced."""
    change: Literal["added", "removed", "changed"]
    """Whether it is new, gone, or has another price."""
    before: str = ""
    """What it cost, in words."""
    after: str = ""
    """What it costs, in words."""


# ---- messages


class ApplyPriceBook(Command, frozen=True, kw_only=True):
    """Put a version of the price book in force from its day on."""

    document: BookText
    """The price book as YAML or JSON."""


class PriceBookApplied(Event, frozen=True, kw_only=True):
    """A version of the price book is in force from its day on."""

    content: Book
    """The version, whole."""
    digest: str
    """Fingerprint of the content."""
    changes: tuple[PriceChange, ...] = ()
    """How it differs from the version before."""
