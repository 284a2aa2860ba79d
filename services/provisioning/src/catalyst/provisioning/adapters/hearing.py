"""What comes on `FACTS`, for the fold of `domain/observing.py`: read, and thinned where it is old.

The log keeps only what has changed. So that what came in between is not taken back by a fact that
comes late, the newest version of each object is remembered here as well; a restart forgets it, and
then the next fact of the object puts right what a late one did wrong.
"""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Callable
from typing import Final, TypeVar

import msgspec

from catalyst.chassis import clock
from catalyst.chassis.service import Source
from catalyst.contracts.provisioning_values_v1 import SIMULATOR
from catalyst.contracts.subjects import Ref
from catalyst.contracts.topology import FACTS
from catalyst.provisioning.domain import observing, seen
from catalyst.provisioning.domain.seen import Fact

log = logging.getLogger(__name__)

K = TypeVar("K")
V = TypeVar("V")

REMEMBERED: Final = 50_000
"""Objects whose newest version is remembered, and Applications whose last beat is."""


def source(now: Callable[[], float] = clock.monotonic) -> Source:
    """Return the source of facts; `now` counts seconds between beats."""
    hearing = _Hearing(now)
    return Source(
        name=observing.NAME,
        stream=FACTS,
        decode=hearing.decode,
        correlate=hearing.correlate,
        react=observing.react,
    )


class _Hearing:
    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._versions: OrderedDict[tuple[str, ...], int] = OrderedDict()
        self._beats: OrderedDict[tuple[str, str, bool, str], float] = OrderedDict()
        self._sources: OrderedDict[tuple[str, str, bool], None] = OrderedDict()
        self._mixed: OrderedDict[str, None] = OrderedDict()

    def decode(self, subject: str, data: bytes) -> Fact | None:
        """Read a fact; it is a beat if none was told for a while by its cluster.

        What is simulated has beats of its own: it takes none from a real cluster.
        """
        fact = seen.decode(subject, data)
        if fact is None:
            return None
        simulated = fact.source == SIMULATOR
        if (fact.environment, fact.application, not simulated) in self._sources:
            self._say_mixed(fact.environment)
        _remember(self._sources, (fact.environment, fact.application, simulated), None)
        key = (fact.environment, fact.application, simulated, fact.evidence.cluster)
        last, now = self._beats.get(key), self._now()
        if last is not None and now - last < observing.BEAT.total_seconds():
            return fact
        _remember(self._beats, key, now)
        return msgspec.structs.replace(fact, beat=True)

    def _say_mixed(self, environment: str) -> None:
        """Say once for an Environment that its simulated facts are refused."""
        if environment not in self._mixed:
            log.warning("simulated facts beside a real cluster", extra={"environment": environment})
        _remember(self._mixed, environment, None)

    def correlate(self, fact: Fact | None) -> Ref | None:
        """Return the Application of a fact; None for what is older than what was heard.

        That an object is gone is never too old.
        """
        if fact is None:
            return None
        key = (fact.environment, *fact.key, fact.evidence.uid)
        known = self._versions.get(key, 0)
        if fact.evidence.version < known and not fact.gone:
            return None
        _remember(self._versions, key, max(known, fact.evidence.version))
        return observing.correlate(fact)


def _remember(kept: OrderedDict[K, V], key: K, value: V) -> None:
    kept[key] = value
    kept.move_to_end(key)
    while len(kept) > REMEMBERED:
        kept.popitem(last=False)
