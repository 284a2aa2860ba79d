"""Questions that need a rule; the chassis calls them."""

from __future__ import annotations

from typing import Final

from catalyst.chassis.service import Query

QUERIES: Final[tuple[Query, ...]] = ()
