"""What happens when something arrives: the whole of blueprint-controller as one table.

The chassis runs it; `service` is called by `main.py` and by the embedded stack. The commands of the
runtime itself (retry, drop, take-answer) have no row: the chassis decides them.
"""

from __future__ import annotations

from typing import Final

from catalyst.blueprint_controller.domain import blueprint, source
from catalyst.blueprint_controller.queries import QUERIES
from catalyst.chassis.service import Aggregate, Rule, Service

NAME: Final = "blueprint"

AGGREGATES: Final = (
    Aggregate(name=source.AGGREGATE, initial=source.Source(), evolve=source.evolve),
    Aggregate(name=blueprint.AGGREGATE, initial=blueprint.Blueprint(), evolve=blueprint.evolve),
)

RULES: Final[tuple[Rule, ...]] = ()


def service() -> Service:
    """Return the table."""
    return Service(name=NAME, aggregates=AGGREGATES, rules=RULES, queries=QUERIES)
