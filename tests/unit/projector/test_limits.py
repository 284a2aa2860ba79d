"""An account's row has a spend limit for each currency in which there is one."""

from typing import Any

import pytest
from tests.support import billing
from tests.support.folding import folded

from catalyst.contracts import billing_v1 as bill1
from catalyst.projector.views.billing_account import ACCOUNT

OMR, USD = (bill1.Money(currency=one, minor=5) for one in ("OMR", "USD"))


def shown(*events: bill1.SpendLimitSet) -> Any:
    """Return the limits in the row of an account after these."""
    opened = bill1.AccountOpened(organization="acme")
    fold = folded((ACCOUNT,), [(billing.ACCOUNT, event) for event in (opened, *events)])
    [row] = fold.rows.values()
    assert row.value.stale is None
    return row.value.doc.spend_limits


@pytest.mark.guarantee("G12.26")
def test_each_currency_has_its_limit_which_goes_by_itself_or_with_all() -> None:
    more = bill1.Money(currency="OMR", minor=7)
    both = [bill1.SpendLimitSet(limit=one) for one in (USD, OMR)]
    assert shown() == ()
    assert shown(*both) == (OMR, USD)
    assert shown(*both, bill1.SpendLimitSet(limit=more)) == (more, USD)
    assert shown(*both, bill1.SpendLimitSet(limit=None, currency="OMR")) == (USD,)
    assert shown(*both, bill1.SpendLimitSet(limit=None)) == ()
