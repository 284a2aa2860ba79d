"""The row of an invoice: what it says, its number, whether it is paid, and what corrects it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, Literal

import msgspec

from catalyst.contracts import billing_v1 as bill1
from catalyst.contracts.message import Event
from catalyst.contracts.subjects import Ref, RowKey
from catalyst.projector.views.view import At, Fold, View

_replace = msgspec.structs.replace


class Correction(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A credit note of the invoice."""

    note: str
    lines: tuple[bill1.Credited, ...]
    since: datetime


class InvoiceDocument(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What is shown of an invoice."""

    organization: str
    month: str
    status: Literal["draft", "finalized", "paid", "void"]
    number: str
    """Empty until it is finalized."""
    lines: tuple[bill1.InvoiceLine, ...]
    """Empty if there are too many for a row; the query `invoice` has them, page by page."""
    count: int
    """How many lines it has."""
    amounts: tuple[bill1.InvoiceAmount, ...]
    """What it adds up to, by currency."""
    digest: str
    """Fingerprint of what it says."""
    settled: bool
    """Whether nothing of it is open."""
    payment: str
    """The payment that settled the rest of it."""
    drafted: datetime
    finalized: datetime | None
    voided: datetime | None = None
    reason: str = ""
    """Why it is void."""
    credited: tuple[Correction, ...] = ()
    """Its credit notes, oldest first."""


Doc = InvoiceDocument


def key(ref: Ref) -> RowKey:
    """Return the key of an invoice's row."""
    return RowKey(ref.organization, None, "invoice", None, ref.id)


def _drafted(_doc: Doc | None, event: bill1.InvoiceDrafted, at: At) -> Doc:
    return Doc(
        organization=event.content.organization,
        month=event.content.month,
        status="draft",
        number="",
        lines=() if event.before else event.content.lines,
        count=event.before + len(event.content.lines),
        amounts=event.content.amounts,
        digest=event.digest,
        settled=False,
        payment="",
        drafted=at.time,
        finalized=None,
    )


def _finalized(doc: Doc, event: bill1.InvoiceFinalized, at: At) -> Doc:
    status: Literal["finalized", "paid"] = "paid" if doc.settled else "finalized"
    return _replace(doc, status=status, number=event.number, finalized=at.time)


def _paid(doc: Doc, event: bill1.InvoicePaid, _at: At) -> Doc:
    status = "paid" if doc.number else doc.status
    return _replace(doc, status=status, settled=True, payment=event.payment)


def _voided(doc: Doc, event: bill1.InvoiceVoided, at: At) -> Doc:
    return _replace(doc, status="void", voided=at.time, reason=event.reason)


def _credited(doc: Doc, event: bill1.InvoiceCredited, at: At) -> Doc:
    one = Correction(note=event.note, lines=event.lines, since=at.time)
    return _replace(doc, credited=(*doc.credited, one))


def _labels(doc: Doc) -> Mapping[str, str]:
    return {"openova.io/organization": doc.organization}


_FOLDS: Final[dict[type[Event], Fold]] = {
    bill1.InvoiceDrafted: _drafted,
    bill1.InvoiceFinalized: _finalized,
    bill1.InvoicePaid: _paid,
    bill1.InvoiceVoided: _voided,
    bill1.InvoiceCredited: _credited,
}

INVOICE: Final[View[Any]] = View(
    kind="invoice",
    plural="invoices",
    service="billing",
    aggregate="invoice",
    document=InvoiceDocument,
    key=key,
    folds=_FOLDS,
    creates=bill1.InvoiceDrafted,
    ignores=frozenset({bill1.InvoicePartDrafted}),
    labels=_labels,
)
