"""The ledger of one account: how credit is spent, given back and expires, as postings.

Double entry: every movement is a group of postings that adds up to nothing. `credit` is what is
left of each grant, `held` what is set aside, `revenue` what was taken, `breakage` what expired
unspent, `receivable` what is owed (below zero), `clearing` where money came from (below zero).

What is handed out here are whole groups; none of these functions changes anything.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Final

import msgspec

from catalyst.contracts.account_v1 import Grant, Journal, LedgerAccount, Posting
from catalyst.contracts.money_v1 import MAX_UNITS, Money

_NEVER: Final = datetime.max.replace(tzinfo=UTC)


class Credit(msgspec.Struct, frozen=True, kw_only=True):
    """A grant, and what is left of it."""

    grant: Grant
    left: int
    """In minor units of the grant's currency."""
    order: int
    """How many grants came before it."""
    gen: str = ""
    """Arming of its expiry that counts."""

    @property
    def currency(self) -> str:
        """The currency of the grant."""
        return self.grant.amount.currency

    def expired(self, now: datetime) -> bool:
        """Return whether it may no longer be spent, whether or not its timer fired yet."""
        return self.grant.expires is not None and self.grant.expires <= now


class Shortage(Exception):
    """There is not enough credit; `available` is what there is."""

    def __init__(self, available: Money) -> None:
        super().__init__(str(available))
        self.available = available


class Unbalanced(ValueError):
    """A group of postings does not add up to nothing."""


Credits = Mapping[str, Credit]
Balances = Mapping[str, int]
"""Minor units by `<account>:<currency>`, of all accounts but credit."""


def posting(account: LedgerAccount, currency: str, minor: int, entry: str = "") -> Posting:
    """Return one side of a movement."""
    return Posting(account=account, entry=entry, amount=Money(currency=currency, minor=minor))


def balance(balances: Balances, account: LedgerAccount, currency: str) -> int:
    """Return what stands on an account of the ledger, in minor units."""
    return balances.get(f"{account}:{currency}", 0)


def spendable(grants: Credits, currency: str, now: datetime) -> list[Credit]:
    """Return the grants that may be spent, in the order in which they are."""
    usable = (
        credit
        for credit in grants.values()
        if credit.currency == currency and credit.left > 0 and not credit.expired(now)
    )
    return sorted(usable, key=lambda c: (c.grant.priority, c.grant.expires or _NEVER, c.order))


def available(grants: Credits, currency: str, now: datetime, *, headroom: int = 0) -> Money:
    """Return what can be spent: what is left of grants, and how much more may be owed.

    No more is said than an amount can be.
    """
    left = sum(credit.left for credit in spendable(grants, currency, now))
    return Money(currency=currency, minor=min(MAX_UNITS, left + headroom))


# ---- movements


def grant(of: Grant) -> Journal:
    """Return credit coming in."""
    currency, minor = of.amount.currency, of.amount.minor
    return Journal(
        postings=(
            posting("clearing", currency, -minor),
            posting("credit", currency, minor, of.grant),
        )
    )


def payment(amount: Money, owed: int, entry: str) -> tuple[Journal, Money]:
    """Return money coming in, and how much of it is left over as credit once debts are settled."""
    currency = amount.currency
    settled = min(max(owed, 0), amount.minor)
    rest = amount.minor - settled
    sides = [posting("clearing", currency, -amount.minor)]
    if settled:
        sides.append(posting("receivable", currency, settled))
    if rest:
        sides.append(posting("credit", currency, rest, entry))
    return Journal(postings=tuple(sides)), Money(currency=currency, minor=rest)


def hold(
    grants: Credits, amount: Money, now: datetime, *, entry: str, headroom: int = 0
) -> Journal:
    """Return an amount being set aside: out of grants in their order, then owed.

    Args:
        grants: Grants by name.
        amount: How much; nothing gives a group without postings.
        now: Grants that expired by then are not touched.
        entry: Name of the hold.
        headroom: How much more may be owed, in minor units.

    Raises:
        Shortage: If that is not enough.
    """
    currency, missing = amount.currency, amount.minor
    if missing <= 0:
        return Journal()
    sides: list[Posting] = []
    for credit in spendable(grants, currency, now):
        part = min(credit.left, missing)
        sides.append(posting("credit", currency, -part, credit.grant.grant))
        missing -= part
        if not missing:
            break
    if missing > headroom:
        raise Shortage(available(grants, currency, now, headroom=headroom))
    if missing:
        sides.append(posting("receivable", currency, -missing))
    return Journal(postings=(*sides, posting("held", currency, amount.minor, entry)))


def charge(grants: Credits, amount: Money, now: datetime) -> tuple[Journal, Money]:
    """Return an amount being taken, and how much of it came out of credit; the rest is owed."""
    if amount.minor <= 0:
        return Journal(), Money(currency=amount.currency, minor=0)
    held_ = hold(grants, amount, now, entry="", headroom=amount.minor)
    sides = tuple(side for side in held_.postings if side.account != "held")
    credit = -sum(side.amount.minor for side in sides if side.account == "credit")
    revenue = posting("revenue", amount.currency, amount.minor)
    return Journal(postings=(*sides, revenue)), Money(currency=amount.currency, minor=credit)


def capture(held: Journal, entry: str) -> Journal:
    """Return what a hold set aside being taken."""
    amount = _held(held)
    if amount is None:
        return Journal()
    return Journal(
        postings=(
            posting("held", amount.currency, -amount.minor, entry),
            posting("revenue", amount.currency, amount.minor),
        )
    )


def release(
    held: Journal, grants: Credits, now: datetime, *, entry: str, owed: int, back: str
) -> tuple[Journal, Money | None]:
    """Return what a hold set aside going back to where each part came from.

    What belongs to a grant that expired meanwhile does not come back: it is breakage. What was to
    be owed, but has been paid since, is credit.

    Args:
        held: How it was set aside.
        grants: Grants by name.
        now: Grants that expired by then get nothing back.
        entry: Name of the hold.
        owed: What is owed now that is on no invoice, in minor units.
        back: Name of the grant that takes what was paid since.

    Returns:
        The group, and how much was paid since; None if nothing was.
    """
    amount = _held(held)
    if amount is None:
        return Journal(), None
    currency, lost, paid = amount.currency, 0, 0
    sides = [posting("held", currency, -amount.minor, entry)]
    for side in held.postings:
        if side.account == "held":
            continue
        part = -side.amount.minor
        origin = grants.get(side.entry)
        if side.account == "receivable":
            paid = max(0, part - owed)
            part -= paid
        elif origin is None or origin.expired(now):
            lost += part
            continue
        if part:
            sides.append(posting(side.account, currency, part, side.entry))
    if lost:
        sides.append(posting("breakage", currency, lost))
    if paid:
        sides.append(posting("credit", currency, paid, back))
    return Journal(postings=tuple(sides)), Money(currency=currency, minor=paid) if paid else None


def expire(credit: Credit) -> Journal:
    """Return what is left of a grant becoming breakage."""
    if credit.left == 0:
        return Journal()
    return Journal(
        postings=(
            posting("credit", credit.currency, -credit.left, credit.grant.grant),
            posting("breakage", credit.currency, credit.left),
        )
    )


def give_back(amount: Money, lowered: int, entry: str) -> Journal:
    """Return what was taken being given back: less is owed, and the rest is credit.

    Args:
        amount: How much.
        lowered: How much of it was owed still, in minor units.
        entry: Name of the grant that takes the rest.
    """
    currency, rest = amount.currency, amount.minor - lowered
    sides = [posting("revenue", currency, -amount.minor)]
    if lowered:
        sides.append(posting("receivable", currency, lowered))
    if rest:
        sides.append(posting("credit", currency, rest, entry))
    return Journal(postings=tuple(sides))


def _held(journal: Journal) -> Money | None:
    sides = [side.amount for side in journal.postings if side.account == "held"]
    return sides[0] if sides else None


# ---- the fold


def check(journal: Journal) -> None:
    """Go on if a group adds up to nothing in each currency.

    Raises:
        Unbalanced: If it does not.
    """
    sums: dict[str, int] = {}
    for side in journal.postings:
        sums[side.amount.currency] = sums.get(side.amount.currency, 0) + side.amount.minor
    if any(sums.values()):
        raise Unbalanced("the postings of a group do not add up to nothing")


def post(
    grants: Credits, balances: Balances, journal: Journal
) -> tuple[dict[str, Credit], dict[str, int]]:
    """Return grants and balances after a group; a posting on an unknown grant fails the fold.

    Raises:
        Unbalanced: If the group does not add up.
        KeyError: For a grant that is not there.
    """
    check(journal)
    after, sums = dict(grants), dict(balances)
    for side in journal.postings:
        if side.account == "credit":
            credit = after[side.entry]
            left = credit.left + side.amount.minor
            after[side.entry] = msgspec.structs.replace(credit, left=left)
        else:
            key = f"{side.account}:{side.amount.currency}"
            sums[key] = sums.get(key, 0) + side.amount.minor
    return after, sums


def spent_grants(grants: Credits, holds: Iterable[Journal]) -> set[str]:
    """Return the grants of which nothing is left and nothing can come back: they may be forgotten.

    Args:
        grants: Grants by name.
        holds: The groups of all open holds.
    """
    bound = {side.entry for journal in holds for side in journal.postings}
    return {name for name, credit in grants.items() if credit.left == 0 and name not in bound}
