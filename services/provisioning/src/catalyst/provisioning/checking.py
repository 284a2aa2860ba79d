"""Whether an Organization's own versions, registered by the rules of their day, hold today's."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from typing import Final

from catalyst.blueprints.lint import lint
from catalyst.blueprints.package import Package

KEPT: Final = 4096
"""Versions of which is kept what was found; the longest unused is forgotten first."""


class Checking:
    """Looks into versions, each once: what a digest names does not change, nor do our rules."""

    def __init__(self) -> None:
        """Know nothing of any."""
        self._reasons: OrderedDict[str, str] = OrderedDict()

    async def reason(self, digest: str, package: Package) -> str:
        """Return why a version would not be registered, in one line; empty: it would."""
        found = self._reasons.get(digest)
        if found is None:
            # It may take long, as its author likes; nothing else of this process waits for it.
            found = (await asyncio.to_thread(lint, package, own=True)).reason
            self._reasons[digest] = found
        self._reasons.move_to_end(digest)
        while len(self._reasons) > KEPT:
            self._reasons.popitem(last=False)
        return found
