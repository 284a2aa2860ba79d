"""The spend limits of an account: one for each currency, each bounds its own alone. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from catalyst.contracts.money_v1 import Money

Limits = dict[str, int]
"""Minor units by currency."""


def changed(limits: Mapping[str, int], limit: Money | None, currency: str | None) -> Limits:
    """Return the limits once one is set, or is taken away.

    Args:
        limits: As they were.
        limit: The one that is set; None: one is taken away.
        currency: Of which it is taken away; None: all are.
    """
    if limit is not None:
        return {**limits, limit.currency: limit.minor}
    return {name: minor for name, minor in limits.items() if currency not in {None, name}}


def said(limits: Mapping[str, int]) -> tuple[Money, ...]:
    """Return the limits as amounts, by currency."""
    return tuple(Money(currency=name, minor=minor) for name, minor in sorted(limits.items()))
