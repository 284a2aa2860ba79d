"""What use costs at the edges of its formula, and how much of it can be priced at all."""

from typing import Any

import pytest
from tests.support import billing
from tests.support.each import each

from catalyst.billing.domain import charges
from catalyst.contracts.money_v1 import MAX_UNITS, MicroMoney, Money
from catalyst.contracts.prices_v1 import Charge, Step
from catalyst.contracts.usage_v1 import MAX_QUANTITY


def step(micro: int, up_to: int | None = None, *flat: Money) -> Step:
    """Return a step with a price of one unit in OMR."""
    return Step(up_to=up_to, price=(MicroMoney(currency="OMR", micro=micro),), flat=flat)


def charge(*steps: Step, **changes: Any) -> Charge:
    """Return what mail costs."""
    fields: dict[str, Any] = {
        "sku": "mail",
        "name": "Mail",
        "unit": "message",
        "aggregation": "sum",
        "formula": "per-unit",
        "steps": steps,
    }
    return Charge(**{**fields, **changes})


def test_a_price_says_what_is_included_and_a_minimum_only_where_it_counts() -> None:
    made = charge(step(1000), included=4, minimum=(billing.omr(10),))
    told = [charges.price(made, quantity, "OMR") for quantity in (0, 1, 13, 14, 15)]
    assert [one.amount.micro for one in told] == [0, 10_000, 10_000, 10_000, 11_000]
    assert [one.formula.partition(" included")[2] for one in told] == [
        "",
        ", at least 0.010 OMR",
        ", at least 0.010 OMR",
        "",
        "",
    ]
    assert told[-1].formula == "per-unit: 15 message, 4 included"
    assert charges.price(charge(step(1000)), 2, "OMR").formula == "per-unit: 2 message"


def test_use_below_nothing_has_no_price() -> None:
    with pytest.raises(ValueError, match="not below zero"):
        charges.price(charge(step(1000)), -1, "OMR")


SCALE = (
    step(7, 10, Money(currency="USD", minor=1), billing.omr(1)),
    step(5, 20),
    step(3, None, billing.omr(2)),
)


@each(
    [
        (0, [], 0),
        (4, [4], 1028),
        (10, [10], 1070),
        (11, [10, 1], 1075),
        (20, [10, 10], 1120),
        (25, [10, 10, 5], 3135),
    ]
)
def test_each_unit_of_a_scale_costs_what_its_own_step_says(
    quantity: int, parts: list[int], micro: int
) -> None:
    """And a step costs as such once something is in it, in the currency that is asked for."""
    priced = charges.price(charge(*SCALE, formula="graduated"), quantity, "OMR")
    assert [one.quantity for one in priced.parts] == parts
    assert priced.amount.micro == micro


DEAR, RICH = 900_000_000, Money(currency="USD", minor=10**12)


@each(
    [
        (charge(step(DEAR, 10), step(1), formula="graduated"), MAX_UNITS // DEAR),
        (charge(step(1, 10), step(DEAR), formula="volume"), MAX_UNITS // DEAR),
        (charge(step(0)), MAX_QUANTITY),
        (
            charge(step(DEAR, 10, billing.omr(1000)), step(1, None, billing.omr(500))),
            (MAX_UNITS - 1_500_000) // DEAR,
        ),
        (charge(step(DEAR, None, RICH)), MAX_UNITS // DEAR),
        (charge(step(DEAR, None, billing.omr(10**12))), 0),
        (charge(step(0, None, billing.omr(10**12))), 0),
        (charge(step(1), minimum=(billing.omr(10**12),)), 0),
        (charge(step(DEAR), minimum=(billing.omr(10**12 - 1),)), MAX_UNITS // DEAR),
    ],
    name=lambda case: str(case)[:40],
)
def test_up_to_so_many_units_every_month_can_be_said(made: Charge, most: int) -> None:
    """By its dearest unit, all that its steps cost as such, and its minimum."""
    assert charges.most(made, "OMR") == most
    assert most == 0 or charges.sayable(made, most, "OMR")
