"""Following the log: messages of some subjects of `EV`, in order, each once, for ever.

For what is kept in memory and made anew at each start: the table of roles, a service's indexes.
Each follower has a consumer of its own; after any doubt it goes on behind the last message it took.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Final

from catalyst.chassis.jetstream.broker import JetStream
from catalyst.chassis.jetstream.port import BrokerError, Unavailable
from catalyst.chassis.jetstream.puller import Doubt, Pulled, Puller, pull
from catalyst.contracts.topology import EV

log = logging.getLogger(__name__)

CATCH_UP_SECONDS: Final = 5.0
"""How long somebody waits for the end of the log to be taken."""
_PAUSE_SECONDS: Final = 0.2


class Following:
    """Where one follower stands."""

    def __init__(self, name: str, filters: Sequence[str], take: Callable[[Pulled], None]) -> None:
        """Hand every message on `filters` to `take`, which must not raise.

        Args:
            name: Begins the consumer's name, and stands in logs.
            filters: Subjects, wildcards allowed; none of them may overlap another.
            take: Called in the order of the log.
        """
        self._name = name
        self._filters = tuple(filters)
        self._take = take
        self._moved = asyncio.Event()
        self.position = 0
        """Sequence of the last message taken; 0 before the first."""
        self.ready = asyncio.Event()
        """Set once everything is taken that stood in the log at the start."""

    async def run(self, js: JetStream) -> None:
        """Follow for ever."""
        while True:
            try:
                target = await self._end(js)
                async with pull(
                    js, EV, name=self._name, start=self.position + 1, subjects=self._filters
                ) as puller:
                    await self._follow(puller, target)
            except (Doubt, BrokerError) as error:
                log.info("following again", extra={"follower": self._name, "reason": str(error)})
                await asyncio.sleep(_PAUSE_SECONDS)

    async def reach(self, seq: int) -> None:
        """Wait until every message up to a sequence is taken by `run`."""
        while self.position < seq:
            await self._moved.wait()

    async def catch_up(self, js: JetStream, *, timeout: float = CATCH_UP_SECONDS) -> None:
        """Wait until everything is taken that the log's leader holds now.

        Raises:
            BrokerError: As the broker port says; `Unavailable` if it takes too long.
        """
        target = await self._end(js)
        try:
            async with asyncio.timeout(timeout):
                await self.reach(target)
        except TimeoutError:
            behind = f"{self._name} stands at {self.position}, the log at {target}"
            raise Unavailable(408, 0, behind) from None

    async def _end(self, js: JetStream) -> int:
        """Return the last sequence of what is followed, as the leader knows it."""
        found = 0
        for subject in self._filters:
            newest = await js.last(EV, subject, leader=True)
            found = max(found, newest.seq if newest is not None else 0)
        return found

    async def _follow(self, puller: Puller, target: int) -> None:
        while True:
            if self.position >= target:
                self.ready.set()
            for item in await puller.read():
                self._take(item)
                self.position = max(self.position, item.seq)
            waiting, self._moved = self._moved, asyncio.Event()
            waiting.set()
