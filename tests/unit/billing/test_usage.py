"""Usage: each use once, whatever comes twice, late or out of order, and nothing lost unseen."""

import re
from datetime import timedelta, timezone
from typing import Any

import msgspec
import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st
from tests.support import billing
from tests.support.each import each
from tests.support.examples import at_least
from tests.support.scenario import Scenario, given
from tests.support.usage import (
    AGGREGATIONS,
    APRIL,
    BLOG,
    NOON,
    TEXT,
    counted,
    reported,
    started,
    use,
    world,
)

from catalyst.billing.domain import counting, usage
from catalyst.contracts import billing_v1 as bill1
from catalyst.contracts.codec import Undecodable
from catalyst.contracts.usage_v1 import Use


def quantities(scene: Scenario) -> dict[str, int]:
    """Return the quantity of each meter in April."""
    state: usage.Usage = scene.world.state(APRIL)
    return {one.meter: one.quantity for one in state.meters.values()}


def naive(uses: list[Use]) -> dict[str, int]:
    """Return the quantities of uses, each name once, in the plainest way."""
    found: dict[str, int] = {}
    for meter in AGGREGATIONS:
        of = [one for one in {one.id: one for one in uses}.values() if one.meter == meter]
        if not of:
            continue
        newest = max(of, key=lambda one: (one.time, one.source, one.id))
        found[meter] = {
            "tokens": sum(one.quantity for one in of),
            "calls": len(of),
            "peak": max(one.quantity for one in of),
            "disk": newest.quantity,
            "people": len({one.value for one in of}),
        }[meter]
    return found


@st.composite
def histories(draw: st.DrawFn) -> tuple[list[Use], list[list[Use]]]:
    """Return uses, and batches in which they come: in any order, some of them more than once."""
    uses = [
        use(
            f"u-{number}",
            draw(st.integers(0, 50)),
            time=NOON - timedelta(minutes=draw(st.integers(0, 5000))),
            meter=(meter := draw(st.sampled_from(sorted(AGGREGATIONS)))),
            value=draw(st.sampled_from("abc")) if meter == "people" else "",
        )
        for number in range(draw(st.integers(1, 15)))
    ]
    again = draw(st.lists(st.sampled_from(uses), max_size=10))
    order = draw(st.permutations([*uses, *again]))
    sizes = draw(st.lists(st.integers(1, 6), min_size=len(order), max_size=len(order)))
    batches, rest = [], list(order)
    for size in sizes:
        batches.append(rest[:size])
        rest = rest[size:]
    return uses, [batch for batch in batches if batch]


@pytest.mark.guarantee("G12.9")
@for_all(histories())
@at_least(60)
def test_any_order_and_any_repetition_make_the_same_quantities(
    history: tuple[list[Use], list[list[Use]]],
) -> None:
    uses, batches = history
    assert quantities(counted(given(*world()), batches)) == naive(uses)


@pytest.mark.guarantee("G12.9")
def test_a_use_counts_once_within_a_batch_and_across_batches() -> None:
    scene = counted(given(*world()), [[use(), use()]])
    assert quantities(scene) == {"tokens": 10}
    reported(scene, use()).then_nothing()
    elsewhere = use(time=NOON.astimezone(timezone(timedelta(hours=4))))
    reported(scene, elsewhere).then_nothing()


def test_another_source_may_use_the_same_name() -> None:
    scene = counted(given(*world()), [[use(), use(source="other")]])
    assert quantities(scene) == {"tokens": 20}


@pytest.mark.guarantee("G12.9")
def test_a_value_is_known_until_no_use_of_its_month_can_come_any_more() -> None:
    decision = reported(given(*world()), use(meter="people", value="ann")).decision
    assert sorted(claim.ttl or counting.LATE for claim in decision.claims) == [
        counting.KNOWN,
        counting.VALUES_KNOWN,
    ]
    assert timedelta(days=31) + counting.LATE + counting.AHEAD < counting.VALUES_KNOWN


@pytest.mark.guarantee("G12.9")
def test_a_name_is_known_for_longer_than_a_use_may_be_late() -> None:
    decision = reported(given(*world()), use()).decision
    assert [claim.ttl for claim in decision.claims] == [counting.KNOWN]
    assert counting.KNOWN > counting.LATE + counting.AHEAD


def test_what_it_costs_is_exact_below_the_minor_unit() -> None:
    scene = counted(given(*world()), [[use(quantity=1)]])
    state: usage.Usage = scene.world.state(APRIL)
    [metered] = state.meters.values()
    assert (metered.amount.micro, metered.version) == (500, "2026-04")


@pytest.mark.guarantee("G12.10")
@each(
    [
        ({"meter": "nothing"}, "sku-unknown"),
        ({"subscription": "wiki.acme-prod"}, "subscription-not-found"),
        ({"value": "ann"}, "usage-invalid"),
        ({"meter": "people"}, "usage-invalid"),
    ]
)
def test_what_fits_nothing_is_listed_with_its_reason_and_counts_if_it_is_sent_again(
    changes: dict[str, Any], code: str
) -> None:
    scene = given(*world())
    outcome = reported(scene, use("good"), use("bad", **changes))
    opened, recorded, unmatched = outcome.events
    assert opened == bill1.UsageOpened(month="2026-04")
    assert isinstance(recorded, bill1.UsageRecorded)
    assert [one.id for one in recorded.uses] == ["good"]
    assert isinstance(unmatched, bill1.UsageUnmatched)
    assert [(one.use.id, one.code) for one in unmatched.uses] == [("bad", code)]
    scene = outcome.and_then()
    reported(scene, use("bad", **changes)).then_nothing()
    assert quantities(counted(scene, [[use("bad")]])) == {"tokens": 20}


@pytest.mark.guarantee("G12.10")
def test_use_without_a_price_in_the_currency_of_what_is_sold_is_listed() -> None:
    alone = re.sub(r', USD: "[0-9.]+"', "", TEXT).replace("[OMR, USD]", "[OMR]")
    dollars = started(lines=billing.quote(currency="USD").lines)
    scene = given(billing.applied(billing.book(alone)), billing.opened(), dollars)
    [_, unmatched] = reported(scene, use()).events
    assert isinstance(unmatched, bill1.UsageUnmatched)
    assert [one.code for one in unmatched.uses] == ["currency-not-priced"]


@pytest.mark.parametrize(
    ("age", "code"),
    [
        (counting.LATE + timedelta(seconds=1), "usage-late"),
        (-counting.AHEAD - timedelta(seconds=1), "usage-ahead"),
    ],
)
def test_a_use_of_another_time_is_not_counted(age: timedelta, code: str) -> None:
    [_, unmatched] = reported(given(*world()), use(), now=NOON + age).events
    assert isinstance(unmatched, bill1.UsageUnmatched)
    assert [one.code for one in unmatched.uses] == [code]


@pytest.mark.parametrize("age", [counting.LATE, -counting.AHEAD])
def test_a_use_of_the_last_instant_that_is_taken_is_counted(age: timedelta) -> None:
    outcome = reported(given(*world()), use(), now=NOON + age)
    assert not [one for one in outcome.events if isinstance(one, bill1.UsageUnmatched)]
    state: usage.Usage = outcome.and_then().world.state(APRIL)
    assert [one.uses for one in state.meters.values()] == [1]


def test_use_of_a_closed_account_is_listed() -> None:
    closed = (billing.ACCOUNT, bill1.AccountClosed(organization="acme"))
    [_, unmatched] = reported(given(*world(), closed), use()).events
    assert isinstance(unmatched, bill1.UsageUnmatched)
    assert [one.code for one in unmatched.uses] == ["account-closed"]


def test_without_a_price_book_nothing_is_counted() -> None:
    [_, unmatched] = reported(given(billing.opened(), started()), use()).events
    assert isinstance(unmatched, bill1.UsageUnmatched)
    assert [one.code for one in unmatched.uses] == ["prices-unavailable"]


def test_the_month_is_that_of_the_use_in_utc() -> None:
    late = use(time=NOON.fromisoformat("2026-05-01T03:00:00+04:00"))
    assert counting.correlate(counting.Reported(organization="acme", use=late)) == APRIL


@pytest.mark.guarantee("G12.10")
def test_what_goes_on_from_the_month_before_counts_towards_what_is_told() -> None:
    limited = (billing.ACCOUNT, bill1.SpendLimitSet(limit=billing.omr(7000)))
    paid = [
        (
            billing.ACCOUNT,
            bill1.CreditHeld(
                hold="c-1",
                plan_hash="x",
                quote=billing.quote(),
                expires=NOON,
                gen="g",
                journal=bill1.Journal(),
            ),
        ),
        (
            billing.ACCOUNT,
            bill1.HoldCaptured(
                hold="c-1",
                revision="3f2a",
                amount=billing.omr(0),
                month="2026-03",
                subscriptions=(BLOG.id,),
                journal=bill1.Journal(),
            ),
        ),
    ]
    alerts = reported(given(*world(), limited, *paid), use()).events
    assert (
        bill1.SpendAlerted(percent=80, spent=billing.omr(6505), limit=billing.omr(7000)) in alerts
    )


@pytest.mark.guarantee("G12.10")
def test_the_spend_limit_is_told_at_80_and_at_100_percent_and_once_each() -> None:
    limited = (billing.ACCOUNT, bill1.SpendLimitSet(limit=billing.omr(100)))
    scene = given(*world(), limited)
    told = []
    for number, quantity in enumerate((158, 1, 1, 1, 38, 1, 100)):
        outcome = reported(scene, use(f"u-{number}", quantity))
        told += [
            (number, one.percent, one.spent.minor)
            for one in outcome.events
            if isinstance(one, bill1.SpendAlerted)
        ]
        scene = outcome.and_then()
    assert told == [(1, 80, 80), (4, 100, 100)]


def test_another_limit_is_told_anew() -> None:
    scene = given(*world(), (billing.ACCOUNT, bill1.SpendLimitSet(limit=billing.omr(5))))
    scene = counted(scene, [[use(quantity=10)]])
    higher = (billing.ACCOUNT, bill1.SpendLimitSet(limit=billing.omr(10)))
    scene = Scenario(scene.world.with_fact(*higher))
    alerts = reported(scene, use("u-2", 10)).events
    assert bill1.SpendAlerted(percent=100, spent=billing.omr(10), limit=billing.omr(10)) in alerts


def test_an_ended_subscription_is_metered_to_the_end_of_its_last_month() -> None:
    ended = bill1.SubscriptionEnded(
        application="blog", environment="acme-prod", month="2026-04", reason="removed"
    )
    scene = given(*world(), (BLOG, ended))
    assert quantities(counted(scene, [[use()]])) == {"tokens": 10}
    later = use(time=NOON + timedelta(days=30))
    [_, unmatched] = reported(scene, later, now=later.time, month="2026-05").events
    assert isinstance(unmatched, bill1.UsageUnmatched)


@pytest.mark.guarantee("G12.10")
@each(
    [
        {"specversion": "0.3"},
        {"id": ""},
        {"source": None},
        {"type": "other.v1"},
        {"subject": "blog"},
        {"time": "2026-04-10T12:00:00"},
        {"time": "0001-01-01T00:00:00+05:00"},
        {"time": "9999-12-31T23:59:59-05:00"},
        {"data": {"meter": "tokens", "quantity": -1}},
        {"data": {"meter": "tokens", "quantity": 1.5}},
        {"data": {"meter": "tokens", "quantity": 10**13}},
        {"data": {"meter": "tokens", "amount": 1}},
        {"organization": "globex"},
    ]
)
def test_a_message_that_is_no_use_is_refused_with_its_place(changes: dict[str, Any]) -> None:
    with pytest.raises(Undecodable) as refused:
        counting.decode("use.acme.x", msgspec.json.encode({**MESSAGE, **changes}))
    assert refused.value.code == "usage-invalid"
    assert refused.value.pointer.startswith("/" + next(iter(changes)))


@each(["use._.x", "use.=ZZ.x", "use.=C3.x", "use.a b.x"])
def test_a_use_of_nobody_is_refused_with_the_reason(subject: str) -> None:
    with pytest.raises(Undecodable) as caught:
        counting.decode(subject, msgspec.json.encode(MESSAGE))
    assert caught.value.code == "subject-mismatch"


MESSAGE = {
    "specversion": "1.0",
    "id": "u-1",
    "source": "meter",
    "type": "usage.reported.v1",
    "subject": "blog.acme-prod",
    "time": "2026-04-10T12:00:00Z",
    "data": {"meter": "tokens", "quantity": 10},
    "traceparent": "passed over",
}


def test_a_message_is_a_use_of_the_organization_in_its_subject() -> None:
    found = counting.decode("use.acme.x", msgspec.json.encode(MESSAGE))
    assert found == counting.Reported(organization="acme", use=use())


def test_the_time_of_a_use_is_written_in_utc_wherever_it_was_told() -> None:
    message = {**MESSAGE, "time": "2026-04-10T16:00:00+04:00"}
    found = usage_of(message)
    assert found == usage_of(MESSAGE)
    assert b'"time":"2026-04-10T12:00:00Z"' in msgspec.json.encode(found)


def usage_of(message: dict[str, Any]) -> Use:
    """Return what a message of `acme` reports."""
    return counting.decode("use.acme.x", msgspec.json.encode(message)).use


def test_a_batch_with_many_uses_is_within_what_one_decision_may_write() -> None:
    uses = [
        use(f"u-{number}", meter="people", value=str(number)) for number in range(counting.AT_ONCE)
    ]
    decision = reported(given(*world()), *uses).decision
    assert len(decision.events) == 2


@pytest.mark.guarantee("G12.12")
def test_a_meter_is_counted_and_priced_by_the_version_of_its_first_use() -> None:
    before = billing.book(TEXT.replace("from: 2026-04-01", "from: 2026-03-01"))
    scene = counted(given(billing.applied(before), billing.opened(), started()), [[use("a", 10)]])
    for text in (TEXT.replace("aggregation: sum", "aggregation: count", 2), billing.TEXT):
        # In force since the month began, as one is that is applied on its first day.
        after = billing.book(text.replace('version: "2026-04"', 'version: "first-day"'))
        applied = bill1.PriceBookApplied(content=after, digest="x" * 64)
        later = Scenario(scene.world.with_fact(billing.BOOK, applied))
        [metered] = counted(later, [[use("b", 10)]]).world.state(APRIL).meters.values()
        assert (metered.quantity, metered.aggregation, metered.amount.micro) == (20, "sum", 10_000)
        assert metered.version == "2026-04"


@pytest.mark.guarantee("G12.1")
def test_late_use_is_charged_in_the_currency_that_its_month_was_sold_in() -> None:
    ended = bill1.SubscriptionEnded(
        application="blog", environment="acme-prod", month="2026-03", reason="removed"
    )
    dollars = started(lines=billing.quote(currency="USD").lines)
    scene = given(*world()[:2], started("2026-03"), (BLOG, ended), dollars)
    late = use(time=NOON - timedelta(days=15))
    state = reported(scene, late, month="2026-03").state()
    assert [one.amount.currency for one in state.meters.values()] == ["OMR"]
    [metered] = counted(scene, [[use()]]).world.state(APRIL).meters.values()
    assert metered.amount.currency == "USD"
