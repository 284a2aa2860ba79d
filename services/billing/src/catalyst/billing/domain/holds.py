"""Spending: credit is held for a change, captured when it is healthy, released when it is not.

A hold carries the quote that the person saw. It is made again from the price book and refused if a
single line differs, so that what was shown, what is held and what is taken are the same.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, Final

from catalyst.billing.domain import (
    account,
    closing,
    ledger,
    limit,
    price_book,
    prices,
    subscription,
)
from catalyst.billing.domain.account import Account, Hold
from catalyst.billing.domain.change import Change, change_ref
from catalyst.billing.domain.subscription import Subscription
from catalyst.contracts import billing_v1 as bill1
from catalyst.contracts.account_v1 import PRIORITY
from catalyst.contracts.decision import Arm, Cancel, Context, Decision, Emit, Fired, emit
from catalyst.contracts.message import FieldError
from catalyst.contracts.money_v1 import Money
from catalyst.contracts.prices_v1 import Item, Quote
from catalyst.contracts.rejection import Rejected
from catalyst.contracts.subjects import Claim, Ref

DEADLINE: Final = "hold."
"""Timers of holds: this, and the hold's name."""
MOST_OPEN: Final = 500
"""Holds that may be open at once, so that an account stays quick to read."""


def reads_hold(state: Account, command: bill1.HoldCredit, ref: Ref) -> Sequence[Ref | Claim]:
    """Name the price book, what is paid already, and what was used if that is limited."""
    paid = _subscriptions(ref, command.quote.items)
    return (price_book.DEFAULT, *paid, *limit.refs_of(state, ref.id))


def hold_credit(state: Account, command: bill1.HoldCredit, context: Context) -> Decision:
    """Set credit aside for a change; the same hold again changes nothing.

    Raises:
        Rejected: `quote-mismatch` if the price book says anything else than the quote;
            `credit-insufficient`, `spend-limit-reached`, `prices-unavailable`, `hold-exists`,
            `hold-ended`, `holds-too-many`, or as `prices.quote` and `account.require_open`.
    """
    account.require_open(state, context)
    before = state.holds.get(command.hold)
    if before is not None:
        if (before.plan_hash, before.quote) == (command.plan_hash, command.quote):
            return Decision()
        raise Rejected("hold-exists", f"another hold is called {command.hold!r}")
    if command.hold in state.ended:
        raise Rejected("hold-ended", f"the hold {command.hold!r} was {state.ended[command.hold]}")
    if len(state.holds) >= MOST_OPEN:
        raise Rejected("holds-too-many", f"{MOST_OPEN} holds are open; wait until some have ended")
    _require_alone(state, command.quote.items)
    due = _confirmed(command.quote, context)
    _within_limit(state, due, context)
    try:
        journal = ledger.hold(
            state.credits,
            due,
            context.now,
            entry=command.hold,
            headroom=state.headroom(due.currency),
        )
    except ledger.Shortage as error:
        message = f"{due} is due, and {error.available} is available"
        raise Rejected("credit-insufficient", message) from error
    wait = timedelta(minutes=command.minutes)
    held = bill1.CreditHeld(
        hold=command.hold,
        plan_hash=command.plan_hash,
        quote=command.quote,
        expires=context.now + wait,
        gen=context.done_id,
        journal=journal,
        month=prices.month_of(context.now),
    )
    timer = Arm(timer=f"{DEADLINE}{command.hold}", after=wait)
    return Decision(events=(Emit(held),), timers=(timer,))


def _require_alone(state: Account, items: Sequence[Item]) -> None:
    """Refuse a second open hold for a subscription: what is due knows nothing of the first.

    Raises:
        Rejected: `hold-exists`.
    """
    wanted = {prices.subscription_id(item.application, item.environment) for item in items}
    for name, hold in state.holds.items():
        for item in hold.quote.items:
            one = prices.subscription_id(item.application, item.environment)
            if one in wanted:
                message = f"the hold {name!r} is open for {one}: it has to end first"
                raise Rejected("hold-exists", message, pointer="/data/quote/items")


def _confirmed(quote: Quote, context: Context) -> Money:
    """Return what is due, once the price book has said the same as the quote.

    Raises:
        Rejected: `quote-mismatch`, or as `prices.quote`.
    """
    book = prices.in_force(context.reads[price_book.DEFAULT].versions, context.now)
    if (quote.book, quote.version) != (book.book, book.version):
        message = (
            f"the quote is of {quote.book} {quote.version}, and {book.book} {book.version} is in"
            " force: plan it again"
        )
        raise Rejected("quote-mismatch", message, pointer="/data/quote/version")
    month = prices.month_of(context.now)
    paid = paid_for(quote.items, context.ref.id, month, context.reads)
    fresh = prices.quote(book, quote.items, quote.total.currency, paid, "/data/quote")
    errors = [
        FieldError(
            pointer=f"/data/quote/{name}",
            rule="quote-mismatch",
            message=f"the price book says {after}, the quote says {before}",
        )
        for name, before, after in (
            ("lines", f"{len(quote.lines)} lines", f"{len(fresh.lines)} other lines"),
            ("total", quote.total, fresh.total),
            ("due", quote.due, fresh.due),
        )
        if getattr(quote, name) != getattr(fresh, name)
    ]
    if errors:
        message = "the quote is not what the price book says: plan it again"
        if (quote.lines, quote.total) == (fresh.lines, fresh.total):
            message = _moved(quote.due, fresh.due, month)
        raise Rejected("quote-mismatch", message, errors)
    return fresh.due


def _moved(quoted: Money, due: Money, month: str) -> str:
    """Return why the same prices make something else due; what is bought only ever lowers that."""
    why = "more of it is paid by now"
    if due.minor > quoted.minor:
        why = "what was paid for a month before counts for that month alone"
    return f"{quoted} was quoted as due, and {due} is due in {month}: {why}; plan it again"


def paid_for(
    items: Sequence[Item], organization: str, month: str, states: Mapping[Ref, Any]
) -> dict[str, Money]:
    """Return what is paid already for a month, by the subscription's id."""
    found: dict[str, Money] = {}
    for item in items:
        name = prices.subscription_id(item.application, item.environment)
        state: Subscription = states[subscription.ref_of(organization, name)]
        paid = state.paid(month)
        if paid is not None:
            found[name] = paid
    return found


def _subscriptions(ref: Ref, items: Sequence[Item]) -> list[Ref]:
    names = (prices.subscription_id(item.application, item.environment) for item in items)
    return [subscription.ref_of(ref.id, name) for name in dict.fromkeys(names)]


def _within_limit(state: Account, due: Money, context: Context) -> None:
    month = prices.month_of(context.now)
    message = limit.refusal(state, due, context.ref.id, month, context.reads)
    if message:
        raise Rejected("spend-limit-reached", message)


# ---- the end of a hold


def reads_capture(state: Account, command: bill1.CaptureHold, ref: Ref) -> Sequence[Ref | Claim]:
    """Name its change, the subscriptions that start or change, and what was used if limited."""
    hold = state.holds.get(command.hold)
    if hold is None:
        return ()
    subscriptions = _subscriptions(ref, hold.quote.items)
    return (change_ref(ref.id, command.hold), *subscriptions, *limit.refs_of(state, ref.id))


def capture_hold(state: Account, command: bill1.CaptureHold, context: Context) -> Decision:
    """Take what was held, and start its subscriptions; a captured one again changes nothing.

    The change is read and guarded: nothing is taken for one that gave up, however late it is asked.

    Raises:
        Rejected: `hold-not-found`, `hold-released` if it was given back, or `change-over`.
    """
    hold = _open(state, command.hold, "captured")
    if hold is None:
        return Decision()
    change: Change = context.reads[change_ref(context.ref.id, command.hold)]
    if change.gave_up:
        raise Rejected(
            "change-over",
            f"the change {command.hold!r} gave up, so nothing is taken for it",
            pointer="/data/hold",
        )
    refs = {ref.id: ref for ref in _subscriptions(context.ref, hold.quote.items)}
    month, runs = _paid_month(hold, context), prices.month_of(context.now)
    captured = bill1.HoldCaptured(
        hold=command.hold,
        revision=command.revision,
        amount=hold.quote.due,
        month=month,
        taken=runs if runs > month else "",
        subscriptions=tuple(refs),
        journal=ledger.capture(hold.journal, command.hold),
        owed=_owed(state, hold),
    )
    begun = (
        Emit(
            subscription.sold(
                context.reads[ref],
                name,
                hold.quote,
                month=captured.month,
                hold=command.hold,
                revision=command.revision,
            ),
            ref,
        )
        for name, ref in refs.items()
    )
    told = limit.told(account.evolve(state, captured), context)
    return Decision(
        events=(Emit(captured), *begun, *told),
        timers=(Cancel(f"{DEADLINE}{command.hold}"), *closing.awaited(state, context.now)),
    )


def _owed(state: Account, hold: Hold) -> Money | None:
    """Return what of an order was not covered by credit, and is owed still; None: nothing."""
    sides = [one.amount for one in hold.journal.postings if one.account == "receivable"]
    if not sides:
        return None
    currency = sides[0].currency
    minor = min(-sum(one.minor for one in sides), state.not_invoiced(currency))
    return Money(currency=currency, minor=minor) if minor else None


def _paid_month(hold: Hold, context: Context) -> str:
    """Return the month that a hold pays for: the one that runs, if there the same is due.

    What was held in the month before is as a rule due in this one as well. Where it is not, as for
    what was paid already then, it stays what it was quoted for: nothing is taken that nobody was
    shown, and this month is charged when it is closed.
    """
    month = prices.month_of(context.now)
    if hold.month in {"", month}:
        return month
    quote = hold.quote
    paid = paid_for(quote.items, context.ref.id, month, context.reads)
    due = prices.due(quote.lines, quote.total.currency, paid)
    return month if due == quote.due else hold.month


def release_hold(state: Account, command: bill1.ReleaseHold, context: Context) -> Decision:
    """Give back what was held; a released one again changes nothing.

    Raises:
        Rejected: `hold-not-found`, or `hold-captured` if it was taken.
    """
    hold = _open(state, command.hold, "released")
    if hold is None:
        return Decision()
    released = _release(state, hold, command.hold, command.reason, context)
    return Decision(
        events=(Emit(released),),
        timers=(Cancel(f"{DEADLINE}{command.hold}"), *closing.awaited(state, context.now)),
    )


def run_out(state: Account, given: Fired, context: Context) -> Decision:
    """Give back what was held for too long."""
    name = given.timer.removeprefix(DEADLINE)
    hold = state.holds.get(name)
    if hold is None or hold.gen != given.gen:
        return Decision()
    released = _release(state, hold, name, "the deadline passed", context)
    return emit(released, timers=closing.awaited(state, context.now))


def _open(state: Account, name: str, wanted: str) -> Hold | None:
    """Return an open hold, or None if it has ended as it should.

    Raises:
        Rejected: `hold-not-found`; `hold-captured` or `hold-released` if it ended otherwise.
    """
    hold = state.holds.get(name)
    if hold is not None:
        return hold
    ended = state.ended.get(name)
    if ended is None:
        raise Rejected("hold-not-found", f"there is no hold {name!r}", pointer="/data/hold")
    if ended != wanted:
        code = "hold-captured" if ended == "captured" else "hold-released"
        raise Rejected(code, f"the hold {name!r} was {ended}", pointer="/data/hold")
    return None


def _release(
    state: Account, hold: Hold, name: str, reason: str, context: Context
) -> bill1.HoldReleased:
    back = account.grant_name("payment", f"released.{name}")
    journal, paid = ledger.release(
        hold.journal,
        state.credits,
        context.now,
        entry=name,
        owed=state.not_invoiced(hold.quote.due.currency),
        back=back,
    )
    grant = None
    if paid is not None:
        grant = bill1.Grant(
            grant=back,
            amount=paid,
            source="payment",
            priority=PRIORITY,
            reason=f"was paid before the hold {name} was released",
        )
    return bill1.HoldReleased(hold=name, reason=reason, journal=journal, grant=grant)
