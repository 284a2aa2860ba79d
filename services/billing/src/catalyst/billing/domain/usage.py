"""Usage: what was metered in one month, each use once, priced by the book of the month's first day.

A use belongs to the month of its own time. It may come twice, late and out of order: what it makes
of the month is the same. What stands on an invoice stays; what comes later is the next one's. How
uses are counted is said by `counting.py`.
"""

from __future__ import annotations

import functools
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from catalyst.billing.domain import account, charges, prices, spending
from catalyst.billing.domain.account import Account
from catalyst.contracts import billing_v1 as bill1
from catalyst.contracts.message import Event
from catalyst.contracts.money_v1 import MICRO_DIGITS, Money, exponent, half_even
from catalyst.contracts.prices_v1 import Book, Charge
from catalyst.contracts.rejection import Rejected
from catalyst.contracts.subjects import Ref
from catalyst.contracts.usage_v1 import Metered, Unmatched, Use, digest, identity

AGGREGATE: Final = "usage"
LISTED: Final = 200
"""Uses that could not be counted and are known, so that a repeat is not listed again."""
PERCENTS: Final = (80, 100)
"""Parts of the spend limit that are told."""


class Billed(msgspec.Struct, frozen=True, kw_only=True):
    """What all invoices together say of a meter."""

    quantity: int
    amount: Money


class Waiting(msgspec.Struct, frozen=True, kw_only=True):
    """A use that is listed, and counts by itself once it fits."""

    use: Use
    code: str
    """What it lacks."""
    since: datetime


class Usage(msgspec.Struct, frozen=True, kw_only=True):
    """What was used in one month."""

    opened: bool = False
    meters: dict[str, Metered] = {}
    """By `<subscription>/<meter>`."""
    invoiced: dict[str, Billed] = {}
    """By the same; what is not there stands on no invoice."""
    unmatched: tuple[str, ...] = ()
    """The latest uses that could not be counted, each with the reason's code, as `listed` says."""
    waiting: dict[str, Waiting] = {}
    """What counts by itself once it fits, by `told`, in the order in which it was listed."""
    looked: str = ""
    """The last one that was looked at again; empty: all were."""
    alerted: dict[str, tuple[int, Money]] = {}
    """By currency the highest part of the spend limit that was told, and the limit."""


def ref_of(organization: str, month: str) -> Ref:
    """Return a month's use of an Organization."""
    return Ref(organization, account.SERVICE, AGGREGATE, month)


def key_of(subscription_id: str, meter: str) -> str:
    """Return the key of a meter."""
    return f"{subscription_id}/{meter}"


@functools.lru_cache(maxsize=256)
def first_day(month: str) -> datetime:
    """Return the instant at which a month begins."""
    return datetime.strptime(month, prices.MONTH).replace(tzinfo=UTC)


def book_of(books: Sequence[Book], month: str) -> Book:
    """Return the version that says what a month's use costs: the one in force when it begins.

    Where none was in force yet, the first that came.

    Raises:
        Rejected: `prices-unavailable` without any.
    """
    begin = first_day(month)
    if not books or any(book.start <= begin for book in books):
        return prices.in_force(books, begin)
    return min(books, key=lambda book: book.start)


def alerts(
    state: Usage, owner: Account, month: str, meters: Collection[Metered]
) -> tuple[bill1.SpendAlerted, ...]:
    """Return that parts of spend limits are reached, once for each part and limit.

    Args:
        state: The month's use, which knows what was told.
        owner: The account as it is after what is decided.
        month: The month.
        meters: What is used in it, after what is decided.
    """
    found = []
    for limit in spending.said(owner.spend_limits):
        spent = spent_in(owner, meters, month, limit.currency)
        told = state.alerted.get(limit.currency)
        before = told[0] if told is not None and told[1] == limit else 0
        reached = [p for p in PERCENTS if p > before and spent.minor * 100 >= limit.minor * p]
        if reached and spent.minor:
            percent: Any = max(reached)
            found.append(bill1.SpendAlerted(percent=percent, spent=spent, limit=limit))
    return tuple(found)


def spent_in(owner: Account, meters: Iterable[Metered], month: str, currency: str) -> Money:
    """Return what a month costs so far: what goes on, what was taken, and what use there was."""
    taken = owner.spent.get(currency, 0) if owner.month == month else 0
    micro = sum(one.amount.micro for one in meters if one.amount.currency == currency)
    used = half_even(micro, 10 ** (MICRO_DIGITS - exponent(currency)))
    return Money(currency=currency, minor=owner.renewed(month, currency) + taken + used)


def version_of(books: Sequence[Book], month: str, metered: Metered) -> Book:
    """Return the version of the price book that a meter is priced by: that of its first use."""
    found = next((one for one in books if one.version == metered.version), None)
    return found if found is not None else book_of(books, month)


def charge_of(books: Sequence[Book], month: str, metered: Metered) -> Charge:
    """Return what the price book says of a meter.

    Raises:
        Rejected: `sku-unknown` if no version says it any more.
    """
    book = version_of(books, month, metered)
    charge = next((one for one in book.usage if one.sku == metered.meter), None)
    if charge is None:
        raise Rejected("sku-unknown", f"the price book has no meter {metered.meter!r}")
    return charge


def price(books: Sequence[Book], month: str, metered: Metered) -> charges.Priced:
    """Return what a month's use of one meter costs.

    Raises:
        Rejected: As `charge_of` and `charges.price`.
    """
    charge = charge_of(books, month, metered)
    return charges.price(charge, metered.quantity, metered.amount.currency)


def told(use: Use) -> str:
    """Return what tells a use from others, and from another thing under its name."""
    return f"{identity('', use.source, use.id)[:32]}.{digest(use)}"


def listed(one: Unmatched) -> str:
    """Return what tells a use that could not be counted from others, and its reason."""
    return f"{told(one.use)}:{one.code}"


def by_key(meters: Iterable[Metered]) -> Mapping[str, Metered]:
    """Return meters by their key."""
    return {key_of(one.subscription, one.meter): one for one in meters}


def evolve(state: Usage, event: Event) -> Usage:
    """Fold one fact into the state. Total: any event at any state; unknown ones change nothing."""
    replace = msgspec.structs.replace
    match event:
        case bill1.UsageOpened():
            return replace(state, opened=True)
        case bill1.UsageRecorded():
            counted = (told(use) for use in event.uses) if state.waiting else ()
            return replace(
                state,
                meters={**state.meters, **by_key(event.meters)},
                waiting=_without(state.waiting, counted),
            )
        case bill1.UsageInvoiced():
            billed = {
                key_of(one.subscription, one.meter): Billed(
                    quantity=one.quantity, amount=one.amount
                )
                for one in event.meters
            }
            return replace(state, invoiced={**state.invoiced, **billed})
        case bill1.UsageUnmatched():
            names = dict.fromkeys((*state.unmatched, *(listed(one) for one in event.uses)))
            return replace(
                state,
                unmatched=tuple(names)[-LISTED:],
                waiting=_listing(state.waiting, event.uses),
            )
        case bill1.UsageLookedAt():
            return replace(state, looked=event.after)
        case bill1.SpendAlerted():
            latest = {event.limit.currency: (event.percent, event.limit)}
            return replace(state, alerted={**state.alerted, **latest})
        case _:
            return state


def _without(waiting: dict[str, Waiting], keys: Iterable[str]) -> dict[str, Waiting]:
    gone = set(keys)
    return {key: one for key, one in waiting.items() if key not in gone} if gone else waiting


def _listing(waiting: dict[str, Waiting], uses: Iterable[Unmatched]) -> dict[str, Waiting]:
    """Return what waits, with what begins to, and without what waits for nothing any more."""
    found = dict(waiting)
    for one in uses:
        key = told(one.use)
        if one.since is None:
            found.pop(key, None)
        else:
            found[key] = Waiting(use=one.use, code=one.code, since=one.since)
    return found
