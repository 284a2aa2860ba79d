"""A subscription: what an Application in one Environment costs each month."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, Literal

import msgspec

from catalyst.billing.domain import account, prices
from catalyst.contracts import billing_v1 as bill1
from catalyst.contracts.decision import Context, Decision, Emit
from catalyst.contracts.message import Event
from catalyst.contracts.money_v1 import Money, total, zero
from catalyst.contracts.prices_v1 import Quote, QuoteLine
from catalyst.contracts.rejection import Rejected
from catalyst.contracts.subjects import Claim, Ref

AGGREGATE: Final = "subscription"


TERMS_KEPT: Final = 12
"""Months with changes that stay in the state; an invoice looks back at one."""
BOUGHT_KEPT: Final = 120
"""Sales that stay in the state, beside all of the two months up to the last of them."""


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """What a whole month costs from the end of one month on."""

    month: str
    book: str
    version: str
    lines: tuple[QuoteLine, ...]
    """Nothing where it has ended."""


class Bought(msgspec.Struct, frozen=True, kw_only=True):
    """What a hold paid for in a month, beside what went on from the month before."""

    month: str
    hold: str
    book: str
    version: str
    lines: tuple[QuoteLine, ...]
    """What was sold."""
    before: Money | None
    """What was paid for the month already; None: nothing was."""


class Subscription(msgspec.Struct, frozen=True, kw_only=True):
    """What one Application in one Environment costs."""

    status: Literal["absent", "active", "ended"] = "absent"
    application: str = ""
    environment: str = ""
    lines: tuple[QuoteLine, ...] = ()
    terms: tuple[Terms, ...] = ()
    """By month, oldest first; one for each month in which something changed."""
    bought: tuple[Bought, ...] = ()
    """In the order in which it was sold."""

    @property
    def monthly(self) -> Money:
        """The price of a whole month."""
        if not self.lines:
            return zero("OMR")
        amounts = [line.amount for line in self.lines]
        return total(amounts[0].currency, amounts)

    def paid(self, month: str) -> Money | None:
        """Return what is paid for a month, or will be when it is closed; None: nothing.

        A month is charged whole and nothing is given back: the dearest of all that it had counts,
        whether it goes on or has ended.
        """
        terms = self.entering(month)
        each = [one.lines for one in self.bought if one.month == month]
        each += [terms.lines] if terms is not None else []
        sums = [
            total(lines[0].amount.currency, (x.amount for x in lines)) for lines in each if lines
        ]
        return max(sums, key=lambda one: one.minor, default=None)

    def currency(self, month: str) -> str:
        """Return the currency in which a month is charged; empty: it is not."""
        terms = self.entering(month)
        each = [] if terms is None else [terms.lines]
        each += [one.lines for one in self.bought if one.month == month]
        return next((lines[0].amount.currency for lines in each if lines), "")

    def entering(self, month: str) -> Terms | None:
        """Return what goes on from the month before; None if nothing does."""
        before = [one for one in self.terms if one.month < month]
        return before[-1] if before and before[-1].lines else None


def monthly(states: Iterable[Subscription], currency: str) -> Money:
    """Return what subscriptions that go on cost together each month, as far as in one currency."""
    each = [one.monthly for one in states if one.status == "active"]
    return total(currency, [one for one in each if one.currency == currency])


def ref_of(organization: str, name: str) -> Ref:
    """Return a subscription of an Organization."""
    return Ref(organization, account.SERVICE, AGGREGATE, name)


def sold(
    state: Subscription, name: str, quote: Quote, *, month: str, hold: str, revision: str
) -> bill1.SubscriptionStarted | bill1.SubscriptionChanged:
    """Return that something was sold: it starts, or costs something else from now on."""
    lines = tuple(
        line
        for line in quote.lines
        if prices.subscription_id(line.application, line.environment) == name
    )
    application, _, environment = name.partition(".")
    if state.status == "active":
        return bill1.SubscriptionChanged(
            application=application,
            environment=environment,
            book=quote.book,
            version=quote.version,
            lines=lines,
            month=month,
            hold=hold,
            revision=revision,
        )
    return bill1.SubscriptionStarted(
        application=application,
        environment=environment,
        book=quote.book,
        version=quote.version,
        lines=lines,
        month=month,
        hold=hold,
        revision=revision,
    )


def reads_account(
    _state: Subscription, _command: bill1.EndSubscription, ref: Ref
) -> Sequence[Ref | Claim]:
    """Name the account, which lists what costs something."""
    return (account.ref_of(ref.organization or ""),)


def end(state: Subscription, command: bill1.EndSubscription, context: Context) -> Decision:
    """End what an Application costs; one that has ended changes nothing.

    Nor does one that another hold than the named one paid for last.

    Raises:
        Rejected: `subscription-not-found`.
    """
    if state.status == "absent":
        raise Rejected("subscription-not-found", f"nothing is paid for {context.ref.id!r}")
    last = state.bought[-1].hold if state.bought else ""
    if state.status == "ended" or command.hold not in {None, last}:
        return Decision()
    ended = bill1.SubscriptionEnded(
        application=state.application,
        environment=state.environment,
        month=prices.month_of(context.now),
        reason=command.reason,
    )
    removed = bill1.SubscriptionRemoved(subscription=context.ref.id, month=ended.month)
    owner = account.ref_of(context.ref.organization or "")
    return Decision(events=(Emit(ended), Emit(removed, owner)))


def evolve(state: Subscription, event: Event) -> Subscription:
    """Fold one fact into the state. Total: any event at any state; unknown ones change nothing."""
    replace = msgspec.structs.replace
    match event:
        case bill1.SubscriptionStarted():
            return replace(
                _sold(state, event),
                status="active",
                application=event.application,
                environment=event.environment,
            )
        case bill1.SubscriptionChanged():
            return _sold(state, event)
        case bill1.SubscriptionEnded():
            terms = Terms(month=event.month, book="", version="", lines=())
            return replace(state, status="ended", terms=_with(state.terms, terms))
        case _:
            return state


def _sold(
    state: Subscription,
    event: bill1.SubscriptionStarted | bill1.SubscriptionChanged,
) -> Subscription:
    terms = Terms(month=event.month, book=event.book, version=event.version, lines=event.lines)
    sold = Bought(
        month=event.month,
        hold=event.hold,
        book=event.book,
        version=event.version,
        lines=event.lines,
        before=state.paid(event.month),
    )
    return msgspec.structs.replace(
        state,
        lines=event.lines,
        terms=_with(state.terms, terms),
        bought=(*_kept(state.bought, event.month), sold),
    )


def _kept(bought: tuple[Bought, ...], month: str) -> tuple[Bought, ...]:
    """Return what was sold, without the oldest that has been on its invoice for long."""
    old = len(bought) - BOUGHT_KEPT
    return tuple(
        one
        for place, one in enumerate(bought)
        if place > old or account.next_month(one.month) >= month
    )


def _with(terms: tuple[Terms, ...], latest: Terms) -> tuple[Terms, ...]:
    rest = tuple(one for one in terms if one.month != latest.month)
    return (*rest, latest)[-TERMS_KEPT:]
