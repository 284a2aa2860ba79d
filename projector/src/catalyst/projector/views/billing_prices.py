"""The row of the price book, and the rows of what is sold from it: subscriptions."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, Literal

import msgspec

from catalyst.contracts import billing_v1 as bill1
from catalyst.contracts.message import Event
from catalyst.contracts.subjects import Ref, RowKey
from catalyst.projector.views.view import At, Fold, View

VERSIONS: Final = 24


class BookVersion(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One version of the price book."""

    version: str
    start: datetime
    """From when on it is in force."""
    digest: str
    changes: tuple[bill1.PriceChange, ...]
    """How it differs from the version before."""


class PriceBookDocument(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What is shown of the price book: the version applied last, whole, and those before it."""

    book: str
    latest: bill1.Book
    versions: tuple[BookVersion, ...]
    """Newest first. Which one is in force depends on the day."""


def book_key(ref: Ref) -> RowKey:
    """Return the key of the price book's row."""
    return RowKey(None, None, "price-book", None, ref.id)


def _applied(
    doc: PriceBookDocument | None, event: bill1.PriceBookApplied, _at: At
) -> PriceBookDocument:
    content = event.content
    version = BookVersion(
        version=content.version, start=content.start, digest=event.digest, changes=event.changes
    )
    before = () if doc is None else doc.versions
    return PriceBookDocument(
        book=content.book, latest=content, versions=(version, *before)[:VERSIONS]
    )


def _book_labels(_doc: PriceBookDocument) -> Mapping[str, str]:
    return {}


_BOOK_FOLDS: Final[dict[type[Event], Fold]] = {bill1.PriceBookApplied: _applied}

PRICE_BOOK: Final[View[Any]] = View(
    kind="price-book",
    plural="price-books",
    service="billing",
    aggregate="price-book",
    document=PriceBookDocument,
    key=book_key,
    folds=_BOOK_FOLDS,
    creates=bill1.PriceBookApplied,
    labels=_book_labels,
)


class SubscriptionDocument(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What an Application in one Environment costs each month."""

    organization: str
    application: str
    environment: str
    status: Literal["active", "ended"]
    book: str
    version: str
    lines: tuple[bill1.QuoteLine, ...]
    since: str
    """The first month that is paid, such as `2026-04`."""
    until: str
    """The last month that is charged; empty while it goes on."""
    hold: str
    """The hold that paid last."""
    revision: str
    reason: str
    """Why it ended."""


def subscription_key(ref: Ref) -> RowKey:
    """Return the key of a subscription's row: the Application, in its Environment."""
    application, _, environment = ref.id.partition(".")
    return RowKey(ref.organization, environment, "subscription", None, application)


def subscription_id(place: RowKey) -> str:
    """Return the id of the subscription whose row has this key."""
    return f"{place.name}.{place.environment}"


def _started(
    _doc: SubscriptionDocument | None, event: bill1.SubscriptionStarted, at: At
) -> SubscriptionDocument:
    return SubscriptionDocument(
        organization=at.ref.organization or "",
        application=event.application,
        environment=event.environment,
        status="active",
        book=event.book,
        version=event.version,
        lines=event.lines,
        since=event.month,
        until="",
        hold=event.hold,
        revision=event.revision,
        reason="",
    )


def _changed(
    doc: SubscriptionDocument, event: bill1.SubscriptionChanged, _at: At
) -> SubscriptionDocument:
    return msgspec.structs.replace(
        doc,
        book=event.book,
        version=event.version,
        lines=event.lines,
        hold=event.hold,
        revision=event.revision,
    )


def _ended(
    doc: SubscriptionDocument, event: bill1.SubscriptionEnded, _at: At
) -> SubscriptionDocument:
    return msgspec.structs.replace(doc, status="ended", until=event.month, reason=event.reason)


def _subscription_labels(doc: SubscriptionDocument) -> Mapping[str, str]:
    return {
        "openova.io/organization": doc.organization,
        "openova.io/environment": doc.environment,
    }


_SUBSCRIPTION_FOLDS: Final[dict[type[Event], Fold]] = {
    bill1.SubscriptionStarted: _started,
    bill1.SubscriptionChanged: _changed,
    bill1.SubscriptionEnded: _ended,
}

SUBSCRIPTION: Final[View[Any]] = View(
    kind="subscription",
    plural="subscriptions",
    service="billing",
    aggregate="subscription",
    document=SubscriptionDocument,
    key=subscription_key,
    id_of=subscription_id,
    folds=_SUBSCRIPTION_FOLDS,
    creates=bill1.SubscriptionStarted,
    labels=_subscription_labels,
)
