"""A voucher: credit for whoever knows its code, once for each account and so often in all.

A redemption is reserved, the account grants the credit, and the reservation is confirmed. When its
deadline comes, it is confirmed if the account granted the credit and released if not; both read
each other under the broker's guard, so that no order of things grants more than the cap.

To a redeemer a voucher that is revoked, over, or not begun is the same as none.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final, assert_never

import msgspec

from catalyst.billing.domain import account, price_book
from catalyst.contracts import billing_v1 as bill1
from catalyst.contracts.decision import Arm, Cancel, Context, Decision, Emit, Fired, Recorded, emit
from catalyst.contracts.message import Answer, Event
from catalyst.contracts.money_v1 import Money
from catalyst.contracts.rejection import Rejected
from catalyst.contracts.subjects import Claim, Ref
from catalyst.contracts.voucher_v1 import (
    CODE_LENGTH,
    CODE_PREFIX,
    normalised,
    shown_prefix,
    voucher_id,
)

AGGREGATE: Final = "voucher"
RESERVATION: Final = "reservation."
"""Timers of reservations: this, and the Organization."""
KEPT_FOR: Final = timedelta(minutes=10)
"""How long a redemption is kept for an account that does not answer."""
DISTINCT: Final = 6
"""Characters of a code that must differ."""


class Reservation(msgspec.Struct, frozen=True, kw_only=True):
    """One redemption that is kept."""

    redemption: str
    gen: str


class Voucher(msgspec.Struct, frozen=True, kw_only=True):
    """One voucher."""

    status: str = "absent"
    """`absent`, `issued` or `revoked`."""
    prefix: str = ""
    amount: Money | None = None
    cap: int = 0
    starts: datetime | None = None
    ends: datetime | None = None
    credit_days: int | None = None
    priority: int = 0
    description: str = ""
    reserved: dict[str, Reservation] = {}
    """What is kept, by Organization."""
    redeemed: tuple[str, ...] = ()
    """Organizations that have redeemed it; as many as the cap at most."""

    def open_at(self, now: datetime) -> bool:
        """Return whether it may be redeemed at an instant, as far as it is not used up."""
        begun = self.starts is None or self.starts <= now
        return self.status == "issued" and begun and (self.ends is None or now < self.ends)

    @property
    def left(self) -> int:
        """How many more redemptions there may be."""
        return self.cap - len(self.redeemed) - len(self.reserved)

    def keeps(self, organization: str, redemption: str) -> bool:
        """Return whether it keeps this very redemption."""
        kept = self.reserved.get(organization)
        return kept is not None and kept.redemption == redemption


def ref_of(name: str) -> Ref:
    """Return the voucher with this id."""
    return Ref(None, account.SERVICE, AGGREGATE, name)


def grant_of(name: str) -> str:
    """Return the name of the grant that a voucher becomes on an account."""
    return account.grant_name("voucher", name[:32])


# ---- issue and revoke


def reads_prices(_state: Voucher, _command: bill1.IssueVoucher, _ref: Ref) -> Sequence[Ref | Claim]:
    """Name the price book, which says in which currencies anything is sold."""
    return (price_book.DEFAULT,)


def issue(state: Voucher, command: bill1.IssueVoucher, context: Context) -> Decision:
    """Issue a voucher under the id that its code makes. A code is never issued again.

    Raises:
        Rejected: `person-required`, `voucher-code-weak`, `subject-mismatch` if the id is not the
            code's, `amount-invalid`, `currency-not-priced`, `voucher-dates`, or `voucher-exists`.
    """
    account.require_person(context)
    require_strong(command.code)
    if context.ref != ref_of(voucher_id(command.code)):
        message = "the voucher's id is not the one that its code makes"
        raise Rejected("subject-mismatch", message, pointer="/subject")
    account.require_positive(command.amount, "/data/amount/minor")
    prices: price_book.PriceBook = context.reads[price_book.DEFAULT]
    currency = command.amount.currency
    price_book.require_priced(prices, currency, context.now, "/data/amount/currency")
    if command.ends is not None and command.ends <= context.now:
        raise Rejected("voucher-dates", "its end is past", pointer="/data/ends")
    if command.ends is not None and command.starts and command.ends <= command.starts:
        raise Rejected("voucher-dates", "it would be over before it begins", pointer="/data/ends")
    if command.ends is not None and command.ends > context.now + account.FARTHEST:
        message = f"it would be open for more than {account.FARTHEST.days} days"
        raise Rejected("voucher-dates", message, pointer="/data/ends")
    if state.status != "absent":
        raise Rejected("voucher-exists", "this code was issued before; take another one")
    return emit(
        bill1.VoucherIssued(
            prefix=shown_prefix(command.code),
            amount=command.amount,
            cap=command.cap,
            description=command.description,
            starts=account.in_utc(command.starts, "voucher-dates", "/data/starts"),
            ends=account.in_utc(command.ends, "voucher-dates", "/data/ends"),
            credit_days=command.credit_days,
            priority=command.priority,
        )
    )


def require_strong(code: str) -> None:
    """Refuse a code that can be guessed.

    Raises:
        Rejected: `voucher-code-weak`.
    """
    plain = normalised(code)
    if len(plain) < CODE_LENGTH or len(set(plain.removeprefix(CODE_PREFIX[:-1]))) < DISTINCT:
        raise Rejected(
            "voucher-code-weak",
            f"a code has at least {CODE_LENGTH} letters and digits, {DISTINCT} of them different",
            pointer="/data/code",
        )


def revoke(state: Voucher, command: bill1.RevokeVoucher, context: Context) -> Decision:
    """Let nobody redeem it any more; a revoked one again changes nothing.

    Raises:
        Rejected: `person-required` or `voucher-not-found`.
    """
    account.require_person(context)
    if state.status == "absent":
        raise _unknown()
    if state.status == "revoked":
        return Decision()
    return emit(bill1.VoucherRevoked(reason=command.reason))


def _unknown() -> Rejected:
    return Rejected("voucher-not-found", "there is no voucher with this code")


# ---- redemptions


def require_redeemable(state: Voucher, organization: str, now: datetime) -> Money:
    """Return what a voucher is worth to an Organization.

    Raises:
        Rejected: `voucher-redeemed` if it redeemed it; for any other reason `voucher-not-found`,
            so that nobody who tries codes learns which there are.
    """
    if not state.open_at(now) or state.amount is None:
        raise _unknown()
    if organization in state.redeemed or organization in state.reserved:
        raise Rejected("voucher-redeemed", "your Organization has redeemed this voucher")
    if state.left <= 0:
        raise _unknown()
    return state.amount


def reserve(state: Voucher, command: bill1.ReserveVoucher, context: Context) -> Decision:
    """Keep one redemption for an Organization; the same again changes nothing.

    Raises:
        Rejected: As `require_redeemable`.
    """
    if state.keeps(command.organization, command.redemption):
        return Decision()
    amount = require_redeemable(state, command.organization, context.now)
    days = state.credit_days
    reserved = bill1.VoucherReserved(
        organization=command.organization,
        redemption=command.redemption,
        prefix=state.prefix,
        amount=amount,
        deadline=context.now + KEPT_FOR,
        gen=context.done_id,
        expires=None if days is None else context.now + timedelta(days=days),
        priority=state.priority,
    )
    timer = Arm(timer=f"{RESERVATION}{command.organization}", after=KEPT_FOR)
    return Decision(events=(Emit(reserved),), timers=(timer,))


def confirm(state: Voucher, command: bill1.ConfirmVoucher, _context: Context) -> Decision:
    """Count a kept redemption for good; again changes nothing.

    Raises:
        Rejected: `reservation-gone`.
    """
    if command.organization in state.redeemed:
        return Decision()
    if not state.keeps(command.organization, command.redemption):
        raise Rejected("reservation-gone", "no redemption is kept for this Organization")
    return Decision(
        events=(Emit(_confirmed(command.organization, command.redemption)),),
        timers=(Cancel(f"{RESERVATION}{command.organization}"),),
    )


def reads_release(
    _state: Voucher, command: bill1.ReleaseVoucher, _ref: Ref
) -> Sequence[Ref | Claim]:
    """Name the account, which says whether the credit was granted."""
    return (account.ref_of(command.organization),)


def release(state: Voucher, command: bill1.ReleaseVoucher, context: Context) -> Decision:
    """Give a kept redemption back, or count it if its credit was granted; again changes nothing."""
    if not state.keeps(command.organization, command.redemption):
        return Decision()
    return Decision(
        events=(Emit(_settled(command.organization, command.redemption, command.reason, context)),),
        timers=(Cancel(f"{RESERVATION}{command.organization}"),),
    )


def _settled(
    organization: str, redemption: str, reason: str, context: Context
) -> bill1.VoucherConfirmed | bill1.VoucherReleased:
    owner: account.Account = context.reads[account.ref_of(organization)]
    if grant_of(context.ref.id) in owner.known:
        return _confirmed(organization, redemption)
    return bill1.VoucherReleased(organization=organization, redemption=redemption, reason=reason)


def _confirmed(organization: str, redemption: str) -> bill1.VoucherConfirmed:
    return bill1.VoucherConfirmed(organization=organization, redemption=redemption)


# ---- the deadline of a reservation


def correlate(_recorded: Recorded) -> Ref | None:
    """Return nothing: a voucher hears no events, only its own timers."""
    return None


def reads_firing(
    state: Voucher, given: Recorded | Fired | Answer, _ref: Ref
) -> Sequence[Ref | Claim]:
    """Name the account that a reservation is kept for."""
    if not isinstance(given, Fired):
        return ()
    organization = given.timer.removeprefix(RESERVATION)
    return (account.ref_of(organization),) if organization in state.reserved else ()


def react(state: Voucher, given: Recorded | Fired | Answer, context: Context) -> Decision:
    """Settle a reservation whose deadline has come."""
    match given:
        case Fired():
            organization = given.timer.removeprefix(RESERVATION)
            kept = state.reserved.get(organization)
            if kept is None or kept.gen != given.gen:
                return Decision()
            return emit(_settled(organization, kept.redemption, "timeout", context))
        case Recorded() | Answer():
            return Decision()
        case _:
            assert_never(given)


# ---- the fold


def evolve(state: Voucher, event: Event) -> Voucher:
    """Fold one fact into the state. Total: any event at any state; unknown ones change nothing."""
    replace = msgspec.structs.replace
    match event:
        case bill1.VoucherIssued():
            return replace(
                state,
                status="issued",
                prefix=event.prefix,
                amount=event.amount,
                cap=event.cap,
                starts=event.starts,
                ends=event.ends,
                credit_days=event.credit_days,
                priority=event.priority,
                description=event.description,
            )
        case bill1.VoucherRevoked():
            return replace(state, status="revoked")
        case bill1.VoucherReserved():
            kept = Reservation(redemption=event.redemption, gen=event.gen)
            return replace(state, reserved={**state.reserved, event.organization: kept})
        case bill1.VoucherConfirmed():
            return replace(
                state,
                reserved=_without(state, event.organization),
                redeemed=(*state.redeemed, event.organization),
            )
        case bill1.VoucherReleased():
            return replace(state, reserved=_without(state, event.organization))
        case _:
            return state


def _without(state: Voucher, organization: str) -> dict[str, Reservation]:
    return {name: kept for name, kept in state.reserved.items() if name != organization}
