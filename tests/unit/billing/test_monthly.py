"""What goes on each month: what runs now counts, once each, and nothing that was sold before."""

from typing import Any

from tests.support import billing, build
from tests.support import usage as used
from tests.support.scenario import Outcome, given

from catalyst.billing.domain import subscription
from catalyst.contracts import billing_v1 as bill1
from catalyst.contracts.message import Command

BLOG, WIKI = (subscription.ref_of("acme", f"{name}.acme-prod") for name in ("blog", "wiki"))
PAID = {"blog.acme-prod": billing.omr(6500)}


def then(outcome: Outcome, *commands: Command) -> Outcome:
    """Return what follows from commands of provisioning, one after the other."""
    for command in commands:
        at = BLOG if isinstance(command, bill1.EndSubscription) else billing.ACCOUNT
        by = build.service("provisioning")
        outcome = outcome.and_then().when(command, at, by=by, now=billing.NOW)
        assert outcome.rejected is None, outcome.rejected
    return outcome


def monthly(outcome: Outcome, currency: str = "OMR") -> int:
    """Return what goes on each month, in minor units."""
    states = [outcome.and_then().world.state(ref) for ref in (BLOG, WIKI)]
    return subscription.monthly(states, currency).minor


def test_the_monthly_sum_is_that_of_what_runs_whatever_was_ordered() -> None:
    blog = billing.hold("c-1", billing.quote(billing.item()))
    wiki = billing.hold("c-2", billing.quote(billing.item("wiki", plan=None)))
    bought = then(
        given(*billing.rich(100_000)).when(
            blog, billing.ACCOUNT, by=build.service("provisioning"), now=billing.NOW
        ),
        bill1.CaptureHold(hold="c-1", revision="3f2a"),
        wiki,
        bill1.CaptureHold(hold="c-2", revision="3f2a"),
    )
    assert (monthly(bought), monthly(bought, "USD")) == (6500 + 1500, 0)
    grown = then(
        bought,
        billing.hold("c-3", billing.quote(billing.item(plan="m"), paid=PAID)),
        bill1.CaptureHold(hold="c-3", revision="3f2b"),
    )
    assert monthly(grown) == 14_000 + 1500
    assert monthly(then(grown, bill1.EndSubscription(reason="removed"))) == 1500


def test_a_sale_without_lines_costs_nothing_and_stops_nothing() -> None:
    """The fold is total: nobody sells so, and a log that says it can still be read."""
    state = subscription.Subscription()
    sales: tuple[Any, ...] = (
        used.started("2026-04", lines=()),
        used.started("2026-04", lines=(), hold="c-2"),
        used.started("2026-05", hold="c-3"),
        used.started("2026-06", lines=(), hold="c-4"),
    )
    for _, sale in sales:
        state = subscription.evolve(state, sale)
    paid = [state.paid(month) for month in ("2026-04", "2026-05", "2026-06", "2026-07")]
    assert paid == [None, billing.omr(6500), billing.omr(6500), None]
    said = [state.currency(month) for month in ("2026-04", "2026-05", "2026-06", "2026-07")]
    assert said == ["", "OMR", "OMR", ""]
    assert state.entering("2026-07") is None
    assert state.monthly.minor == 0


def changed(state: subscription.Subscription, month: str, hold: str) -> subscription.Subscription:
    fact: Any = used.started(month, hold=hold)[1]  # type: ignore[index]
    return subscription.evolve(state, fact)


def test_however_often_it_changes_in_a_month_what_went_on_before_is_known() -> None:
    state = changed(subscription.Subscription(), "2026-04", "c-0")
    for number in range(2 * subscription.TERMS_KEPT):
        state = changed(state, "2026-05", f"c-{number}")
    entered = state.entering("2026-05")
    assert entered is not None
    assert entered.month == "2026-04"


def test_only_the_latest_months_with_changes_stay() -> None:
    state = subscription.Subscription()
    months = [f"{2026 + number // 12}-{number % 12 + 1:02d}" for number in range(20)]
    for month in months:
        state = changed(state, month, month)
    assert [one.month for one in state.terms] == months[-subscription.TERMS_KEPT :]
