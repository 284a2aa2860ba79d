"""Counting: use that comes, each once, and what cannot be counted listed with its reason.

A use is told by its source and id. What comes again under a name that counts is passed over if it
says the same; if it says something else, it is listed, and never counted. What lacks something that
may come is kept, and looked at again as `waiting.py` says.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import cached_property, lru_cache
from typing import Any, Final

import msgspec

from catalyst.billing.domain import account, charges, price_book, subscription, usage, waiting
from catalyst.billing.domain.account import Account
from catalyst.billing.domain.subscription import Subscription
from catalyst.billing.domain.usage import Usage
from catalyst.contracts import billing_v1 as bill1
from catalyst.contracts import use as reading
from catalyst.contracts.codec import Undecodable
from catalyst.contracts.decision import Arm, Arrived, Context, Decision, Emit, TakeClaim
from catalyst.contracts.message import Event
from catalyst.contracts.money_v1 import MicroMoney
from catalyst.contracts.prices_v1 import Book, Charge
from catalyst.contracts.rejection import Rejected
from catalyst.contracts.subjects import BadSubject, Claim, Ref, unescape
from catalyst.contracts.usage_v1 import (
    OTHER_CONTENT,
    Metered,
    Unmatched,
    Use,
    claim_of,
    digest,
)

LATE: Final = timedelta(days=45)
"""How old a use may be when it comes. It is never older than the month before last."""
AHEAD: Final = timedelta(minutes=5)
"""How much a reporter's clock may be ahead."""
KNOWN: Final = timedelta(days=60)
"""How long a use is known: beyond the time in which it could be counted again."""
VALUES_KNOWN: Final = timedelta(days=80)
"""How long a value is known that is told apart: beyond a month, and the time in which use of that
month can come."""
AT_ONCE: Final = 300
"""Uses that are counted in one batch, at most."""


class Reported(msgspec.Struct, frozen=True, kw_only=True):
    """A use, and the Organization that it was reported for."""

    organization: str
    use: Use

    @property
    def claim(self) -> Claim:
        """Under which it counts once."""
        return claim_of(self.organization, self.use)


def decode(subject: str, data: bytes) -> Reported:
    """Read a message of use.

    Raises:
        Undecodable: If it is none.
    """
    try:
        organization = unescape(subject.split(".")[1])
    except BadSubject as error:
        raise Undecodable(
            "subject-mismatch", f"the subject names no Organization: {error}"
        ) from error
    return Reported(organization=organization, use=reading.use_of(reading.read(data), organization))


def correlate(reported: Reported) -> Ref:
    """Return the month of a use, by its own time."""
    time = reported.use.time.astimezone(UTC)
    return usage.ref_of(reported.organization, f"{time.year:04d}-{time.month:02d}")


def _value(month: str, use: Use, organization: str) -> Claim:
    text = msgspec.json.encode((month, use.subscription, use.meter, use.value))
    return Claim("usage-value", hashlib.sha256(text).hexdigest(), organization)


def reads(state: Usage, items: tuple[Arrived, ...], ref: Ref) -> Sequence[Ref | Claim]:
    """Name prices, the account, what was used, and the names under which each use counts once."""
    uses = _uses(items)
    return _named((*waiting.of_names(state, uses), *uses), ref)


def reads_again(state: Usage, _given: Any, ref: Ref) -> Sequence[Ref | Claim]:
    """Name the same for what waits, as far as it is looked at next."""
    return _named(waiting.next_part(state).uses, ref)


def react(state: Usage, items: tuple[Arrived, ...], context: Context) -> Decision:
    """Count each use once; what fits nothing is listed with its reason.

    What waits under the same names is looked at first: it came before.
    """
    counting = _Counting(state, context)
    uses = _uses(items)
    for use in waiting.of_names(state, uses):
        counting.take(use, waited=True)
    for use in uses:
        counting.take(use)
    # What waits already has its timer; what is new is looked at sooner than that.
    since = [one.since for one in counting.unmatched.values() if one.since is not None]
    fresh = any(key not in state.waiting for key in counting.kept)
    timers = (waiting.armed(since, context.now),) if fresh else ()
    return _decision(state, counting, context, timers=timers)


def react_again(state: Usage, _given: Any, context: Context) -> Decision:
    """Count what was listed and fits now, a part at a time; what still does not fit waits on.

    What has waited too long is listed as such, and waits no more.
    """
    counting = _Counting(state, context)
    part = waiting.next_part(state)
    for use in part.uses:
        counting.take(use, waited=True)
    left = counting.left()
    looked = next((key for key in reversed(part.keys) if key in left), state.looked)
    after = "" if part.last else looked
    events = (bill1.UsageLookedAt(after=after),) if after != state.looked else ()
    timers: tuple[Arm, ...] = ()
    if left:
        since = left.values()
        timers = (waiting.armed(since, context.now) if part.last else waiting.soon(),)
    return _decision(state, counting, context, more=events, timers=timers)


def correlate_nothing(_event: Any) -> None:
    """Return None: what waits hears its own timer alone."""


def _uses(items: tuple[Arrived, ...]) -> tuple[Use, ...]:
    return tuple(item.value.use for item in items)


def _named(uses: Iterable[Use], ref: Ref) -> Sequence[Ref | Claim]:
    organization = ref.organization or ""
    found: dict[Ref | Claim, None] = {price_book.DEFAULT: None, account.ref_of(organization): None}
    for use in uses:
        found[subscription.ref_of(organization, use.subscription)] = None
        found[claim_of(organization, use)] = None
        if use.value:
            found[_value(ref.id, use, organization)] = None
    return tuple(found)


class _Counting:
    """One batch of uses on the way to a decision."""

    def __init__(self, state: Usage, context: Context) -> None:
        self._state = state
        self._context = context
        self._month = context.ref.id
        self._organization = context.ref.organization or ""
        self._books: Sequence[Book] = context.reads[price_book.DEFAULT].versions
        self._owner: Account = context.reads[account.ref_of(self._organization)]
        self._currencies: dict[str, str] = {}
        """By subscription; empty for what is not charged in the month."""
        self._most: dict[tuple[str, str, str], int] = {}
        self.claims: dict[Claim, TakeClaim] = {}
        """What is taken."""
        self._first: dict[Claim, Use] = {}
        """What this batch counts, by its name."""
        self.uses: list[Use] = []
        self._meters: dict[str, Metered] = {}
        self.unmatched: dict[str, Unmatched] = {}
        self.waited = 0
        """How many of the uses that are counted, first of all, were listed until now."""
        self.kept: dict[str, datetime] = {}
        """What is listed by this batch and waits, and since when."""

    def take(self, use: Use, *, waited: bool = False) -> None:
        claim = claim_of(self._organization, use)
        if claim in self._first or self._context.claims[claim].holder is not None:
            self._again(claim, use)
            return
        key = usage.key_of(use.subscription, use.meter)
        try:
            self._require_timely(use)
            currency = self._currency(use.subscription)
            before = self._meters.get(key) or self._state.meters.get(key)
            charge, version = self._charge(use, before)
            after = self._counted(before, use, charge, currency, version)
        except Rejected as refusal:
            self._list(Unmatched(use=use, code=refusal.code, reason=refusal.message))
            return
        self.claims[claim] = TakeClaim(claim, ttl=KNOWN, digest=digest(use))
        self._first[claim] = use
        self.uses.append(use)
        self.waited += waited
        self._meters[key] = after

    def _again(self, claim: Claim, use: Use) -> None:
        """List what says something else than the use of its name that counts."""
        first = self._first.get(claim)
        known = self._context.claims[claim]
        counted = digest(first) if first is not None else known.digest
        # What was counted before fingerprints were kept cannot be told apart.
        if counted in {"", digest(use)}:
            return
        if first is not None:
            what = f"{first.quantity} of {first.meter!r} for {first.subscription!r}"
            counts = f"{what} at {first.time.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
        else:
            counts = f"what came first, in {(known.holder or '').rpartition('.')[2]},"
        reason = f"{use.source!r} has said something else of {use.id!r}: {counts} counts"
        self._list(Unmatched(use=use, code=OTHER_CONTENT, reason=reason, first=first))

    def _list(self, found: Unmatched) -> None:
        """List a use, unless it is listed so; it waits if what it lacks may come."""
        key = usage.told(found.use)
        before = self._state.waiting.get(key)
        if found.code in waiting.CODES:
            if before is not None and before.code == found.code:
                return
            if before is not None:
                self.kept[key] = before.since
            elif len(self._state.waiting) + len(self.kept) < waiting.MOST:
                self.kept[key] = self._context.now
            found = msgspec.structs.replace(found, since=self.kept.get(key))
        known = before is None and found.since is None
        if known and usage.listed(found) in self._state.unmatched:
            return
        self.unmatched[usage.listed(found)] = found

    def left(self) -> dict[str, datetime]:
        """Return what still waits once this is decided, and since when."""
        gone = {usage.told(use) for use in self.uses}
        gone |= {usage.told(one.use) for one in self.unmatched.values() if one.since is None}
        kept = {key: one.since for key, one in self._state.waiting.items()} | self.kept
        return {key: since for key, since in kept.items() if key not in gone}

    @cached_property
    def _prices(self) -> tuple[Book, Mapping[str, Charge]]:
        """The month's version of the price book, and what it says of each meter."""
        book = usage.book_of(self._books, self._month)
        return book, {one.sku: one for one in book.usage}

    def _require_timely(self, use: Use) -> None:
        now = self._context.now
        account.require_account(self._owner, self._organization)
        if use.time < now - LATE:
            raise Rejected("usage-late", f"it was used more than {LATE.days} days ago")
        if use.time > now + AHEAD:
            raise Rejected("usage-ahead", "it would be used in the future")

    def _currency(self, name: str) -> str:
        """Return the currency in which a subscription is charged in the month."""
        found = self._currencies.get(name)
        if found is None:
            sold: Subscription = self._context.reads[subscription.ref_of(self._organization, name)]
            found = self._currencies[name] = sold.currency(self._month)
        if not found:
            message = f"nothing is paid for {name!r} in {self._month}"
            raise Rejected("subscription-not-found", message)
        return found

    def _charge(self, use: Use, before: Metered | None) -> tuple[Charge, str]:
        """Return the price of a use, and the version that says it: that of the meter's first."""
        book, charges_ = self._prices
        version, charge = book.version, charges_.get(use.meter)
        if before is not None and before.version != version:
            version, charge = before.version, usage.charge_of(self._books, self._month, before)
        if charge is None:
            message = f"the price book {version} has no meter {use.meter!r}"
            raise Rejected("sku-unknown", message)
        if (charge.aggregation == "unique") != bool(use.value):
            wanted = "needs a" if charge.aggregation == "unique" else "takes no"
            raise Rejected("usage-invalid", f"the meter {use.meter!r} {wanted} value")
        return charge, version

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
            currency = before.amount.currency
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
        if quantity > self._bound(found) and not charges.sayable(charge, quantity, currency):
            message = f"{quantity} {charge.unit} in a month, or their price, is too much to be said"
            raise Rejected("usage-invalid", message)
        self.claims |= {one: TakeClaim(one, ttl=VALUES_KNOWN) for one in fresh}
        return found

    def _bound(self, metered: Metered) -> int:
        """Return how much of a meter a month may be in any case, at the price that it has."""
        key = (metered.meter, metered.version, metered.amount.currency)
        bound = self._most.get(key)
        if bound is None:
            charge = usage.charge_of(self._books, self._month, metered)
            bound = self._most[key] = charges.most(charge, metered.amount.currency)
        return bound

    def priced(self) -> tuple[Metered, ...]:
        """Return every meter that was moved, with what it costs now."""
        return tuple(
            msgspec.structs.replace(one, amount=usage.price(self._books, self._month, one).amount)
            for one in self._meters.values()
        )

    def _new_values(self, use: Use) -> tuple[Claim, ...]:
        claim = _value(self._month, use, self._organization)
        known = claim in self.claims or self._context.claims[claim].holder is not None
        return () if known else (claim,)


@lru_cache(maxsize=64)
def _not_priced(currency: str) -> MicroMoney:
    return MicroMoney(currency=currency, micro=0)


def _decision(
    state: Usage,
    counting: _Counting,
    context: Context,
    *,
    more: tuple[Event, ...] = (),
    timers: tuple[Arm, ...] = (),
) -> Decision:
    events: list[Event] = []
    if not state.opened and (counting.uses or counting.unmatched):
        events.append(bill1.UsageOpened(month=context.ref.id))
    if counting.uses:
        meters = counting.priced()
        recorded = bill1.UsageRecorded(
            uses=tuple(counting.uses), meters=meters, waited=counting.waited
        )
        events.append(recorded)
        owner: Account = context.reads[account.ref_of(context.ref.organization or "")]
        after = {**state.meters, **usage.by_key(meters)}
        events += usage.alerts(state, owner, context.ref.id, after.values())
    if counting.unmatched:
        events.append(bill1.UsageUnmatched(uses=tuple(counting.unmatched.values())))
    claims = tuple(counting.claims.values())
    return Decision(
        events=tuple(Emit(event) for event in (*events, *more)), claims=claims, timers=timers
    )
