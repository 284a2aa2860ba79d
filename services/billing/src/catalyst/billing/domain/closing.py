"""Closing a month: by the account's timer a day after its end, on request, or with the account.

Whatever closes it, the invoice says what the month cost up to then; what comes later, use or an
order, is a dated line on the next one.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from catalyst.billing.domain import (
    account,
    invoice,
    invoicing,
    price_book,
    prices,
    subscription,
    usage,
)
from catalyst.billing.domain.account import Account
from catalyst.contracts import billing_v1 as bill1
from catalyst.contracts.decision import Arm, Context, Decision, Emit, Send
from catalyst.contracts.message import Event
from catalyst.contracts.rejection import Rejected
from catalyst.contracts.subjects import Claim, Ref

SOON: Final = timedelta(seconds=1)
"""After which what waits for nothing is done."""


# ---- what is read


def reads(owner: Account, organization: str, month: str) -> Sequence[Ref | Claim]:
    """Name all that a month's invoice is made of, and the invoice."""
    return (*parts_of(owner, organization, month), invoice.ref_of(organization, month))


def parts_of(owner: Account, organization: str, month: str) -> tuple[Ref, ...]:
    """Return what an invoice is made of, beside the account itself."""
    return (
        price_book.DEFAULT,
        *(subscription.ref_of(organization, name) for name in invoicing.names_of(owner)),
        *(usage.ref_of(organization, one) for one in invoicing.months_of(month)),
    )


def sources(owner: Account, organization: str, month: str, states: Any) -> invoicing.Sources:
    """Return what an invoice is made of, out of the state of each part."""
    return invoicing.Sources(
        owner=owner,
        books=states[price_book.DEFAULT].versions,
        subscriptions={
            name: states[subscription.ref_of(organization, name)]
            for name in invoicing.names_of(owner)
        },
        usage={one: states[usage.ref_of(organization, one)] for one in invoicing.months_of(month)},
    )


# ---- by the timer


def soon(owner: Account) -> tuple[Arm, ...]:
    """Return the timer that invoices what a closed account cost, now and not at the month's end."""
    return (Arm(timer=invoicing.TIMER, after=SOON),) if owner.due_month else ()


def close(owner: Account, context: Context) -> Decision:
    """Close the next month if it is over: draft its invoice, take what is due, and wait on.

    Raises:
        ValueError: If something that was used has no price any more.
    """
    month = owner.due_month
    if not month:
        return Decision()
    if not _over(owner, month, context.now):
        return Decision(timers=(invoicing.armed(month, context.now),))
    try:
        made = _made(owner, month, context)
    except Rejected as error:
        # Nobody waits for an answer: the account is set aside, listed, until a person has looked.
        raise ValueError(f"the month {month} cannot be invoiced: {error.message}") from error
    return _closing(owner, month, made, context)


def _over(owner: Account, month: str, now: datetime) -> bool:
    """Return whether nothing more is waited for: a closed account takes no more use."""
    if owner.status == "closed" and month <= prices.month_of(now):
        return True
    return invoicing.closes(month) <= now


# ---- on request


def reads_finalized(owner: Account, command: bill1.FinalizeInvoice, ref: Ref) -> Sequence[Any]:
    """Name what the invoice is made of, if it is the one that is made next."""
    return reads(owner, ref.id, command.month) if command.month == owner.due_month else ()


def finalize(owner: Account, command: bill1.FinalizeInvoice, context: Context) -> Decision:
    """Close the running month before it is over; one that is closed changes nothing.

    Raises:
        Rejected: `person-required`, `invoice-not-due`, `invoice-empty`, `sku-unknown`, or as
            `account.require_open`.
    """
    account.require_person(context)
    account.require_open(owner, context)
    month = command.month
    if month < owner.due_month:
        return Decision()
    if month != owner.due_month or month > prices.month_of(context.now):
        message = f"{owner.due_month} is the month that is invoiced next"
        raise Rejected("invoice-not-due", message, pointer="/data/month")
    made = _made(owner, month, context)
    if made is None:
        raise Rejected("invoice-empty", f"{month} cost nothing so far", pointer="/data/month")
    return _closing(owner, month, made, context)


# ---- what follows


def _made(owner: Account, month: str, context: Context) -> invoicing.Made | None:
    organization = context.ref.id
    of = sources(owner, organization, month, context.reads)
    return invoicing.make(organization, month, context.now, of)


def _closing(owner: Account, month: str, made: invoicing.Made | None, context: Context) -> Decision:
    timers = _next(owner, account.next_month(month), context.now)
    if made is None:
        over = bill1.MonthClosed(month=month, invoice="", open=(), journal=bill1.Journal())
        return Decision(events=(Emit(over),), timers=timers)
    send = Send(
        ref=invoice.numbers_of(context.now.year),
        command=bill1.NumberInvoice(organization=context.ref.id, invoice=month),
    )
    return Decision(events=_events(made, context), timers=timers, commands=(send,))


def _next(owner: Account, following: str, now: datetime) -> tuple[Arm, ...]:
    """Return the timer of the month after the closed one; none once nothing can come any more."""
    if owner.status != "closed":
        return (invoicing.armed(following, now),)
    if following <= prices.month_of(now):
        return (Arm(timer=invoicing.TIMER, after=SOON),)
    return (invoicing.armed(following, now),) if owner.subscriptions or owner.holds else ()


def _events(made: invoicing.Made, context: Context) -> tuple[Emit, ...]:
    """Return what an invoice writes, itself first: all that it is made of stands before it."""
    organization, month = context.ref.id, made.content.month
    bill = invoice.ref_of(organization, month)
    left = tuple(amount.open for amount in made.content.amounts)
    drafted = bill1.InvoiceDrafted(content=made.content, digest=invoicing.digest(made.content))
    found: list[tuple[Event, Ref | None]] = [(drafted, bill)]
    if not any(amount.minor for amount in left):
        found.append((bill1.InvoicePaid(payment=""), bill))
    found += [
        (bill1.UsageInvoiced(invoice=month, meters=meters), usage.ref_of(organization, one))
        for one, meters in made.invoiced.items()
    ]
    over = bill1.MonthClosed(month=month, invoice=month, open=left, journal=made.journal)
    return tuple(Emit(event, ref) for event, ref in (*found, (over, None)))
