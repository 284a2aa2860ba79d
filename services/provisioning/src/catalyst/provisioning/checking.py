"""Whether an Organization's own versions, registered by the rules of their day, hold today's."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Final

from catalyst.blueprints.lint import lint
from catalyst.blueprints.package import Package
from catalyst.chassis.once import Once

KEPT: Final = 4096
"""Versions of which is kept what was found; the longest unused is forgotten first."""


class Checking:
    """Looks into versions, each once: what a digest names does not change, nor do our rules."""

    def __init__(self) -> None:
        """Know nothing of any."""
        self._reasons: OrderedDict[str, str] = OrderedDict()
        self._once: Once[str] = Once()
        # It may take long, as its author likes: nothing else of this process waits for it.
        self._apart = ThreadPoolExecutor(1, "checking")

    async def reason(self, digest: str, package: Package) -> str:
        """Return why a version would not be registered, in one line; empty: it would."""
        found = self._reasons.get(digest)
        if found is None:
            return await self._once.do(digest, partial(self._looked, digest, package))
        self._reasons.move_to_end(digest)
        return found

    async def _looked(self, digest: str, package: Package) -> str:
        loop = asyncio.get_running_loop()
        found = (await loop.run_in_executor(self._apart, partial(lint, package, own=True))).reason
        self._reasons[digest] = found
        while len(self._reasons) > KEPT:
            self._reasons.popitem(last=False)
        return found
