"""Clearing: what the one reader of a stream has settled is taken out of it, many messages at once.

A work queue does so by itself with each acknowledgement, and then syncs its disk for each message:
that was more work than all the rest of counting a use. Here the stream keeps what is settled for a
moment. What is taken out is what the broker says is settled, so that anybody may do it, at any
time, and what comes again after a crash was settled before. Called by the worker.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from typing import Final

from catalyst.chassis.jetstream.port import Broker, BrokerError, Denied
from catalyst.contracts.topology import STREAMS, Consumer

log = logging.getLogger(__name__)

EVERY_SECONDS: Final = 1.0
"""While something is settled."""
SELDOM_SECONDS: Final = 8.0
"""While nothing is, or nothing may be taken out."""
_CLEARED: Final = frozenset(stream.name for stream in STREAMS if stream.cleared)


class Clearing:
    """Takes out what the durables of one worker have settled."""

    def __init__(self, broker: Broker, consumers: Iterable[Consumer]) -> None:
        """Look after those of the durables whose stream is cleared."""
        self._broker = broker
        self._consumers = [item for item in consumers if item.stream in _CLEARED]
        self._floors: dict[str, int] = {}
        self._refused: set[str] = set()
        """Streams out of which the broker lets nothing be taken."""

    async def run(self) -> None:
        """Go on for ever."""
        pause = EVERY_SECONDS
        while self._consumers:
            await asyncio.sleep(pause)
            pause = EVERY_SECONDS if await self.clear() else min(2 * pause, SELDOM_SECONDS)

    async def clear(self) -> bool:
        """Take out what is settled by now, and return whether there was anything."""
        return any([await self._tried(item) for item in self._consumers])

    async def _tried(self, consumer: Consumer) -> bool:
        told = {"stream": consumer.stream}
        try:
            cleared = await self._clear(consumer)
        except Denied as error:
            # Until the stream is full: then it takes no more, and whoever reports is told.
            if consumer.stream not in self._refused:
                self._refused.add(consumer.stream)
                log.warning("settled messages stay", extra={**told, "why": str(error)})
            return False
        except BrokerError as error:
            log.info("settled messages stay for now", extra={**told, "why": str(error)})
            return False
        if cleared and consumer.stream in self._refused:
            self._refused.remove(consumer.stream)
            log.warning("settled messages go again", extra=told)
        return cleared

    async def _clear(self, consumer: Consumer) -> bool:
        info = await self._broker.api(f"CONSUMER.INFO.{consumer.stream}.{consumer.name}", None)
        floor = int(info["ack_floor"].get("stream_seq", 0))
        if floor == self._floors.get(consumer.name, 0):
            return False
        if floor:
            await self._broker.api(f"STREAM.PURGE.{consumer.stream}", {"seq": floor + 1})
        self._floors[consumer.name] = floor
        return True
