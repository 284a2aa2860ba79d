"""A spend limit for each currency: each bounds its own, is told by itself, and goes by itself."""

from typing import Any

import pytest
from tests.support import billing, build
from tests.support import usage as used
from tests.support.scenario import Outcome, Scenario, given

from catalyst.billing.domain import ledger
from catalyst.contracts import billing_v1 as bill1

pytestmark = pytest.mark.guarantee("G12.18", "G12.26")

PROVISIONING = build.service("provisioning")
OMR, USD = "OMR", "USD"


def money(currency: str, minor: int) -> bill1.Money:
    return bill1.Money(currency=currency, minor=minor)


def rich() -> Scenario:
    """Return an account with 100.000 OMR and 1,000.00 USD, and prices."""
    both = [
        bill1.Grant(grant=f"g-{one}", amount=money(one, 100_000), source="goodwill", priority=50)
        for one in (OMR, USD)
    ]
    credit = [bill1.CreditGranted(grant=one, journal=ledger.grant(one), gen="") for one in both]
    opened = bill1.AccountOpened(organization="acme", month="2026-04")
    books = billing.applied(billing.book(used.TEXT))
    return given(books, billing.facts(billing.ACCOUNT, opened, *credit))


def bounded(scene: Scenario, **command: Any) -> Outcome:
    return scene.when(
        bill1.SetSpendLimit(**command), billing.ACCOUNT, by=billing.BILLING_ADMIN, now=billing.NOW
    )


def hold(scene: Scenario, name: str, currency: str) -> Outcome:
    """Hold a small WordPress: 6.500 OMR or 16.90 USD."""
    quoted = billing.quote(billing.item(name), currency=currency)
    held = billing.hold(f"c-{name}", quoted)
    return scene.when(held, billing.ACCOUNT, by=PROVISIONING, now=billing.NOW)


def refusal(outcome: Outcome) -> str:
    outcome.then_rejected("spend-limit-reached")
    assert outcome.rejected is not None
    return outcome.rejected.message


def test_a_limit_in_one_currency_stands_beside_that_in_another() -> None:
    first = bounded(rich(), limit=money(OMR, 6_500))
    both = bounded(first.and_then(), limit=money(USD, 1_690)).and_then()
    for currency in (OMR, USD):
        held = hold(both, "blog", currency)
        assert held.state().holds
        most = money(currency, {OMR: 6_500, USD: 1_690}[currency])
        assert f"{most} of the limit of {most}" in refusal(hold(held.and_then(), "wiki", currency))
        other = {OMR: USD, USD: OMR}[currency]
        assert len(hold(held.and_then(), "wiki", other).state().holds) == 2


def test_what_has_no_limit_in_its_currency_is_not_bought_beside_one_that_has() -> None:
    scene = bounded(rich(), limit=money(OMR, 6_500)).and_then()
    assert refusal(hold(scene, "blog", USD)) == (
        "the limit is 6.500 OMR, and 16.90 USD is due: a limit bounds its own currency alone"
    )


def test_a_limit_goes_by_itself_or_with_all() -> None:
    first = bounded(rich(), limit=money(OMR, 1))
    both = bounded(first.and_then(), limit=money(USD, 2), currency=USD)
    assert both.state().spend_limits == {OMR: 1, USD: 2}
    one = bounded(both.and_then(), limit=None, currency=OMR)
    assert one.state().spend_limits == {USD: 2}
    bounded(one.and_then(), limit=None, currency=OMR).then_nothing()
    assert bounded(both.and_then(), limit=None).state().spend_limits == {}
    mixed = bounded(rich(), limit=money(OMR, 1), currency=USD)
    mixed.then_rejected("currency-mixed", "/data/currency")


def test_each_limit_is_told_of_by_what_is_spent_in_its_own_currency() -> None:
    scene = bounded(rich(), limit=money(OMR, 7_000)).and_then()
    scene = bounded(scene, limit=money(USD, 1_690)).and_then()
    found, opened = [], []
    for name, currency in (("blog", OMR), ("wiki", USD)):
        scene = hold(scene, name, currency).and_then()
        capture = bill1.CaptureHold(hold=f"c-{name}", revision="r")
        taken = scene.when(capture, billing.ACCOUNT, by=PROVISIONING, now=billing.NOW)
        found += [one for one in taken.events if isinstance(one, bill1.SpendAlerted)]
        opened += [one for one in taken.events if isinstance(one, bill1.UsageOpened)]
        scene = taken.and_then()
    assert found == [
        bill1.SpendAlerted(percent=80, spent=money(OMR, 6_500), limit=money(OMR, 7_000)),
        bill1.SpendAlerted(percent=100, spent=money(USD, 1_690), limit=money(USD, 1_690)),
    ]
    assert len(opened) == 1
    # What is used of one is told of its own alone, and what was told is not told again.
    more = used.use("u-1", 1_200, time=billing.NOW, subscription="blog.acme-prod")
    after = used.reported(scene, more, now=billing.NOW)
    [told] = [one for one in after.events if isinstance(one, bill1.SpendAlerted)]
    assert (told.percent, told.limit) == (100, money(OMR, 7_000))
    last = used.use("u-2", 1_200, time=billing.NOW, subscription="blog.acme-prod")
    again = used.reported(after.and_then(), last, now=billing.NOW)
    assert not [one for one in again.events if isinstance(one, bill1.SpendAlerted)]


@pytest.mark.parametrize("due", ["2026-03", "2026-04", "2026-05"])
def test_use_of_the_month_that_runs_counts_whichever_month_is_closed_next(due: str) -> None:
    """The month before may wait for its day yet, and the one that runs may be closed early."""
    scene = bounded(rich(), limit=money(OMR, 13_400)).and_then()
    scene = hold(scene, "blog", OMR).and_then()
    capture = bill1.CaptureHold(hold="c-blog", revision="r")
    scene = scene.when(capture, billing.ACCOUNT, by=PROVISIONING, now=billing.NOW).and_then()
    assert len(hold(scene, "wiki", OMR).state().holds) == 1
    use = used.use("u-1", 1_000, time=billing.NOW, subscription="blog.acme-prod")
    scene = used.reported(scene, use, now=billing.NOW).and_then()
    moved = {
        "2026-03": bill1.AccountOpened(organization="acme", month="2026-03"),
        "2026-04": bill1.AccountOpened(organization="acme", month="2026-04"),
        "2026-05": bill1.MonthClosed(month="2026-04", invoice="", open=(), journal=bill1.Journal()),
    }[due]
    world = scene.world.with_fact(billing.ACCOUNT, moved)
    assert world.state(billing.ACCOUNT).due_month == due
    assert refusal(hold(scene.going_on(world), "wiki", OMR)) == (
        "7.000 OMR of the limit of 13.400 OMR is spent or held in 2026-04, and 6.500 OMR is due"
    )
