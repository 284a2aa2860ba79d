"""What goes on from month to month: what a month costs before anything is ordered or used in it.

A pure fold of what is sold, kept by the account for its spend limit: a month may have thousands of
subscriptions, and a hold cannot read them all.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from catalyst.billing.domain import prices
from catalyst.contracts.money_v1 import Money, zero
from catalyst.contracts.prices_v1 import Quote


class Renewal(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """What a subscription costs each month, and what the month cost in which that changed."""

    currency: str
    minor: int
    """Of each month after `month`."""
    month: str
    """The month in which it changed last."""
    before: int
    """What that month itself was entered with."""


Renewals = dict[str, Renewal]
"""By subscription."""


def monthly(quote: Quote) -> dict[str, Money]:
    """Return what each subscription of a quote costs each month."""
    found: dict[str, Money] = {}
    for line in quote.lines:
        name = prices.subscription_id(line.application, line.environment)
        before = found.get(name, zero(line.amount.currency))
        found[name] = before.plus(line.amount)
    return found


def of_month(renewals: Mapping[str, Renewal], month: str, currency: str) -> int:
    """Return what a month was entered with, in minor units, whether or not it is invoiced yet."""
    return sum(
        one.minor if one.month < month else one.before
        for one in renewals.values()
        if one.currency == currency
    )


def changed(
    renewals: Mapping[str, Renewal], name: str, month: str, amount: Money | None
) -> Renewals:
    """Return them once a subscription costs something else from the next month on.

    Args:
        renewals: As they were.
        name: The subscription.
        month: The month in which it changes; what that month was entered with stays.
        amount: What it costs each month; None: it ended.
    """
    last = renewals.get(name)
    if amount is None and last is None:
        return dict(renewals)
    currency = amount.currency if amount is not None else last.currency if last is not None else ""
    before = 0
    if last is not None and last.currency == currency:
        before = last.minor if last.month < month else last.before
    minor = 0 if amount is None else amount.minor
    after = Renewal(currency=currency, minor=minor, month=month, before=before)
    return {**renewals, name: after}


def tidied(renewals: Mapping[str, Renewal], closed: str) -> Renewals:
    """Return them without those that ended before a month that is closed."""
    return {name: one for name, one in renewals.items() if one.minor or one.month >= closed}
