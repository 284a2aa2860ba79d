"""Closing a month: by the account's timer a day after its end, on request, or with the account.

Whatever closes it, the invoice says what the month cost up to then; what comes later, use or an
order, is a dated line on the next one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec

from catalyst.billing.domain import (
    account,
    invoice,
    invoicing,
    ledger,
    price_book,
    prices,
    subscription,
    usage,
)
from catalyst.billing.domain.account import Account
from catalyst.contracts import billing_v1 as bill1
from catalyst.contracts.decision import Arm, Context, Decision, Emit, Send
from catalyst.contracts.rejection import Rejected
from catalyst.contracts.subjects import Claim, Ref

LAPSE: Final = "lapse"
"""The timer by which a closed account's credit goes on to expire, where it has many grants."""
LAPSED: Final = 50
"""Grants that expire in one batch, which the broker has to take."""
SOON: Final = timedelta(seconds=1)
"""After which what waits for nothing is done."""


# ---- what is read


def reads(owner: Account, organization: str, month: str) -> Sequence[Ref | Claim]:
    """Name all that the next part of a month's invoice is made of, and the invoice."""
    return (*parts_of(owner, organization, month), invoice.ref_of(organization, month))


def parts_of(owner: Account, organization: str, month: str) -> tuple[Ref, ...]:
    """Return what the next part of an invoice is made of, beside the account itself.

    Use is looked at last: with the part in which the last subscription is.
    """
    names = invoicing.names_now(owner)
    sold = tuple(subscription.ref_of(organization, name) for name in names)
    if len(names) < len(invoicing.names_left(owner)):
        return (price_book.DEFAULT, *sold)
    return (price_book.DEFAULT, *sold, *_used(organization, month))


def all_of(owner: Account, organization: str, month: str) -> tuple[Ref, ...]:
    """Return what the rest of an invoice is made of, whole, beside the account itself."""
    names = invoicing.names_left(owner)
    sold = (subscription.ref_of(organization, name) for name in names)
    return (price_book.DEFAULT, *sold, *_used(organization, month))


def _used(organization: str, month: str) -> tuple[Ref, ...]:
    return tuple(usage.ref_of(organization, one) for one in invoicing.months_of(month))


def sources(owner: Account, states: Mapping[Ref, Any]) -> invoicing.Sources:
    """Return what an invoice is made of, out of the state of each part."""
    return invoicing.Sources(
        owner=owner,
        books=states[price_book.DEFAULT].versions,
        subscriptions={
            ref.id: state
            for ref, state in states.items()
            if ref.aggregate == subscription.AGGREGATE
        },
        usage={ref.id: state for ref, state in states.items() if ref.aggregate == usage.AGGREGATE},
    )


# ---- by the timer


def soon(owner: Account) -> tuple[Arm, ...]:
    """Return the timer that invoices what a closed account cost, now and not at the month's end."""
    return (Arm(timer=invoicing.TIMER if owner.due_month else LAPSE, after=SOON),)


def lapse(owner: Account) -> Decision:
    """Let the credit expire that no invoice of a closed account takes any more, part by part."""
    left = [credit for credit in owner.credits.values() if credit.left]
    gone = (
        Emit(bill1.GrantExpired(grant=one.grant.grant, journal=ledger.expire(one)))
        for one in left[:LAPSED]
    )
    more = (Arm(timer=LAPSE, after=SOON),) if len(left) > LAPSED else ()
    return Decision(events=tuple(gone), timers=more)


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
        return _closing(owner, month, context)
    except Rejected as error:
        # Nobody waits for an answer: the account is set aside, listed, until a person has looked.
        raise ValueError(f"the month {month} cannot be invoiced: {error.message}") from error


def _over(owner: Account, month: str, now: datetime) -> bool:
    """Return whether nothing more is waited for: a closed account takes no more use."""
    if owner.closing is not None:
        return True
    if owner.status == "closed" and month <= prices.month_of(now):
        return not _may_begin(owner, month, now)
    return invoicing.closes(month) <= now


def _may_begin(owner: Account, month: str, now: datetime) -> list[str]:
    """Return what was held before a month that runs, and may still begin in it.

    That may stay what it was quoted for, and only this month's invoice can charge this month.
    """
    if month != prices.month_of(now):
        return []
    return [name for name, hold in owner.holds.items() if "" < hold.month < month]


def awaited(owner: Account, now: datetime) -> tuple[Arm, ...]:
    """Return the timer that closes a closed account's month once a hold that it waits for ends."""
    waits = owner.status == "closed" and "" < owner.due_month <= prices.month_of(now)
    return (Arm(timer=invoicing.TIMER, after=SOON),) if waits else ()


# ---- on request


def reads_finalized(owner: Account, command: bill1.FinalizeInvoice, ref: Ref) -> Sequence[Any]:
    """Name what the invoice is made of, if it is the one that is made next."""
    return reads(owner, ref.id, command.month) if command.month == owner.due_month else ()


def finalize(owner: Account, command: bill1.FinalizeInvoice, context: Context) -> Decision:
    """Close the running month before it is over; one that is, or is being, closed changes nothing.

    Raises:
        Rejected: `person-required`, `invoice-not-due`, `invoice-empty`, `sku-unknown`, or as
            `account.require_open`.
    """
    account.require_person(context)
    account.require_open(owner, context)
    month = command.month
    if month < owner.due_month or (month == owner.due_month and owner.closing is not None):
        return Decision()
    if month != owner.due_month or month > prices.month_of(context.now):
        raise _not_due(owner, month, context.now)
    _require_no_earlier(owner, month, context.now)
    decision = _closing(owner, month, context)
    if not decision.commands and not _goes_on(decision):
        raise Rejected("invoice-empty", f"{month} cost nothing so far", pointer="/data/month")
    return decision


def _not_due(owner: Account, month: str, now: datetime) -> Rejected:
    """Return why it is not a month's turn: it has not begun, or another one comes before it."""
    reasons = []
    if month > prices.month_of(now):
        reasons.append(f"{month} has not begun: it begins on {month}-01, in UTC")
    if month != owner.due_month:
        reasons.append(f"{owner.due_month} is the month that is invoiced next")
    return Rejected("invoice-not-due", "; ".join(reasons), pointer="/data/month")


def _require_no_earlier(owner: Account, month: str, now: datetime) -> None:
    """Refuse to close a month that runs while what was held before it may still begin in it.

    Raises:
        Rejected: `invoice-not-due`.
    """
    before = _may_begin(owner, month, now)
    if before:
        message = (
            f"the hold {before[0]!r} is of {owner.holds[before[0]].month}, and what it is for may "
            f"run in {month} yet: close the month once that hold has ended"
        )
        raise Rejected("invoice-not-due", message, pointer="/data/month")


def _goes_on(decision: Decision) -> bool:
    return any(isinstance(one.event, bill1.MonthPartClosed) for one in decision.events)


# ---- what follows


def _closing(owner: Account, month: str, context: Context) -> Decision:
    """Return the next part of a month's invoice, or its end."""
    organization = context.ref.id
    parts = {ref: context.reads[ref] for ref in parts_of(owner, organization, month)}
    of = sources(owner, parts)
    bill: invoice.Invoice = context.reads[invoice.ref_of(organization, month)]
    part = invoicing.part(month, of)
    if part is not None:
        return _part(part, month, len(bill.parts), organization)
    made = invoicing.make(organization, month, context.now, of, bill.parts)
    timers = _next(owner, account.next_month(month), context.now)
    if made is None:
        over = bill1.MonthClosed(month=month, invoice="", open=(), journal=bill1.Journal())
        return _last(owner, Decision(events=(Emit(over),), timers=timers))
    send = Send(
        ref=invoice.numbers_of(context.now.year),
        command=bill1.NumberInvoice(organization=organization, invoice=month),
    )
    events = _events(made, len(bill.parts), context)
    return _last(owner, Decision(events=events, timers=timers, commands=(send,)))


def _last(owner: Account, decision: Decision) -> Decision:
    """Return a month's end, with that of the credit if no other month is closed after it."""
    if decision.timers:
        return decision
    rest = lapse(account.evolve(owner, decision.events[-1].event))
    events = (*decision.events, *rest.events)
    return msgspec.structs.replace(decision, events=events, timers=rest.timers)


def _part(part: invoicing.Part, month: str, before: int, organization: str) -> Decision:
    """Return what a part writes; the timer that goes on with the next one stands in its batch."""
    found: list[Emit] = []
    if part.lines:
        drafted = bill1.InvoicePartDrafted(lines=invoicing.numbered(part.lines, before))
        found.append(Emit(drafted, invoice.ref_of(organization, month)))
    found += _marked(part.invoiced, month, organization)
    found.append(Emit(bill1.MonthPartClosed(month=month, after=part.after)))
    return Decision(events=tuple(found), timers=(Arm(timer=invoicing.TIMER, after=SOON),))


def _marked(
    invoiced: Mapping[str, tuple[bill1.Invoiced, ...]], month: str, organization: str
) -> list[Emit]:
    return [
        Emit(bill1.UsageInvoiced(invoice=month, meters=meters), usage.ref_of(organization, one))
        for one, meters in invoiced.items()
    ]


def _next(owner: Account, following: str, now: datetime) -> tuple[Arm, ...]:
    """Return the timer of the month after the closed one; none once nothing can come any more."""
    if owner.status != "closed":
        return (invoicing.armed(following, now),)
    if following <= prices.month_of(now):
        return (Arm(timer=invoicing.TIMER, after=SOON),)
    # What was ordered and ended between two parts of this invoice stands on the next one.
    ended = any(month >= following for month in owner.removed.values())
    more = owner.subscriptions or owner.holds or ended
    return (invoicing.armed(following, now),) if more else ()


def _events(made: invoicing.Made, before: int, context: Context) -> tuple[Emit, ...]:
    """Return what an invoice writes, itself first: all that it is made of stands before it.

    The account's own event is the last.
    """
    organization, content = context.ref.id, made.content
    month, bill = content.month, invoice.ref_of(organization, content.month)
    left = tuple(amount.open for amount in content.amounts)
    rest = msgspec.structs.replace(content, lines=content.lines[before:])
    drafted = bill1.InvoiceDrafted(content=rest, digest=invoicing.digest(content), before=before)
    found = [Emit(drafted, bill)]
    if not any(amount.minor for amount in left):
        found.append(Emit(bill1.InvoicePaid(payment=""), bill))
    found += _marked(made.invoiced, month, organization)
    over = bill1.MonthClosed(month=month, invoice=month, open=left, journal=made.journal)
    return (*found, Emit(over))
