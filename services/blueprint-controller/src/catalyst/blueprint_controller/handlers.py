"""What happens when something arrives: the whole of blueprint-controller as one table.

The chassis runs it; `service` is called by `main.py`, and so by the embedded stack. The commands of
the runtime itself (retry, drop, take-answer) have no row: the chassis decides them.
"""

from __future__ import annotations

from typing import Final

from catalyst.blueprint_controller.domain import blueprint, holding, source
from catalyst.blueprint_controller.domain.dependencies import Blueprint, Graph
from catalyst.blueprint_controller.domain.places import SERVICE
from catalyst.blueprint_controller.effects import effects
from catalyst.blueprint_controller.ports import Content, Sources
from catalyst.blueprint_controller.preparing import Preparing
from catalyst.blueprint_controller.queries import QUERIES
from catalyst.chassis.index import Index
from catalyst.chassis.service import Aggregate, Process, Rule, Service, on
from catalyst.contracts import blueprint_v1 as bp1
from catalyst.contracts import owner

NAME: Final = SERVICE
FOLLOWED: Final = ("evt.*.blueprint.blueprint.>",)

AGGREGATES: Final = (
    Aggregate(name=source.AGGREGATE, initial=holding.Source(), evolve=holding.evolve),
    Aggregate(name=blueprint.AGGREGATE, initial=Blueprint(), evolve=blueprint.evolve, fold=2),
    Aggregate(
        name=owner.AGGREGATE, initial=owner.Owner(), evolve=owner.evolve, service=owner.SERVICE
    ),
)

PROCESSES: Final = (
    Process(
        name="source",
        aggregate=source.AGGREGATE,
        correlate=source.correlate,
        react=source.react,
        events=(),
        reads=source.reads_owner,
    ),
)


def rules(preparing: Preparing) -> tuple[Rule, ...]:
    """Return the rules, with their preparations."""
    return (
        # sources
        on(bp1.AddSource, "source", source.add, source.reads_owner, preparing.place, makes=True),
        on(bp1.RemoveSource, "source", source.remove),
        on(bp1.SyncSource, "source", source.sync, source.reads_owner),
        on(bp1.SeedSource, "source", source.seed),
        on(bp1.ReportSync, "source", source.report),
        # Blueprints
        on(
            bp1.RegisterVersion,
            "blueprint",
            blueprint.register,
            blueprint.reads_register,
            preparing.content,
        ),
        on(
            bp1.CheckDependencies,
            "blueprint",
            blueprint.check,
            blueprint.reads_check,
            preparing.known,
        ),
        on(bp1.WakeDependents, "blueprint", blueprint.wake),
        on(bp1.DeprecateBlueprint, "blueprint", blueprint.deprecate),
        on(bp1.WithdrawBlueprint, "blueprint", blueprint.withdraw),
        on(bp1.YankVersion, "blueprint", blueprint.yank),
    )


def service(sources: Sources, content: Content) -> Service:
    """Return the table, with its effects on the given sources and content."""
    graph = Graph()
    index = Index("dependencies", FOLLOWED, graph.take)
    return Service(
        name=NAME,
        aggregates=AGGREGATES,
        rules=rules(Preparing(sources, content, graph)),
        processes=PROCESSES,
        effects=effects(sources, content, graph, index),
        queries=QUERIES,
        indexes=(index,),
    )
