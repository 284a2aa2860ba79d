"""Messages that correct invoices: version 1. An invoice that has its number never changes itself.

It is voided whole while nothing of it is paid, or credited by notes, line by line. A note's id is
chosen by whoever issues it; its number comes from a series of its own.
"""

from __future__ import annotations

from typing import Annotated

import msgspec

from catalyst.contracts.account_v1 import EntryId, Grant, Journal
from catalyst.contracts.invoice_v1 import InvoicedOrganization, InvoiceId
from catalyst.contracts.message import Command, Event, Part, UtcTime
from catalyst.contracts.money_v1 import Money
from catalyst.contracts.values_v1 import Reason

LineNumber = Annotated[
    int,
    msgspec.Meta(ge=1, le=100_000, description="a number from 1 to 100000", examples=[1]),
]


class Credited(Part, frozen=True, kw_only=True):
    """How much of a line of an invoice is given back."""

    line: LineNumber
    """The line of the invoice."""
    amount: Money
    """How much of it."""


CreditedLines = Annotated[
    tuple[Credited, ...],
    msgspec.Meta(min_length=1, max_length=200, description="a list of 1 to 200 lines"),
]


class NoteLine(Part, frozen=True, kw_only=True):
    """One line of a credit note."""

    line: int
    """The line of the invoice that it refers to."""
    period: str
    """The month that the line is for."""
    subscription: str
    """The Application in its Environment."""
    sku: str
    """What was priced."""
    name: str
    """What people call it."""
    invoiced: Money
    """What the invoice says."""
    before: Money
    """What earlier credit notes gave back of it."""
    amount: Money
    """What is given back now."""


class CreditNoteContent(Part, frozen=True, kw_only=True):
    """What a credit note says: the same bytes whenever it is made again from the log."""

    organization: str
    """Slug of the Organization."""
    note: str
    """Name of the credit note."""
    invoice: str
    """Id of the invoice."""
    invoice_number: str
    """Number of the invoice."""
    made: UtcTime
    """When it was made."""
    reason: str
    """Why, for whoever looks at it later."""
    lines: tuple[NoteLine, ...]
    """What is given back."""
    total: Money
    """All lines."""
    lowered: Money
    """How much of it lowers what is to be paid of the invoice."""
    credit: Money
    """How much of it is credit of the account from now on."""


# ---- commands


class VoidInvoice(Command, frozen=True, kw_only=True):
    """Take back an invoice of which nothing is paid; it keeps its number."""

    invoice: InvoiceId
    """Id of the invoice."""
    reason: Reason
    """Why, for whoever looks at it later."""


class IssueCreditNote(Command, frozen=True, kw_only=True):
    """Give back some of what an invoice charged, line by line."""

    note: EntryId
    """Name of the credit note; the same one counts once."""
    invoice: InvoiceId
    """Id of the invoice."""
    lines: CreditedLines
    """How much of which line is given back, in one currency."""
    reason: Reason
    """Why, for whoever looks at it later."""


class NumberCreditNote(Command, frozen=True, kw_only=True):
    """Give a credit note the next number of the year; sent by the account."""

    organization: InvoicedOrganization
    """Slug of the Organization."""
    note: EntryId
    """Name of the credit note."""


# ---- events


class InvoiceReversed(Event, frozen=True, kw_only=True):
    """On the account: what an invoice had taken is given back, all of it or in part."""

    invoice: str
    """Id of the invoice."""
    note: str
    """Name of the credit note; empty: the invoice is void."""
    lowered: tuple[Money, ...]
    """How much less is to be paid of the invoice, once for each currency."""
    journal: Journal
    """The movement in the ledger."""
    grants: tuple[Grant, ...] = ()
    """The credit that comes of it."""


class InvoiceVoided(Event, frozen=True, kw_only=True):
    """The invoice charges nothing; it keeps its number."""

    reason: str
    """Why it was taken back."""


class InvoiceCredited(Event, frozen=True, kw_only=True):
    """A credit note gives back some of what the invoice charged."""

    note: str
    """Name of the credit note."""
    lines: tuple[Credited, ...]
    """How much of which line."""


class CreditNoteDrafted(Event, frozen=True, kw_only=True):
    """Some of an invoice is given back; the credit note waits for its number."""

    content: CreditNoteContent
    """What it says."""
    digest: str
    """The sha256 of the content's bytes."""


class CreditNoteNumbered(Event, frozen=True, kw_only=True):
    """A credit note was given the next number of the year."""

    organization: str
    """Slug of the Organization."""
    note: str
    """Name of the credit note."""
    count: int
    """The number within the year, from 1 on, without gaps."""
    number: str
    """The number as it is written."""


class CreditNoteFinalized(Event, frozen=True, kw_only=True):
    """The credit note has its number, and stays as it is."""

    number: str
    """Its number: CN, the year, and a count without gaps."""
    digest: str
    """The sha256 of the content's bytes."""
