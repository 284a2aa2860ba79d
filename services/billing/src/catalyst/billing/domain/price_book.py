"""The price book: its versions, each in force from its day on until the next one."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

import msgspec

from catalyst.billing.domain import account, book_text
from catalyst.contracts import billing_v1 as bill1
from catalyst.contracts.decision import Context, Decision, Emit
from catalyst.contracts.message import Event
from catalyst.contracts.prices_v1 import Addon, Book, Charge, PriceChange, Priced
from catalyst.contracts.rejection import Rejected
from catalyst.contracts.subjects import Ref

AGGREGATE: Final = "price-book"
DEFAULT: Final = Ref(None, "billing", AGGREGATE, "default")
"""The one price book of a Sovereign."""

KEPT: Final = 24
"""Versions that stay in the state; older ones stay in the log."""
MONTHS: Final = 5
"""Months that may be priced still: the one that runs, and those whose late use is invoiced."""
AHEAD: Final = 12
"""Versions that may wait for their day, so that the one in force always stays in the state."""


class PriceBook(msgspec.Struct, frozen=True, kw_only=True):
    """The price book with its versions."""

    versions: tuple[Book, ...] = ()
    """In the order in which they were applied."""
    digests: dict[str, str] = {}
    """Fingerprint of every version that there ever was, by name."""


def apply(state: PriceBook, command: bill1.ApplyPriceBook, context: Context) -> Decision:
    """Put a version in force from its day on; the same one again changes nothing.

    Raises:
        Rejected: `person-required`; `price-book-invalid` with every mistake and its place;
            `price-book-version-exists` if the version has another content; `price-book-past` if it
            would change prices of days that are over; `price-book-ahead` if too many versions wait
            for their day; `price-book-often` if so many came that one would be forgotten which is
            needed still; `price-book-not-found` for another name than `default`.
    """
    account.require_person(context)
    if context.ref != DEFAULT:
        raise Rejected("price-book-not-found", "the one price book is called 'default'")
    book = book_text.book_of(command.document)
    digest = book_text.digest(book)
    before = state.digests.get(book.version)
    if before == digest:
        return Decision(result=_told(book, ()))
    if before is not None:
        message = f"the version {book.version!r} exists with other prices; give it another name"
        raise Rejected("price-book-version-exists", message, pointer="/data/document")
    today = context.now.replace(hour=0, minute=0, second=0, microsecond=0)
    if state.versions and book.start < today:
        message = f"it would be in force from {book.start:%Y-%m-%d}, and those days are over"
        raise Rejected("price-book-past", message, pointer="/data/document")
    if sum(one.start > context.now for one in state.versions) >= AHEAD:
        message = f"{AHEAD} versions wait for their day already"
        raise Rejected("price-book-ahead", message, pointer="/data/document")
    if len(state.versions) >= KEPT and _needed(state.versions, context.now):
        message = f"{KEPT} versions came within {MONTHS} months, whose use may still be priced"
        raise Rejected("price-book-often", message, pointer="/data/document")
    changes = differences(state.versions[-1], book) if state.versions else ()
    applied = bill1.PriceBookApplied(content=book, digest=digest, changes=changes)
    return Decision(events=(Emit(applied),), result=_told(book, changes))


def _needed(versions: Sequence[Book], now: datetime) -> bool:
    """Return whether the oldest version is in force, or will be, in a month that may be priced."""
    begin = now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    for _ in range(MONTHS - 1):
        begin = (begin - timedelta(days=1)).replace(day=1)
    oldest, *later = versions
    return not any(oldest.start <= one.start <= begin for one in later)


def _told(book: Book, changes: tuple[PriceChange, ...]) -> dict[str, object]:
    return {
        "book": book.book,
        "version": book.version,
        "from": f"{book.start:%Y-%m-%d}",
        "changes": len(changes),
    }


def require_priced(state: PriceBook, currency: str, now: datetime, pointer: str) -> None:
    """Refuse a currency in which nothing is sold now, nor will be by any version that waits.

    Before the first version nobody knows, and every currency is taken.

    Raises:
        Rejected: `currency-not-priced`.
    """
    begun = sorted((one for one in state.versions if one.start <= now), key=lambda one: one.start)
    sold = [*begun[-1:], *(one for one in state.versions if one.start > now)]
    known = sorted({each for one in sold for each in one.currencies})
    if known and currency not in known:
        message = (
            f"nothing has a price in {currency}; the price book has {' and '.join(known)}: take"
            f" what it has, or apply a version with prices in {currency} first"
        )
        raise Rejected("currency-not-priced", message, pointer=pointer)


def differences(before: Book, after: Book) -> tuple[PriceChange, ...]:
    """Return how one version differs from another, by SKU."""
    old, new = _said(before), _said(after)
    return tuple(
        PriceChange(
            sku=sku,
            change="added" if sku not in old else "removed" if sku not in new else "changed",
            before=old.get(sku, ""),
            after=new.get(sku, ""),
        )
        for sku in sorted(old.keys() | new.keys())
        if old.get(sku) != new.get(sku)
    )


def _said(book: Book) -> dict[str, str]:
    """Return the price of everything in a book, in words."""
    found = {f"package.{one.sku}": _month(one) for one in book.packages}
    found |= {f"blueprint.{one.sku}": _month(one) for one in book.blueprints}
    for addon in book.addons:
        states = ", ".join(f"{name} {state}" for name, state in sorted(addon.packages.items()))
        found[addon.sku] = f"{_month(addon)} ({states})"
    return found | {f"usage.{one.sku}": _use(one) for one in book.usage}


def _month(priced: Priced | Addon) -> str:
    return f"{' or '.join(str(price) for price in priced.month)} a month"


def _use(charge: Charge) -> str:
    steps = []
    for step in charge.steps:
        price = " or ".join(str(one) for one in step.price)
        flat = "".join(f" and {one}" for one in step.flat)
        upper = "" if step.up_to is None else f" up to {step.up_to}"
        steps.append(f"{price}{flat}{upper}")
    least = "".join(f", at least {one}" for one in charge.minimum)
    size = f" for {charge.size}" if charge.size != 1 else ""
    free = f", {charge.included} included" if charge.included else ""
    return (
        f"{charge.aggregation} of {charge.unit}, {charge.formula}{size}: {'; '.join(steps)}"
        f"{free}{least}"
    )


def evolve(state: PriceBook, event: Event) -> PriceBook:
    """Fold one fact into the state. Total: any event at any state; unknown ones change nothing."""
    if not isinstance(event, bill1.PriceBookApplied):
        return state
    content = event.content
    return PriceBook(
        versions=(*state.versions, content)[-KEPT:],
        digests={**state.digests, content.version: event.digest},
    )
