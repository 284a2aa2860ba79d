"""The broker's clock, as far as a process can know it between two answers of the API."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from catalyst.chassis import clock
from catalyst.chassis.jetstream.port import Broker
from catalyst.contracts.message import log_name
from catalyst.contracts.topology import EV

_FRESH_SECONDS: Final = 60.0


class BrokerClock:
    """Tells the broker's time and the log's name; asks the broker once a minute at most."""

    def __init__(self, broker: Broker) -> None:
        """Ask `broker`; nothing is known before the first `now`."""
        self._broker = broker
        self._at: datetime | None = None
        self._asked = 0.0
        self._log = ""

    async def now(self) -> datetime:
        """Return the broker's instant, at most a minute of local drift away."""
        at = await self._asked_at()
        return at + timedelta(seconds=clock.monotonic() - self._asked)

    async def log(self) -> str:
        """Return the name of the log."""
        await self._asked_at()
        return self._log

    async def _asked_at(self) -> datetime:
        """Return the broker's instant when it was last asked, a minute ago at most."""
        if self._at is None or clock.monotonic() - self._asked > _FRESH_SECONDS:
            state = await self._broker.stream_state(EV)
            self._at, self._asked = state.ts, clock.monotonic()
            self._log = log_name(state.created)
        return self._at
