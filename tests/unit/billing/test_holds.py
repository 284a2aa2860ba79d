"""Spending: the quote decides, the ledger follows, and every way out gives the same balances."""

from datetime import datetime, timedelta
from typing import Any

import msgspec
import pytest
from tests.support import billing, build
from tests.support import usage as used
from tests.support.each import each
from tests.support.scenario import Outcome, given

from catalyst.billing.domain import account, invoicing, subscription, usage
from catalyst.contracts import billing_v1 as bill1
from catalyst.contracts.decision import Arm, Cancel, Fired

PROVISIONING = build.service("provisioning")
BLOG = subscription.ref_of("acme", "blog.acme-prod")
CAPTURE = bill1.CaptureHold(hold="c-1", revision="3f2a")
RELEASE = bill1.ReleaseHold(hold="c-1", reason="cancelled")
PAID = billing.omr(6500)
MAY = billing.NOW + timedelta(days=30)


def held(*facts: Any, now: datetime = billing.NOW, **changes: Any) -> Outcome:
    """Return what follows from a hold."""
    return given(*(facts or billing.rich())).when(
        billing.hold(**changes), billing.ACCOUNT, by=PROVISIONING, now=now, input_id="c-h"
    )


def then(outcome: Outcome, command: Any, now: Any = billing.NOW) -> Outcome:
    """Return what follows from the next command."""
    at = BLOG if isinstance(command, bill1.EndSubscription) else billing.ACCOUNT
    return outcome.and_then().when(command, at, by=PROVISIONING, now=now)


def test_a_hold_sets_the_due_amount_aside_until_its_deadline() -> None:
    outcome = held(minutes=60)
    assert outcome.state().available("OMR", billing.NOW) == billing.omr(3500)
    assert outcome.state().balances == {"clearing:OMR": -10_000, "held:OMR": 6500}
    outcome.then_timers(Arm(timer="hold.c-1", after=timedelta(minutes=60)))


def test_the_same_hold_again_changes_nothing_and_another_one_of_its_name_is_refused() -> None:
    then(held(), billing.hold()).then_nothing()
    other = billing.hold(quoted=billing.quote(billing.item("other")))
    then(held(), other).then_rejected("hold-exists")


@pytest.mark.guarantee("G12.3")
def test_a_subscription_has_one_open_hold_since_two_would_take_its_month_twice() -> None:
    both = billing.hold("c-2", billing.quote(billing.item("wiki"), billing.item()))
    outcome = held(*billing.rich(100_000))
    then(outcome, both).then_rejected("hold-exists", "/data/quote/items")
    assert then(then(outcome, RELEASE), both).rejected is None


@pytest.mark.guarantee("G12.3")
@each(
    [
        {"total": billing.omr(1)},
        {"due": billing.omr(1)},
        {"lines": ()},
        {"version": "2026-03"},
        {"book": "other"},
        {"items": (billing.item(plan="m"),)},
    ],
    name=lambda changes: next(iter(changes)),
)
def test_a_quote_that_the_price_book_does_not_say_is_refused(changes: Any) -> None:
    quoted = msgspec.structs.replace(billing.quote(), **changes)
    held(quoted=quoted).then_rejected("quote-mismatch")


@pytest.mark.guarantee("G12.3")
def test_a_price_that_changed_after_the_quote_refuses_the_hold() -> None:
    newer = billing.book(**{'"2026-04"': '"2026-04b"', '"5.000"': '"6.000"'})
    held(*billing.rich(), billing.applied(newer)).then_rejected(
        "quote-mismatch", "/data/quote/version"
    )


@pytest.mark.guarantee("G12.4")
def test_without_a_price_book_nothing_has_a_price() -> None:
    held(billing.opened(), billing.granted()).then_rejected("prices-unavailable")


def test_a_price_book_of_tomorrow_is_not_in_force_today() -> None:
    later = billing.book(**{"2026-04-01": "2026-04-11"})
    facts = (billing.applied(later), billing.opened(), billing.granted())
    held(*facts).then_rejected("prices-unavailable")


def test_more_than_there_is_cannot_be_held() -> None:
    held(*billing.rich(6499)).then_rejected("credit-insufficient")
    assert held(*billing.rich(6500)).state().available("OMR", billing.NOW).minor == 0


def test_what_is_owed_is_bounded_by_the_credit_limit() -> None:
    limit = (billing.ACCOUNT, bill1.CreditLimitSet(limit=billing.omr(500)))
    assert held(*billing.rich(6000), limit).state().owed("OMR") == 500
    held(*billing.rich(5999), limit).then_rejected("credit-insufficient")


def test_the_spend_limit_counts_what_is_held_and_what_was_taken_this_month() -> None:
    limit = (billing.ACCOUNT, bill1.SpendLimitSet(limit=billing.omr(12_999)))
    outcome = held(*billing.rich(50_000), limit)
    second = billing.hold("c-2", billing.quote(billing.item("wiki")))
    then(outcome, second).then_rejected("spend-limit-reached")
    captured = then(outcome, CAPTURE)
    then(captured, second).then_rejected("spend-limit-reached")
    # What goes on from April is part of what May costs.
    refused = then(captured, second, MAY).then_rejected("spend-limit-reached")
    assert refused.rejected is not None
    so_far = "6.500 OMR of the limit of 12.999 OMR is spent or held in 2026-05"
    goes_on = "(6.500 OMR of it goes on from the month before)"
    assert refused.rejected.message == f"{so_far} {goes_on}, and 6.500 OMR is due"


@pytest.mark.guarantee("G12.18")
def test_what_goes_on_counts_with_the_price_that_each_month_was_entered_with() -> None:
    def renewed(outcome: Outcome, month: str) -> int:
        owner: account.Account = outcome.state(billing.ACCOUNT)
        return owner.renewed(month, "OMR")

    sold = then(held(*billing.rich(90_000)), CAPTURE)
    assert [renewed(sold, month) for month in ("2026-04", "2026-05")] == [0, 6500]
    larger = billing.quote(billing.item(plan="m"), paid={"blog.acme-prod": PAID})
    changed = then(
        then(sold, billing.hold("c-2", larger), MAY),
        bill1.CaptureHold(hold="c-2", revision="9d1c"),
        MAY,
    )
    assert [renewed(changed, month) for month in ("2026-05", "2026-06")] == [6500, 14_000]
    gone = then(changed, bill1.EndSubscription(reason="removed"), MAY + timedelta(days=31))
    assert [renewed(gone, month) for month in ("2026-06", "2026-07")] == [14_000, 0]
    closed = bill1.MonthClosed(month="2026-07", invoice="", open=(), journal=bill1.Journal())
    assert (
        gone.and_then().world.with_fact(billing.ACCOUNT, closed).state(billing.ACCOUNT).renewals
        == {}
    )


@pytest.mark.guarantee("G12.10")
def test_an_order_that_reaches_a_part_of_the_limit_is_told_as_use_is() -> None:
    opened = (billing.ACCOUNT, bill1.AccountOpened(organization="acme", month="2026-04"))
    limit = (billing.ACCOUNT, bill1.SpendLimitSet(limit=billing.omr(13_000)))
    first = then(held(*billing.rich(90_000), opened, limit), CAPTURE)
    assert not [one for one in first.events if isinstance(one, bill1.SpendAlerted)]
    wiki = then(first, billing.hold("c-2", billing.quote(billing.item("wiki"))))
    second = then(wiki, bill1.CaptureHold(hold="c-2", revision="3f2a"))
    assert second.events[-2:] == [
        bill1.UsageOpened(month="2026-04"),
        bill1.SpendAlerted(percent=100, spent=billing.omr(13_000), limit=billing.omr(13_000)),
    ]
    # Each part of a limit is told once a month.
    free = billing.hold("c-3", billing.quote(paid={"blog.acme-prod": PAID}))
    again = then(then(second, free), bill1.CaptureHold(hold="c-3", revision="3f2a"))
    assert not [one for one in again.events if isinstance(one, bill1.SpendAlerted)]


def test_a_limit_of_another_currency_lets_nothing_pass_it() -> None:
    limit = bill1.SpendLimitSet(limit=bill1.Money(currency="USD", minor=99_999))
    refused = held(*billing.rich(), (billing.ACCOUNT, limit))
    refused.then_rejected("spend-limit-reached")


@pytest.mark.guarantee("G12.18")
def test_nothing_is_ordered_above_the_spend_limit_and_use_counts_towards_it() -> None:
    def asked(limit: int, quantity: int) -> Outcome:
        """Hold 6.500 OMR after use of so many pieces at half a baisa."""
        bound = (billing.ACCOUNT, bill1.SpendLimitSet(limit=billing.omr(limit)))
        opened = (billing.ACCOUNT, bill1.AccountOpened(organization="acme", month="2026-04"))
        rich = (*billing.rich(50_000), opened, used.started())
        scene = given(billing.applied(billing.book(used.TEXT)), *rich[1:], bound)
        uses = used.use("u-1", quantity, time=billing.NOW)
        scene = used.reported(scene, uses, now=billing.NOW).and_then()
        hold = billing.hold("c-9", billing.quote(billing.item("wiki")))
        return scene.when(hold, billing.ACCOUNT, by=PROVISIONING, now=billing.NOW)

    refused = asked(8000, 3002).then_rejected("spend-limit-reached")
    assert refused.rejected is not None
    said = "1.501 OMR of the limit of 8.000 OMR is spent or held in 2026-04, and 6.500 OMR is due"
    assert refused.rejected.message == said
    assert asked(8000, 3000).decision.events
    # Beyond the limit, use is counted as ever.
    over = asked(1000, 50_000).and_then()
    again = used.reported(over, used.use("u-2", 50_000, time=billing.NOW), now=billing.NOW)
    assert [one.quantity for one in again.state().meters.values()] == [100_000]


def test_credit_of_another_currency_is_no_credit() -> None:
    quoted = billing.quote(currency="USD")
    held(quoted=quoted).then_rejected("credit-insufficient")


def test_a_closed_account_and_a_missing_one_hold_nothing() -> None:
    closed = (billing.ACCOUNT, bill1.AccountClosed(organization="acme"))
    held(*billing.rich(), closed).then_rejected("account-closed")
    held(billing.applied()).then_rejected("account-not-found")


# ---- capture and release


@pytest.mark.guarantee("G12.5")
def test_a_capture_takes_what_was_held_and_starts_what_it_pays_for() -> None:
    outcome = then(held(), CAPTURE)
    captured, started = outcome.events
    assert isinstance(captured, bill1.HoldCaptured)
    assert (captured.amount, captured.month) == (PAID, "2026-04")
    assert isinstance(started, bill1.SubscriptionStarted)
    assert started.lines == billing.quote().lines
    assert (started.book, started.version) == ("main", "2026-04")
    assert outcome.state().balances["revenue:OMR"] == 6500
    assert outcome.state().subscriptions == ("blog.acme-prod",)
    outcome.then_timers(Cancel("hold.c-1"))


LAST = datetime.fromisoformat("2026-04-30T23:59:59+00:00")
FIRST = datetime.fromisoformat("2026-05-01T00:00:00+00:00")


@pytest.mark.guarantee("G12.11")
def test_what_is_held_in_one_month_and_captured_in_the_next_pays_for_what_it_took() -> None:
    new = then(held(now=LAST), CAPTURE, FIRST)
    assert [one.month for one in new.events] == ["2026-05", "2026-05"]  # type: ignore[attr-defined]

    gone = then(then(held(), CAPTURE), bill1.EndSubscription(reason="removed"))
    free = billing.hold("c-2", billing.quote(paid={"blog.acme-prod": PAID}))
    again = then(gone, free, LAST)
    assert again.state(billing.ACCOUNT).holds["c-2"].quote.due.minor == 0
    back = then(again, bill1.CaptureHold(hold="c-2", revision="9d1c"), FIRST)
    # Nothing was taken for May: May is charged when it is closed.
    assert [one.month for one in back.events] == ["2026-04", "2026-04"]  # type: ignore[attr-defined]
    owner: account.Account = back.state(billing.ACCOUNT)
    blog: subscription.Subscription = back.state(BLOG)
    of = invoicing.Sources(
        owner=owner,
        books=(billing.book(),),
        subscriptions={BLOG.id: blog},
        usage=dict.fromkeys(invoicing.months_of("2026-05"), usage.Usage()),
    )
    may = invoicing.make("acme", "2026-05", FIRST, of)
    assert may is not None
    [amount] = may.content.amounts
    assert (amount.total, amount.prepaid) == (PAID, billing.omr(0))
    assert owner.renewed("2026-05", "OMR") == PAID.minor


@pytest.mark.guarantee("G12.11")
def test_what_was_ordered_beyond_the_credit_is_to_be_paid_with_its_invoice() -> None:
    def invoiced(outcome: Outcome) -> Any:
        """Return what April's invoice adds up to, and the account once it stands."""
        owner = outcome.state(billing.ACCOUNT)
        of = invoicing.Sources(
            owner=owner,
            books=(billing.book(),),
            subscriptions={
                name: outcome.state(subscription.ref_of("acme", name))
                for name in owner.subscriptions
            },
            usage=dict.fromkeys(invoicing.months_of("2026-04"), usage.Usage()),
        )
        made = invoicing.make("acme", "2026-04", FIRST, of)
        assert made is not None
        [amount] = made.content.amounts
        closed = bill1.MonthClosed(
            month="2026-04", invoice="2026-04", open=(amount.open,), journal=made.journal
        )
        after = outcome.and_then().world.with_fact(billing.ACCOUNT, closed).state(billing.ACCOUNT)
        assert after.unpaid == {}
        assert after.owed("OMR") == sum(one["OMR"] for one in after.open_invoices.values())
        return amount.prepaid.minor, amount.open.minor

    limit = (billing.ACCOUNT, bill1.CreditLimitSet(limit=billing.omr(90_000)))
    bought = then(held(*billing.rich(5000), limit), CAPTURE)
    assert invoiced(bought) == (5000, 1500)
    wiki = then(bought, billing.hold("c-2", billing.quote(billing.item("wiki"))))
    both = then(wiki, bill1.CaptureHold(hold="c-2", revision="3f2a"))
    assert invoiced(both) == (5000, 8000)
    # What comes in settles the oldest first, whether it is ordered, held or invoiced.
    pay = bill1.RecordPayment(payment="p-1", amount=billing.omr(2000), reference="t")
    paid = both.and_then().when(pay, billing.ACCOUNT, by=billing.BILLING_ADMIN, now=billing.NOW)
    assert invoiced(paid) == (7000, 6000)
    early = wiki.and_then().when(pay, billing.ACCOUNT, by=billing.BILLING_ADMIN, now=billing.NOW)
    back = then(early, bill1.ReleaseHold(hold="c-2", reason="cancelled"))
    assert invoiced(back) == (6500, 0)


@pytest.mark.guarantee("G12.5")
def test_a_hold_ends_once() -> None:
    captured, released = then(held(), CAPTURE), then(held(), RELEASE)
    then(captured, CAPTURE).then_nothing()
    then(released, RELEASE).then_nothing()
    then(captured, RELEASE).then_rejected("hold-captured")
    then(released, CAPTURE).then_rejected("hold-released")
    then(released, billing.hold()).then_rejected("hold-ended")
    given(*billing.rich()).when(CAPTURE, billing.ACCOUNT, by=PROVISIONING).then_rejected(
        "hold-not-found"
    )


@pytest.mark.guarantee("G12.5")
def test_a_release_gives_back_what_was_held() -> None:
    state = then(held(), RELEASE).state()
    assert state.available("OMR", billing.NOW) == billing.omr(10_000)
    assert state.balances["held:OMR"] == 0


@pytest.mark.guarantee("G12.5")
def test_a_hold_that_nobody_ends_is_released_at_its_deadline() -> None:
    outcome = held().and_then().hears(Fired(timer="hold.c-1", gen="c-h"), billing.ACCOUNT)
    assert isinstance(outcome.events[0], bill1.HoldReleased)
    assert outcome.state().available("OMR", billing.NOW) == billing.omr(10_000)
    stale = Fired(timer="hold.c-1", gen="_other")
    held().and_then().hears(stale, billing.ACCOUNT).then_nothing()
    then(held(), CAPTURE).and_then().hears(
        Fired(timer="hold.c-1", gen="c-h"), billing.ACCOUNT
    ).then_nothing()


def test_credit_that_expired_while_it_was_held_does_not_come_back() -> None:
    soon = billing.NOW + timedelta(hours=1)
    facts = (
        billing.applied(),
        billing.opened(),
        billing.granted("goodwill-old", 4000, expires=soon),
        billing.granted("goodwill-new", 4000),
    )
    late = billing.NOW + timedelta(hours=2)
    state = then(held(*facts), RELEASE, late).state()
    assert state.available("OMR", late) == billing.omr(4000)
    assert state.balances["breakage:OMR"] == 4000


def test_a_bought_application_costs_the_difference_when_it_grows_and_nothing_when_it_shrinks() -> (
    None
):
    bought = then(held(*billing.rich(50_000)), CAPTURE)
    grown = billing.quote(billing.item(plan="m"), paid={"blog.acme-prod": PAID})
    assert grown.due == billing.omr(14_000 - 6500)
    changed = then(then(bought, billing.hold("c-2", grown)), bill1.CaptureHold(
        hold="c-2", revision="9a41"
    ))  # fmt: skip
    assert isinstance(changed.events[1], bill1.SubscriptionChanged)
    now_paid = billing.omr(14_000)
    shrunk = billing.quote(billing.item(plan=None), paid={"blog.acme-prod": now_paid})
    assert shrunk.due == billing.omr(0)
    less = then(changed, billing.hold("c-3", shrunk))
    assert less.events[0].journal.postings == ()  # type: ignore[attr-defined]
    smaller = then(less, bill1.CaptureHold(hold="c-3", revision="9a42"))
    # The month has been paid at its dearest: to grow again costs nothing more.
    again = billing.quote(billing.item(plan="m"), paid={"blog.acme-prod": now_paid})
    assert then(smaller, billing.hold("c-4", again)).decision.events


def test_an_ended_subscription_leaves_the_account_and_is_bought_anew() -> None:
    bought = then(held(*billing.rich(50_000)), CAPTURE)
    ended = then(bought, bill1.EndSubscription(reason="removed"))
    assert ended.state(billing.ACCOUNT).subscriptions == ()
    then(ended, bill1.EndSubscription(reason="removed")).then_nothing()
    # Its month is paid already; the next one is not.
    free = billing.quote(paid={"blog.acme-prod": PAID})
    again = then(ended, billing.hold("c-2", free))
    assert again.events[0].journal.postings == ()  # type: ignore[attr-defined]
    then(ended, billing.hold("c-2")).then_rejected("quote-mismatch", "/data/quote/due")
    later = billing.NOW + timedelta(days=31)
    assert then(ended, billing.hold("c-2"), later).decision.events
    given(*billing.rich()).when(
        bill1.EndSubscription(reason="x"), BLOG, by=PROVISIONING
    ).then_rejected("subscription-not-found")


@pytest.mark.guarantee("G14.16")
def test_what_was_bought_again_does_not_end_with_what_paid_for_it_first() -> None:
    bought = then(held(*billing.rich(50_000)), CAPTURE)
    late = bill1.EndSubscription(reason="taken back", hold="c-1")
    ended = then(bought, late)
    assert ended.state(BLOG).status == "ended"
    free = billing.hold("c-2", billing.quote(paid={"blog.acme-prod": PAID}))
    again = then(then(ended, free), bill1.CaptureHold(hold="c-2", revision="3f2a"))
    assert again.state(BLOG).status == "active"
    then(again, late).then_nothing()
    assert then(again, bill1.EndSubscription(reason="removed")).state(BLOG).status == "ended"
