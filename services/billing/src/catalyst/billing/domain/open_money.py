"""What is open in an account, as whoever is about to delete something has to see it. Pure.

Credit that is left, what is set aside, what is to be paid, and what the running month costs so far.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

import msgspec

from catalyst.billing.domain import ledger, prices
from catalyst.billing.domain.account import Account, next_month
from catalyst.billing.domain.subscription import Subscription
from catalyst.contracts.invoice_v1 import InvoiceAmount
from catalyst.contracts.money_v1 import Money
from catalyst.contracts.subjects import Ref


class Named(msgspec.Struct, frozen=True, kw_only=True):
    """An amount, and what it belongs to."""

    name: str
    """The hold, or the month of the invoice."""
    amount: Money


class Running(msgspec.Struct, frozen=True, kw_only=True):
    """What a month that is not closed costs so far."""

    month: str
    amounts: tuple[InvoiceAmount, ...] = ()
    problem: str = ""
    """Why that cannot be said; empty: it can."""


class OpenMoney(msgspec.Struct, frozen=True, kw_only=True):
    """What is open."""

    credit: tuple[Money, ...]
    """What is left of grants and can be spent, by currency."""
    holds: tuple[Named, ...]
    unpaid: tuple[Named, ...]
    """What is to be paid, by the invoice that it stands on, or will stand on; oldest first."""
    running: tuple[Running, ...]


def months(owner: Account, now: datetime) -> Iterator[str]:
    """Return the months that are not closed and have begun, or are closed next."""
    month, last = owner.due_month, max(owner.due_month, prices.month_of(now))
    while month and month <= last:
        yield month
        month = next_month(month)


def begun(states: Mapping[Ref, Any], month: str, now: datetime) -> dict[Ref, Any]:
    """Return what a month is made of so far: nothing goes on yet into one that has not begun.

    Such a month is the next that is closed once the running one was closed early. What was ordered
    since stands on it already; what goes on does so only if it is there when the month begins.
    """
    if month <= prices.month_of(now):
        return dict(states)
    return {
        ref: msgspec.structs.replace(state, terms=()) if isinstance(state, Subscription) else state
        for ref, state in states.items()
    }


def of(owner: Account, running: tuple[Running, ...], now: datetime) -> OpenMoney:
    """Return what is open in an account; nothing of one that was never opened."""
    currencies = sorted({credit.currency for credit in owner.credits.values()})
    credit = (ledger.available(owner.credits, currency, now) for currency in currencies)
    return OpenMoney(
        credit=tuple(amount for amount in credit if amount.minor),
        holds=tuple(
            Named(name=name, amount=hold.quote.due) for name, hold in sorted(owner.holds.items())
        ),
        unpaid=(
            *(
                Named(name=month, amount=Money(currency=currency, minor=minor))
                for month, by_currency in owner.open_invoices.items()
                for currency, minor in sorted(by_currency.items())
                if minor
            ),
            *(Named(name=order.month, amount=order.amount) for order in owner.unpaid.values()),
        ),
        running=running,
    )
