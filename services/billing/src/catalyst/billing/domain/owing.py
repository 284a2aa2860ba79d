"""What is owed, and what for: invoices that are to be paid, and orders that stand on none yet.

What was ordered beyond the credit, within the limit of what may be owed, is to be paid with the
invoice that it stands on. Money that comes in settles the oldest first.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from catalyst.contracts import billing_v1 as bill1
from catalyst.contracts.money_v1 import Money


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """What is owed of an order."""

    amount: Money
    month: str
    """The invoice that it will stand on."""


Unpaid = dict[str, Order]
"""By the hold, oldest first."""


def fitted(
    unpaid: Mapping[str, Order],
    owed: Mapping[str, int],
    invoices: Mapping[str, Mapping[str, int]],
) -> Unpaid:
    """Return what is still owed of orders: no more than is owed beside the invoices.

    Args:
        unpaid: What was owed of them.
        owed: All that is owed, in minor units by currency.
        invoices: What is open of invoices.
    """
    left = dict(owed)
    for by_currency in invoices.values():
        for currency, minor in by_currency.items():
            left[currency] = left.get(currency, 0) - minor
    found: Unpaid = {}
    # The latest are settled last.
    for hold, one in reversed(list(unpaid.items())):
        currency = one.amount.currency
        minor = min(one.amount.minor, max(0, left.get(currency, 0)))
        left[currency] = left.get(currency, 0) - minor
        if minor:
            amount = Money(currency=currency, minor=minor)
            found[hold] = msgspec.structs.replace(one, amount=amount)
    return dict(reversed(list(found.items())))


def lowered(
    invoices: Mapping[str, Mapping[str, int]], event: bill1.InvoiceReversed
) -> dict[str, dict[str, int]]:
    """Return what is open of invoices once less is to be paid of one; the oldest stays first."""
    after: dict[str, dict[str, int]] = {}
    for invoice, by_currency in invoices.items():
        left = dict(by_currency)
        for amount in event.lowered if invoice == event.invoice else ():
            left[amount.currency] -= amount.minor
        left = {currency: minor for currency, minor in left.items() if minor}
        if left:
            after[invoice] = left
    return after


def settle(
    invoices: Mapping[str, Mapping[str, int]], amount: Money
) -> tuple[dict[str, dict[str, int]], tuple[str, ...]]:
    """Return what is open of invoices after money came in, and which of them are paid now.

    The oldest is settled first.
    """
    rest, paid = amount.minor, []
    after: dict[str, dict[str, int]] = {}
    for invoice, by_currency in invoices.items():
        left = dict(by_currency)
        part = min(rest, left.get(amount.currency, 0))
        rest -= part
        if part:
            left[amount.currency] -= part
        left = {currency: minor for currency, minor in left.items() if minor}
        if left:
            after[invoice] = left
        else:
            paid.append(invoice)
    return after, tuple(paid)
