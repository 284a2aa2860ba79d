"""An index: a fold in memory of many aggregates, for the queries and effects of a service.

Made anew at each start from the log, never stored; a decision never rests on it alone. Started by
the worker, brought to the log's end by `questions.py` before each answer.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence

from catalyst.chassis import events
from catalyst.chassis.following import Following
from catalyst.chassis.jetstream.broker import JetStream
from catalyst.chassis.jetstream.port import Unavailable
from catalyst.chassis.jetstream.puller import Pulled
from catalyst.chassis.jetstream.times import of_nanoseconds
from catalyst.chassis.measures import Measures
from catalyst.contracts.decision import Recorded

log = logging.getLogger(__name__)


class Index:
    """Hands the events of some subjects to one function, in the order of the log."""

    def __init__(
        self,
        name: str,
        filters: Sequence[str],
        apply: Callable[[Recorded], None],
        *,
        asked: bool = True,
    ) -> None:
        """Follow the events on `filters`, which must not overlap.

        An event that cannot be read, or that `apply` fails on, is counted, logged and passed over.
        One that no query looks into is not `asked`, and costs no query anything.
        """
        self.name = name
        self.asked = asked
        self.filters = tuple(filters)
        self.apply = apply
        self._following = Following(f"index-{name}", filters, self._take)
        self._js: JetStream | None = None
        self._measures = Measures()

    @property
    def is_ready(self) -> bool:
        """Whether everything is in it that stood in the log when it was started."""
        return self._following.ready.is_set()

    @property
    def position(self) -> int:
        """Sequence of the last event in it; 0 before the first."""
        return self._following.position

    async def ready(self) -> None:
        """Wait until everything is in it that stood in the log when it was started."""
        await self._following.ready.wait()

    async def run(self, js: JetStream, measures: Measures) -> None:
        """Follow for ever."""
        self._js, self._measures = js, measures
        await self._following.run(js)

    async def reach(self, seq: int) -> None:
        """Wait until an event that it follows is in it, with all before that."""
        await self._following.reach(seq)

    async def catch_up(self) -> None:
        """Wait until everything is in it that the log's leader holds now.

        Raises:
            BrokerError: If the log cannot be read now, or the index is not running.
        """
        if self._js is None:
            raise Unavailable(503, 0, f"the index {self.name!r} is not running")
        await self._following.catch_up(self._js)

    def _take(self, item: Pulled) -> None:
        time = of_nanoseconds(item.time_ns)
        try:
            self.apply(events.recorded(item.subject, item.data, seq=item.seq, time=time))
        except Exception as error:
            # One event must not keep all others out of sight.
            self._measures.passed_over.labels(self.name).inc()
            log.exception(
                "index passes over an event",
                extra={"index": self.name, "seq": item.seq, "why": str(error)},
            )
