"""Messages of invoices and of their numbers: version 1.

An invoice's id is the month that it is for, `2026-04`; the aggregate that gives numbers is the
year's, under no Organization. What an invoice says never changes once it is drafted.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from catalyst.contracts.account_v1 import Journal
from catalyst.contracts.message import END, Command, Event, Part, UtcTime
from catalyst.contracts.money_v1 import Money

LineKind = Literal["ordered", "month", "usage", "adjustment"]

InvoicedOrganization = Annotated[
    str,
    msgspec.Meta(
        pattern=r"^[a-z0-9][a-z0-9-]{0,62}" + END,
        description="1 to 63 lower-case letters, digits or '-', not beginning with '-'",
        examples=["acme"],
    ),
]
InvoiceId = Annotated[
    str,
    msgspec.Meta(
        pattern=r"^[0-9]{4}-(0[1-9]|1[0-2])" + END,
        description="a year and a month with a '-' between them",
        examples=["2026-04"],
    ),
]


class InvoiceLine(Part, frozen=True, kw_only=True):
    """One line of an invoice."""

    line: int
    """Its place, from 1 on."""
    kind: LineKind
    """Ordered and paid at once; a whole month that goes on; use; or use of an earlier month."""
    period: str
    """The month that it is for, such as `2026-04`."""
    subscription: str
    """The Application in its Environment."""
    sku: str
    """What is priced."""
    name: str
    """What people call it."""
    quantity: int
    """How much of it, in the unit of the price book."""
    formula: str
    """How the amount came about, in words."""
    book: str
    """The price book."""
    version: str
    """The version of the price book."""
    amount: Money
    """The amount, rounded once, half to even."""
    hold: str = ""
    """The hold that paid for it when it was ordered; empty: it is due with the invoice."""


class InvoiceAmount(Part, frozen=True, kw_only=True):
    """What an invoice adds up to in one currency."""

    total: Money
    """All lines."""
    prepaid: Money
    """What was paid when it was ordered."""
    credit: Money
    """What was taken from credit."""
    open: Money
    """What is to be paid."""


class InvoiceContent(Part, frozen=True, kw_only=True):
    """What an invoice says: the same bytes whenever it is made again from the log."""

    organization: str
    """Slug of the Organization."""
    month: str
    """The month that it is for, such as `2026-04`."""
    made: UtcTime
    """When it was made; credit that had expired by then was not taken."""
    lines: tuple[InvoiceLine, ...]
    """What it is for."""
    amounts: tuple[InvoiceAmount, ...]
    """What it adds up to, once for each currency."""


class InvoicePartDrafted(Event, frozen=True, kw_only=True):
    """Lines of an invoice that is too long for one message; the draft follows behind its parts."""

    lines: tuple[InvoiceLine, ...]
    """The lines, which follow those of the parts before."""


class MonthPartClosed(Event, frozen=True, kw_only=True):
    """On the account: a month with much in it is being closed, part by part."""

    month: str
    """The month, such as `2026-04`."""
    after: str
    """The last subscription whose lines are drafted."""


class MonthClosed(Event, frozen=True, kw_only=True):
    """A month is over: what it cost and was not paid yet is taken from credit, or owed."""

    month: str
    """The month, such as `2026-04`."""
    invoice: str
    """Id of its invoice; empty: it cost nothing."""
    open: tuple[Money, ...]
    """What of the invoice is to be paid, once for each currency."""
    journal: Journal
    """The movement in the ledger."""


class InvoiceDrafted(Event, frozen=True, kw_only=True):
    """A month is over, and this is what it costs; the invoice waits for its number."""

    content: InvoiceContent
    """What it says; its first lines may stand in parts before it."""
    digest: str
    """The sha256 of the whole content's bytes, the parts' lines included."""
    before: int = 0
    """How many lines stand in parts before it."""


class InvoiceFinalized(Event, frozen=True, kw_only=True):
    """The invoice has its number, and stays as it is."""

    number: str
    """Its number: the year, and a count without gaps."""
    digest: str
    """The sha256 of the content's bytes."""


class InvoicePaid(Event, frozen=True, kw_only=True):
    """Nothing of the invoice is open any more."""

    payment: str
    """The payment that settled the rest; empty: credit covered all of it."""


class FinalizeInvoice(Command, frozen=True, kw_only=True):
    """Close the running month now, for what it cost so far; what comes later is the next one's."""

    month: InvoiceId
    """The month that is closed next."""


class NumberInvoice(Command, frozen=True, kw_only=True):
    """Give an invoice the next number of the year; sent by the account."""

    organization: InvoicedOrganization
    """Slug of the Organization."""
    invoice: InvoiceId
    """Id of the invoice."""


class InvoiceNumbered(Event, frozen=True, kw_only=True):
    """An invoice was given the next number of the year."""

    organization: str
    """Slug of the Organization."""
    invoice: str
    """Id of the invoice."""
    count: int
    """The number within the year, from 1 on, without gaps."""
    number: str
    """The number as it is written."""
