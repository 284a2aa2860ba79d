"""Edges of an account: what is owed beside invoices, whose it is, and how much is remembered."""

from datetime import timedelta

import pytest
from tests.support import billing
from tests.support.scenario import given

from catalyst.billing.domain import account, owing
from catalyst.contracts import billing_v1 as bill1
from catalyst.contracts.subjects import Ref


def test_what_is_owed_beside_the_invoices_is_that_of_one_currency() -> None:
    owner = account.Account(
        balances={"receivable:OMR": -100, "receivable:USD": -7},
        open_invoices={"2026-01": {"OMR": 30}, "2026-02": {"OMR": 20, "USD": 5}, "2026-03": {}},
    )
    assert {one: owner.not_invoiced(one) for one in ("OMR", "USD", "AED")} == {
        "OMR": 50,
        "USD": 2,
        "AED": 0,
    }
    usd = account.Account(balances={"receivable:OMR": -100}, open_invoices={"2026-01": {"USD": 5}})
    assert (usd.not_invoiced("OMR"), usd.not_invoiced("USD")) == (100, 0)


def test_a_closed_account_is_paid_into_under_its_own_organization_alone() -> None:
    other = Ref("acme", "billing", "account", "other")
    closed = (
        (other, bill1.AccountOpened(organization="other")),
        (other, bill1.AccountClosed(organization="other")),
    )
    pay = bill1.RecordPayment(payment="p-1", amount=billing.omr(5), reference="t")
    given(billing.applied(), *closed).when(pay, other, by=billing.BILLING_ADMIN).then_rejected(
        "subject-mismatch"
    )


@pytest.mark.guarantee("G12.24")
def test_no_more_tries_of_codes_are_remembered_than_count() -> None:
    state = account.Account()
    times = [billing.NOW + timedelta(minutes=n) for n in range(account.ATTEMPTS_MAX + 3)]
    for time in times:
        state = account.evolve(state, bill1.RedemptionAttempted(redemption="r", time=time))
    assert state.attempts == tuple(times[3:])
    hour = account.ATTEMPTS_WINDOW
    assert account.attempts_since(state, times[5] + hour) == tuple(times[6:])


def test_the_fingerprint_of_what_came_in_stays_what_snapshots_have() -> None:
    """Another one would take each repeat for another payment of the same name."""
    found = account.fingerprint("payment", billing.omr(5), "t")
    assert found == "5843beed60234356"
    assert account.fingerprint({"b": 1, "a": 2}) == account.fingerprint({"a": 2, "b": 1})


def test_each_month_has_the_next_one() -> None:
    months = ["2026-01"]
    for _ in range(24):
        months.append(account.next_month(months[-1]))
    assert months == [f"{2026 + n // 12}-{n % 12 + 1:02d}" for n in range(25)]


def captured(name: str, month: str, *subscriptions: str, taken: str = "") -> bill1.HoldCaptured:
    return bill1.HoldCaptured(
        hold=name,
        revision="r",
        amount=billing.omr(5),
        month=month,
        taken=taken,
        subscriptions=subscriptions,
        journal=bill1.Journal(),
    )


def test_what_is_taken_counts_in_the_month_that_runs() -> None:
    """A log from before says no month in which something was taken late."""
    state = account.Account()
    for event, month, spent in (
        (captured("c-1", "2026-01"), "2026-01", 5),
        (captured("c-2", "2026-02"), "2026-02", 5),
        (captured("c-3", "2026-01"), "2026-02", 10),
        (captured("c-4", "2026-02", taken="2026-03"), "2026-03", 5),
    ):
        state = account.evolve(state, event)
        assert (state.month, state.spent) == (month, {"OMR": spent})


def test_what_costs_something_is_named_once_and_sorted() -> None:
    names = [f"{letter}.acme-prod" for letter in "qwertyuiop"]
    state = account.evolve(account.Account(), captured("c-1", "2026-01", *names))
    state = account.evolve(state, captured("c-2", "2026-01", "a.acme-prod", *names[:3]))
    assert state.subscriptions == ("a.acme-prod", *sorted(names))


def test_only_the_latest_holds_that_ended_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(account, "ENDED_MAX", 2)
    state = account.Account()
    for name in ("c-1", "c-2", "c-3"):
        state = account.evolve(state, captured(name, "2026-01"))
    assert state.ended == {"c-2": "captured", "c-3": "captured"}


def test_a_month_that_is_closed_takes_along_all_that_was_on_its_invoice() -> None:
    months = ("2026-01", "2026-02", "2026-03")
    state = account.Account(
        removed={f"{month}.acme-prod": month for month in months},
        later={f"c-{month}": month for month in months},
        unpaid={f"c-{month}": owing.Order(amount=billing.omr(5), month=month) for month in months},
        balances={"receivable:OMR": -15},
        due_month="2026-02",
        closing="x",
    )
    over = bill1.MonthClosed(month="2026-02", invoice="", open=(), journal=bill1.Journal())
    after = account.evolve(state, over)
    assert [*after.removed.values(), *after.later.values()] == ["2026-03", "2026-03"]
    assert [one.month for one in after.unpaid.values()] == ["2026-03"]
    assert (after.due_month, after.closing, after.first_open) == ("2026-03", None, "2026-03")
