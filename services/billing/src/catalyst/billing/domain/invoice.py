"""An invoice: what one month cost. It is drafted with its month, numbered, and never changed.

What it says is made by `invoicing.py`; what is wrong with it is corrected beside it, by
`correcting.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal

import msgspec

from catalyst.billing.domain import account
from catalyst.billing.domain.numbering import INVOICES, Numbers
from catalyst.contracts import billing_v1 as bill1
from catalyst.contracts.decision import Context, Decision, Emit, Fired, Recorded, TakeClaim, emit
from catalyst.contracts.message import Answer, Event
from catalyst.contracts.subjects import Claim, Ref

AGGREGATE: Final = "invoice"


class Invoice(msgspec.Struct, frozen=True, kw_only=True):
    """One invoice."""

    content: bill1.InvoiceContent | None = None
    parts: tuple[bill1.InvoiceLine, ...] = ()
    """The lines of all parts, as long as it is not drafted."""
    digest: str = ""
    number: str = ""
    paid: bool = False
    void: bool = False
    credited: dict[str, int] = {}
    """Minor units that credit notes gave back, by the line's number."""

    @property
    def status(self) -> Literal["draft", "finalized", "paid", "void"]:
        """What becomes of it; it is a draft until it has its number."""
        if not self.number:
            return "draft"
        if self.void:
            return "void"
        return "paid" if self.paid else "finalized"


def ref_of(organization: str, month: str) -> Ref:
    """Return the invoice of a month."""
    return Ref(organization, account.SERVICE, AGGREGATE, month)


def numbered(lines: Sequence[object]) -> str:
    """Return which lines there are, to be told where another one was named."""
    if not lines:
        return "no lines"
    return "the line 1 alone" if len(lines) == 1 else f"the lines 1 to {len(lines)}"


# ---- numbers


def numbers_of(year: int) -> Ref:
    """Return what gives the numbers of a year."""
    return INVOICES.ref(year)


def number_of(year: str, count: int) -> str:
    """Return a number as it is written."""
    return INVOICES.text(year, count)


def claim_of(year: str, count: int) -> Claim:
    """Return the claim of a number: it belongs to one invoice for ever."""
    return INVOICES.claim_of(year, count)


def reads_next(state: Numbers, _command: bill1.NumberInvoice, ref: Ref) -> Sequence[Ref | Claim]:
    """Name the next number."""
    return (claim_of(ref.id, state.last + 1),)


def number(state: Numbers, command: bill1.NumberInvoice, context: Context) -> Decision:
    """Give an invoice the next number; one that has its number keeps it.

    Raises:
        Rejected: `invoice-number-taken` if somebody else holds it.
    """
    given = INVOICES.give(state, f"{command.organization}/{command.invoice}", context)
    if given is None:
        return Decision()
    count, claim = given
    numbered = bill1.InvoiceNumbered(
        organization=command.organization,
        invoice=command.invoice,
        count=count,
        number=claim.name,
    )
    return Decision(events=(Emit(numbered),), claims=(TakeClaim(claim),))


def evolve_numbers(state: Numbers, event: Event) -> Numbers:
    """Fold one fact into the state. Total: any event at any state; unknown ones change nothing."""
    if not isinstance(event, bill1.InvoiceNumbered):
        return state
    return state.with_given(f"{event.organization}/{event.invoice}", event.count)


# ---- the invoice


def whole(
    drafted: bill1.InvoiceDrafted, parts: Sequence[bill1.InvoiceLine]
) -> bill1.InvoiceContent:
    """Return all that an invoice says, with the lines of its parts."""
    lines = (*parts, *drafted.content.lines)
    return msgspec.structs.replace(drafted.content, lines=lines)


def correlate(recorded: Recorded) -> Ref | None:
    """Return the invoice that a number was given to."""
    match recorded.event:
        case bill1.InvoiceNumbered(organization=organization, invoice=name):
            return ref_of(organization, name)
        case _:
            return None


def react(state: Invoice, given: Recorded | Fired | Answer, _context: Context) -> Decision:
    """Take the number that was given; a second one changes nothing."""
    match given:
        case Recorded(event=bill1.InvoiceNumbered() as numbered) if not state.number:
            return emit(bill1.InvoiceFinalized(number=numbered.number, digest=state.digest))
        case _:
            return Decision()


def evolve(state: Invoice, event: Event) -> Invoice:
    """Fold one fact into the state. Total: any event at any state; unknown ones change nothing."""
    replace = msgspec.structs.replace
    match event:
        case bill1.InvoiceDrafted():
            return replace(state, content=whole(event, state.parts), digest=event.digest, parts=())
        case bill1.InvoicePartDrafted():
            return replace(state, parts=(*state.parts, *event.lines))
        case bill1.InvoiceFinalized():
            return replace(state, number=event.number)
        case bill1.InvoicePaid():
            return replace(state, paid=True)
        case bill1.InvoiceVoided():
            return replace(state, void=True)
        case bill1.InvoiceCredited():
            credited = dict(state.credited)
            for one in event.lines:
                name = str(one.line)
                credited[name] = credited.get(name, 0) + one.amount.minor
            return replace(state, credited=credited)
        case _:
            return state
