"""Usage: what was metered in one month, each use once, priced by the book of the month's first day.

A use belongs to the month of its own time. It may come twice, late and out of order: what it makes
of the month is the same. What stands on an invoice stays; what comes later is the next one's.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import cached_property, lru_cache
from typing import Any, Final

import msgspec

from catalyst.billing.domain import account, charges, price_book, prices, subscription
from catalyst.billing.domain.account import Account
from catalyst.billing.domain.subscription import Subscription
from catalyst.contracts import billing_v1 as bill1
from catalyst.contracts import use as reading
from catalyst.contracts.decision import Arrived, Context, Decision, Emit, TakeClaim
from catalyst.contracts.message import Event
from catalyst.contracts.money_v1 import MICRO_DIGITS, MicroMoney, Money, exponent, half_even
from catalyst.contracts.prices_v1 import Book, Charge
from catalyst.contracts.rejection import Rejected
from catalyst.contracts.subjects import Claim, Ref, unescape
from catalyst.contracts.usage_v1 import Metered, Unmatched, Use, identity

AGGREGATE: Final = "usage"
LATE: Final = timedelta(days=45)
"""How old a use may be when it comes. It is never older than the month before last."""
AHEAD: Final = timedelta(minutes=5)
"""How much a reporter's clock may be ahead."""
KNOWN: Final = timedelta(days=60)
"""How long a use is known: beyond the time in which it could be counted again."""
VALUES_KNOWN: Final = timedelta(days=80)
"""How long a value is known that is told apart: beyond a month, and the time in which use of that
month can come."""
LISTED: Final = 200
"""Uses that could not be counted and are known, so that a repeat is not listed again."""
AT_ONCE: Final = 300
"""Uses that are counted in one batch, at most."""
PERCENTS: Final = (80, 100)
"""Parts of the spend limit that are told."""


class Reported(msgspec.Struct, frozen=True, kw_only=True):
    """A use, and the Organization that it was reported for."""

    organization: str
    use: Use

    @property
    def name(self) -> str:
        """Under which it counts once."""
        return identity(self.organization, self.use.source, self.use.id)


class Billed(msgspec.Struct, frozen=True, kw_only=True):
    """What all invoices together say of a meter."""

    quantity: int
    amount: Money


class Usage(msgspec.Struct, frozen=True, kw_only=True):
    """What was used in one month."""

    opened: bool = False
    meters: dict[str, Metered] = {}
    """By `<subscription>/<meter>`."""
    invoiced: dict[str, Billed] = {}
    """By the same; what is not there stands on no invoice."""
    unmatched: tuple[str, ...] = ()
    """Names of the latest uses that could not be counted, each with the reason's code."""
    alerted: tuple[int, Money] | None = None
    """The highest part of the spend limit that was told, and the limit."""


def ref_of(organization: str, month: str) -> Ref:
    """Return a month's use of an Organization."""
    return Ref(organization, account.SERVICE, AGGREGATE, month)


def key_of(subscription_id: str, meter: str) -> str:
    """Return the key of a meter."""
    return f"{subscription_id}/{meter}"


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


# ---- what comes in


def decode(subject: str, data: bytes) -> Reported:
    """Read a message of use.

    Raises:
        Undecodable: If it is none.
    """
    organization = unescape(subject.split(".")[1])
    return Reported(organization=organization, use=reading.use_of(reading.read(data), organization))


def correlate(reported: Reported) -> Ref:
    """Return the month of a use, by its own time."""
    time = reported.use.time.astimezone(UTC)
    return ref_of(reported.organization, f"{time.year:04d}-{time.month:02d}")


def _identity(reported: Reported) -> Claim:
    return Claim("usage", reported.name, reported.organization)


def _value(month: str, use: Use, organization: str) -> Claim:
    text = msgspec.json.encode((month, use.subscription, use.meter, use.value))
    return Claim("usage-value", hashlib.sha256(text).hexdigest(), organization)


def reads(_state: Usage, items: tuple[Arrived, ...], ref: Ref) -> Sequence[Ref | Claim]:
    """Name prices, the account, what was used, and the names under which each use counts once."""
    organization = ref.organization or ""
    found: dict[Ref | Claim, None] = {price_book.DEFAULT: None, account.ref_of(organization): None}
    for item in items:
        reported: Reported = item.value
        found[subscription.ref_of(organization, reported.use.subscription)] = None
        found[_identity(reported)] = None
        if reported.use.value:
            found[_value(ref.id, reported.use, organization)] = None
    return tuple(found)


def react(state: Usage, items: tuple[Arrived, ...], context: Context) -> Decision:
    """Count each use once; what fits nothing is listed with its reason, and counts later."""
    counting = _Counting(state, context)
    for item in items:
        counting.take(item.value)
    return _decision(state, counting, context)


class _Counting:
    """One batch of uses on the way to a decision."""

    def __init__(self, state: Usage, context: Context) -> None:
        self._state = state
        self._context = context
        self._month = context.ref.id
        self._organization = context.ref.organization or ""
        self._books: Sequence[Book] = context.reads[price_book.DEFAULT].versions
        self._owner: Account = context.reads[account.ref_of(self._organization)]
        self._sold: dict[str, Subscription] = {}
        self._most: dict[tuple[str, str, str], int] = {}
        self.claims: dict[Claim, timedelta] = {}
        """What is taken, and for how long."""
        self.uses: list[Use] = []
        self._meters: dict[str, Metered] = {}
        self.unmatched: dict[str, Unmatched] = {}

    def take(self, reported: Reported) -> None:
        claim = _identity(reported)
        if claim in self.claims or self._context.claims[claim].holder is not None:
            return
        use = reported.use
        try:
            charge, currency, version = self._matched(use)
            before = self._meters.get(
                key_of(use.subscription, use.meter)
            ) or self._state.meters.get(key_of(use.subscription, use.meter))
            after = self._counted(before, use, charge, currency, version)
        except Rejected as refusal:
            found = Unmatched(use=use, code=refusal.code, reason=refusal.message)
            if _listed(found) not in self._state.unmatched:
                self.unmatched[_listed(found)] = found
            return
        self.claims[claim] = KNOWN
        self.uses.append(use)
        self._meters[key_of(use.subscription, use.meter)] = after

    @cached_property
    def _prices(self) -> tuple[Book, Mapping[str, Charge]]:
        """The month's version of the price book, and what it says of each meter."""
        book = book_of(self._books, self._month)
        return book, {one.sku: one for one in book.usage}

    def _matched(self, use: Use) -> tuple[Charge, str, str]:
        """Return the price of a use, its currency and the book's version."""
        now = self._context.now
        account.require_account(self._owner, self._organization)
        if use.time < now - LATE:
            raise Rejected("usage-late", f"it was used more than {LATE.days} days ago")
        if use.time > now + AHEAD:
            raise Rejected("usage-ahead", "it would be used in the future")
        sold = self._sold.get(use.subscription)
        if sold is None:
            ref = subscription.ref_of(self._organization, use.subscription)
            sold = self._sold[use.subscription] = self._context.reads[ref]
        if not sold.covers(self._month):
            message = f"nothing is paid for {use.subscription!r} in {self._month}"
            raise Rejected("subscription-not-found", message)
        book, charges_ = self._prices
        charge = charges_.get(use.meter)
        if charge is None:
            message = f"the price book {book.version} has no meter {use.meter!r}"
            raise Rejected("sku-unknown", message)
        if (charge.aggregation == "unique") != bool(use.value):
            wanted = "needs" if charge.aggregation == "unique" else "takes no"
            raise Rejected("usage-invalid", f"the meter {use.meter!r} {wanted} value")
        return charge, sold.monthly.currency, book.version

    def _counted(
        self, before: Metered | None, use: Use, charge: Charge, currency: str, version: str
    ) -> Metered:
        quantity = before.quantity if before is not None else 0
        position = before.position if before is not None else ""
        fresh: tuple[Claim, ...] = ()
        match charge.aggregation:
            case "sum":
                quantity += use.quantity
            case "count":
                quantity += 1
            case "max":
                quantity = max(quantity, use.quantity)
            case "latest":
                at = f"{use.time.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%f} {use.source} {use.id}"
                quantity, position = max((position, quantity), (at, use.quantity))[::-1]
            case "unique":
                fresh = self._new_values(use)
                quantity += len(fresh)
        if before is not None:
            currency, version = before.amount.currency, before.version
        found = Metered(
            subscription=use.subscription,
            meter=use.meter,
            aggregation=charge.aggregation,
            quantity=quantity,
            uses=(before.uses if before is not None else 0) + 1,
            version=version,
            amount=_not_priced(currency),
            position=position,
        )
        if quantity > self._bound(found):
            raise Rejected("usage-invalid", f"the month would be above {self._bound(found)}")
        self.claims |= dict.fromkeys(fresh, VALUES_KNOWN)
        return found

    def _bound(self, metered: Metered) -> int:
        """Return how much of a meter a month may be, at the price that it has."""
        key = (metered.meter, metered.version, metered.amount.currency)
        bound = self._most.get(key)
        if bound is None:
            charge = charge_of(self._books, self._month, metered)
            bound = self._most[key] = charges.most(charge, metered.amount.currency)
        return bound

    def priced(self) -> tuple[Metered, ...]:
        """Return every meter that was moved, with what it costs now."""
        return tuple(
            msgspec.structs.replace(one, amount=price(self._books, self._month, one).amount)
            for one in self._meters.values()
        )

    def _new_values(self, use: Use) -> tuple[Claim, ...]:
        claim = _value(self._month, use, self._organization)
        known = claim in self.claims or self._context.claims[claim].holder is not None
        return () if known else (claim,)


@lru_cache(maxsize=64)
def _not_priced(currency: str) -> MicroMoney:
    return MicroMoney(currency=currency, micro=0)


def _decision(state: Usage, counting: _Counting, context: Context) -> Decision:
    events: list[Event] = []
    if not state.opened and (counting.uses or counting.unmatched):
        events.append(bill1.UsageOpened(month=context.ref.id))
    if counting.uses:
        meters = counting.priced()
        events.append(bill1.UsageRecorded(uses=tuple(counting.uses), meters=meters))
        owner: Account = context.reads[account.ref_of(context.ref.organization or "")]
        told = alert(state, owner, context.ref.id, {**state.meters, **by_key(meters)}.values())
        events += [told] if told is not None else []
    if counting.unmatched:
        events.append(bill1.UsageUnmatched(uses=tuple(counting.unmatched.values())))
    claims = tuple(TakeClaim(claim, ttl=ttl) for claim, ttl in counting.claims.items())
    return Decision(events=tuple(Emit(event) for event in events), claims=claims)


def alert(
    state: Usage, owner: Account, month: str, meters: Iterable[Metered]
) -> bill1.SpendAlerted | None:
    """Return that a part of the spend limit is reached, once for each part and limit.

    Args:
        state: The month's use, which knows what was told.
        owner: The account as it is after what is decided.
        month: The month.
        meters: What is used in it, after what is decided.
    """
    limit = owner.spend_limit
    if limit is None:
        return None
    spent = spent_in(owner, meters, month, limit.currency)
    told = state.alerted
    before = told[0] if told is not None and told[1] == limit else 0
    reached = [p for p in PERCENTS if p > before and spent.minor * 100 >= limit.minor * p]
    if not reached or spent.minor == 0:
        return None
    percent: Any = max(reached)
    return bill1.SpendAlerted(percent=percent, spent=spent, limit=limit)


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


def _listed(one: Unmatched) -> str:
    return f"{identity('', one.use.source, one.use.id)[:32]}:{one.code}"


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
            return replace(state, meters={**state.meters, **by_key(event.meters)})
        case bill1.UsageInvoiced():
            billed = {
                key_of(one.subscription, one.meter): Billed(
                    quantity=one.quantity, amount=one.amount
                )
                for one in event.meters
            }
            return replace(state, invoiced={**state.invoiced, **billed})
        case bill1.UsageUnmatched():
            names = dict.fromkeys((*state.unmatched, *(_listed(one) for one in event.uses)))
            return replace(state, unmatched=tuple(names)[-LISTED:])
        case bill1.SpendAlerted():
            return replace(state, alerted=(event.percent, event.limit))
        case _:
            return state
