"""What is open in an account, before something of it is deleted."""

import pytest
from tests.support import billing, build
from tests.support.scenario import given
from tests.support.usage import BLOG, started

from catalyst.billing.domain import explaining, open_money, owing
from catalyst.billing.domain.account import Account, next_month
from catalyst.contracts import billing_v1 as bill1
from catalyst.contracts.money_v1 import Money

OWNER = Account(status="open", due_month="2026-05", subscriptions=(BLOG.id,))


def test_an_account_that_was_never_opened_has_nothing_open() -> None:
    found = open_money.of(Account(), (), billing.NOW)
    assert (found.credit, found.holds, found.unpaid, found.running) == ((), (), (), ())
    assert list(open_money.months(Account(), billing.NOW)) == []


def test_what_is_to_be_paid_stands_with_its_invoice_and_orders_with_theirs() -> None:
    owner = Account(
        open_invoices={"2026-01": {"USD": 5, "OMR": 0}, "2026-02": {"OMR": 7000}},
        unpaid={"ch-1": owing.Order(amount=billing.omr(2000), month="2026-03")},
    )
    found = open_money.of(owner, (), billing.NOW)
    assert [(one.name, str(one.amount)) for one in found.unpaid] == [
        ("2026-01", "0.05 USD"),
        ("2026-02", "7.000 OMR"),
        ("2026-03", "2.000 OMR"),
    ]


def test_the_months_that_run_begin_with_the_one_that_is_closed_next() -> None:
    now = billing.NOW
    month = f"{now:%Y-%m}"
    before = f"{now.year - 1}-12" if now.month == 1 else f"{now.year}-{now.month - 1:02}"
    assert list(open_money.months(Account(due_month=before), now)) == [before, month]
    assert list(open_money.months(Account(due_month=month), now)) == [month]
    # One that was closed early is followed by one that has not begun.
    after = next_month(month)
    assert list(open_money.months(Account(due_month=after), now)) == [after]


@pytest.mark.guarantee("G12.15")
def test_what_goes_on_costs_nothing_yet_in_a_month_that_has_not_begun() -> None:
    world = given(billing.applied(), started("2026-04")).world
    states = {ref: world.state(ref) for ref in explaining.running_refs("acme", "2026-05", OWNER)}
    costs = []
    for now in (billing.NOW, billing.NOW.replace(month=5)):
        so_far = open_money.begun(states, "2026-05", now)
        draft = explaining.running("acme", "2026-05", now, OWNER, so_far)
        costs.append([one.total for one in draft.content.amounts])
    assert costs == [[], [billing.omr(6500)]]


def test_credit_and_holds_are_named_with_their_amounts_in_order() -> None:
    wiki, blog = (
        billing.hold(f"c-{name}", billing.quote(billing.item(name))) for name in ("wiki", "blog")
    )
    dollars = Money(currency="USD", minor=7)
    outcome = given(*billing.rich(50_000), billing.opened()).when(
        bill1.GrantCredit(grant="usd", amount=dollars, reason="x"),
        billing.ACCOUNT,
        by=billing.BILLING_ADMIN,
        now=billing.NOW,
    )
    for command in (wiki, blog):
        outcome = outcome.and_then().when(
            command, billing.ACCOUNT, by=build.service("provisioning"), now=billing.NOW
        )
    owner = outcome.state(billing.ACCOUNT)
    found = open_money.of(owner, (), billing.NOW)
    assert found.credit == (billing.omr(50_000 - 13_000), dollars)
    assert [(one.name, one.amount) for one in found.holds] == [
        ("c-blog", billing.omr(6500)),
        ("c-wiki", billing.omr(6500)),
    ]
    spent = given(*billing.rich(6500)).when(
        blog, billing.ACCOUNT, by=build.service("provisioning"), now=billing.NOW
    )
    assert open_money.of(spent.state(), (), billing.NOW).credit == ()


def test_what_is_to_be_paid_of_an_invoice_is_sorted_by_currency() -> None:
    owner = Account(open_invoices={"2026-01": {"USD": 5, "OMR": 7, "AED": 9}})
    found = open_money.of(owner, (), billing.NOW).unpaid
    assert [one.amount.currency for one in found] == ["AED", "OMR", "USD"]
