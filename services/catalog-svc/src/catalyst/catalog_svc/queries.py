"""Questions that need a rule; the chassis calls them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from catalyst.catalog_svc import queries_show, queries_solve
from catalyst.catalog_svc.domain.catalogue import Catalogue
from catalyst.catalog_svc.domain.prices import Prices
from catalyst.catalog_svc.ports import Contents, Shelf
from catalyst.catalog_svc.queries_search import Searching
from catalyst.catalog_svc.queries_show import Looking
from catalyst.catalog_svc.queries_solve import Solving
from catalyst.chassis.service import Query


def queries(
    catalogue: Catalogue, prices: Prices, shelf: Callable[[], Shelf], contents: Contents
) -> tuple[Query, ...]:
    """Return the questions, answered from what was followed."""
    searching = Searching(catalogue, prices, shelf)
    return (
        *queries_show.queries(searching, Looking(catalogue, prices, contents)),
        *queries_solve.queries(Solving(catalogue, contents)),
    )


_NOBODY: Final[Any] = None

QUERIES: Final = queries(Catalogue(), Prices(), _NOBODY, _NOBODY)
"""To be listed: nothing answers them here."""
