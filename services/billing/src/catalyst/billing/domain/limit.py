"""The spend limit: at 100 percent nothing more is ordered. Use that comes is still counted.

Each currency has its own, and what has none passes nowhere once there is one in another.
What counts is all that the month costs: what goes on from the month before, what was taken in it,
what is held, and what was used, rounded once.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from catalyst.billing.domain import account, invoicing, ledger, prices, spending, usage
from catalyst.billing.domain.account import Account
from catalyst.billing.domain.usage import Usage
from catalyst.contracts import billing_v1 as bill1
from catalyst.contracts.decision import Context, Emit
from catalyst.contracts.money_v1 import Money
from catalyst.contracts.subjects import Ref


def refs_of(state: Account, organization: str) -> tuple[Ref, ...]:
    """Return the use that may count: of the month that is closed next, and of those beside it.

    Which of them runs is known once there is a time; without a limit none counts.
    """
    if not state.spend_limits or not state.due_month:
        return ()
    due = state.due_month
    months = (invoicing.previous(due), due, account.next_month(due))
    return tuple(usage.ref_of(organization, month) for month in months)


def refusal(
    state: Account, due: Money, organization: str, month: str, states: Mapping[Ref, Any]
) -> str:
    """Return why an amount may not be spent in a month, with limit and spent; empty if it may."""
    if not state.spend_limits or due.minor == 0:
        return ""
    if due.currency not in state.spend_limits:
        limits = " and ".join(map(str, spending.said(state.spend_limits)))
        return f"the limit is {limits}, and {due} is due: a limit bounds its own currency alone"
    limit = Money(currency=due.currency, minor=state.spend_limits[due.currency])
    used = states.get(usage.ref_of(organization, month), Usage())
    so_far = usage.spent_in(state, used.meters.values(), month, limit.currency)
    held = ledger.balance(state.balances, "held", limit.currency)
    so_far = Money(currency=limit.currency, minor=so_far.minor + held)
    if so_far.minor + due.minor <= limit.minor:
        return ""
    message = f"{so_far} of the limit of {limit} is spent or held in {month}"
    renewed = Money(currency=limit.currency, minor=state.renewed(month, limit.currency))
    goes_on = f" ({renewed} of it goes on from the month before)" if renewed.minor else ""
    return f"{message}{goes_on}, and {due} is due"


def told(after: Account, context: Context) -> tuple[Emit, ...]:
    """Return that what was taken reached a part of the limit; the month's use keeps what was told.

    Args:
        after: The account, once it was taken.
        context: With the use that `refs_of` named.
    """
    month = prices.month_of(context.now)
    at = usage.ref_of(context.ref.id, month)
    used: Usage | None = context.reads.get(at)
    alerts = usage.alerts(used, after, month, used.meters.values()) if used is not None else ()
    if used is None or not alerts:
        return ()
    opened = () if used.opened else (Emit(bill1.UsageOpened(month=month), at),)
    return (*opened, *(Emit(one, at) for one in alerts))
