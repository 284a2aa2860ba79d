"""The rows of vouchers, for who issues them, and of redemptions, for who enters a code.

A code stands in neither, nor anything that it could be found by: a voucher shows its prefix.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, Literal

import msgspec

from catalyst.contracts import billing_v1 as bill1
from catalyst.contracts.message import Event
from catalyst.contracts.money_v1 import Money
from catalyst.contracts.subjects import Ref, RowKey
from catalyst.projector.views.view import At, Fold, View

_replace = msgspec.structs.replace


class VoucherDocument(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What is shown of a voucher."""

    prefix: str
    """The part of its code that may be shown."""
    status: Literal["issued", "used up", "revoked"]
    """What was done with it; whether it has begun and is not over, `starts` and `ends` say."""
    amount: Money
    cap: int
    reserved: int
    """Redemptions that are kept for somebody now."""
    redeemed: int
    """Redemptions that count for good."""
    description: str
    starts: datetime | None
    ends: datetime | None
    credit_days: int | None
    reason: str
    """Why it was revoked."""
    issued: datetime


Doc = VoucherDocument


def voucher_key(ref: Ref) -> RowKey:
    """Return the key of a voucher's row."""
    return RowKey(None, None, "voucher", None, ref.id)


def _issued(_doc: Doc | None, event: bill1.VoucherIssued, at: At) -> Doc:
    return Doc(
        prefix=event.prefix,
        status="issued",
        amount=event.amount,
        cap=event.cap,
        reserved=0,
        redeemed=0,
        description=event.description,
        starts=event.starts,
        ends=event.ends,
        credit_days=event.credit_days,
        reason="",
        issued=at.time,
    )


def _revoked(doc: Doc, event: bill1.VoucherRevoked, _at: At) -> Doc:
    return _replace(doc, status="revoked", reason=event.reason)


def _reserved(doc: Doc, _event: bill1.VoucherReserved, _at: At) -> Doc:
    return _replace(doc, reserved=doc.reserved + 1)


def _confirmed(doc: Doc, _event: bill1.VoucherConfirmed, _at: At) -> Doc:
    redeemed = doc.redeemed + 1
    used_up = doc.status == "issued" and redeemed >= doc.cap
    status = "used up" if used_up else doc.status
    return _replace(doc, status=status, reserved=doc.reserved - 1, redeemed=redeemed)


def _released(doc: Doc, _event: bill1.VoucherReleased, _at: At) -> Doc:
    return _replace(doc, reserved=doc.reserved - 1)


def _no_labels(_doc: Any) -> Mapping[str, str]:
    return {}


_VOUCHER_FOLDS: Final[dict[type[Event], Fold]] = {
    bill1.VoucherIssued: _issued,
    bill1.VoucherRevoked: _revoked,
    bill1.VoucherReserved: _reserved,
    bill1.VoucherConfirmed: _confirmed,
    bill1.VoucherReleased: _released,
}

VOUCHER: Final[View[Any]] = View(
    kind="voucher",
    plural="vouchers",
    service="billing",
    aggregate="voucher",
    document=VoucherDocument,
    key=voucher_key,
    folds=_VOUCHER_FOLDS,
    creates=bill1.VoucherIssued,
    labels=_no_labels,
)


class RedemptionDocument(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """How far the redemption of a code is."""

    organization: str
    status: Literal["started", "reserved", "completed", "failed"]
    prefix: str
    """The part of the code that may be shown; empty until the voucher answers."""
    amount: Money | None
    """What the voucher is worth; null until it answers."""
    code: str
    """Why it failed."""
    started: datetime
    finished: datetime | None


def redemption_key(ref: Ref) -> RowKey:
    """Return the key of a redemption's row."""
    return RowKey(ref.organization, None, "redemption", None, ref.id)


def _started(
    _doc: RedemptionDocument | None, _event: bill1.RedemptionStarted, at: At
) -> RedemptionDocument:
    return RedemptionDocument(
        organization=at.ref.organization or "",
        status="started",
        prefix="",
        amount=None,
        code="",
        started=at.time,
        finished=None,
    )


def _kept(doc: RedemptionDocument, event: bill1.RedemptionReserved, _at: At) -> RedemptionDocument:
    return _replace(doc, status="reserved", prefix=event.prefix, amount=event.amount)


def _completed(
    doc: RedemptionDocument, _event: bill1.RedemptionCompleted, at: At
) -> RedemptionDocument:
    return _replace(doc, status="completed", code="", finished=at.time)


def _failed(doc: RedemptionDocument, event: bill1.RedemptionFailed, at: At) -> RedemptionDocument:
    return _replace(doc, status="failed", code=event.code, finished=at.time)


def _redemption_labels(doc: RedemptionDocument) -> Mapping[str, str]:
    return {"openova.io/organization": doc.organization}


_REDEMPTION_FOLDS: Final[dict[type[Event], Fold]] = {
    bill1.RedemptionStarted: _started,
    bill1.RedemptionReserved: _kept,
    bill1.RedemptionCompleted: _completed,
    bill1.RedemptionFailed: _failed,
}

REDEMPTION: Final[View[Any]] = View(
    kind="redemption",
    plural="redemptions",
    service="billing",
    aggregate="redemption",
    document=RedemptionDocument,
    key=redemption_key,
    folds=_REDEMPTION_FOLDS,
    creates=bill1.RedemptionStarted,
    labels=_redemption_labels,
)
