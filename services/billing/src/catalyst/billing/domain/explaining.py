"""Where a line of an invoice comes from, and the whole invoice made again: from the log alone.

Pure. What an invoice is made of is every event that stands before its draft: the broker refused the
draft if anything that was read had moved.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import msgspec

from catalyst.billing.domain import (
    account,
    charges,
    closing,
    correcting,
    credit_note,
    invoice,
    invoicing,
    price_book,
    prices,
    subscription,
    usage,
)
from catalyst.contracts import billing_v1 as bill1
from catalyst.contracts.decision import Recorded
from catalyst.contracts.prices_v1 import Book
from catalyst.contracts.rejection import Rejected
from catalyst.contracts.subjects import Ref

PAGE: Final = 500
"""Events of one answer, at most."""

_OF_USE: Final = frozenset({"usage", "adjustment"})
"""Kinds of lines that charge what was used."""

Histories = Mapping[Ref, Sequence[Recorded]]

_FOLDS: Final[Mapping[str, tuple[Any, Any]]] = {
    price_book.AGGREGATE: (price_book.PriceBook(), price_book.evolve),
    subscription.AGGREGATE: (subscription.Subscription(), subscription.evolve),
    usage.AGGREGATE: (usage.Usage(), usage.evolve),
}


class DraftedPart(msgspec.Struct, frozen=True, kw_only=True):
    """Where some of an invoice's lines stand in the log."""

    seq: int
    count: int
    """How many lines."""


class Drafted(msgspec.Struct, frozen=True, kw_only=True):
    """The draft of an invoice, and where it stands in the log."""

    content: bill1.InvoiceContent
    digest: str
    seq: int
    number: str
    """Empty until it is given."""
    parts: tuple[DraftedPart, ...] = ()
    """What stands before it, of a long one."""

    def seq_of(self, line: bill1.InvoiceLine) -> int:
        """Return where a line was drafted: what made it stands before that."""
        count = 0
        for part in self.parts:
            count += part.count
            if line.line <= count:
                return part.seq
        return self.seq


def drafted(history: Sequence[Recorded], name: str) -> Drafted:
    """Return the draft of an invoice.

    Raises:
        Rejected: `invoice-not-found`.
    """
    found = None
    lines: list[bill1.InvoiceLine] = []
    parts: list[DraftedPart] = []
    for one in history:
        match one.event:
            case bill1.InvoicePartDrafted(lines=some):
                lines += some
                parts.append(DraftedPart(seq=one.seq, count=len(some)))
            case bill1.InvoiceDrafted(digest=digest) as event:
                found = Drafted(
                    content=invoice.whole(event, lines),
                    digest=digest,
                    seq=one.seq,
                    number="",
                    parts=tuple(parts),
                )
            case bill1.InvoiceFinalized(number=number) if found is not None:
                found = msgspec.structs.replace(found, number=number)
            case _:
                continue
    if found is None:
        raise Rejected("invoice-not-found", f"there is no invoice {name!r}")
    return found


# ---- the month that runs


def running_refs(organization: str, month: str, owner: account.Account) -> tuple[Ref, ...]:
    """Return what the draft of a month that is not closed is made of, beside the account."""
    return closing.all_of(_turned(owner, month), organization, month)


def running(
    organization: str,
    month: str,
    now: datetime,
    owner: account.Account,
    states: Mapping[Ref, Any],
    before: Sequence[bill1.InvoiceLine] = (),
) -> Drafted:
    """Return the invoice that a month would have if it were closed now.

    Args:
        organization: Slug of the Organization.
        month: The month.
        now: When that is.
        owner: The account.
        states: All that `running_refs` named.
        before: The lines that are drafted, of a month that is being closed part by part.

    Raises:
        Rejected: `invoice-not-found` for a month that has not begun and is not the one that is
            closed next, or was closed without an invoice;
            `sku-unknown` or `currency-not-priced` for use without a price.
    """
    require_running(owner, month, now)
    parts = closing.sources(_turned(owner, month), states)
    made = invoicing.make(organization, month, now, parts, before)
    content = (
        bill1.InvoiceContent(organization=organization, month=month, made=now, lines=(), amounts=())
        if made is None
        else made.content
    )
    return Drafted(content=content, digest=invoicing.digest(content), seq=sys.maxsize, number="")


def lines_of(history: Iterable[Recorded]) -> tuple[bill1.InvoiceLine, ...]:
    """Return the lines of the parts that are drafted of a month that is being closed."""
    found: list[bill1.InvoiceLine] = []
    for one in history:
        if isinstance(one.event, bill1.InvoicePartDrafted):
            found += one.event.lines
    return tuple(found)


def _turned(owner: account.Account, month: str) -> account.Account:
    """Return the account without what is under way for another month."""
    return owner if month == owner.due_month else msgspec.structs.replace(owner, closing=None)


def require_running(owner: account.Account, month: str, now: datetime) -> None:
    """Refuse a month that is closed already, or has not begun.

    The one that is closed next is shown before it begins: what is ordered in a month that was
    closed early stands on it.

    Raises:
        Rejected: `invoice-not-found`.
    """
    last = max(owner.due_month, prices.month_of(now))
    if not owner.due_month or not owner.due_month <= month <= last:
        raise Rejected("invoice-not-found", f"there is no invoice {month!r}")


def states_of(histories: Histories) -> dict[Ref, Any]:
    """Return the state of each part as it is now."""
    return {ref: state_of(ref, history, sys.maxsize) for ref, history in histories.items()}


def account_now(history: Sequence[Recorded]) -> account.Account:
    """Return the account as it is now."""
    owner: account.Account = _fold(account.Account(), account.evolve, history, sys.maxsize)
    return owner


# ---- folds


def state_of(ref: Ref, history: Iterable[Recorded], before: int) -> Any:
    """Return the state of a part as it was before a place in the log."""
    initial, evolve = _FOLDS[ref.aggregate]
    return _fold(initial, evolve, history, before)


def _fold(state: Any, evolve: Any, history: Iterable[Recorded], before: int) -> Any:
    for one in history:
        if one.seq < before:
            state = evolve(state, one.event)
    return state


# ---- corrections


class Noted(msgspec.Struct, frozen=True, kw_only=True):
    """The draft of a credit note, and where it stands in the log."""

    content: bill1.CreditNoteContent
    digest: str
    seq: int
    number: str
    """Empty until it is given."""


def noted(history: Sequence[Recorded], name: str) -> Noted:
    """Return the draft of a credit note.

    Raises:
        Rejected: `credit-note-not-found`.
    """
    found = None
    for one in history:
        match one.event:
            case bill1.CreditNoteDrafted(content=content, digest=digest):
                found = Noted(content=content, digest=digest, seq=one.seq, number="")
            case bill1.CreditNoteFinalized(number=number) if found is not None:
                found = msgspec.structs.replace(found, number=number)
            case _:
                continue
    if found is None:
        raise Rejected("credit-note-not-found", f"there is no credit note {name!r}")
    return found


def note_line(draft: Noted, place: int) -> bill1.NoteLine:
    """Return a line of a credit note by its place, from 1 on.

    Raises:
        Rejected: `invoice-line-not-found`.
    """
    lines = draft.content.lines
    if not 1 <= place <= len(lines):
        raise Rejected("invoice-line-not-found", f"the credit note has {invoice.numbered(lines)}")
    return lines[place - 1]


def note_again(draft: Noted, bill: Sequence[Recorded], owner: Sequence[Recorded]) -> bytes:
    """Return a credit note's bytes, made once more from what stands before it."""
    content = draft.content
    command = credit_note.asked(content)
    state: invoice.Invoice = _fold(invoice.Invoice(), invoice.evolve, bill, draft.seq)
    at: account.Account = _fold(account.Account(), account.evolve, owner, draft.seq)
    left = correcting.to_be_paid(at, command)
    made = credit_note.make(command, state, left, content.organization, content.made)
    return credit_note.text(made)


def corrections(history: Iterable[Recorded], place: int) -> list[dict[str, Any]]:
    """Return what was given back of an invoice's line, each with its place in the log."""
    found: list[dict[str, Any]] = []
    for one in history:
        match one.event:
            case bill1.InvoiceVoided(reason=reason):
                found.append({"seq": one.seq, "type": one.type, "reason": reason})
            case bill1.InvoiceCredited(note=note, lines=lines):
                found += [
                    {
                        "seq": one.seq,
                        "type": one.type,
                        "credit_note": note,
                        "amount": msgspec.to_builtins(part.amount),
                    }
                    for part in lines
                    if part.line == place
                ]
            case _:
                continue
    return found


# ---- a line


def line_of(draft: Drafted, place: int) -> bill1.InvoiceLine:
    """Return a line by its place, from 1 on.

    Raises:
        Rejected: `invoice-line-not-found`.
    """
    lines = draft.content.lines
    if not 1 <= place <= len(lines):
        raise Rejected("invoice-line-not-found", f"the invoice has {invoice.numbered(lines)}")
    return lines[place - 1]


def origin_of(draft: Drafted, line: bill1.InvoiceLine) -> Ref:
    """Return the aggregate whose events a line comes from."""
    organization = draft.content.organization
    if line.kind in _OF_USE:
        return usage.ref_of(organization, line.period)
    return subscription.ref_of(organization, line.subscription)


def behind(
    draft: Drafted, line: bill1.InvoiceLine, history: Iterable[Recorded]
) -> list[dict[str, Any]]:
    """Return every event behind a line, each with its place in the log; of use, each single one."""
    found: list[dict[str, Any]] = []
    for one in history:
        if one.seq >= draft.seq_of(line):
            break
        match one.event:
            case bill1.UsageRecorded() as event:
                found += _used(one, event, line)
            case (
                bill1.SubscriptionStarted(month=month)
                | bill1.SubscriptionChanged(month=month)
                | bill1.SubscriptionEnded(month=month)
            ) if month <= line.period:
                found.append({"seq": one.seq, "type": one.type, "id": one.id, "month": month})
            case _:
                continue
    return found


def _used(
    one: Recorded, event: bill1.UsageRecorded, line: bill1.InvoiceLine
) -> Iterable[dict[str, Any]]:
    for place, use in enumerate(event.uses):
        if (use.subscription, use.meter) == (line.subscription, line.sku):
            found = {"seq": one.seq, "type": one.type, "use": msgspec.to_builtins(use)}
            yield found | {"waited": True} if place < event.waited else found


def applied(
    line: bill1.InvoiceLine, books: Iterable[Recorded]
) -> tuple[int, dict[str, Any] | None]:
    """Return where the version of the price book stands in the log, and what it says of use.

    That is how the line's quantity becomes money, step by step: what stands on the invoice is the
    sum, rounded once, less what was invoiced before. 0 and None if the version does not stand
    there; None for what is not use.
    """
    for one in books:
        match one.event:
            case bill1.PriceBookApplied(content=book) if book.version == line.version:
                return one.seq, _charged(line, book)
            case _:
                continue
    return 0, None


def _charged(line: bill1.InvoiceLine, book: Book) -> dict[str, Any] | None:
    if line.kind not in _OF_USE:
        return None
    charge = next((one for one in book.usage if one.sku == line.sku), None)
    if charge is None:
        return None
    priced = charges.price(charge, line.quantity, line.amount.currency)
    least = (one for one in charge.minimum if one.currency == line.amount.currency)
    return {
        "aggregation": charge.aggregation,
        "unit": charge.unit,
        "included": charge.included,
        "size": charge.size,
        "parts": msgspec.to_builtins(priced.parts),
        "minimum": msgspec.to_builtins(next(least, None)),
        "amount": msgspec.to_builtins(priced.amount),
    }
