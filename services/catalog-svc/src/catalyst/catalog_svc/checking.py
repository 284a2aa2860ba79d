"""An Organization's own versions by the rules of today: they were registered by those of their day.

What a registration would refuse is kept in the catalogue beside the version. It is found out when
somebody asks for the version, or a solution takes it: to look into each at the start would take
longer than anybody waits. What is the platform's is the platform's to yank.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import islice
from typing import Final

from catalyst.blueprints.lint import lint
from catalyst.catalog_svc.domain.entry import Entry, Offered
from catalyst.catalog_svc.ports import Contents
from catalyst.chassis.once import Once
from catalyst.contracts.rejection import Rejected

MOST: Final = 100
"""Versions that one question looks into; the newest come first, and others with the next."""


class Checking:
    """Looks into versions, each once."""

    def __init__(self, contents: Contents) -> None:
        """Read what `contents` holds."""
        self._contents = contents
        self._once: Once[None] = Once()
        # It may take long, as its author likes: nothing else of this process waits for it.
        self._apart = ThreadPoolExecutor(1, "checking")

    async def look(self, entry: Entry, versions: Iterable[Offered]) -> bool:
        """Look into versions; return whether one is refused of which that was not known.

        What cannot be read now is left for the next time: a plan needs its content as well.
        """
        if entry.origin != "private":
            return False
        new = (one for one in versions if one.offered and one.outdated is None)
        found = False
        for one in islice(new, MOST):
            await self._once.do(one, partial(self._looked, one))
            found |= bool(one.outdated)
        return found

    async def _looked(self, one: Offered) -> None:
        try:
            package = await self._contents.get(one.digest)
        except Rejected:
            return
        loop = asyncio.get_running_loop()
        looked = await loop.run_in_executor(self._apart, partial(lint, package, own=True))
        one.outdated = looked.reason
