"""How use became money, as a person reads it."""

from __future__ import annotations

from typing import Any

from tests.support.each import each

from catalyst.cli.charged import charged


def of(**changes: Any) -> dict[str, Any]:
    """Return what `explain` answers of a scale with two steps, or with other parts."""
    return {
        "aggregation": "sum",
        "unit": "GiB",
        "included": 0,
        "size": 1,
        "parts": [part(10, 100_000), part(5, 50_000)],
        "minimum": None,
        "amount": {"currency": "OMR", "micro": 1_250_000},
    } | changes


def part(quantity: int, price: int, flat: int = 0) -> dict[str, Any]:
    return {
        "quantity": quantity,
        "price": {"currency": "OMR", "micro": price},
        "amount": {"currency": "OMR", "micro": quantity * price + flat * 1000},
        "flat": {"currency": "OMR", "minor": flat} if flat else None,
    }


def test_of_what_is_no_use_nothing_is_said() -> None:
    assert list(charged(None)) == []


def test_each_step_of_a_scale_says_how_many_at_which_price() -> None:
    assert list(charged(of())) == [
        "counted is all that was used, in GiB",
        "10 GiB at 0.100000 OMR = 1.000000 OMR",
        "5 GiB at 0.050000 OMR = 0.250000 OMR",
    ]


def test_packages_are_told_with_what_one_holds_and_what_a_step_costs_as_such() -> None:
    said = list(charged(of(size=1000, parts=[part(2, 800, flat=500)], aggregation="max")))
    assert said == [
        "counted is the most that was told at once, in GiB",
        "2 packages of 1000 GiB at 0.000800 OMR and 0.500 OMR = 0.501600 OMR",
    ]


def test_what_is_free_and_what_a_month_costs_at_least_is_told() -> None:
    least = {"currency": "OMR", "minor": 2000}
    first, *_, last = charged(of(included=3, minimum=least))
    assert first == "counted is all that was used, in GiB; 3 of it cost nothing"
    assert last == "a month with any use costs at least 2.000 OMR"


@each([("sum",), ("count",), ("max",), ("latest",), ("unique",)])
def test_each_way_of_counting_has_words(aggregation: str) -> None:
    assert next(iter(charged(of(aggregation=aggregation)))).startswith("counted is ")
