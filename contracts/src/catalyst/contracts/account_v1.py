"""Messages of an Organization's account and of its subscriptions: version 1.

The account's id is the Organization's slug; a subscription's is `<application>.<environment>`. Each
event that moves money carries its journal group, whose postings add up to nothing.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Annotated, Final, Literal

import msgspec

from catalyst.contracts.message import END, Command, Event, Part, UtcTime
from catalyst.contracts.money_v1 import CurrencyCode, Money
from catalyst.contracts.prices_v1 import Quote, QuoteLine
from catalyst.contracts.values_v1 import Line, PlanHash, Reason

LedgerAccount = Literal["credit", "held", "revenue", "receivable", "breakage", "clearing"]
Source = Literal["voucher", "payment", "goodwill", "correction"]

EntryId = Annotated[
    str,
    msgspec.Meta(
        pattern=r"^[A-Za-z0-9_][A-Za-z0-9_-]{0,63}" + END,
        description="1 to 64 letters, digits, '-' or '_', not beginning with '-'",
        examples=["payment-2026-014"],
    ),
]
"""The name of a grant, a payment or a hold: whoever makes it chooses it, once."""
VoucherId = Annotated[
    str,
    msgspec.Meta(
        pattern=r"^[0-9a-f]{64}" + END,
        description="64 lower-case hexadecimal digits, as they are made of the code",
        examples=["2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae"],
    ),
]
ShownPrefix = Annotated[Line, msgspec.Meta(examples=["VCH-7QKD…"])]
Priority = Annotated[
    int,
    msgspec.Meta(ge=1, le=100, description="a number from 1 to 100", examples=[50]),
]
HoldMinutes = Annotated[
    int,
    msgspec.Meta(ge=1, le=43_200, description="a number of minutes up to 30 days", examples=[60]),
]

HOLD_MINUTES: Final = 1440
PRIORITY: Final = 50


# ---- the ledger


class Posting(Part, frozen=True, kw_only=True):
    """One side of a movement."""

    account: LedgerAccount
    """The account of the ledger that it is booked on."""
    entry: str = ""
    """The grant, of credit; the hold, of what is held; else empty."""
    amount: Money
    """What comes in; below zero what goes out."""


class Journal(Part, frozen=True, kw_only=True):
    """A group of postings that adds up to nothing in each currency: no money appears or is lost."""

    postings: tuple[Posting, ...] = ()
    """The postings of the group."""

    def __post_init__(self) -> None:
        """Refuse a group that does not add up."""
        sums: defaultdict[str, int] = defaultdict(int)
        for posting in self.postings:
            sums[posting.amount.currency] += posting.amount.minor
        if any(sums.values()):
            raise ValueError("the postings of a group do not add up to nothing")


class Grant(Part, frozen=True, kw_only=True):
    """Credit that came in: spent by priority, then by what expires first, then by age."""

    grant: str
    """Name of the grant."""
    amount: Money
    """How much came in."""
    source: Source
    """Where it came from."""
    priority: int
    """Which is spent first: the lower number."""
    expires: UtcTime | None = None
    """When what is left of it expires; null: never."""
    reason: str = ""
    """Why it was given, for people."""


# ---- commands


class HoldCredit(Command, frozen=True, kw_only=True):
    """Set credit aside for a change, until it is captured or released."""

    hold: EntryId
    """Name of the hold: the change's id."""
    plan_hash: PlanHash
    """Fingerprint of the plan that it belongs to."""
    quote: Quote
    """What the change costs, as billing quoted it."""
    minutes: HoldMinutes = HOLD_MINUTES
    """After how many minutes it is released by itself."""


class CaptureHold(Command, frozen=True, kw_only=True):
    """Take what was held, because the change is done; its subscriptions start."""

    hold: EntryId
    """Name of the hold."""
    revision: Annotated[Line, msgspec.Meta(examples=["3f2a9c1d"])]
    """The revision that was seen healthy."""


class ReleaseHold(Command, frozen=True, kw_only=True):
    """Give back what was held, because the change did not come about."""

    hold: EntryId
    """Name of the hold."""
    reason: Annotated[Line, msgspec.Meta(examples=["the change was cancelled"])]
    """Why, for whoever looks at it later."""


class RecordPayment(Command, frozen=True, kw_only=True):
    """Take note of money that came in, such as a bank transfer."""

    payment: EntryId
    """Name of the payment; the same one counts once."""
    amount: Money
    """How much came in."""
    reference: Annotated[Line, msgspec.Meta(examples=["Transfer 7781 of Acme"])]
    """What the bank statement calls it."""


class GrantCredit(Command, frozen=True, kw_only=True):
    """Give an Organization credit out of goodwill."""

    grant: EntryId
    """Name of the grant; the same one counts once."""
    amount: Money
    """How much is given."""
    reason: Reason
    """Why, for whoever looks at it later."""
    expires: UtcTime | None = None
    """When what is left of it expires; null: never."""
    priority: Priority = PRIORITY
    """Which credit is spent first: the lower number."""


class CreditVoucher(Command, frozen=True, kw_only=True):
    """Grant the credit of a reserved voucher; sent by the redemption."""

    redemption: EntryId
    """The redemption."""
    voucher: VoucherId
    """Id of the voucher."""
    prefix: ShownPrefix
    """The part of the code that may be shown."""
    amount: Money
    """What the voucher is worth."""
    expires: UtcTime | None = None
    """When what is left of it expires; null: never."""
    priority: Priority = PRIORITY
    """Which credit is spent first: the lower number."""


class SetCreditLimit(Command, frozen=True, kw_only=True):
    """Let the account go below zero by at most this much; zero: never."""

    limit: Money
    """How much may be owed."""


class SetSpendLimit(Command, frozen=True, kw_only=True):
    """Spend at most this much in a calendar month; each currency has a limit of its own."""

    limit: Money | None
    """The most that a month may cost in its currency; null: no limit."""
    currency: CurrencyCode | None = None
    """In which there is to be no limit any more; null: in none."""


class EndSubscription(Command, frozen=True, kw_only=True):
    """End what an Application in one Environment costs; its last month stays charged."""

    reason: Annotated[Line, msgspec.Meta(examples=["the change was cancelled"])]
    """Why, for whoever looks at it later."""
    hold: EntryId | None = None
    """Only what this hold paid for, unless it was bought again since; null: whatever there is."""


# ---- events of the account


class AccountOpened(Event, frozen=True, kw_only=True):
    """An Organization has an account."""

    organization: str
    """Slug of the Organization."""
    month: str = ""
    """The month in which it was opened: the first that may be invoiced."""


class AccountClosed(Event, frozen=True, kw_only=True):
    """The Organization is deleted: nothing is granted or held any more."""

    organization: str
    """Slug of the Organization."""


class CreditGranted(Event, frozen=True, kw_only=True):
    """Credit came in."""

    grant: Grant
    """The grant."""
    journal: Journal
    """The movement in the ledger."""
    gen: str = ""
    """Which arming of its expiry counts; empty: it never expires."""


class PaymentRecorded(Event, frozen=True, kw_only=True):
    """Money came in: first it settles what is owed, the rest is credit."""

    payment: str
    """Name of the payment."""
    amount: Money
    """How much came in."""
    reference: str
    """What the bank statement calls it."""
    settled: Money
    """How much of it settled what was owed."""
    journal: Journal
    """The movement in the ledger."""
    grant: Grant | None = None
    """The credit that it became; null: all of it settled what was owed."""


class GrantExpired(Event, frozen=True, kw_only=True):
    """What was left of a grant expired: it was time, or a closed account had its last invoice."""

    grant: str
    """Name of the grant."""
    journal: Journal
    """The movement in the ledger."""


class CreditHeld(Event, frozen=True, kw_only=True):
    """Credit is set aside for a change."""

    hold: str
    """Name of the hold."""
    plan_hash: str
    """Fingerprint of the plan that it belongs to."""
    quote: Quote
    """What the change costs, unchanged from the quote."""
    expires: UtcTime
    """When it is released by itself."""
    gen: str
    """Which arming of its deadline counts."""
    journal: Journal
    """The movement in the ledger."""
    month: str = ""
    """The month that it was quoted for, such as `2026-04`."""


class HoldCaptured(Event, frozen=True, kw_only=True):
    """What was held is taken."""

    hold: str
    """Name of the hold."""
    revision: str
    """The revision that was seen healthy."""
    amount: Money
    """How much was taken."""
    month: str
    """The calendar month that it pays for, such as `2026-04`."""
    subscriptions: tuple[str, ...]
    """Ids of the subscriptions that it pays for."""
    journal: Journal
    """The movement in the ledger."""
    owed: Money | None = None
    """What of it is owed still, and to be paid with the invoice; null: credit covered all."""
    taken: str = ""
    """The calendar month in which it was taken, if that is a later one; empty: the same."""


class HoldReleased(Event, frozen=True, kw_only=True):
    """What was held is given back."""

    hold: str
    """Name of the hold."""
    reason: str
    """Why it was released."""
    journal: Journal
    """The movement in the ledger; what expired meanwhile does not come back."""
    grant: Grant | None = None
    """Credit for what was to be owed and has been paid since; null: none was."""


class CreditLimitSet(Event, frozen=True, kw_only=True):
    """The account may go below zero by at most this much."""

    limit: Money
    """How much may be owed."""


class SpendLimitSet(Event, frozen=True, kw_only=True):
    """A calendar month may cost at most this much; each currency has a limit of its own."""

    limit: Money | None
    """The most that a month may cost in its currency; null: no limit."""
    currency: CurrencyCode | None = None
    """In which there is no limit any more; null: in none."""


class RedemptionAttempted(Event, frozen=True, kw_only=True):
    """Somebody entered the code of a voucher; too many of them in an hour are refused."""

    redemption: str
    """The redemption."""
    time: UtcTime
    """When it was."""


class SubscriptionRemoved(Event, frozen=True, kw_only=True):
    """On the account: a subscription of it ended."""

    subscription: str
    """Id of the subscription."""
    month: str = ""
    """The last month that is charged; empty: unknown."""


# ---- events of a subscription


class SubscriptionStarted(Event, frozen=True, kw_only=True):
    """An Application in one Environment costs something each month."""

    application: str
    """The Application."""
    environment: str
    """The Environment."""
    book: str
    """The price book that it was sold from."""
    version: str
    """The version of that price book."""
    lines: tuple[QuoteLine, ...]
    """What it costs each month."""
    month: str
    """The first month that is paid, such as `2026-04`."""
    hold: str
    """The hold that paid for it."""
    revision: str
    """The revision that was seen healthy."""


class SubscriptionChanged(Event, frozen=True, kw_only=True):
    """It costs something else from now on."""

    application: str
    """The Application."""
    environment: str
    """The Environment."""
    book: str
    """The price book that it was sold from."""
    version: str
    """The version of that price book."""
    lines: tuple[QuoteLine, ...]
    """What it costs each month from now on."""
    month: str
    """The month in which it changed, such as `2026-04`."""
    hold: str
    """The hold that paid for the difference."""
    revision: str
    """The revision that was seen healthy."""


class SubscriptionEnded(Event, frozen=True, kw_only=True):
    """It costs nothing any more; the month in which it ended stays charged."""

    application: str
    """The Application."""
    environment: str
    """The Environment."""
    month: str
    """The last month that is charged, such as `2026-04`."""
    reason: str
    """Why it ended."""
