"""What happens when something arrives: the whole of billing as one table.

The chassis runs it; `service` is called by `main.py` and by the embedded stack. The commands of the
runtime itself (retry, drop, take-answer) have no row: the chassis decides them.
"""

from __future__ import annotations

from typing import Final

from catalyst.billing.domain import (
    account,
    invoice,
    price_book,
    redemption,
    subscription,
    usage,
    voucher,
)
from catalyst.billing.queries import QUERIES
from catalyst.chassis.service import Aggregate, Rule, Service

NAME: Final = "billing"

AGGREGATES: Final = (
    Aggregate(name=account.AGGREGATE, initial=account.Account(), evolve=account.evolve),
    Aggregate(name=price_book.AGGREGATE, initial=price_book.PriceBook(), evolve=price_book.evolve),
    Aggregate(name=voucher.AGGREGATE, initial=voucher.Voucher(), evolve=voucher.evolve),
    Aggregate(name=redemption.AGGREGATE, initial=redemption.Redemption(), evolve=redemption.evolve),
    Aggregate(
        name=subscription.AGGREGATE, initial=subscription.Subscription(), evolve=subscription.evolve
    ),
    Aggregate(name=usage.AGGREGATE, initial=usage.Usage(), evolve=usage.evolve),
    Aggregate(name=invoice.AGGREGATE, initial=invoice.Invoice(), evolve=invoice.evolve),
)

RULES: Final[tuple[Rule, ...]] = ()


def service() -> Service:
    """Return the table."""
    return Service(name=NAME, aggregates=AGGREGATES, rules=RULES, queries=QUERIES)
