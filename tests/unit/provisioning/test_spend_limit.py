"""A plan that the spend limit does not allow says so, and is not carried out."""

import pytest
from tests.support.planning import Others, install, known, plan, wiki
from tests.support.plans import apply, town

from catalyst.contracts.rejection import Rejected


@pytest.mark.guarantee("G12.18")
async def test_what_the_spend_limit_does_not_allow_is_not_applied_and_says_limit_and_spent() -> (
    None
):
    place, others = town(), Others()
    known(place)
    wiki(others)
    others.limited = "9.000 OMR of the limit of 10.000 OMR is spent"
    found = await plan(place, others, install())
    told = [(item.code, item.message) for item in found.blocked_by]
    assert told == [("spend-limit-reached", others.limited)]
    with pytest.raises(Rejected) as caught:
        apply(place, "ch-1", found)
    assert caught.value.code == "spend-limit-reached"
