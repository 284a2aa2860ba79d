"""What happens when something arrives: the whole of provisioning as one table.

The chassis runs it; `service` is called by `main.py` and by the embedded stack. The commands of the
runtime itself (retry, drop, take-answer) have no row: the chassis decides them.
"""

from __future__ import annotations

from typing import Final

from catalyst.chassis.index import Index
from catalyst.chassis.service import Aggregate, Effect, Process, Rule, Service, Source, on
from catalyst.contracts import application_v1 as app1
from catalyst.contracts import provisioning_v1 as pro1
from catalyst.provisioning import noticing, preparing
from catalyst.provisioning.domain import (
    application,
    applying,
    change,
    copies,
    deciding,
    foreign,
    held,
    observing,
    process,
)
from catalyst.provisioning.domain.held import Held
from catalyst.provisioning.queries import Planner, queries

NAME: Final = change.SERVICE

AGGREGATES: Final = (
    Aggregate(
        name=application.AGGREGATE,
        initial=application.Application(),
        evolve=application.evolve,
        fold=11,
    ),
    Aggregate(name=change.AGGREGATE, initial=change.Change(), evolve=change.evolve, fold=12),
    # decided by others, read and guarded here
    Aggregate(
        service="environment",
        name="organization",
        initial=foreign.Organization(),
        evolve=foreign.evolve_organization,
        fold=2,
    ),
    Aggregate(
        service="environment",
        name="environment",
        initial=foreign.Environment(),
        evolve=foreign.evolve_environment,
    ),
    Aggregate(
        service="environment",
        name="policy",
        initial=foreign.Policy(),
        evolve=foreign.evolve_policy,
        fold=3,
    ),
    Aggregate(
        service="blueprint",
        name="blueprint",
        initial=foreign.Blueprint(),
        evolve=foreign.evolve_blueprint,
    ),
    Aggregate(
        service="billing",
        name="price-book",
        initial=foreign.PriceBook(),
        evolve=foreign.evolve_price_book,
    ),
    Aggregate(
        service="billing",
        name="account",
        initial=foreign.Account(),
        evolve=foreign.evolve_account,
        events=foreign.ACCOUNT_EVENTS,
    ),
)

RULES: Final[tuple[Rule, ...]] = (
    on(pro1.ApplyPlan, "change", applying.apply, applying.reads, applying.prepare, makes=True),
    on(pro1.ApproveChange, "change", deciding.approve, deciding.reads, preparing.compare),
    on(pro1.RejectChange, "change", deciding.reject, deciding.reads),
    on(pro1.CancelChange, "change", deciding.cancel, deciding.reads),
    on(pro1.LookAgain, "change", deciding.look_again, deciding.reads, preparing.compare),
    on(pro1.ReportStep, "change", process.report_step, process.reads),
)

PROCESSES: Final = (
    Process(
        name="change",
        aggregate=change.AGGREGATE,
        correlate=process.correlate,
        react=process.react,
        reads=process.reads,
        events=(app1.ChangeLeft, app1.ApplicationObserved),
        prepare=preparing.compare,
        after=(observing.NAME,),
    ),
    Process(
        name="silence",
        aggregate=application.AGGREGATE,
        correlate=observing.nobody,
        react=observing.fall_silent,
        events=(),
    ),
)


def service(
    planner: Planner, effects: tuple[Effect, ...] = (), sources: tuple[Source, ...] = ()
) -> Service:
    """Return the table, with plans made by `planner`, what happens outside and what is seen."""
    waiting = Held()
    followed = Index(noticing.NAME, held.FOLLOWED, waiting.apply, asked=False)
    return Service(
        name=NAME,
        aggregates=AGGREGATES,
        rules=RULES,
        processes=PROCESSES,
        effects=(*effects, noticing.noticing(followed, waiting)),
        sources=sources,
        queries=queries(planner),
        indexes=(Index("applications", copies.FOLLOWED, planner.names.apply), followed),
    )
