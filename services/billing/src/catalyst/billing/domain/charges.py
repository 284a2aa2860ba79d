"""What use costs: a month's quantity, by one of four formulas, in millionths.

Nothing is rounded here: whoever makes an invoice rounds each line once, half to even.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from catalyst.contracts.money_v1 import (
    MAX_UNITS,
    MICRO_DIGITS,
    MicroMoney,
    Money,
    MoneyError,
    exponent,
)
from catalyst.contracts.prices_v1 import Charge, Step
from catalyst.contracts.rejection import Rejected
from catalyst.contracts.usage_v1 import MAX_QUANTITY


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """One term of a formula."""

    quantity: int
    price: MicroMoney
    """Of one unit, or of one package."""
    amount: MicroMoney
    flat: Money | None = None
    """What the step costs as such, within the amount."""


class Priced(msgspec.Struct, frozen=True, kw_only=True):
    """What a month's use costs, and how that came about."""

    amount: MicroMoney
    parts: tuple[Part, ...]
    formula: str
    """In words."""


def price(charge: Charge, quantity: int, currency: str) -> Priced:
    """Return what a month's quantity costs.

    Raises:
        Rejected: `currency-not-priced`.
        ValueError: For a quantity below zero.
    """
    if quantity < 0:
        raise ValueError("a quantity is not below zero")
    counted = max(0, quantity - charge.included)
    match charge.formula:
        case "per-unit":
            parts = [_part(charge, charge.steps[0], counted, currency)]
        case "graduated":
            parts = _graduated(charge, counted, currency)
        case "volume":
            parts = [_part(charge, _step_of(charge.steps, counted), counted, currency)]
        case "package":
            packages = -(-counted // charge.size)
            parts = [_part(charge, charge.steps[0], packages, currency)]
    micro = sum(part.amount.micro for part in parts)
    formula = f"{charge.formula}: {quantity} {charge.unit}" + (
        f", {charge.included} included" if charge.included else ""
    )
    least = next((one for one in charge.minimum if one.currency == currency), None)
    if least is not None and quantity > 0 and micro < micros(least):
        micro, formula = micros(least), f"{formula}, at least {least}"
    return Priced(
        amount=MicroMoney(currency=currency, micro=micro), parts=tuple(parts), formula=formula
    )


def sayable(charge: Charge, quantity: int, currency: str) -> bool:
    """Return whether a month's quantity and its price can both be said.

    Raises:
        Rejected: `currency-not-priced`.
    """
    try:
        price(charge, quantity, currency)
    except MoneyError:
        return False
    return quantity <= MAX_QUANTITY


def most(charge: Charge, currency: str) -> int:
    """Return a quantity up to which a month is `sayable` whatever its steps are; quick to know.

    Raises:
        Rejected: `currency-not-priced`.
    """
    dearest, flats = 0, 0
    for step in charge.steps:
        dearest = max(dearest, _unit(charge, step, currency).micro)
        flats += sum(micros(one) for one in step.flat if one.currency == currency)
    room = MAX_UNITS - flats
    if room < 0 or any(micros(one) > MAX_UNITS for one in charge.minimum):
        return 0
    return min(MAX_QUANTITY, room // dearest) if dearest else MAX_QUANTITY


def micros(money: Money) -> int:
    """Return whole minor units as millionths of the major unit; exact."""
    return money.minor * int(10 ** (MICRO_DIGITS - exponent(money.currency)))


def _graduated(charge: Charge, quantity: int, currency: str) -> list[Part]:
    found: list[Part] = []
    before = 0
    for step in charge.steps:
        upper = quantity if step.up_to is None else min(quantity, step.up_to)
        if upper > before:
            found.append(_part(charge, step, upper - before, currency))
            before = upper
    return found


def _step_of(steps: Sequence[Step], quantity: int) -> Step:
    return next(step for step in steps if step.up_to is None or quantity <= step.up_to)


def _part(charge: Charge, step: Step, quantity: int, currency: str) -> Part:
    unit = _unit(charge, step, currency)
    flat = next((one for one in step.flat if one.currency == currency), None) if quantity else None
    micro = unit.micro * quantity + (micros(flat) if flat is not None else 0)
    amount = MicroMoney(currency=currency, micro=micro)
    return Part(quantity=quantity, price=unit, amount=amount, flat=flat)


def _unit(charge: Charge, step: Step, currency: str) -> MicroMoney:
    unit = next((one for one in step.price if one.currency == currency), None)
    if unit is None:
        raise Rejected("currency-not-priced", f"{charge.sku!r} has no price in {currency}")
    return unit
