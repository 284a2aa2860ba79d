"""Large use: counted while its price can be said; what is beyond that stops nothing."""

import pytest
from tests.support import billing
from tests.support.each import each
from tests.support.scenario import given
from tests.support.usage import APRIL, TEXT, reported, started, use, world

from catalyst.contracts import billing_v1 as bill1
from catalyst.contracts.money_v1 import MAX_UNITS
from catalyst.contracts.usage_v1 import MAX_QUANTITY

DEAR_AT_FIRST = '[{up_to: 10, price: {OMR: "900", USD: "9"}}, {price: {OMR: "0.000001", USD: "0"}}]'


@pytest.mark.guarantee("G12.10")
def test_what_would_cost_more_than_can_be_said_is_listed_and_stops_nothing() -> None:
    dear = billing.book(TEXT.replace("0.000500", "0.5"))
    scene = given(billing.applied(dear), billing.opened(), started())
    # Together as much as can be counted: it is the price alone that is too much.
    outcome = reported(scene, use("good"), use("huge", MAX_QUANTITY - 10))
    _, recorded, unmatched = outcome.events
    assert isinstance(unmatched, bill1.UsageUnmatched)
    assert [(one.use.id, one.code) for one in unmatched.uses] == [("huge", "usage-invalid")]
    assert isinstance(recorded, bill1.UsageRecorded)
    most = reported(outcome.and_then(), use("most", MAX_UNITS // 500_000 - 10)).and_then()
    [metered] = most.world.state(APRIL).meters.values()
    assert metered.amount.micro <= MAX_UNITS < metered.amount.micro + 500_000


@pytest.mark.guarantee("G12.10")
@each(
    [
        'package\n    size: 1000000\n    price: {OMR: "2", USD: "2"}',
        f"graduated\n    steps: {DEAR_AT_FIRST}",
        f"volume\n    steps: {DEAR_AT_FIRST}",
        'per-unit\n    included: 5000000000\n    price: {OMR: "900", USD: "9"}',
    ],
    name=lambda text: text.partition("\n")[0],
)
def test_much_use_that_costs_little_is_counted_whatever_its_dearest_unit_costs(
    formula: str,
) -> None:
    before = 'per-unit\n    price: {OMR: "0.000500", USD: "0.001"}'
    made = billing.book(TEXT.replace(before, formula, 1))
    scene = given(billing.applied(made), billing.opened(), started())
    [_, recorded] = reported(scene, use("much", 5_000_000_000)).events
    assert isinstance(recorded, bill1.UsageRecorded)
    assert recorded.meters[0].quantity == 5_000_000_000


@pytest.mark.guarantee("G12.10")
def test_the_largest_use_of_several_meters_is_counted_under_a_spend_limit() -> None:
    limited = (billing.ACCOUNT, bill1.SpendLimitSet(limit=billing.omr(5)))
    uses = [use(meter, MAX_QUANTITY, meter=meter) for meter in ("tokens", "peak", "disk")]
    [_, recorded, alert] = reported(given(*world(), limited), *uses).events
    assert isinstance(recorded, bill1.UsageRecorded)
    assert isinstance(alert, bill1.SpendAlerted)
    assert alert.spent.minor == 3 * MAX_QUANTITY // 2
