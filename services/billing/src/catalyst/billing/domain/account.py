"""The account of an Organization: its state, and the fold of what happened to it.

The rules stand beside it: `credit.py` (what comes in), `holds.py` (what is spent).
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Literal

import msgspec

from catalyst.billing.domain import ledger, owing, renewals, spending
from catalyst.billing.domain.ledger import Credit
from catalyst.billing.domain.renewals import Renewals
from catalyst.contracts import billing_v1 as bill1
from catalyst.contracts.account_v1 import Journal, Source
from catalyst.contracts.decision import Context
from catalyst.contracts.message import Event
from catalyst.contracts.money_v1 import Money
from catalyst.contracts.prices_v1 import Quote
from catalyst.contracts.rejection import Rejected
from catalyst.contracts.subjects import Ref

SERVICE: Final = "billing"
AGGREGATE: Final = "account"

ENDED_MAX: Final = 1_000
"""Holds that ended and are still told apart; a repeat comes much sooner than so many others."""
FARTHEST: Final = timedelta(days=36_500)
"""How far away a time may be: the broker's clock ends in 2262, and what is beyond fires at once."""
ATTEMPTS_MAX: Final = 10
"""Codes that an Organization may enter in a window: thirty to the twelfth are there to guess."""
ATTEMPTS_WINDOW: Final = timedelta(hours=1)

Status = Literal["absent", "open", "closed"]


class Hold(msgspec.Struct, frozen=True, kw_only=True):
    """Credit that is set aside."""

    plan_hash: str
    quote: Quote
    expires: datetime
    gen: str
    journal: Journal
    """How it was set aside; its reversal follows it."""
    month: str = ""
    """The month that it was quoted for."""


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """The account of one Organization."""

    status: Status = "absent"
    credits: dict[str, Credit] = {}
    """Grants of which something is left, or may come back, by name."""
    balances: dict[str, int] = {}
    """Minor units by `<account>:<currency>`, of all accounts but credit."""
    holds: dict[str, Hold] = {}
    """What is set aside, by the hold's name."""
    ended: dict[str, Literal["captured", "released"]] = {}
    """How the latest holds ended, oldest first."""
    known: dict[str, str] = {}
    """Fingerprint of each grant and payment that ever came in, by name."""
    granted: int = 0
    """How many grants came in."""
    credit_limits: dict[str, int] = {}
    """How much may be owed, by currency."""
    spend_limits: spending.Limits = {}
    month: str = ""
    """The calendar month that `spent` is about."""
    spent: dict[str, int] = {}
    """What was taken in that month, by currency."""
    attempts: tuple[datetime, ...] = ()
    """When codes of vouchers were entered, oldest first; no more than count."""
    subscriptions: tuple[str, ...] = ()
    """Ids of what costs something each month, sorted."""
    renewals: Renewals = {}
    """What goes on from month to month, by subscription."""
    removed: dict[str, str] = {}
    """The last month on whose invoice each subscription may be that has ended, until then."""
    due_month: str = ""
    """The month that is closed next; empty: none is."""
    closing: str | None = None
    """The last subscription that is drafted of a month with much in it; null: none is closed."""
    later: dict[str, str] = {}
    """Holds that were captured for a month that was closed already, and the invoice they are on."""
    open_invoices: dict[str, dict[str, int]] = {}
    """Minor units that are to be paid by currency, by invoice, oldest first."""
    unpaid: owing.Unpaid = {}
    """What is owed of orders that stand on no invoice yet, by the hold, oldest first."""

    @property
    def first_open(self) -> str:
        """The first month whose invoice takes whatever is ordered now."""
        return self.due_month if self.closing is None else next_month(self.due_month)

    def owed(self, currency: str) -> int:
        """Return how much is owed, in minor units."""
        return -ledger.balance(self.balances, "receivable", currency)

    def not_invoiced(self, currency: str) -> int:
        """Return how much is owed that is on no invoice, in minor units: of orders and of holds."""
        invoices = sum(one.get(currency, 0) for one in self.open_invoices.values())
        return max(0, self.owed(currency) - invoices)

    def headroom(self, currency: str) -> int:
        """Return how much more may be owed, in minor units."""
        return max(0, self.credit_limits.get(currency, 0) - self.owed(currency))

    def renewed(self, month: str, currency: str) -> int:
        """Return what went on into a month, in minor units, whether or not it is invoiced yet."""
        return renewals.of_month(self.renewals, month, currency)

    def available(self, currency: str, now: datetime) -> Money:
        """Return what can be spent now; of a closed account's credit nothing is, but invoiced."""
        if self.status == "closed":
            return Money(currency=currency, minor=0)
        return ledger.available(self.credits, currency, now, headroom=self.headroom(currency))


def ref_of(organization: str) -> Ref:
    """Return the account of an Organization."""
    return Ref(organization, SERVICE, AGGREGATE, organization)


def require_open(state: Account, context: Context) -> None:
    """Refuse what needs an open account, addressed under its own Organization.

    Raises:
        Rejected: `subject-mismatch`, `account-not-found` or `account-closed`.
    """
    ref = context.ref
    if ref.organization != ref.id:
        raise Rejected("subject-mismatch", "an account is addressed under its own Organization")
    require_account(state, ref.id)


def require_own(state: Account, context: Context) -> None:
    """Refuse what needs an account, open or closed, addressed under its own Organization.

    Raises:
        Rejected: `subject-mismatch` or `account-not-found`.
    """
    if context.ref.organization == context.ref.id and state.status == "closed":
        return
    require_open(state, context)


def require_account(state: Account, organization: str) -> None:
    """Refuse an Organization without an open account.

    Raises:
        Rejected: `account-not-found` or `account-closed`.
    """
    if state.status == "absent":
        raise Rejected("account-not-found", f"the Organization {organization!r} has no account")
    if state.status == "closed":
        raise Rejected("account-closed", f"the account of {organization!r} is closed")


def require_person(context: Context) -> None:
    """Refuse whoever is not a person with a verified token.

    Raises:
        Rejected: `person-required`.
    """
    if not context.actor.proven or context.actor.service is not None:
        raise Rejected("person-required", "only a person who has signed in may do this")


def require_positive(amount: Money, pointer: str) -> None:
    """Refuse nothing, and less than nothing.

    Raises:
        Rejected: `amount-invalid`.
    """
    if amount.minor <= 0:
        raise Rejected("amount-invalid", f"{amount} is not more than nothing", pointer=pointer)


def in_utc(time: datetime | None, code: str, pointer: str) -> datetime | None:
    """Return an instant as the log writes it, whatever zone somebody wrote it in; None is None.

    Raises:
        Rejected: With `code`, if it is outside the years that there are.
    """
    try:
        return None if time is None else time.astimezone(UTC)
    except OverflowError as error:
        raise Rejected(code, "it is outside the years that there are", pointer=pointer) from error


def fingerprint(*content: Any) -> str:
    """Return the fingerprint by which a repeat is told from another thing of the same name."""
    return hashlib.sha256(msgspec.json.encode(content, order="sorted")).hexdigest()[:16]


def grant_print(grant: bill1.Grant) -> str:
    """Return the fingerprint of a grant."""
    return fingerprint(grant.source, grant.amount, grant.expires, grant.priority, grant.reason)


def grant_name(source: Source, name: str) -> str:
    """Return the name of a grant; those of different sources never meet."""
    return f"{source}-{name}"


def attempts_since(state: Account, now: datetime) -> tuple[datetime, ...]:
    """Return when codes were entered, as far as it still counts."""
    return tuple(time for time in state.attempts if now - time < ATTEMPTS_WINDOW)


# ---- the fold


def evolve(state: Account, event: Event) -> Account:
    """Fold one fact into the state.

    Raises:
        ledger.Unbalanced: For a group that does not add up: then nothing is decided any more.
    """
    replace = msgspec.structs.replace
    match event:
        case bill1.AccountOpened():
            return replace(state, status="open", due_month=event.month)
        case bill1.AccountClosed():
            return replace(state, status="closed")
        case bill1.CreditLimitSet(limit=limit):
            limits = {**state.credit_limits, limit.currency: limit.minor}
            return replace(state, credit_limits=limits)
        case bill1.SpendLimitSet():
            limits = spending.changed(state.spend_limits, event.limit, event.currency)
            return replace(state, spend_limits=limits)
        case bill1.RedemptionAttempted():
            attempts = (*state.attempts, event.time)[-ATTEMPTS_MAX:]
            return replace(state, attempts=attempts)
        case bill1.MonthPartClosed():
            return replace(state, closing=event.after)
        case bill1.SubscriptionRemoved():
            rest = tuple(one for one in state.subscriptions if one != event.subscription)
            # What was ordered since its lines were drafted stands on the next invoice.
            month = max(event.month, state.first_open)
            removed = {**state.removed, event.subscription: month}
            left = renewals.changed(state.renewals, event.subscription, event.month, None)
            return replace(state, subscriptions=rest, removed=removed, renewals=left)
        case _:
            return _moved(state, event)


def _moved(state: Account, event: Event) -> Account:
    """Fold a movement of money."""
    match event:
        case bill1.CreditGranted():
            return _booked(_granted(state, event.grant, event.gen), event.journal)
        case bill1.PaymentRecorded():
            return _fitted(_booked(_paid(state, event), event.journal))
        case bill1.MonthClosed():
            return _tidy(_booked(_month_over(state, event), event.journal))
        case bill1.GrantExpired():
            return _tidy(_booked(state, event.journal))
        case bill1.InvoiceReversed():
            return _fitted(_tidy(_booked(_reversed(state, event), event.journal)))
        case bill1.CreditHeld():
            return _booked(_holding(state, event), event.journal)
        case bill1.HoldCaptured():
            return _fitted(_tidy(_booked(_captured(state, event), event.journal)))
        case bill1.HoldReleased():
            state = _ended(state, event.hold, "released")
            if event.grant is not None:
                state = _granted(state, event.grant, "")
            return _fitted(_tidy(_booked(state, event.journal)))
        case _:
            return state


def _paid(state: Account, event: bill1.PaymentRecorded) -> Account:
    if event.grant is not None:
        state = _granted(state, event.grant, "")
    name = grant_name("payment", event.payment)
    print_ = fingerprint("payment", event.amount, event.reference)
    settled, _ = owing.settle(state.open_invoices, event.settled)
    return msgspec.structs.replace(
        state, known={**state.known, name: print_}, open_invoices=settled
    )


def _month_over(state: Account, event: bill1.MonthClosed) -> Account:
    open_invoices = dict(state.open_invoices)
    rest = {amount.currency: amount.minor for amount in event.open if amount.minor}
    if rest:
        open_invoices[event.invoice] = rest
    return msgspec.structs.replace(
        state,
        open_invoices=open_invoices,
        removed={name: month for name, month in state.removed.items() if month > event.month},
        renewals=renewals.tidied(state.renewals, event.month),
        closing=None,
        unpaid={hold: one for hold, one in state.unpaid.items() if one.month > event.month},
        later={hold: month for hold, month in state.later.items() if month > event.month},
        due_month=next_month(event.month),
    )


def _reversed(state: Account, event: bill1.InvoiceReversed) -> Account:
    for grant in event.grants:
        state = _granted(state, grant, "")
    return msgspec.structs.replace(state, open_invoices=owing.lowered(state.open_invoices, event))


def next_month(month: str) -> str:
    """Return the month after one."""
    year, number = int(month[:4]), int(month[5:])
    return f"{year + number // 12:04d}-{number % 12 + 1:02d}"


def _granted(state: Account, grant: bill1.Grant, gen: str) -> Account:
    credit = Credit(grant=grant, left=0, order=state.granted, gen=gen)
    return msgspec.structs.replace(
        state,
        credits={**state.credits, grant.grant: credit},
        known={**state.known, grant.grant: grant_print(grant)},
        granted=state.granted + 1,
    )


def _holding(state: Account, event: bill1.CreditHeld) -> Account:
    hold = Hold(
        plan_hash=event.plan_hash,
        quote=event.quote,
        expires=event.expires,
        gen=event.gen,
        journal=event.journal,
        month=event.month,
    )
    return msgspec.structs.replace(state, holds={**state.holds, event.hold: hold})


def _captured(state: Account, event: bill1.HoldCaptured) -> Account:
    goes_on = dict(state.renewals)
    hold = state.holds.get(event.hold)
    for name, amount in renewals.monthly(hold.quote).items() if hold is not None else ():
        goes_on = renewals.changed(goes_on, name, event.month, amount)
    state = _ended(state, event.hold, "captured")
    # What was quoted for a month that is over counts in the one that runs.
    month = max(state.month, event.taken or event.month)
    spent = dict(state.spent) if state.month == month else {}
    currency = event.amount.currency
    spent[currency] = spent.get(currency, 0) + event.amount.minor
    subscriptions = tuple(sorted({*state.subscriptions, *event.subscriptions}))
    later = state.later
    if event.month < state.first_open:
        later = {**later, event.hold: state.first_open}
    unpaid = state.unpaid
    if event.owed is not None:
        on = later.get(event.hold, event.month)
        unpaid = {**unpaid, event.hold: owing.Order(amount=event.owed, month=on)}
    return msgspec.structs.replace(
        state,
        unpaid=unpaid,
        month=month,
        spent=spent,
        subscriptions=subscriptions,
        renewals=goes_on,
        later=later,
    )


def _ended(state: Account, name: str, how: Literal["captured", "released"]) -> Account:
    holds = {hold: value for hold, value in state.holds.items() if hold != name}
    ended = {**state.ended, name: how}
    for oldest in list(ended)[: max(0, len(ended) - ENDED_MAX)]:
        del ended[oldest]
    return msgspec.structs.replace(state, holds=holds, ended=ended)


def _booked(state: Account, journal: Journal) -> Account:
    credits_, balances = ledger.post(state.credits, state.balances, journal)
    return msgspec.structs.replace(state, credits=credits_, balances=balances)


def _fitted(state: Account) -> Account:
    owed = {one.amount.currency: state.owed(one.amount.currency) for one in state.unpaid.values()}
    return msgspec.structs.replace(
        state, unpaid=owing.fitted(state.unpaid, owed, state.open_invoices)
    )


def _tidy(state: Account) -> Account:
    gone = ledger.spent_grants(state.credits, (hold.journal for hold in state.holds.values()))
    if not gone:
        return state
    rest = {name: credit for name, credit in state.credits.items() if name not in gone}
    return msgspec.structs.replace(state, credits=rest)
