"""Edges of an account: what is owed beside invoices, whose it is, and how much is remembered."""

from datetime import timedelta

import pytest
from tests.support import billing
from tests.support.scenario import given

from catalyst.billing.domain import account
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
