"""What a plan means for what is paid already: it ends with what goes, or stays as it is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from catalyst.chassis import clock
from catalyst.cli import owned
from catalyst.cli.kinds import money
from catalyst.cli.output import Table
from catalyst.cli.target import Target
from catalyst.client.errors import ClientError

Doc = Mapping[str, Any]
REMOVALS: Final = frozenset({"uninstall", "delete-environment", "delete-organization"})
"""Actions that take Applications away."""


def told(target: Target, plan: Doc, owner: str) -> list[str]:
    """Return what a plan that buys nothing means for what is paid; nothing for one that buys."""
    if plan["request"]["action"] in REMOVALS:
        return lines(ending(target, plan, owner))
    return staying(target, plan, owner)


def staying(target: Target, plan: Doc, owner: str) -> list[str]:
    """Return what an Application costs that a plan leaves at its price, as far as that is shown.

    A plan without a lock does nothing, so it says nothing of a price either.
    """
    if plan["price"] is not None or not plan["lock"]:
        return []
    try:
        found = owned.docs(target, "subscriptions", owner)
    except ClientError:
        return []
    place = (plan["request"]["application"], plan["environment"])
    here = [
        one
        for one in found
        if one["status"] == "active" and (one["application"], one["environment"]) == place
    ]
    # Without one nothing is said: whoever may read no subscriptions is shown none.
    paid = [line["amount"] for one in here for line in one["lines"] if line["amount"]["minor"]]
    costs = f", {_sum(paid)} a month" if paid else ", no charge of its own" if here else ""
    return ["", f"price    unchanged{costs}"]


def ending(target: Target, plan: Doc, owner: str) -> list[Doc]:
    """Return the subscriptions that a plan ends, as far as they are shown; they are no part of it.

    What cannot be read now is not told: that they end, the plan says itself.
    """
    if plan["request"]["action"] not in REMOVALS or not plan["sold"]:
        return []
    try:
        found = owned.docs(target, "subscriptions", owner)
    except ClientError:
        return []
    sold = frozenset(plan["sold"])
    return [
        one
        for one in found
        if one["status"] == "active" and f"{one['application']}.{one['environment']}" in sold
    ]


def lines(found: Sequence[Doc]) -> list[str]:
    """Return what each subscription costs a month, what that saves, and what stays charged."""
    if not found:
        return []
    table = Table("PRICE A MONTH", "FOR", "FORMULA")
    for one in found:
        for line in one["lines"]:
            price = money(line["amount"]["currency"], line["amount"]["minor"])
            table.add(price, f"{one['application']} {line['name']}", line["formula"])
    month = f"{clock.now():%Y-%m}"
    total = _sum(line["amount"] for one in found for line in one["lines"])
    return [
        "",
        *table.plain(),
        f"saves    {total} a month, after the month in which it goes",
        f"charged  {month} whole, {total} or the dearest that it had: nothing is given back",
    ]


def _sum(amounts: Iterable[Doc]) -> str:
    """Return what amounts add up to, once for each currency."""
    sums: dict[str, int] = {}
    for one in amounts:
        sums[one["currency"]] = sums.get(one["currency"], 0) + one["minor"]
    return " and ".join(money(currency, minor) for currency, minor in sorted(sums.items()))
