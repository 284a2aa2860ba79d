"""The row of an Organization's account: balances, grants, holds, and its latest movements."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

import msgspec

from catalyst.contracts import billing_v1 as bill1
from catalyst.contracts.message import Event
from catalyst.contracts.money_v1 import Money
from catalyst.contracts.subjects import Ref, RowKey
from catalyst.projector.views.view import At, Fold, View

LATEST: Final = 50
"""Movements that a row shows; all of them stay in the log."""


class Balance(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What stands on the account in one currency, in minor units."""

    currency: str
    credit: int = 0
    """What is left of grants."""
    held: int = 0
    """What is set aside."""
    owed: int = 0
    """What the account is below zero."""
    credit_limit: int = 0
    """How much may be owed."""
    available: int = 0
    """What can be spent; nothing once the account is closed."""
    revenue: int = 0
    """What was taken so far."""
    breakage: int = 0
    """What expired so far."""


class GrantRow(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A grant of which something is left or held."""

    grant: str
    source: str
    amount: Money
    left: int
    """In minor units."""
    priority: int
    expires: datetime | None
    reason: str
    since: datetime


class HoldRow(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What is set aside for a change."""

    hold: str
    amount: Money
    plan_hash: str
    book: str
    version: str
    since: datetime
    expires: datetime
    grants: tuple[str, ...]
    """Grants that something may come back to."""


class Movement(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One group of postings; it adds up to nothing."""

    seq: int
    time: datetime
    kind: str
    """Name of the event."""
    entry: str
    """The grant, payment or hold that it is about."""
    about: str = ""
    """What a person knows of a grant that came or expired, such as the beginning of a voucher's
    code; empty: nothing but the entry."""
    postings: tuple[bill1.Posting, ...]


class AccountDocument(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What is shown of an account."""

    organization: str
    status: str
    balances: tuple[Balance, ...] = ()
    """By currency."""
    grants: tuple[GrantRow, ...] = ()
    """In the order in which they came in."""
    holds: tuple[HoldRow, ...] = ()
    spend_limits: tuple[Money, ...] = ()
    """The most that a month may cost, by currency."""
    subscriptions: tuple[str, ...] = ()
    """What costs something each month."""
    ledger: tuple[Movement, ...] = ()
    """The latest movements, newest first."""
    opened: datetime


Doc = AccountDocument
_replace = msgspec.structs.replace


def key(ref: Ref) -> RowKey:
    """Return the key of an account's row."""
    return RowKey(ref.organization, None, "account", None, ref.id)


def _opened(doc: Doc | None, event: bill1.AccountOpened, at: At) -> Doc:
    return doc or Doc(organization=event.organization, status="open", opened=at.time)


def _closed(doc: Doc, _event: bill1.AccountClosed, _at: At) -> Doc:
    balances = tuple(_replace(row, available=0) for row in doc.balances)
    return _replace(doc, status="closed", balances=balances)


def _row_of(grant: bill1.Grant, at: At) -> GrantRow:
    return GrantRow(
        grant=grant.grant,
        source=grant.source,
        amount=grant.amount,
        left=0,
        priority=grant.priority,
        expires=grant.expires,
        reason=grant.reason,
        since=at.time,
    )


def _granted(doc: Doc, event: bill1.CreditGranted, at: At) -> Doc:
    doc = _replace(doc, grants=(*doc.grants, _row_of(event.grant, at)))
    return _moved(doc, event.journal, "credit-granted", event.grant.grant, at, event.grant.reason)


def _paid(doc: Doc, event: bill1.PaymentRecorded, at: At) -> Doc:
    if event.grant is not None:
        doc = _replace(doc, grants=(*doc.grants, _row_of(event.grant, at)))
    return _moved(doc, event.journal, "payment-recorded", event.payment, at)


def _closed_month(doc: Doc, event: bill1.MonthClosed, at: At) -> Doc:
    return _moved(doc, event.journal, "month-closed", event.month, at)


def _reversed(doc: Doc, event: bill1.InvoiceReversed, at: At) -> Doc:
    rows = tuple(_row_of(grant, at) for grant in event.grants)
    doc = _replace(doc, grants=(*doc.grants, *rows))
    return _moved(doc, event.journal, "invoice-reversed", event.note or event.invoice, at)


def _expired(doc: Doc, event: bill1.GrantExpired, at: At) -> Doc:
    reason = next((row.reason for row in doc.grants if row.grant == event.grant), "")
    return _moved(doc, event.journal, "grant-expired", event.grant, at, reason)


def _held(doc: Doc, event: bill1.CreditHeld, at: At) -> Doc:
    row = HoldRow(
        hold=event.hold,
        amount=event.quote.due,
        plan_hash=event.plan_hash,
        book=event.quote.book,
        version=event.quote.version,
        since=at.time,
        expires=event.expires,
        grants=tuple(p.entry for p in event.journal.postings if p.account == "credit"),
    )
    doc = _replace(doc, holds=(*doc.holds, row))
    return _moved(doc, event.journal, "credit-held", event.hold, at)


def _captured(doc: Doc, event: bill1.HoldCaptured, at: At) -> Doc:
    subscriptions = tuple(sorted({*doc.subscriptions, *event.subscriptions}))
    doc = _replace(_without(doc, event.hold), subscriptions=subscriptions)
    return _moved(doc, event.journal, "hold-captured", event.hold, at)


def _released(doc: Doc, event: bill1.HoldReleased, at: At) -> Doc:
    doc = _without(doc, event.hold)
    if event.grant is not None:
        doc = _replace(doc, grants=(*doc.grants, _row_of(event.grant, at)))
    return _moved(doc, event.journal, "hold-released", event.hold, at)


def _without(doc: Doc, hold: str) -> Doc:
    return _replace(doc, holds=tuple(row for row in doc.holds if row.hold != hold))


def _limited(doc: Doc, event: bill1.CreditLimitSet, _at: At) -> Doc:
    balances = {row.currency: row for row in doc.balances}
    before = balances.get(event.limit.currency) or Balance(currency=event.limit.currency)
    balances[before.currency] = _settled(
        _replace(before, credit_limit=event.limit.minor), doc.status
    )
    return _replace(doc, balances=_in_order(balances))


def _bounded(doc: Doc, event: bill1.SpendLimitSet, _at: At) -> Doc:
    gone = event.limit.currency if event.limit is not None else event.currency
    kept = [one for one in doc.spend_limits if gone is not None and one.currency != gone]
    kept += [event.limit] if event.limit is not None else []
    return _replace(doc, spend_limits=tuple(sorted(kept, key=lambda one: one.currency)))


def _unsubscribed(doc: Doc, event: bill1.SubscriptionRemoved, _at: At) -> Doc:
    rest = tuple(one for one in doc.subscriptions if one != event.subscription)
    return _replace(doc, subscriptions=rest)


def _moved(doc: Doc, journal: bill1.Journal, kind: str, entry: str, at: At, about: str = "") -> Doc:
    """Book a group: balances, what is left of grants, and the latest movements."""
    if not journal.postings:
        return doc
    balances = {row.currency: row for row in doc.balances}
    left: dict[str, int] = {}
    for posting in journal.postings:
        currency, minor = posting.amount.currency, posting.amount.minor
        row = balances.get(currency) or Balance(currency=currency)
        balances[currency] = _settled(_booked(row, posting.account, minor), doc.status)
        if posting.account == "credit":
            left[posting.entry] = left.get(posting.entry, 0) + minor
    grants = [_replace(row, left=row.left + left.get(row.grant, 0)) for row in doc.grants]
    bound = {grant for hold in doc.holds for grant in hold.grants}
    movement = Movement(
        seq=at.seq,
        time=at.time,
        kind=kind,
        entry=entry,
        about=about,
        postings=journal.postings,
    )
    return _replace(
        doc,
        balances=_in_order(balances),
        grants=tuple(row for row in grants if row.left or row.grant in bound),
        ledger=(movement, *doc.ledger)[:LATEST],
    )


def _booked(row: Balance, account: str, minor: int) -> Balance:
    match account:
        case "credit":
            return _replace(row, credit=row.credit + minor)
        case "held":
            return _replace(row, held=row.held + minor)
        case "receivable":
            return _replace(row, owed=row.owed - minor)
        case "revenue":
            return _replace(row, revenue=row.revenue + minor)
        case "breakage":
            return _replace(row, breakage=row.breakage + minor)
        case _:
            return row


def _settled(row: Balance, status: str) -> Balance:
    available = row.credit + max(0, row.credit_limit - row.owed)
    return _replace(row, available=0 if status == "closed" else available)


def _in_order(balances: Mapping[str, Balance]) -> tuple[Balance, ...]:
    return tuple(balances[currency] for currency in sorted(balances))


def _labels(doc: Doc) -> Mapping[str, str]:
    return {"openova.io/organization": doc.organization}


_FOLDS: Final[dict[type[Event], Fold]] = {
    bill1.AccountOpened: _opened,
    bill1.AccountClosed: _closed,
    bill1.CreditGranted: _granted,
    bill1.PaymentRecorded: _paid,
    bill1.GrantExpired: _expired,
    bill1.MonthClosed: _closed_month,
    bill1.InvoiceReversed: _reversed,
    bill1.CreditHeld: _held,
    bill1.HoldCaptured: _captured,
    bill1.HoldReleased: _released,
    bill1.CreditLimitSet: _limited,
    bill1.SpendLimitSet: _bounded,
    bill1.SubscriptionRemoved: _unsubscribed,
}

ACCOUNT: Final[View[Any]] = View(
    kind="account",
    plural="accounts",
    service="billing",
    aggregate="account",
    document=AccountDocument,
    key=key,
    folds=_FOLDS,
    creates=bill1.AccountOpened,
    ignores=frozenset({bill1.RedemptionAttempted, bill1.MonthPartClosed}),
    labels=_labels,
)
