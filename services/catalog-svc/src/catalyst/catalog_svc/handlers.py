"""What happens when something arrives: the whole of catalog-svc as one table.

The chassis runs it; `service` is called by `main.py` and by the embedded stack. The commands of the
runtime itself (retry, drop, take-answer) have no row: the chassis decides them.
"""

from __future__ import annotations

from typing import Final

from catalyst.catalog_svc.domain import curation
from catalyst.catalog_svc.queries import QUERIES
from catalyst.chassis.service import Aggregate, Rule, Service

NAME: Final = "catalog"

AGGREGATES: Final = (
    Aggregate(name=curation.AGGREGATE, initial=curation.Curation(), evolve=curation.evolve),
)

RULES: Final[tuple[Rule, ...]] = ()


def service() -> Service:
    """Return the table."""
    return Service(name=NAME, aggregates=AGGREGATES, rules=RULES, queries=QUERIES)
