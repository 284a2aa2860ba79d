"""What happens when something arrives: the whole of catalog-svc as one table.

The chassis runs it; `service` is called by `main.py` and by the embedded stack. The commands of the
runtime itself (retry, drop, take-answer) have no row: the chassis decides them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from catalyst.catalog_svc.domain import catalogue, curation, known
from catalyst.catalog_svc.domain.prices import FOLLOWED, Prices
from catalyst.catalog_svc.ports import Contents, Shelf
from catalyst.catalog_svc.queries import queries
from catalyst.chassis.index import Index
from catalyst.chassis.service import Aggregate, Rule, Service, on
from catalyst.contracts import catalog_v1 as cat1
from catalyst.contracts import owner
from catalyst.contracts.decision import Recorded

NAME: Final = "catalog"

AGGREGATES: Final = (
    Aggregate(name=curation.AGGREGATE, initial=curation.Curation(), evolve=curation.evolve),
    Aggregate(
        name=known.AGGREGATE, initial=known.Known(), evolve=known.evolve, service=known.SERVICE
    ),
    Aggregate(
        name=owner.AGGREGATE, initial=owner.Owner(), evolve=owner.evolve, service=owner.SERVICE
    ),
)

RULES: Final[tuple[Rule, ...]] = (
    on(cat1.FeatureBlueprint, "curation", curation.feature, curation.reads),
    on(cat1.UnfeatureBlueprint, "curation", curation.unfeature, curation.reads),
    on(cat1.HideBlueprint, "curation", curation.hide, curation.reads),
    on(cat1.ShowBlueprint, "curation", curation.show, curation.reads),
    on(cat1.PinVersion, "curation", curation.pin, curation.reads),
    on(cat1.UnpinVersion, "curation", curation.unpin, curation.reads),
    on(cat1.SetCategory, "curation", curation.set_category, curation.reads),
    on(cat1.ClearCategory, "curation", curation.clear_category, curation.reads),
)


def service(shelf: Callable[[], Shelf], contents: Contents) -> Service:
    """Return the table, with searches on what `shelf` makes and files from `contents`."""
    known_of, prices = catalogue.Catalogue(), Prices()

    def follow(recorded: Recorded) -> None:
        known_of.apply(recorded)
        prices.take(recorded)

    return Service(
        name=NAME,
        aggregates=AGGREGATES,
        rules=RULES,
        queries=queries(known_of, prices, shelf, contents),
        indexes=(Index("catalogue", (*catalogue.FOLLOWED, FOLLOWED), follow),),
    )
