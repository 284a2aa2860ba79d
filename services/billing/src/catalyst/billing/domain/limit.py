"""The spend limit: at 100 percent nothing more is ordered. Use that comes is still counted.

What counts is what was taken in the month, what is held, and what was used, rounded once. What goes
on from month to month does not: it was let in when it was ordered.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from catalyst.billing.domain import account, invoicing, ledger, usage
from catalyst.billing.domain.account import Account
from catalyst.billing.domain.usage import Usage
from catalyst.contracts.money_v1 import MicroMoney, Money, micro_half_even
from catalyst.contracts.subjects import Ref


def refs_of(state: Account, organization: str) -> tuple[Ref, ...]:
    """Return the use that may count: of the month that is closed next, and of those beside it.

    Which of them runs is known once there is a time; without a limit none counts.
    """
    if state.spend_limit is None or not state.due_month:
        return ()
    due = state.due_month
    months = (invoicing.previous(due), due, account.next_month(due))
    return tuple(usage.ref_of(organization, month) for month in months)


def refusal(
    state: Account, due: Money, organization: str, month: str, states: Mapping[Ref, Any]
) -> str:
    """Return why an amount may not be spent in a month, with limit and spent; empty if it may."""
    limit = state.spend_limit
    if limit is None or limit.currency != due.currency or due.minor == 0:
        return ""
    used = states.get(usage.ref_of(organization, month), Usage())
    so_far = spent(state, used, month, limit.currency)
    held = ledger.balance(state.balances, "held", limit.currency)
    so_far = Money(currency=limit.currency, minor=so_far.minor + held)
    if so_far.minor + due.minor <= limit.minor:
        return ""
    return f"{so_far} of the limit of {limit} is spent or held in {month}, and {due} is due"


def spent(state: Account, used: Usage, month: str, currency: str) -> Money:
    """Return what was taken in a month, and what its use costs so far."""
    paid = state.spent.get(currency, 0) if state.month == month else 0
    meters = used.meters.values()
    micro = sum(one.amount.micro for one in meters if one.amount.currency == currency)
    whole = micro_half_even(MicroMoney(currency=currency, micro=micro))
    return Money(currency=currency, minor=paid + whole.minor)
