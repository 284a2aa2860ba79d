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
        passed = clock.monotonic() - self._asked
        if self._at is None or passed > _FRESH_SECONDS:
            state = await self._broker.stream_state(EV)
            self._at, self._asked, passed = state.ts, clock.monotonic(), 0.0
            self._log = log_name(state.created)
        return self._at + timedelta(seconds=passed)

    async def log(self) -> str:
        """Return the name of the log."""
        await self.now()
        return self._log
