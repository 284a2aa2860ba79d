"""nats-py's connection, which leaves nothing behind when it is lost, or left at any moment.

Base of the workers' connection (`catalyst.chassis.jetstream.link`), too. Overrides two inner
methods, which `tests/unit/chassis/jetstream/test_link.py` holds in place.
"""

from __future__ import annotations

import asyncio
from typing import Final

from nats.aio.client import Client, Srv
from typing_extensions import override

_AGAIN_SECONDS: Final = 0.05


class Connection(Client):
    """A connection to the broker that is closed when it says so."""

    def __init__(self) -> None:
        super().__init__()
        self._closing = asyncio.Lock()

    @override
    async def _connect_to_server(self, s: Srv) -> None:
        # One that the broker did not greet is not closed by nats-py before the next one is opened.
        self._drop()
        await super()._connect_to_server(s)

    @override
    async def _close(self, status: int, do_cbs: bool = True) -> None:
        # One after the other: nats-py calls itself closed when it has only begun to be.
        async with self._closing:
            try:
                await self._stay_away()
                await super()._close(status, do_cbs)
            finally:
                self._drop()

    async def _stay_away(self) -> None:
        """End the attempt to come back: a closed connection would, if it were told only once.

        A cancellation is lost where it meets the very end of what `asyncio.wait_for` waits for.
        """
        while True:
            opening = self._reconnection_task
            if opening is None or opening.done() or opening is asyncio.current_task():
                return
            opening.cancel()
            await asyncio.wait({opening}, timeout=_AGAIN_SECONDS)

    def _drop(self) -> None:
        if self._transport is not None:
            self._transport.close()  # type: ignore[no-untyped-call]
