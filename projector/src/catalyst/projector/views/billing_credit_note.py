"""The row of a credit note: what it gives back, of which invoice, and its number."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, Literal

import msgspec

from catalyst.contracts import billing_v1 as bill1
from catalyst.contracts.message import Event
from catalyst.contracts.subjects import Ref, RowKey
from catalyst.projector.views.view import At, Fold, View


class CreditNoteDocument(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What is shown of a credit note."""

    organization: str
    note: str
    status: Literal["draft", "finalized"]
    number: str
    """Empty until it is finalized."""
    invoice: str
    invoice_number: str
    reason: str
    lines: tuple[bill1.NoteLine, ...]
    total: bill1.Money
    lowered: bill1.Money
    """How much of it lowers what is to be paid of the invoice."""
    credit: bill1.Money
    """How much of it is credit of the account."""
    digest: str
    """Fingerprint of what it says."""
    drafted: datetime
    finalized: datetime | None


Doc = CreditNoteDocument


def key(ref: Ref) -> RowKey:
    """Return the key of a credit note's row."""
    return RowKey(ref.organization, None, "credit-note", None, ref.id)


def _drafted(_doc: Doc | None, event: bill1.CreditNoteDrafted, at: At) -> Doc:
    content = event.content
    return Doc(
        organization=content.organization,
        note=content.note,
        status="draft",
        number="",
        invoice=content.invoice,
        invoice_number=content.invoice_number,
        reason=content.reason,
        lines=content.lines,
        total=content.total,
        lowered=content.lowered,
        credit=content.credit,
        digest=event.digest,
        drafted=at.time,
        finalized=None,
    )


def _finalized(doc: Doc, event: bill1.CreditNoteFinalized, at: At) -> Doc:
    return msgspec.structs.replace(doc, status="finalized", number=event.number, finalized=at.time)


def _labels(doc: Doc) -> Mapping[str, str]:
    return {"openova.io/organization": doc.organization}


_FOLDS: Final[dict[type[Event], Fold]] = {
    bill1.CreditNoteDrafted: _drafted,
    bill1.CreditNoteFinalized: _finalized,
}

CREDIT_NOTE: Final[View[Any]] = View(
    kind="credit-note",
    plural="credit-notes",
    service="billing",
    aggregate="credit-note",
    document=CreditNoteDocument,
    key=key,
    folds=_FOLDS,
    creates=bill1.CreditNoteDrafted,
    labels=_labels,
)
