"""What happens when something arrives: the whole of provisioning as one table.

The chassis runs it; `service` is called by `main.py` and by the embedded stack. The commands of the
runtime itself (retry, drop, take-answer) have no row: the chassis decides them.
"""

from __future__ import annotations

from typing import Final

from catalyst.chassis.service import Aggregate, Rule, Service
from catalyst.provisioning.domain import application, change
from catalyst.provisioning.queries import QUERIES

NAME: Final = "provisioning"

AGGREGATES: Final = (
    Aggregate(
        name=application.AGGREGATE, initial=application.Application(), evolve=application.evolve
    ),
    Aggregate(name=change.AGGREGATE, initial=change.Change(), evolve=change.evolve),
)

RULES: Final[tuple[Rule, ...]] = ()


def service() -> Service:
    """Return the table."""
    return Service(name=NAME, aggregates=AGGREGATES, rules=RULES, queries=QUERIES)
