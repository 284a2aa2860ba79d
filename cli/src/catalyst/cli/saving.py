"""What is no longer paid once a plan is carried out that takes something away."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from catalyst.chassis import clock
from catalyst.cli import owned
from catalyst.cli.kinds import money
from catalyst.cli.output import Table
from catalyst.cli.target import Target
from catalyst.client.errors import ClientError

Doc = Mapping[str, Any]
_REMOVALS: Final = frozenset({"uninstall", "delete-environment", "delete-organization"})


def ending(target: Target, plan: Doc, owner: str) -> list[Doc]:
    """Return the subscriptions that a plan ends, as far as they are shown; they are no part of it.

    What cannot be read now is not told: that they end, the plan says itself.
    """
    if plan["request"]["action"] not in _REMOVALS or not plan["sold"]:
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
    sums: dict[str, int] = {}
    for one in found:
        for line in one["lines"]:
            currency, minor = line["amount"]["currency"], line["amount"]["minor"]
            sums[currency] = sums.get(currency, 0) + minor
            table.add(
                money(currency, minor), f"{one['application']} {line['name']}", line["formula"]
            )
    month = f"{clock.now():%Y-%m}"
    total = " and ".join(money(currency, minor) for currency, minor in sorted(sums.items()))
    return [
        "",
        *table.plain(),
        f"saves    {total} a month, after the month in which it goes",
        f"charged  {month} whole, {total} or the dearest that it had: nothing is given back",
    ]
