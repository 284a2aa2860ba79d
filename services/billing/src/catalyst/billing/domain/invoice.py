"""An invoice: what one month cost. It is drafted with its month, numbered, and never changed.

What it says is made by `invoicing.py`; its number comes from the year's `invoice-numbers`, each one
claimed in the batch that gives it, so that there is neither a gap nor a second holder.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal

import msgspec

from catalyst.billing.domain import account
from catalyst.contracts import billing_v1 as bill1
from catalyst.contracts.decision import Context, Decision, Emit, Fired, Recorded, TakeClaim, emit
from catalyst.contracts.message import Answer, Event
from catalyst.contracts.rejection import Rejected
from catalyst.contracts.subjects import Claim, Ref

AGGREGATE: Final = "invoice"
NUMBERS: Final = "invoice-numbers"
LATEST: Final = 1_000
"""Invoices whose number is still known, so that a repeat gets the same; it comes much sooner."""


class Invoice(msgspec.Struct, frozen=True, kw_only=True):
    """One invoice."""

    content: bill1.InvoiceContent | None = None
    digest: str = ""
    number: str = ""
    paid: bool = False

    @property
    def status(self) -> Literal["draft", "finalized", "paid"]:
        """What becomes of it; it is a draft until it has its number."""
        if not self.number:
            return "draft"
        return "paid" if self.paid else "finalized"


class Numbers(msgspec.Struct, frozen=True, kw_only=True):
    """The numbers of one year."""

    last: int = 0
    latest: dict[str, int] = {}
    """The latest that were given, by `<organization>/<invoice>`."""


def ref_of(organization: str, month: str) -> Ref:
    """Return the invoice of a month."""
    return Ref(organization, account.SERVICE, AGGREGATE, month)


def numbers_of(year: int) -> Ref:
    """Return what gives the numbers of a year."""
    return Ref(None, account.SERVICE, NUMBERS, f"{year:04d}")


def number_of(year: str, count: int) -> str:
    """Return a number as it is written."""
    return f"{year}-{count:06d}"


def claim_of(year: str, count: int) -> Claim:
    """Return the claim of a number: it belongs to one invoice for ever."""
    return Claim("invoice-number", number_of(year, count))


# ---- numbers


def reads_next(state: Numbers, _command: bill1.NumberInvoice, ref: Ref) -> Sequence[Ref | Claim]:
    """Name the next number."""
    return (claim_of(ref.id, state.last + 1),)


def number(state: Numbers, command: bill1.NumberInvoice, context: Context) -> Decision:
    """Give an invoice the next number; one that has its number keeps it.

    Raises:
        Rejected: `invoice-number-taken` if somebody else holds it.
    """
    if f"{command.organization}/{command.invoice}" in state.latest:
        return Decision()
    year, count = context.ref.id, state.last + 1
    claim = claim_of(year, count)
    if context.claims[claim].holder is not None:
        raise Rejected("invoice-number-taken", f"the number {claim.name} belongs to another")
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
    latest = {**state.latest, f"{event.organization}/{event.invoice}": event.count}
    for oldest in list(latest)[: max(0, len(latest) - LATEST)]:
        del latest[oldest]
    return Numbers(last=event.count, latest=latest)


# ---- the invoice


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
            return replace(state, content=event.content, digest=event.digest)
        case bill1.InvoiceFinalized():
            return replace(state, number=event.number)
        case bill1.InvoicePaid():
            return replace(state, paid=True)
        case _:
            return state
