"""What each part adds to the row of a whole, kept beside the rows while they are folded. Pure.

So that one part that changes is looked at, and not all of them: whatever is kept here is what a
look at every part would find. Who begins with nothing looks at each part once.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Final, NamedTuple

import msgspec

from catalyst.contracts.blocked_application import NOTHING_RUNS
from catalyst.contracts.provisioning_values_v1 import SIMULATOR, Badness, badness


class Rollup(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The worst of several, and which of them that is."""

    status: str
    """`healthy`, `progressing`, `degraded`, `missing` or `unknown`."""
    reason: str = ""
    """One word that says why."""
    of: str = ""
    """What is so: the Application, or the Environment; empty: nothing runs."""
    source: str = ""
    """Who saw it: `cluster`, or `simulator` if that saw any of it; empty: nobody."""
    since: datetime | None = None
    """Since when that is so."""


NOTHING: Final = Rollup(status="unknown", reason=NOTHING_RUNS)


def rank(one: Rollup) -> Badness:
    """Return how bad something is among the parts of a whole."""
    return badness(one.status, one.since, one.of)


class Part(NamedTuple):
    """What a whole is because of one part."""

    health: Rollup
    """Of nothing, if nothing runs in it."""
    as_of: datetime | None = None
    """When anything of it was seen last; None: nothing was."""

    @property
    def real(self) -> bool:
        """Whether something of it was seen, and not simulated."""
        return self.as_of is not None and self.health.source != SIMULATOR


class Tally:
    """The parts of one whole, the worst first."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self._names: tuple[str, ...] = ()
        self._parts: dict[str, Part | None] = {}
        self._order: list[Badness] = []
        self._simulated = 0
        self._seen = 0
        self._real = 0

    @property
    def worst(self) -> Rollup:
        """The worst part; of nothing, if there is none."""
        if not self._order:
            return NOTHING
        part = self._parts[self._order[0][2]]
        return NOTHING if part is None else part.health

    @property
    def simulated(self) -> bool:
        """Whether anything was simulated."""
        return self._simulated > 0

    @property
    def seen(self) -> bool:
        """Whether anything was seen of any part."""
        return self._seen > 0

    @property
    def real(self) -> bool:
        """Whether any of that was not simulated."""
        return self._real > 0

    def sights(self) -> Iterator[tuple[datetime, str]]:
        """Yield when each part was seen, and by whom; only the real ones, if there are any.

        This goes through all parts.
        """
        for part in self._parts.values():
            if part is not None and part.as_of is not None and (part.real or not self.real):
                yield part.as_of, part.health.source

    def of(self, names: tuple[str, ...], found: Callable[[str], Part | None]) -> None:
        """Let it have these parts; one that it has not had is looked at with `found`."""
        if names is self._names:
            return
        now = set(names)
        for name in self._parts.keys() - now:
            self.put(name, None)
            del self._parts[name]
        for name in now - self._parts.keys():
            part = found(name)
            self._parts[name] = None
            self.put(name, part)
        self._names = names

    def put(self, name: str, part: Part | None) -> None:
        """Take in what a part is now; one that is none of its parts is passed over."""
        if name not in self._parts:
            return
        before = self._parts[name]
        if part == before:
            return
        self._parts[name] = part
        if before is not None:
            self._count(before, -1)
        if part is not None:
            self._count(part, 1)

    def _count(self, part: Part, by: int) -> None:
        self._seen += by if part.as_of is not None else 0
        self._real += by if part.real else 0
        if not part.health.of:
            return
        self._simulated += by if part.health.source == SIMULATOR else 0
        place = rank(part.health)
        if by > 0:
            insort(self._order, place)
        else:
            del self._order[bisect_left(self._order, place)]
