"""An account's credit as a child would keep it, in purses: held against every event of its log."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from catalyst.contracts import billing_v1 as bill1
from catalyst.contracts.decision import Recorded

_FAR = datetime(9999, 1, 1, tzinfo=UTC)


@dataclass
class Purse:
    """What is left of one grant."""

    currency: str
    priority: int
    expires: datetime | None
    left: int = 0

    def lapsed(self, now: datetime) -> bool:
        """Return whether nothing of it may be spent any more."""
        return self.expires is not None and self.expires <= now


class Purses:
    """All grants of an account, oldest first, and what came in and was lost by currency."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self.all: dict[str, Purse] = {}
        self.came: Counter[str] = Counter()
        self.lost: Counter[str] = Counter()

    def take(self, recorded: Recorded) -> None:
        """Follow one event of the account.

        Raises:
            AssertionError: If it spends, gives back or lets lapse what a child would not.
        """
        event, now = recorded.event, recorded.time
        for grant in (getattr(event, "grant", None), *getattr(event, "grants", ())):
            if isinstance(grant, bill1.Grant):
                currency = grant.amount.currency
                self.all[grant.grant] = Purse(currency, grant.priority, grant.expires)
        journal = getattr(event, "journal", None)
        if journal is None:
            return
        match event:
            case bill1.CreditGranted():
                self.came[event.grant.amount.currency] += event.grant.amount.minor
            case bill1.PaymentRecorded():
                self.came[event.amount.currency] += event.amount.minor
            case bill1.GrantExpired():
                purse = self.all[event.grant]
                self.lost[purse.currency] += purse.left
                purse.left = 0
                return
            case bill1.HoldReleased():
                self._lapses(journal, now)
            case _:
                pass
        self._move(journal, now)

    def _move(self, journal: bill1.Journal, now: datetime) -> None:
        moved: dict[str, Counter[str]] = {}
        for side in journal.postings:
            if side.account == "credit":
                of = moved.setdefault(side.amount.currency, Counter())
                of[side.entry] += side.amount.minor
        for currency, entries in moved.items():
            spent = {name: -minor for name, minor in entries.items() if minor < 0}
            assert spent == self._emptied(currency, sum(spent.values()), now)
            for name, minor in entries.items():
                self.all[name].left += minor

    def _lapses(self, journal: bill1.Journal, now: datetime) -> None:
        """What was set aside out of a purse that has lapsed is lost, and nothing else."""
        for side in journal.postings:
            if side.account == "breakage":
                assert any(
                    purse.lapsed(now) or not purse.left
                    for purse in self.all.values()
                    if purse.currency == side.amount.currency
                )
                self.lost[side.amount.currency] += side.amount.minor
            elif side.account == "credit":
                assert not self.all[side.entry].lapsed(now)

    def _emptied(self, currency: str, amount: int, now: datetime) -> dict[str, int]:
        """Return what of so much each purse gives: the first by priority, by expiry, by age."""
        open_ = [
            (name, purse)
            for name, purse in self.all.items()
            if purse.currency == currency and purse.left > 0 and not purse.lapsed(now)
        ]
        given = {}
        for name, purse in sorted(open_, key=lambda one: (one[1].priority, one[1].expires or _FAR)):
            if amount:
                given[name] = min(purse.left, amount)
                amount -= given[name]
        return given


def followed(events: Iterable[Recorded]) -> Purses:
    """Return the purses after all events of an account."""
    found = Purses()
    for one in events:
        found.take(one)
    return found
