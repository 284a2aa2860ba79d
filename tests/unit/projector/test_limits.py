"""An account's row has a spend limit for each currency in which there is one."""

from datetime import timedelta
from typing import Any

import pytest
from tests.support import billing
from tests.support import log as writing
from tests.support.log import START

from catalyst.contracts import billing_v1 as bill1
from catalyst.projector.fold import Fold
from catalyst.projector.ports import LogMessage
from catalyst.projector.views.billing_account import ACCOUNT

OMR, USD = (bill1.Money(currency=one, minor=5) for one in ("OMR", "USD"))


def shown(*events: bill1.SpendLimitSet) -> Any:
    """Return the limits in the row of an account after these."""
    fold = Fold((ACCOUNT,))
    opened = bill1.AccountOpened(organization="acme")
    for seq, event in enumerate((opened, *events), 1):
        at = START + timedelta(seconds=seq)
        sent = writing.message((billing.ACCOUNT, event), f"c-{seq}", 0, at)
        message = LogMessage(
            seq=seq,
            subject=sent.subject,
            time_ns=seq * 1_000_000_000,
            batch=None,
            commit=False,
            data=sent.data,
        )
        fold.apply([message])
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
