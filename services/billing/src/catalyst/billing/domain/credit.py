"""What comes into an account: it is opened, paid into, given credit; and what is left expires.

Each grant has a name, and counts once: the same again changes nothing, another one of the same name
is refused.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, assert_never

from catalyst.billing.domain import (
    account,
    closing,
    holds,
    invoice,
    invoicing,
    ledger,
    owing,
    price_book,
    prices,
    spending,
    voucher,
)
from catalyst.billing.domain.account import Account
from catalyst.contracts import billing_v1 as bill1
from catalyst.contracts import environment_v1 as env1
from catalyst.contracts.account_v1 import PRIORITY
from catalyst.contracts.decision import Arm, Context, Decision, Emit, Fired, Recorded, emit
from catalyst.contracts.message import Answer
from catalyst.contracts.money_v1 import MAX_UNITS
from catalyst.contracts.rejection import Rejected
from catalyst.contracts.subjects import Claim, Ref

EXPIRY: Final = "expiry."
"""Timers of grants: this, and the grant's name."""


# ---- reactions


def correlate(recorded: Recorded) -> Ref | None:
    """Return the account of the Organization that an event is about."""
    slug = recorded.ref.organization
    return None if slug is None else account.ref_of(slug)


def react(state: Account, given: Recorded | Fired | Answer, context: Context) -> Decision:
    """Open or close the account with its Organization; let grants expire and holds run out."""
    match given:
        case Recorded(event=env1.OrganizationCreated()) if state.status == "absent":
            return _open(context)
        case Recorded(event=env1.OrganizationDeleted()) if state.status == "open":
            gone = bill1.AccountClosed(organization=context.ref.id)
            return emit(gone, timers=closing.soon(state))
        case Recorded() | Answer():
            return Decision()
        case Fired():
            if given.timer.startswith(EXPIRY):
                return _expire(state, given)
            if given.timer == invoicing.TIMER:
                return closing.close(state, context)
            if given.timer == closing.LAPSE:
                return closing.lapse(state)
            return holds.run_out(state, given, context)
        case _:
            assert_never(given)


def _open(context: Context) -> Decision:
    month = prices.month_of(context.now)
    opened = bill1.AccountOpened(organization=context.ref.id, month=month)
    return Decision(events=(Emit(opened),), timers=(invoicing.armed(month, context.now),))


def reads_closing(state: Account, given: Any, ref: Ref) -> Sequence[Ref | Claim]:
    """Name what an invoice is made of, when a month is closed; nothing else needs more."""
    if isinstance(given, Fired) and given.timer == invoicing.TIMER and state.due_month:
        return closing.reads(state, ref.id, state.due_month)
    return ()


def _expire(state: Account, given: Fired) -> Decision:
    credit = state.credits.get(given.timer.removeprefix(EXPIRY))
    if credit is None or credit.gen != given.gen or credit.left == 0:
        return Decision()
    return emit(bill1.GrantExpired(grant=credit.grant.grant, journal=ledger.expire(credit)))


# ---- rules


def grant_credit(state: Account, command: bill1.GrantCredit, context: Context) -> Decision:
    """Give credit out of goodwill.

    Raises:
        Rejected: `person-required`, `amount-invalid`, `expiry-past`, `expiry-far`, `grant-exists`,
            `currency-not-priced`, or as `account.require_open`.
    """
    account.require_person(context)
    account.require_open(state, context)
    account.require_positive(command.amount, "/data/amount/minor")
    if command.expires is not None and command.expires <= context.now:
        raise Rejected("expiry-past", "the credit would be expired", pointer="/data/expires")
    if command.expires is not None and command.expires > context.now + account.FARTHEST:
        message = f"credit expires within {account.FARTHEST.days} days, or never"
        raise Rejected("expiry-far", message, pointer="/data/expires")
    grant = bill1.Grant(
        grant=account.grant_name("goodwill", command.grant),
        amount=command.amount,
        source="goodwill",
        priority=command.priority,
        expires=account.in_utc(command.expires, "expiry-past", "/data/expires"),
        reason=command.reason,
    )
    if _known(state, grant.grant, account.grant_print(grant), "/data/grant"):
        return Decision()
    _require_of_use(state, command.amount.currency, context, "/data/amount/currency")
    return _grant(state, grant, context, "/data/grant")


def reads_prices(_state: Account, _command: object, _ref: Ref) -> Sequence[Ref | Claim]:
    """Name the price book, which says in which currencies anything is sold."""
    return (price_book.DEFAULT,)


def _require_of_use(state: Account, currency: str, context: Context, pointer: str) -> None:
    """Refuse money that could buy nothing and settle nothing, and a limit of such money.

    Raises:
        Rejected: `currency-not-priced`.
    """
    charged = any(one.currency == currency for one in state.renewals.values())
    if not charged and state.owed(currency) <= 0:
        book: price_book.PriceBook = context.reads[price_book.DEFAULT]
        price_book.require_priced(book, currency, context.now, pointer)


def reads_payment(state: Account, _command: bill1.RecordPayment, ref: Ref) -> Sequence[Ref | Claim]:
    """Name the price book, and the invoices that may be paid now."""
    return (price_book.DEFAULT, *(invoice.ref_of(ref.id, name) for name in state.open_invoices))


def record_payment(state: Account, command: bill1.RecordPayment, context: Context) -> Decision:
    """Take note of money that came in: it settles what is owed, and the rest is credit.

    A closed account may owe its last invoice, so it is paid as any other.

    Raises:
        Rejected: `person-required`, `amount-invalid`, `grant-exists`, `currency-not-priced`, or as
            `account.require_own`.
    """
    account.require_person(context)
    account.require_own(state, context)
    account.require_positive(command.amount, "/data/amount/minor")
    name = account.grant_name("payment", command.payment)
    print_ = account.fingerprint("payment", command.amount, command.reference)
    if _known(state, name, print_, "/data/payment"):
        return Decision()
    _require_of_use(state, command.amount.currency, context, "/data/amount/currency")
    owed = state.owed(command.amount.currency)
    journal, rest = ledger.payment(command.amount, owed, name)
    grant = None
    if rest.minor:
        _holdable(state, rest)
        grant = bill1.Grant(
            grant=name,
            amount=rest,
            source="payment",
            priority=PRIORITY,
            reason=command.reference,
        )
    recorded = bill1.PaymentRecorded(
        payment=command.payment,
        amount=command.amount,
        reference=command.reference,
        settled=command.amount.minus(rest),
        journal=journal,
        grant=grant,
    )
    _, paid = owing.settle(state.open_invoices, recorded.settled)
    settled = (
        Emit(bill1.InvoicePaid(payment=command.payment), invoice.ref_of(context.ref.id, name))
        for name in paid
    )
    return Decision(events=(Emit(recorded), *settled))


def reads_voucher(_state: Account, command: bill1.CreditVoucher, ref: Ref) -> Sequence[Ref | Claim]:
    """Name the voucher, so that its reservation holds at the moment of the grant."""
    return (voucher.ref_of(command.voucher),)


def credit_voucher(state: Account, command: bill1.CreditVoucher, context: Context) -> Decision:
    """Grant the credit of a voucher that keeps a redemption for this account.

    Raises:
        Rejected: `reservation-gone` if the voucher keeps none any more; `grant-exists`, or as
            `account.require_open`.
    """
    account.require_open(state, context)
    kept: voucher.Voucher = context.reads[voucher.ref_of(command.voucher)]
    grant = bill1.Grant(
        grant=voucher.grant_of(command.voucher),
        amount=command.amount,
        source="voucher",
        priority=command.priority,
        expires=command.expires,
        reason=f"voucher {command.prefix}",
    )
    if _known(state, grant.grant, account.grant_print(grant), "/data/voucher"):
        return Decision()
    if not kept.keeps(context.ref.id, command.redemption):
        raise Rejected("reservation-gone", "the voucher keeps no redemption for this account")
    return _grant(state, grant, context, "/data/voucher")


def set_credit_limit(state: Account, command: bill1.SetCreditLimit, context: Context) -> Decision:
    """Let the account go below zero, or never; in any currency, a limit is taken away by zero.

    Raises:
        Rejected: `person-required`, `amount-invalid`, `currency-not-priced`, or as
            `account.require_open`.
    """
    account.require_person(context)
    account.require_open(state, context)
    _not_negative(command.limit)
    if state.credit_limits.get(command.limit.currency, 0) == command.limit.minor:
        return Decision()
    if command.limit.minor:
        _require_of_use(state, command.limit.currency, context, "/data/limit/currency")
    return emit(bill1.CreditLimitSet(limit=command.limit))


def set_spend_limit(state: Account, command: bill1.SetSpendLimit, context: Context) -> Decision:
    """Bound what a calendar month may cost in one currency, or do so no more.

    Raises:
        Rejected: `amount-invalid`, `currency-mixed`, `currency-not-priced`, or as
            `account.require_open`.
    """
    account.require_open(state, context)
    limit, currency = command.limit, command.currency
    if limit is not None:
        _not_negative(limit)
        if currency not in {None, limit.currency}:
            message = f"a limit of {limit} is none in {currency}"
            raise Rejected("currency-mixed", message, pointer="/data/currency")
    if spending.changed(state.spend_limits, limit, currency) == state.spend_limits:
        return Decision()
    if limit is not None:
        _require_of_use(state, limit.currency, context, "/data/limit/currency")
    return emit(bill1.SpendLimitSet(limit=limit, currency=currency))


def _not_negative(limit: bill1.Money) -> None:
    if limit.minor < 0:
        raise Rejected("amount-invalid", "a limit is not below zero", pointer="/data/limit/minor")


def _grant(state: Account, grant: bill1.Grant, context: Context, pointer: str) -> Decision:
    if _known(state, grant.grant, account.grant_print(grant), pointer):
        return Decision()
    _holdable(state, grant.amount)
    timers: tuple[Any, ...] = ()
    if grant.expires is not None:
        after = grant.expires - context.now
        timers = (Arm(timer=f"{EXPIRY}{grant.grant}", after=after),)
    granted = bill1.CreditGranted(
        grant=grant, journal=ledger.grant(grant), gen=context.done_id if timers else ""
    )
    return Decision(events=(Emit(granted),), timers=timers)


def _holdable(state: Account, more: bill1.Money) -> None:
    """Refuse more credit than an amount can say.

    Raises:
        Rejected: `amount-invalid`.
    """
    left = sum(one.left for one in state.credits.values() if one.currency == more.currency)
    if left + more.minor > MAX_UNITS:
        most = bill1.Money(currency=more.currency, minor=MAX_UNITS)
        message = f"the account would have more than {most}"
        raise Rejected("amount-invalid", message, pointer="/data/amount/minor")


def _known(state: Account, name: str, print_: str, pointer: str) -> bool:
    """Return whether this very thing came in before.

    Raises:
        Rejected: `grant-exists` if another one of that name did.
    """
    before = state.known.get(name)
    if before is not None and before != print_:
        raise Rejected("grant-exists", f"another one is called {name!r}", pointer=pointer)
    return before is not None
