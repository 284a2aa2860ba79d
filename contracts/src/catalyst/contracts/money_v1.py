"""Money: whole minor units of a currency, and millionths of the major unit for use below them.

One type for each, so that no bare number ever means money. There is no float: text is read digit by
digit, and the one place where something is rounded is named after how. Currencies never mix.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Annotated, Final

import msgspec

from catalyst.contracts.message import END, Part

EXPONENTS: Final[Mapping[str, int]] = {
    "AED": 2,
    "BHD": 3,
    "EUR": 2,
    "GBP": 2,
    "INR": 2,
    "JPY": 0,
    "JOD": 3,
    "KWD": 3,
    "OMR": 3,
    "QAR": 2,
    "SAR": 2,
    "TND": 3,
    "USD": 2,
}
"""Digits behind the point of each currency that is taken; a currency is added, never changed."""

MICRO_DIGITS: Final = 6
MAX_UNITS: Final = 10**15 - 1
"""The largest amount, either way: every reader of JSON holds it exactly."""
_MAX_DIGITS: Final = 18
_DECIMAL: Final = re.compile(r"(-?)([0-9]+)(?:\.([0-9]+))?")

CurrencyCode = Annotated[
    str,
    msgspec.Meta(
        pattern=r"^[A-Z]{3}" + END,
        description="the three capital letters of a currency",
        examples=["OMR"],
    ),
]
Units = Annotated[
    int,
    msgspec.Meta(
        ge=-MAX_UNITS,
        le=MAX_UNITS,
        description="a whole number of at most 15 digits",
        examples=[5000],
    ),
]


class MoneyError(ValueError):
    """The text or the number is no money of that currency, or two currencies met."""


def exponent(currency: str) -> int:
    """Return how many digits behind the point a currency has.

    Raises:
        MoneyError: If it is not in the table.
    """
    found = EXPONENTS.get(currency)
    if found is None:
        raise MoneyError(f"the currency {currency!r} is not taken; known: {', '.join(EXPONENTS)}")
    return found


class Money(Part, frozen=True, kw_only=True, order=False):
    """An amount of money in whole minor units: `{"currency": "OMR", "minor": 5000}` is 5.000."""

    currency: CurrencyCode
    """The currency."""
    minor: Units
    """The amount in the smallest unit that the currency has."""

    def __post_init__(self) -> None:
        """Refuse an unknown currency and an amount that is too large."""
        _check(self.currency, self.minor)

    def plus(self, other: Money) -> Money:
        """Return the sum.

        Raises:
            MoneyError: If the currencies differ.
        """
        same_currency(self, other)
        return Money(currency=self.currency, minor=self.minor + other.minor)

    def minus(self, other: Money) -> Money:
        """Return the difference.

        Raises:
            MoneyError: If the currencies differ.
        """
        same_currency(self, other)
        return Money(currency=self.currency, minor=self.minor - other.minor)

    def __str__(self) -> str:  # type: ignore[explicit-override]
        """Return the amount as a person reads it, such as `5.000 OMR`."""
        return f"{decimal(self.minor, exponent(self.currency))} {self.currency}"


class MicroMoney(Part, frozen=True, kw_only=True, order=False):
    """An amount in millionths of the major unit, for prices of single pieces of use."""

    currency: CurrencyCode
    """The currency."""
    micro: Units
    """The amount in millionths of the major unit."""

    def __post_init__(self) -> None:
        """Refuse an unknown currency and an amount that is too large."""
        _check(self.currency, self.micro)

    def __str__(self) -> str:  # type: ignore[explicit-override]
        """Return the amount as a person reads it, such as `0.000125 OMR`."""
        return f"{decimal(self.micro, MICRO_DIGITS)} {self.currency}"


def _check(currency: str, units: int) -> None:
    exponent(currency)
    if abs(units) > MAX_UNITS:
        raise MoneyError("the amount is too large")


def same_currency(*amounts: Money | MicroMoney) -> None:
    """Go on if all amounts are of one currency.

    Raises:
        MoneyError: If they are not.
    """
    found = {amount.currency for amount in amounts}
    if len(found) > 1:
        names = " and ".join(sorted(found))
        raise MoneyError(f"{names} do not add up: they are different currencies")


# ---- text


def parse(text: str, currency: str, *, signed: bool = False) -> Money:
    """Read a decimal such as `5.000` as money, by whole numbers alone.

    Args:
        text: Digits, with a point and at most as many digits behind it as the currency has.
        currency: The currency.
        signed: Whether a `-` in front is taken.

    Raises:
        MoneyError: For everything else: an exponent, spaces, a `+`, too many digits.
    """
    minor = _scaled(text, exponent(currency), currency, signed=signed)
    return Money(currency=currency, minor=minor)


def parse_micro(text: str, currency: str, *, signed: bool = False) -> MicroMoney:
    """Read a decimal with at most six digits behind the point as millionths.

    Raises:
        MoneyError: As `parse`.
    """
    exponent(currency)
    micro = _scaled(text, MICRO_DIGITS, currency, signed=signed)
    return MicroMoney(currency=currency, micro=micro)


def _scaled(text: str, digits: int, currency: str, *, signed: bool) -> int:
    # `fullmatch` on ASCII digits alone: `int` would take spaces, `_` and other scripts' digits.
    found = _DECIMAL.fullmatch(text)
    if found is None:
        raise MoneyError(f"{text!r} is not a decimal number such as {decimal(5, digits)}")
    sign, whole, behind = found[1], found[2], found[3] or ""
    if sign and not signed:
        raise MoneyError(f"{text!r} is below zero")
    if len(behind) > digits:
        raise MoneyError(f"{text!r} has more than {digits} digits behind the point ({currency})")
    if len(whole) + len(behind) > _MAX_DIGITS:
        raise MoneyError(f"the amount has more than {_MAX_DIGITS} digits")
    units = int(whole) * int(10**digits) + int(behind.ljust(digits, "0") or "0")
    if units > MAX_UNITS:
        raise MoneyError(f"{text!r} is too large")
    return -units if sign else units


def decimal(units: int, digits: int) -> str:
    """Return whole units as a decimal with that many digits behind the point."""
    sign = "-" if units < 0 else ""
    text = str(abs(units)).rjust(digits + 1, "0")
    return f"{sign}{text[:-digits]}.{text[-digits:]}" if digits else f"{sign}{text}"


def plain(money: Money) -> str:
    """Return the amount without its currency, such as `5.000`: what `parse` reads."""
    return decimal(money.minor, exponent(money.currency))


# ---- arithmetic


def zero(currency: str) -> Money:
    """Return nothing, in that currency."""
    return Money(currency=currency, minor=0)


def total(currency: str, amounts: Iterable[Money]) -> Money:
    """Return the sum of amounts of one currency.

    Raises:
        MoneyError: If one is of another currency.
    """
    minor = 0
    for amount in amounts:
        if amount.currency != currency:
            same_currency(zero(currency), amount)
        minor += amount.minor
    return Money(currency=currency, minor=minor)


def half_even(numerator: int, denominator: int) -> int:
    """Return the quotient as a whole number; a half goes to the even neighbour.

    Raises:
        ZeroDivisionError: If the denominator is zero.
    """
    if denominator < 0:
        numerator, denominator = -numerator, -denominator
    quotient, rest = divmod(numerator, denominator)
    twice = 2 * rest
    up = twice > denominator or (twice == denominator and quotient % 2 == 1)
    return quotient + 1 if up else quotient


def micro_half_even(amount: MicroMoney) -> Money:
    """Return millionths as whole minor units, rounded half to even: once, at the invoice's line."""
    per_minor = 10 ** (MICRO_DIGITS - exponent(amount.currency))
    return Money(currency=amount.currency, minor=half_even(amount.micro, per_minor))
