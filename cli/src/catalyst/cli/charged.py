"""How use became money, in words: so that whoever reads an invoice can do its sums."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from catalyst.cli.kinds import micro
from catalyst.cli.planshow import amount

_COUNTED: Final = {
    "sum": "all that was used",
    "count": "how often it was used",
    "max": "the most that was told at once",
    "latest": "what was told last",
    "unique": "how many different ones were told",
}


def charged(charge: Mapping[str, Any] | None) -> Iterator[str]:
    """Yield what is counted of a line's use, and each step of its price; nothing if it is no use.

    Args:
        charge: As the query `explain` answers it.
    """
    if charge is None:
        return
    unit, size, included = charge["unit"], charge["size"], charge["included"]
    free = f"; {included} of it cost nothing" if included else ""
    yield f"counted is {_COUNTED[charge['aggregation']]}, in {unit}{free}"
    per = unit if size == 1 else f"packages of {size} {unit}"
    for part in charge["parts"]:
        flat = f" and {amount(part['flat'])}" if part["flat"] else ""
        price, cost = _micro(part["price"]), _micro(part["amount"])
        yield f"{part['quantity']} {per} at {price}{flat} = {cost}"
    if charge["minimum"]:
        yield f"a month with any use costs at least {amount(charge['minimum'])}"


def _micro(price: Mapping[str, Any]) -> str:
    return micro(price["currency"], price["micro"])
