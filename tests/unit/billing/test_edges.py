"""Edges: the instant at which something begins or ends, another's timer, and another currency."""

from datetime import timedelta
from typing import Any

import msgspec
import pytest
from tests.support import billing, build
from tests.support.each import each
from tests.support.scenario import given
from tests.support.usage import reported, started, use, world

from catalyst.billing.domain import (
    charges,
    credit,
    limit,
    numbering,
    renewals,
    subscription,
    voucher,
)
from catalyst.billing.handlers import AGGREGATES
from catalyst.chassis.service import Aggregate
from catalyst.contracts import billing_v1 as bill1
from catalyst.contracts.decision import Fired
from catalyst.contracts.environment_v1 import OrganizationSuspended
from catalyst.contracts.money_v1 import MicroMoney, Money
from catalyst.contracts.prices_v1 import Charge, Step
from catalyst.contracts.rejection import Rejected

MOMENT = timedelta(microseconds=1)
RESERVE = bill1.ReserveVoucher(organization="acme", redemption="r-1")


def test_a_voucher_is_open_from_its_first_instant_up_to_its_end() -> None:
    end = billing.NOW + timedelta(days=1)
    state = given(billing.issued(starts=billing.NOW, ends=end)).world.state(billing.VOUCHER)
    for now in (billing.NOW, end - MOMENT):
        assert voucher.require_redeemable(state, "acme", now) == billing.omr(5000)
    for now in (billing.NOW - MOMENT, end):
        with pytest.raises(Rejected) as refused:
            voucher.require_redeemable(state, "acme", now)
        assert refused.value.code == "voucher-not-found"


@pytest.mark.parametrize("days", [None, 30])
def test_credit_of_a_voucher_expires_so_many_days_after_it_was_reserved(days: int | None) -> None:
    scene = given(billing.opened(), billing.issued(credit_days=days))
    kept = scene.when(RESERVE, billing.VOUCHER, by=billing.SERVICE, now=billing.NOW)
    (reserved,) = kept.events
    assert isinstance(reserved, bill1.VoucherReserved)
    expires = None if days is None else billing.NOW + timedelta(days=days)
    assert reserved.expires == expires


def test_a_timer_of_another_arming_lets_no_credit_expire() -> None:
    gone = billing.NOW - timedelta(days=1)
    scene = given(billing.opened(), billing.granted(expires=gone, gen="g"))
    name = f"{credit.EXPIRY}goodwill-g1"
    scene.hears(Fired(timer=name, gen="f"), billing.ACCOUNT, now=billing.NOW).then_nothing()
    (expired,) = scene.hears(Fired(timer=name, gen="g"), billing.ACCOUNT, now=billing.NOW).events
    assert isinstance(expired, bill1.GrantExpired)


@pytest.mark.guarantee("G12.3")
def test_a_hold_of_the_same_name_for_another_plan_is_refused() -> None:
    by = build.service("provisioning")
    first = given(*billing.rich()).when(billing.hold(), billing.ACCOUNT, by=by, now=billing.NOW)
    other = billing.hold(plan_hash=billing.PLAN_HASH[::-1])
    again = first.and_then().when(other, billing.ACCOUNT, by=by, now=billing.NOW)
    again.then_rejected("hold-exists")


def test_what_is_included_costs_nothing_and_a_minimum_is_that_of_the_currency() -> None:
    dollars = bill1.Money(currency="USD", minor=26)
    step = Step(up_to=None, price=(MicroMoney(currency="OMR", micro=5),), flat=(billing.omr(1000),))
    made = Charge(
        sku="mail",
        name="Mail",
        unit="message",
        aggregation="sum",
        formula="volume",
        steps=(step,),
        size=1,
        included=4,
        minimum=(),
    )
    assert charges.price(made, 4, "OMR").amount.micro == 0
    assert charges.price(made, 5, "OMR").amount.micro == 1_000_005
    plain = Step(up_to=None, price=step.price)
    least = msgspec.structs.replace(
        made, formula="per-unit", steps=(plain,), included=0, minimum=(dollars, billing.omr(100))
    )
    assert charges.price(least, 1, "OMR").amount == MicroMoney(currency="OMR", micro=100_000)


@pytest.mark.guarantee("G12.1")
def test_use_in_another_currency_is_no_part_of_what_a_limit_bounds() -> None:
    limited = (billing.ACCOUNT, bill1.SpendLimitSet(limit=billing.omr(100)))
    shop = subscription.ref_of("acme", "shop.acme-prod")
    lines = billing.quote(billing.item("shop"), currency="USD").lines
    begun: Any = started(application="shop", lines=lines)
    scene = given(*world(), limited, (shop, begun[1]))
    dollars = reported(scene, use("u-1", 1_000_000, subscription="shop.acme-prod"))
    [counted] = [one for one in dollars.events if isinstance(one, bill1.UsageRecorded)]
    assert [one.amount.currency for one in counted.meters] == ["USD"]
    ours = reported(dollars.and_then(), use("u-2", 160)).events
    [alert] = [one for one in ours if isinstance(one, bill1.SpendAlerted)]
    assert (alert.percent, alert.spent) == (80, billing.omr(80))


@pytest.mark.guarantee("G12.8")
def test_an_account_that_was_closed_meanwhile_gets_no_credit_of_a_voucher() -> None:
    closed = (billing.ACCOUNT, bill1.AccountClosed(organization="acme"))
    scene = given(billing.issued(), billing.opened(), billing.reserved(), closed)
    credited = bill1.CreditVoucher(
        redemption="r-1",
        voucher=billing.VOUCHER.id,
        prefix="VCH-7QKD…",
        amount=billing.omr(5000),
    )
    scene.when(credited, billing.ACCOUNT, by=billing.SERVICE).then_rejected("account-closed")


def test_a_spend_limit_is_reached_exactly_and_bounds_nothing_that_is_free() -> None:
    def refused(most: int, due: Money) -> bool:
        limited = (billing.ACCOUNT, bill1.SpendLimitSet(limit=billing.omr(most)))
        state = given(billing.opened(), limited).world.state(billing.ACCOUNT)
        return limit.refusal(state, due, "acme", "2026-04", {}) != ""

    assert [refused(100, billing.omr(minor)) for minor in (99, 100, 101)] == [False, False, True]
    assert refused(0, billing.omr(1))
    assert refused(100, Money(currency="SAR", minor=1))
    for free in (billing.omr(0), Money(currency="SAR", minor=0)):
        assert not refused(0, free)


def test_the_latest_numbers_are_known_and_older_ones_forgotten(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(numbering, "LATEST", 4)
    state, known = numbering.Numbers(), []
    for count in range(1, 7):
        state = state.with_given(f"acme/{count}", count)
        known.append(list(state.latest.values()))
    assert known == [[1], [1, 2], [1, 2, 3], [1, 2, 3, 4], [2, 3, 4, 5], [3, 4, 5, 6]]
    assert state.last == 6


def test_what_goes_on_from_the_month_before_is_counted_in_its_own_currency() -> None:
    month: Any = {"month": "2026-03", "before": 7}
    found = {
        "a": renewals.Renewal(currency="OMR", minor=100, **month),
        "b": renewals.Renewal(currency="OMR", minor=20, **month),
        "c": renewals.Renewal(currency="SAR", minor=3, **month),
    }
    told = [renewals.of_month(found, *asked) for asked in (
        ("2026-04", "OMR"), ("2026-03", "OMR"), ("2026-04", "SAR"), ("2026-04", "USD"),
    )]  # fmt: skip
    assert told == [120, 14, 3, 0]


@each(one for one in AGGREGATES if not one.service)
def test_what_happened_elsewhere_changes_nothing(aggregate: Aggregate[Any]) -> None:
    elsewhere = OrganizationSuspended(slug="acme", reason="x")
    assert aggregate.evolve(aggregate.initial, elsewhere) == aggregate.initial
