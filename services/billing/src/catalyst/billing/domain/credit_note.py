"""A credit note: some of what an invoice charged, given back line by line, with its own number."""

from __future__ import annotations

import hashlib
from collections.abc import Container, Sequence
from datetime import datetime
from typing import Final

import msgspec

from catalyst.billing.domain import account
from catalyst.billing.domain.invoice import Invoice, numbered
from catalyst.billing.domain.numbering import NOTES, Numbers
from catalyst.contracts import billing_v1 as bill1
from catalyst.contracts import codec
from catalyst.contracts.decision import Context, Decision, Emit, Fired, Recorded, TakeClaim, emit
from catalyst.contracts.message import Answer, Event, FieldError
from catalyst.contracts.money_v1 import Money, total
from catalyst.contracts.rejection import Rejected
from catalyst.contracts.subjects import Claim, Ref

AGGREGATE: Final = "credit-note"


class CreditNote(msgspec.Struct, frozen=True, kw_only=True):
    """One credit note."""

    content: bill1.CreditNoteContent | None = None
    digest: str = ""
    number: str = ""


def ref_of(organization: str, note: str) -> Ref:
    """Return a credit note of an Organization."""
    return Ref(organization, account.SERVICE, AGGREGATE, note)


# ---- what it says


def make(
    command: bill1.IssueCreditNote, bill: Invoice, left: int, organization: str, made: datetime
) -> bill1.CreditNoteContent:
    """Return what a credit note says; a pure function of what stands before it.

    Args:
        command: What is given back.
        bill: The invoice, which has its number.
        left: What of the invoice is to be paid, in minor units of the note's currency.
        organization: Slug of the Organization.
        made: When it is made.

    Raises:
        Rejected: `invoice-line-not-found`, `item-duplicate`, `currency-mixed`, `amount-invalid` or
            `credit-exceeds-line`, each at its line.
    """
    currency = command.lines[0].amount.currency
    lines: dict[int, bill1.NoteLine] = {}
    errors: list[FieldError] = []
    for place, one in enumerate(command.lines):
        try:
            lines[one.line] = _line(one, bill, currency, lines)
        except Rejected as refusal:
            errors.append(
                FieldError(
                    pointer=f"/data/lines/{place}", rule=refusal.code, message=refusal.message
                )
            )
    if errors:
        raise Rejected(errors[0].rule, errors[0].message, errors)
    whole = total(currency, (line.amount for line in lines.values()))
    rest = _left(bill, currency)
    if whole.minor > rest.minor:
        message = f"{rest} is left of the whole invoice"
        raise Rejected("credit-exceeds-line", message, pointer="/data/lines")
    lowered = min(left, whole.minor)
    return bill1.CreditNoteContent(
        organization=organization,
        note=command.note,
        invoice=command.invoice,
        invoice_number=bill.number,
        made=made,
        reason=command.reason,
        lines=tuple(lines.values()),
        total=whole,
        lowered=Money(currency=currency, minor=lowered),
        credit=Money(currency=currency, minor=whole.minor - lowered),
    )


def _left(bill: Invoice, currency: str) -> Money:
    """Return what is left of a whole invoice: some of its lines may be below nothing."""
    content = bill.content
    lines = () if content is None else content.lines
    whole = total(currency, (one.amount for one in lines if one.amount.currency == currency))
    before = sum(
        bill.credited.get(str(one.line), 0) for one in lines if one.amount.currency == currency
    )
    return Money(currency=currency, minor=whole.minor - before)


def _line(
    credited: bill1.Credited, bill: Invoice, currency: str, others: Container[int]
) -> bill1.NoteLine:
    if credited.line in others:
        raise Rejected("item-duplicate", f"line {credited.line} is listed twice")
    of = bill.content.lines if bill.content is not None else ()
    if credited.line > len(of):
        raise Rejected("invoice-line-not-found", f"the invoice has {numbered(of)}")
    line, amount = of[credited.line - 1], credited.amount
    if amount.currency != currency or line.amount.currency != currency:
        message = f"line {credited.line} is in {line.amount.currency}, not in {currency}"
        raise Rejected("currency-mixed", message)
    if amount.minor <= 0:
        raise Rejected("amount-invalid", f"{amount} is not more than nothing")
    before = Money(currency=currency, minor=bill.credited.get(str(credited.line), 0))
    rest = line.amount.minus(before)
    if amount.minor > rest.minor:
        raise Rejected("credit-exceeds-line", f"{rest} is left of line {credited.line}")
    return bill1.NoteLine(
        line=credited.line,
        period=line.period,
        subscription=line.subscription,
        sku=line.sku,
        name=line.name,
        invoiced=line.amount,
        before=before,
        amount=amount,
    )


def asked(content: bill1.CreditNoteContent) -> bill1.IssueCreditNote:
    """Return the command that a credit note was made of."""
    lines = tuple(bill1.Credited(line=one.line, amount=one.amount) for one in content.lines)
    return bill1.IssueCreditNote(
        note=content.note, invoice=content.invoice, lines=lines, reason=content.reason
    )


def text(content: bill1.CreditNoteContent) -> bytes:
    """Return a credit note as bytes, the same for the same."""
    return codec.encode(content)


def digest(content: bill1.CreditNoteContent) -> str:
    """Return the fingerprint of a credit note."""
    return hashlib.sha256(text(content)).hexdigest()


# ---- its number


def reads_next(state: Numbers, _command: bill1.NumberCreditNote, ref: Ref) -> Sequence[Claim]:
    """Name the next number."""
    return (NOTES.claim_of(ref.id, state.last + 1),)


def number(state: Numbers, command: bill1.NumberCreditNote, context: Context) -> Decision:
    """Give a credit note the next number; one that has its number keeps it.

    Raises:
        Rejected: `invoice-number-taken` if somebody else holds it.
    """
    given = NOTES.give(state, f"{command.organization}/{command.note}", context)
    if given is None:
        return Decision()
    count, claim = given
    numbered = bill1.CreditNoteNumbered(
        organization=command.organization, note=command.note, count=count, number=claim.name
    )
    return Decision(events=(Emit(numbered),), claims=(TakeClaim(claim),))


def evolve_numbers(state: Numbers, event: Event) -> Numbers:
    """Fold one fact into the state. Total: any event at any state; unknown ones change nothing."""
    if not isinstance(event, bill1.CreditNoteNumbered):
        return state
    return state.with_given(f"{event.organization}/{event.note}", event.count)


def correlate(recorded: Recorded) -> Ref | None:
    """Return the credit note that a number was given to."""
    match recorded.event:
        case bill1.CreditNoteNumbered(organization=organization, note=note):
            return ref_of(organization, note)
        case _:
            return None


def react(state: CreditNote, given: Recorded | Fired | Answer, _context: Context) -> Decision:
    """Take the number that was given; a second one changes nothing."""
    match given:
        case Recorded(event=bill1.CreditNoteNumbered() as numbered) if not state.number:
            return emit(bill1.CreditNoteFinalized(number=numbered.number, digest=state.digest))
        case _:
            return Decision()


def evolve(state: CreditNote, event: Event) -> CreditNote:
    """Fold one fact into the state. Total: any event at any state; unknown ones change nothing."""
    replace = msgspec.structs.replace
    match event:
        case bill1.CreditNoteDrafted():
            return replace(state, content=event.content, digest=event.digest)
        case bill1.CreditNoteFinalized():
            return replace(state, number=event.number)
        case _:
            return state
