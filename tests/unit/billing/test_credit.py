"""What comes in: once each, spent in the promised order, and gone when it expires."""

from datetime import datetime, timedelta
from typing import Any

import msgspec
import pytest
from tests.support import billing, build
from tests.support.each import each
from tests.support.scenario import given

from catalyst.billing.domain import account, credit, invoicing
from catalyst.contracts import billing_v1 as bill1
from catalyst.contracts import environment_v1 as env1
from catalyst.contracts import roles
from catalyst.contracts.decision import Actor, Arm, Fired
from catalyst.contracts.message import Answer
from catalyst.contracts.money_v1 import MAX_UNITS
from catalyst.contracts.subjects import Ref

GRANT = bill1.GrantCredit(grant="g1", amount=billing.omr(5000), reason="sorry")
PAYMENT = bill1.RecordPayment(payment="p1", amount=billing.omr(5000), reference="transfer 7")


def when(command: Any, *facts: Any, by: Any = billing.BILLING_ADMIN) -> Any:
    """Return what follows from a command to the account."""
    return given(billing.opened(), *facts).when(command, billing.ACCOUNT, by=by, now=billing.NOW)


def test_the_account_opens_and_closes_with_its_organization() -> None:
    created = build.recorded(build.organization_created(), build.ACME)
    opened = given().hears(created, billing.ACCOUNT)
    month = f"{build.NOW:%Y-%m}"
    opened.then(bill1.AccountOpened(organization="acme", month=month))
    # Its first month is closed by the timer that is armed here, and by nothing else.
    wait = invoicing.closes(month) - build.NOW
    opened.then_timers(Arm(timer=invoicing.TIMER, after=wait))
    there = opened.and_then()
    there.hears(created, billing.ACCOUNT).then_nothing()
    gone = build.recorded(env1.OrganizationDeleted(slug="acme"), build.ACME)
    closed = there.hears(gone, billing.ACCOUNT)
    closed.then(bill1.AccountClosed(organization="acme"))
    # Its last month is invoiced now, and it is never opened again.
    closed.then_timers(Arm(timer=invoicing.TIMER, after=timedelta(seconds=1)))
    for event in (gone, created):
        closed.and_then().hears(event, billing.ACCOUNT).then_nothing()


def test_credit_comes_in_once() -> None:
    outcome = when(GRANT)
    assert outcome.state().available("OMR", billing.NOW) == billing.omr(5000)
    (granted,) = outcome.events
    assert (granted.grant.source, granted.grant.reason) == ("goodwill", "sorry")
    assert granted.gen == "", "nothing expires, so no timer counts"
    again = outcome.and_then().when(GRANT, billing.ACCOUNT, by=billing.BILLING_ADMIN)
    again.then_nothing()
    other = bill1.GrantCredit(grant="g1", amount=billing.omr(6000), reason="sorry")
    outcome.and_then().when(other, billing.ACCOUNT, by=billing.BILLING_ADMIN).then_rejected(
        "grant-exists", "/data/grant"
    )


@pytest.mark.parametrize("minor", [0, -1])
def test_nothing_and_less_are_not_granted_nor_paid(minor: int) -> None:
    amount = billing.omr(minor)
    when(bill1.GrantCredit(grant="g", amount=amount, reason="x")).then_rejected("amount-invalid")
    when(bill1.RecordPayment(payment="p", amount=amount, reference="x")).then_rejected(
        "amount-invalid"
    )
    limit = bill1.SetCreditLimit(limit=billing.omr(-1))
    when(limit).then_rejected("amount-invalid")


def test_an_account_takes_no_more_credit_than_an_amount_can_say() -> None:
    most = billing.granted("goodwill-most", MAX_UNITS)
    grant = when(GRANT, most).then_rejected("amount-invalid", "/data/amount/minor")
    assert grant.rejected.message == "the account would have more than 999999999999.999 OMR"
    when(PAYMENT, most).then_rejected("amount-invalid")
    dollars = bill1.Money(currency="USD", minor=1)
    assert when(bill1.GrantCredit(grant="g", amount=dollars, reason="x"), most).events
    # With a limit beside it, what can be spent is still an amount.
    limit = (billing.ACCOUNT, bill1.CreditLimitSet(limit=billing.omr(MAX_UNITS)))
    state = given(billing.opened(), most, limit).world.state(billing.ACCOUNT)
    assert state.available("OMR", billing.NOW) == billing.omr(MAX_UNITS)


RIYALS = bill1.Money(currency="SAR", minor=100)


@each([GRANT, PAYMENT], lambda command: type(command).__name__)
def test_money_that_could_buy_nothing_is_refused_once_there_are_prices(command: Any) -> None:
    riyals = msgspec.structs.replace(command, amount=RIYALS)
    unpriced = when(riyals)
    assert unpriced.decision.events
    refused = when(riyals, billing.applied())
    refused.then_rejected("currency-not-priced", "/data/amount/currency")
    assert refused.rejected.message == (
        "nothing has a price in SAR; the price book has OMR and USD: take what it has, or apply a"
        " version with prices in SAR first"
    )
    assert when(command, billing.applied()).decision.events
    # What came in before is known still.
    known = billing.facts(billing.ACCOUNT, *unpriced.events)
    again = given(billing.opened(), known, billing.applied())
    again.when(riyals, billing.ACCOUNT, by=billing.BILLING_ADMIN).then_nothing()


@each([GRANT, PAYMENT], lambda command: type(command).__name__)
def test_money_is_taken_in_what_is_owed_or_charged_on_whatever_is_sold_now(command: Any) -> None:
    dollars = bill1.Money(currency="USD", minor=1690)
    command = msgspec.structs.replace(command, amount=dollars)
    limit = (billing.ACCOUNT, bill1.CreditLimitSet(limit=dollars))
    held = given(billing.applied(), billing.opened(), limit).when(
        billing.hold(quoted=billing.quote(currency="USD")),
        billing.ACCOUNT,
        by=build.service("provisioning"),
        now=billing.NOW,
    )
    rials = msgspec.structs.replace(billing.book(), version="rials", currencies=("OMR",))
    when(command, billing.applied(rials)).then_rejected("currency-not-priced")
    known = billing.facts(billing.ACCOUNT, *held.events)
    owing = given(billing.opened(), limit, known, billing.applied(rials))
    assert owing.when(command, billing.ACCOUNT, by=billing.BILLING_ADMIN).decision.events
    paid = bill1.RecordPayment(payment="p0", amount=dollars, reference="all of it")
    settled = owing.when(paid, billing.ACCOUNT, by=billing.BILLING_ADMIN)
    assert settled.state().owed("USD") == 0
    capture = bill1.CaptureHold(hold="c-1", revision="3f2a")
    runs = settled.and_then().when(
        capture, billing.ACCOUNT, by=build.service("provisioning"), now=billing.NOW
    )
    again = runs.and_then().when(command, billing.ACCOUNT, by=billing.BILLING_ADMIN)
    assert again.decision.events


@each(["2262-04-12T00:00:00Z", "9999-12-31T23:59:59Z", "9999-12-31T23:59:59-05:00"])
def test_credit_does_not_expire_later_than_a_timer_waits(expires: str) -> None:
    """The broker's clock ends in 2262: what is armed for later fires at once."""
    at = datetime.fromisoformat(expires)
    grant = bill1.GrantCredit(grant="g", amount=billing.omr(1), reason="x", expires=at)
    when(grant).then_rejected("expiry-far", "/data/expires")
    code = bill1.IssueVoucher(code=billing.CODE, amount=billing.omr(1), cap=1, ends=at)
    issued = given().when(code, billing.VOUCHER, by=build.SOVEREIGN_ADMIN, now=billing.NOW)
    issued.then_rejected("voucher-dates", "/data/ends")


def test_only_a_person_gives_credit_lets_it_be_owed_or_records_a_payment() -> None:
    limit = bill1.SetCreditLimit(limit=billing.omr(5000))
    for command in (GRANT, PAYMENT, limit):
        for by in (build.service("provisioning"), Actor(name="nats:_")):
            when(command, by=by).then_rejected("person-required")


def test_a_payment_settles_what_is_owed_first() -> None:
    limit = (billing.ACCOUNT, bill1.CreditLimitSet(limit=billing.omr(2000)))
    owing = given(billing.applied(), billing.opened(), billing.granted(minor=5000), limit).when(
        billing.hold(), billing.ACCOUNT, by=build.service("provisioning"), now=billing.NOW
    )
    assert owing.state().owed("OMR") == 1500
    paid = owing.and_then().when(PAYMENT, billing.ACCOUNT, by=billing.BILLING_ADMIN)
    event = paid.events[0]
    assert isinstance(event, bill1.PaymentRecorded)
    assert (event.settled, event.grant.amount) == (billing.omr(1500), billing.omr(3500))  # type: ignore[union-attr]
    assert paid.state().owed("OMR") == 0
    paid.and_then().when(PAYMENT, billing.ACCOUNT, by=billing.BILLING_ADMIN).then_nothing()


def test_a_payment_that_only_settles_becomes_no_credit() -> None:
    owed = (
        billing.ACCOUNT,
        bill1.CreditHeld(
            hold="c-0",
            plan_hash=billing.PLAN_HASH,
            quote=billing.quote(),
            expires=billing.NOW,
            gen="_g",
            journal=bill1.Journal(
                postings=(
                    bill1.Posting(account="receivable", amount=billing.omr(-9000)),
                    bill1.Posting(account="held", entry="c-0", amount=billing.omr(9000)),
                )
            ),
        ),
    )
    outcome = when(PAYMENT, owed)
    assert outcome.events[0].grant is None
    assert outcome.state().owed("OMR") == 4000
    outcome.and_then().when(PAYMENT, billing.ACCOUNT, by=billing.BILLING_ADMIN).then_nothing()


def test_credit_is_spent_by_priority_then_expiry_then_age() -> None:
    day = timedelta(days=1)
    facts = (
        billing.applied(),
        billing.opened(),
        billing.granted("last", 2000),
        billing.granted("third", 2000, expires=billing.NOW + 9 * day),
        billing.granted("second", 2000, expires=billing.NOW + 2 * day),
        billing.granted("later", 2000),
        billing.granted("first", 2000, priority=10),
        billing.granted("gone", 9000, priority=1, expires=billing.NOW),
    )
    outcome = given(*facts).when(
        billing.hold(), billing.ACCOUNT, by=build.service("provisioning"), now=billing.NOW
    )
    postings = outcome.events[0].journal.postings  # type: ignore[attr-defined]
    spent = [(one.entry, one.amount.minor) for one in postings if one.account == "credit"]
    assert spent == [("first", -2000), ("second", -2000), ("third", -2000), ("last", -500)]


def test_what_is_left_of_a_grant_expires_by_a_timer_of_the_broker() -> None:
    expires = billing.NOW + timedelta(days=1)
    command = bill1.GrantCredit(
        grant="g1", amount=billing.omr(5000), reason="sorry", expires=expires
    )
    outcome = when(command)
    outcome.then_timers(Arm(timer="expiry.goodwill-g1", after=timedelta(days=1)))
    gen = outcome.events[0].gen
    fired = outcome.and_then().hears(Fired(timer="expiry.goodwill-g1", gen=gen), billing.ACCOUNT)
    assert isinstance(fired.events[0], bill1.GrantExpired)
    assert fired.state().balances == {"clearing:OMR": -5000, "breakage:OMR": 5000}
    again = fired.and_then().hears(Fired(timer="expiry.goodwill-g1", gen=gen), billing.ACCOUNT)
    again.then_nothing()
    late = bill1.GrantCredit(grant="g2", amount=billing.omr(1), reason="x", expires=billing.NOW)
    when(late).then_rejected("expiry-past")


def test_limits_are_set_once() -> None:
    for command in (
        bill1.SetCreditLimit(limit=billing.omr(100)),
        bill1.SetSpendLimit(limit=billing.omr(100)),
    ):
        outcome = when(command, by=build.person(roles.ORG_ADMIN))
        assert len(outcome.events) == 1
        outcome.and_then().when(command, billing.ACCOUNT).then_nothing()
    assert when(bill1.SetSpendLimit(limit=None)).decision.events == ()


@each([GRANT, PAYMENT], lambda command: type(command).__name__)
def test_an_account_that_is_not_there_takes_nothing(command: Any) -> None:
    scene = given().when(command, billing.ACCOUNT, by=billing.BILLING_ADMIN, now=billing.NOW)
    scene.then_rejected("account-not-found")


def test_an_account_is_addressed_under_its_own_organization() -> None:
    elsewhere = Ref("acme", "billing", "account", "other")
    given((elsewhere, bill1.AccountOpened(organization="other"))).when(
        GRANT, elsewhere, by=billing.BILLING_ADMIN
    ).then_rejected("subject-mismatch")


# ---- at the edges


@each([5000, 1], lambda left: f"{left} left")
def test_what_is_held_of_a_grant_does_not_expire_with_its_rest(left: int) -> None:
    expires = billing.NOW + timedelta(days=1)
    facts = (billing.applied(), billing.opened(), billing.granted("whole", 6500, expires=expires))
    timer = Fired(timer="expiry.whole", gen="")
    held = given(*facts).when(
        billing.hold(), billing.ACCOUNT, by=build.service("provisioning"), now=billing.NOW
    )
    held.and_then().hears(timer, billing.ACCOUNT, now=expires).then_nothing()
    larger = billing.granted("whole", 6500 + left, expires=expires)
    part = given(*facts[:2], larger).when(
        billing.hold(), billing.ACCOUNT, by=build.service("provisioning"), now=billing.NOW
    )
    gone = part.and_then().hears(timer, billing.ACCOUNT, now=expires)
    assert gone.state().balances["breakage:OMR"] == left
    assert gone.state().balances["held:OMR"] == 6500


def test_credit_expires_by_the_timer_that_was_armed_with_it_and_by_no_other() -> None:
    expires = billing.NOW + timedelta(days=1)
    command = bill1.GrantCredit(grant="g1", amount=billing.omr(5), reason="x", expires=expires)
    granted = given(billing.opened()).when(
        command, billing.ACCOUNT, by=billing.BILLING_ADMIN, now=billing.NOW, input_id="c-g"
    )
    for gen, left in (("", 5), ("c-g", 0)):
        fired = Fired(timer="expiry.goodwill-g1", gen=gen)
        after = granted.and_then().hears(fired, billing.ACCOUNT, now=expires)
        assert sum(one.left for one in after.state().credits.values()) == left


def test_credit_may_expire_as_late_as_a_timer_waits_and_no_later() -> None:
    farthest = billing.NOW + account.FARTHEST
    for expires, code in ((farthest, ""), (farthest + timedelta(microseconds=1), "expiry-far")):
        command = bill1.GrantCredit(grant="g", amount=billing.omr(1), reason="x", expires=expires)
        refused = when(command).rejected
        assert (refused.code if refused is not None else "") == code


def test_an_account_takes_exactly_as_much_credit_as_an_amount_can_say() -> None:
    assert when(GRANT, billing.granted("goodwill-most", MAX_UNITS - 5000)).events
    when(GRANT, billing.granted("goodwill-most", MAX_UNITS - 4999)).then_rejected("amount-invalid")


def test_credit_of_a_voucher_expires_when_the_voucher_says_so() -> None:
    expires = billing.NOW + timedelta(days=30)
    command = bill1.CreditVoucher(
        redemption="r-1",
        voucher=billing.VOUCHER.id,
        prefix="VCH-7QKD…",
        amount=billing.omr(5000),
        priority=20,
        expires=expires,
    )
    scene = given(billing.opened(), billing.issued(), billing.reserved())
    granted = scene.when(command, billing.ACCOUNT, by=billing.SERVICE, now=billing.NOW)
    grant = granted.events[0].grant  # type: ignore[attr-defined]
    assert (grant.expires, grant.priority, grant.source) == (expires, 20, "voucher")
    granted.then_timers(Arm(timer=f"expiry.{grant.grant}", after=timedelta(days=30)))
    # It is the same again once the voucher keeps nothing any more.
    confirmed = bill1.VoucherConfirmed(organization="acme", redemption="r-1")
    over = granted.and_then().world.with_fact(billing.VOUCHER, confirmed)
    again = granted.and_then().going_on(over)
    again.when(command, billing.ACCOUNT, by=billing.SERVICE, now=billing.NOW).then_nothing()


@each([bill1.SetCreditLimit, bill1.SetSpendLimit], lambda shape: shape.__name__)
def test_a_limit_is_that_of_an_open_account_and_not_below_nothing(shape: Any) -> None:
    when(shape(limit=billing.omr(-1))).then_rejected("amount-invalid", "/data/limit/minor")
    closed = billing.ACCOUNT, bill1.AccountClosed(organization="acme")
    when(shape(limit=billing.omr(1)), closed).then_rejected("account-closed")
    by = billing.BILLING_ADMIN
    given().when(shape(limit=billing.omr(1)), billing.ACCOUNT, by=by).then_rejected(
        "account-not-found"
    )


@each([bill1.SetCreditLimit, bill1.SetSpendLimit], lambda shape: shape.__name__)
def test_a_limit_in_a_currency_in_which_nothing_is_sold_is_refused_once_there_are_prices(
    shape: Any,
) -> None:
    limit = shape(limit=RIYALS)
    unpriced = when(limit)
    assert unpriced.decision.events
    refused = when(limit, billing.applied())
    refused.then_rejected("currency-not-priced", "/data/limit/currency")
    assert "nothing has a price in SAR" in refused.rejected.message
    assert when(shape(limit=billing.omr(1)), billing.applied()).decision.events
    # One from before stays, may be said again, and is taken away.
    known = billing.facts(billing.ACCOUNT, *unpriced.events)
    before = given(billing.opened(), known, billing.applied())
    before.when(limit, billing.ACCOUNT, by=billing.BILLING_ADMIN).then_nothing()
    none = RIYALS.minus(RIYALS) if shape is bill1.SetCreditLimit else None
    away = before.when(shape(limit=none), billing.ACCOUNT, by=billing.BILLING_ADMIN)
    assert away.decision.events


@each([bill1.SetCreditLimit, bill1.SetSpendLimit], lambda shape: shape.__name__)
def test_what_is_owed_may_be_limited_whatever_is_sold_now(shape: Any) -> None:
    dollars = bill1.Money(currency="USD", minor=1690)
    rials = msgspec.structs.replace(billing.book(), version="rials", currencies=("OMR",))
    more = shape(limit=bill1.Money(currency="USD", minor=5000))
    when(more, billing.applied(rials)).then_rejected("currency-not-priced")
    limit = (billing.ACCOUNT, bill1.CreditLimitSet(limit=dollars))
    held = given(billing.applied(), billing.opened(), limit).when(
        billing.hold(quoted=billing.quote(currency="USD")),
        billing.ACCOUNT,
        by=build.service("provisioning"),
        now=billing.NOW,
    )
    known = billing.facts(billing.ACCOUNT, *held.events)
    owing = given(billing.opened(), limit, known, billing.applied(rials))
    assert owing.when(more, billing.ACCOUNT, by=billing.BILLING_ADMIN).decision.events


def test_a_limit_is_taken_away_and_nothing_may_be_owed_until_one_is_set() -> None:
    none = bill1.SetCreditLimit(limit=billing.omr(0))
    when(none).then_nothing()
    smallest = when(bill1.SetCreditLimit(limit=billing.omr(1)))
    assert smallest.state().headroom("OMR") == 1
    gone = smallest.and_then().when(none, billing.ACCOUNT, by=billing.BILLING_ADMIN)
    assert gone.state().headroom("OMR") == 0
    for limit in (billing.omr(0), None):
        spent = when(bill1.SetSpendLimit(limit=billing.omr(5))).and_then()
        bound = spent.when(bill1.SetSpendLimit(limit=limit), billing.ACCOUNT)
        assert bound.state().spend_limits == ({} if limit is None else {"OMR": 0})


def test_an_answer_to_what_the_account_sent_changes_nothing() -> None:
    answer = Answer(command_id="c-1", status="rejected", code="sku-unknown", events=0)
    given(billing.opened()).hears(answer, billing.ACCOUNT).then_nothing()


def test_what_is_of_no_organization_is_heard_by_no_account() -> None:
    created = build.recorded(build.organization_created(), build.ACME)
    assert credit.correlate(created) == billing.ACCOUNT
    voucher = build.recorded(bill1.VoucherRevoked(reason="x"), billing.VOUCHER)
    assert credit.correlate(voucher) is None
