"""Correcting an invoice that has its number: it is voided whole, or credited line by line.

The invoice itself stays as it is. What it had taken goes back: first less is owed of it, and what
is left over is credit of the account.
"""

from __future__ import annotations

from collections.abc import Sequence

from catalyst.billing.domain import account, credit_note, invoice, ledger, owing
from catalyst.billing.domain.account import Account
from catalyst.billing.domain.invoice import Invoice
from catalyst.billing.domain.numbering import NOTES
from catalyst.contracts import billing_v1 as bill1
from catalyst.contracts.account_v1 import PRIORITY
from catalyst.contracts.decision import Context, Decision, Emit, Send
from catalyst.contracts.money_v1 import Money
from catalyst.contracts.rejection import Rejected
from catalyst.contracts.subjects import Ref

# ---- void


def reads_void(_state: Account, command: bill1.VoidInvoice, ref: Ref) -> Sequence[Ref]:
    """Name the invoice."""
    return (invoice.ref_of(ref.id, command.invoice),)


def void(state: Account, command: bill1.VoidInvoice, context: Context) -> Decision:
    """Take back an invoice of which nothing is paid; one that is void changes nothing.

    Raises:
        Rejected: `person-required`, `invoice-not-found`, `invoice-not-final`, `invoice-paid`, or as
            `account.require_own`.
    """
    account.require_person(context)
    account.require_own(state, context)
    at = invoice.ref_of(context.ref.id, command.invoice)
    bill: Invoice = context.reads[at]
    content = _final(bill, command.invoice)
    if bill.void:
        return Decision()
    left = state.open_invoices.get(command.invoice, {})
    asked = {one.open.currency: one.open.minor for one in content.amounts if one.open.minor}
    prepaid = any(one.prepaid.minor for one in content.amounts)
    if bill.paid or prepaid or bill.credited or left != asked:
        message = "some of it is paid, or was given back: issue a credit note for the rest"
        raise Rejected("invoice-paid", message, pointer="/data/invoice")
    sides: list[bill1.Posting] = []
    grants: list[bill1.Grant] = []
    for one in content.amounts:
        taken = Money(currency=one.open.currency, minor=one.open.minor + one.credit.minor)
        if not taken.minor:
            continue
        # A name with a dot: no credit note can have it.
        name = f"void.{command.invoice}.{taken.currency.lower()}"
        entry = account.grant_name("correction", name)
        sides += ledger.give_back(taken, one.open.minor, entry).postings
        if one.credit.minor:
            grants.append(_grant(entry, one.credit, f"the invoice {bill.number} is void"))
    reversed_ = bill1.InvoiceReversed(
        invoice=command.invoice,
        note="",
        lowered=tuple(one.open for one in content.amounts if one.open.minor),
        journal=bill1.Journal(postings=tuple(sides)),
        grants=tuple(grants),
    )
    voided = bill1.InvoiceVoided(reason=command.reason)
    return Decision(events=(Emit(reversed_), Emit(voided, at)), result={"number": bill.number})


# ---- credit notes


def reads_note(_state: Account, command: bill1.IssueCreditNote, ref: Ref) -> Sequence[Ref]:
    """Name the invoice, and the credit note of that name."""
    return (
        invoice.ref_of(ref.id, command.invoice),
        credit_note.ref_of(ref.id, command.note),
    )


def issue(state: Account, command: bill1.IssueCreditNote, context: Context) -> Decision:
    """Give back some of what an invoice charged; the same note again changes nothing.

    Raises:
        Rejected: `person-required`, `credit-note-exists`, `invoice-not-found`,
            `invoice-not-final`, `invoice-void`, or as `credit_note.make` and `account.require_own`.
    """
    account.require_person(context)
    account.require_own(state, context)
    organization = context.ref.id
    at = invoice.ref_of(organization, command.invoice)
    note = credit_note.ref_of(organization, command.note)
    before: credit_note.CreditNote = context.reads[note]
    if before.content is not None:
        if credit_note.asked(before.content) == command:
            return Decision()
        message = f"another credit note is called {command.note!r}"
        raise Rejected("credit-note-exists", message, pointer="/data/note")
    bill: Invoice = context.reads[at]
    _final(bill, command.invoice)
    if bill.void:
        raise Rejected("invoice-void", f"{bill.number} is void", pointer="/data/invoice")
    content = credit_note.make(command, bill, to_be_paid(state, command), organization, context.now)
    entry = account.grant_name("correction", command.note)
    reversed_ = bill1.InvoiceReversed(
        invoice=command.invoice,
        note=command.note,
        lowered=(content.lowered,) if content.lowered.minor else (),
        journal=ledger.give_back(content.total, content.lowered.minor, entry),
        grants=(_grant(entry, content.credit, f"credit note {command.note}"),)
        if content.credit.minor
        else (),
    )
    drafted = bill1.CreditNoteDrafted(content=content, digest=credit_note.digest(content))
    credited = bill1.InvoiceCredited(note=command.note, lines=command.lines)
    events = [Emit(drafted, note), Emit(credited, at), Emit(reversed_)]
    rest = owing.lowered(state.open_invoices, reversed_)
    if command.invoice in state.open_invoices and command.invoice not in rest:
        events.append(Emit(bill1.InvoicePaid(payment=""), at))
    numbered = bill1.NumberCreditNote(organization=organization, note=command.note)
    send = Send(ref=NOTES.ref(context.now.year), command=numbered)
    return Decision(events=tuple(events), commands=(send,))


def to_be_paid(state: Account, command: bill1.IssueCreditNote) -> int:
    """Return what of the invoice is to be paid, in minor units of the note's currency."""
    left = state.open_invoices.get(command.invoice, {})
    return left.get(command.lines[0].amount.currency, 0)


def _final(bill: Invoice, name: str) -> bill1.InvoiceContent:
    """Return what an invoice says that has its number.

    Raises:
        Rejected: `invoice-not-found` or `invoice-not-final`.
    """
    if bill.content is None:
        message = f"there is no invoice {name!r}"
        raise Rejected("invoice-not-found", message, pointer="/data/invoice")
    if not bill.number:
        message = f"the invoice {name!r} has no number yet"
        raise Rejected("invoice-not-final", message, pointer="/data/invoice")
    return bill.content


def _grant(entry: str, amount: Money, reason: str) -> bill1.Grant:
    return bill1.Grant(
        grant=entry, amount=amount, source="correction", priority=PRIORITY, reason=reason
    )
