"""A redemption: from a code to credit on the account.

`reserve` (the voucher keeps a redemption) → `credit` (the account grants) → `confirm` (the voucher
counts it). Refused at a step, what was kept is given back. The voucher itself bounds how long it
keeps something; this process bounds how long it waits for the voucher to begin.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final, Literal, assert_never

import msgspec

from catalyst.billing.domain import account, voucher
from catalyst.contracts import billing_v1 as bill1
from catalyst.contracts.decision import Arm, Cancel, Context, Decision, Emit, Fired, Recorded, Send
from catalyst.contracts.message import Answer, Event, derived_id
from catalyst.contracts.rejection import Rejected
from catalyst.contracts.subjects import Claim, Ref
from catalyst.contracts.voucher_v1 import voucher_id

AGGREGATE: Final = "redemption"
DEADLINE: Final = "deadline"
RESERVE_TIME: Final = timedelta(minutes=2)
"""How long the voucher may take to answer."""

Step = Literal["absent", "reserve", "credit", "completed", "failed"]


class Redemption(msgspec.Struct, frozen=True, kw_only=True):
    """Where one redemption is."""

    step: Step = "absent"
    voucher: str = ""
    asked: str = ""
    """Id of the command whose answer is awaited."""
    gen: str = ""


def ref_of(organization: str, name: str) -> Ref:
    """Return a redemption of an Organization."""
    return Ref(organization, account.SERVICE, AGGREGATE, name)


# ---- the command


def reads_account(
    _state: Redemption, _command: bill1.RedeemVoucher, ref: Ref
) -> Sequence[Ref | Claim]:
    """Name the account, which counts how often codes are entered."""
    return (account.ref_of(ref.organization or ""),)


def redeem(state: Redemption, command: bill1.RedeemVoucher, context: Context) -> Decision:
    """Begin to redeem a code; the same again changes nothing.

    Whether there is such a voucher is found out by the process, so that a wrong code counts.

    Raises:
        Rejected: `person-required`, `rate-limited` for too many codes in an hour,
            `redemption-exists`, `account-not-found` or `account-closed`.
    """
    account.require_person(context)
    name = voucher_id(command.code)
    if state.step != "absent":
        if state.voucher == name:
            return Decision()
        raise Rejected("redemption-exists", f"another redemption is called {context.ref.id!r}")
    organization = context.ref.organization or ""
    owner: account.Account = context.reads[account.ref_of(organization)]
    account.require_account(owner, organization)
    entered = account.attempts_since(owner, context.now)
    if len(entered) >= account.ATTEMPTS_MAX:
        raise _too_many(entered[0] + account.ATTEMPTS_WINDOW, context.now)
    started = bill1.RedemptionStarted(
        voucher=name,
        deadline=context.now + RESERVE_TIME,
        gen=context.done_id,
        asked=_sent(context),
    )
    attempted = bill1.RedemptionAttempted(redemption=context.ref.id, time=context.now)
    ask = bill1.ReserveVoucher(organization=organization, redemption=context.ref.id)
    return Decision(
        events=(Emit(started), Emit(attempted, account.ref_of(organization))),
        timers=(Arm(timer=DEADLINE, after=RESERVE_TIME),),
        commands=(Send(ref=voucher.ref_of(name), command=ask),),
    )


def _too_many(free: datetime, now: datetime) -> Rejected:
    """Return that no code is taken before an instant, told to the second in which it is."""
    minutes = -(-(free - now) // timedelta(minutes=1))
    at = (free + timedelta(microseconds=999_999)).astimezone(UTC)
    told = f"the next one is taken in {minutes} min, at {at:%Y-%m-%dT%H:%M:%SZ}"
    return Rejected("rate-limited", f"too many codes were entered; {told}")


def _sent(context: Context) -> str:
    """Return the id of the first command that a decision sends."""
    return derived_id(context.done_id, "out0")


# ---- reactions


def correlate(recorded: Recorded) -> Ref | None:
    """Return the redemption that an event of a voucher is about."""
    match recorded.event:
        case (
            bill1.VoucherReserved(organization=organization, redemption=name)
            | bill1.VoucherConfirmed(organization=organization, redemption=name)
            | bill1.VoucherReleased(organization=organization, redemption=name)
        ):
            return ref_of(organization, name)
        case _:
            return None


def react(state: Redemption, given: Recorded | Fired | Answer, context: Context) -> Decision:
    """Take the next step after an event of the voucher, an answer or the deadline."""
    match given:
        case Recorded():
            return _hear(state, given, context)
        case Answer():
            return _answered(state, given, context)
        case Fired():
            if state.step != "reserve" or given.gen != state.gen:
                return Decision()
            return _fail(state, "timeout", context, _back(state, "timeout", context))
        case _:
            assert_never(given)


def _hear(state: Redemption, given: Recorded, context: Context) -> Decision:
    if given.ref.id != state.voucher:
        return Decision()
    match given.event:
        case bill1.VoucherReserved() if state.step == "reserve":
            return _credit(state, given.event, context)
        case bill1.VoucherReserved() if state.step == "failed":
            return Decision(commands=_back(state, "the redemption had failed", context))
        case bill1.VoucherConfirmed() if state.step != "completed":
            completed = bill1.RedemptionCompleted(input=context.input_id)
            return Decision(events=(Emit(completed),))
        case bill1.VoucherReleased(reason=reason) if state.step not in {"completed", "failed"}:
            return _fail(state, reason or "timeout", context)
        case _:
            return Decision()


def _credit(state: Redemption, kept: bill1.VoucherReserved, context: Context) -> Decision:
    reserved = bill1.RedemptionReserved(
        amount=kept.amount, prefix=kept.prefix, asked=_sent(context), input=context.input_id
    )
    ask = bill1.CreditVoucher(
        redemption=context.ref.id,
        voucher=state.voucher,
        prefix=kept.prefix,
        amount=kept.amount,
        expires=kept.expires,
        priority=kept.priority,
    )
    owner = account.ref_of(context.ref.organization or "")
    return Decision(
        events=(Emit(reserved),),
        timers=(Cancel(DEADLINE),),
        commands=(Send(ref=owner, command=ask),),
    )


def _answered(state: Redemption, given: Answer, context: Context) -> Decision:
    if given.command_id != state.asked:
        return Decision()
    if state.step == "reserve" and given.status == "rejected":
        return _fail(state, given.code, context)
    if state.step != "credit":
        return Decision()
    if given.status == "rejected":
        return Decision(commands=_back(state, given.code, context))
    ask = bill1.ConfirmVoucher(
        organization=context.ref.organization or "", redemption=context.ref.id
    )
    return Decision(commands=(Send(ref=voucher.ref_of(state.voucher), command=ask),))


def _back(state: Redemption, reason: str, context: Context) -> tuple[Send, ...]:
    ask = bill1.ReleaseVoucher(
        organization=context.ref.organization or "", redemption=context.ref.id, reason=reason
    )
    return (Send(ref=voucher.ref_of(state.voucher), command=ask),)


def _fail(
    state: Redemption, code: str, context: Context, commands: tuple[Send, ...] = ()
) -> Decision:
    failed = bill1.RedemptionFailed(code=code, input=context.input_id)
    timers = (Cancel(DEADLINE),) if state.step == "reserve" and code != "timeout" else ()
    return Decision(events=(Emit(failed),), timers=timers, commands=commands)


# ---- the fold


def evolve(state: Redemption, event: Event) -> Redemption:
    """Fold one fact into the state. Total: any event at any state; unknown ones change nothing."""
    replace = msgspec.structs.replace
    match event:
        case bill1.RedemptionStarted():
            return Redemption(
                step="reserve", voucher=event.voucher, asked=event.asked, gen=event.gen
            )
        case bill1.RedemptionReserved():
            return replace(state, step="credit", asked=event.asked)
        case bill1.RedemptionCompleted():
            return replace(state, step="completed", asked="")
        case bill1.RedemptionFailed():
            return replace(state, step="failed", asked="")
        case _:
            return state
