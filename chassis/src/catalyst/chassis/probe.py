"""Readiness of the broker: what is published is delivered, on a small stream in memory.

That a port answers proves little; and the log is no place for probes. Run by each member's `main`.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Final

from catalyst.chassis.jetstream.broker import JetStream
from catalyst.chassis.jetstream.port import BrokerError, Outgoing
from catalyst.chassis.jetstream.puller import Doubt, Puller, pull
from catalyst.chassis.jetstream.topology import ensure_stream
from catalyst.contracts.permissions import PROBE_PREFIX, PROBE_STREAM
from catalyst.contracts.topology import MINUTE, SECOND, Stream

log = logging.getLogger(__name__)

PROBE: Final = Stream(
    PROBE_STREAM,
    {
        "subjects": [f"{PROBE_PREFIX}.>"],
        "retention": "limits",
        "discard": "old",
        "storage": "memory",
        "num_replicas": 1,
        "max_msgs_per_subject": 1,
        "max_age": MINUTE,
        "max_bytes": 1024 * 1024,
        "max_consumers": 1000,
        "duplicate_window": 2 * SECOND,
    },
)
DELIVERY_SECONDS: Final = 1.5
_PAUSE_SECONDS: Final = 0.25


class Probe:
    """Publishes a message and waits until it comes back through a consumer."""

    def __init__(self, js: JetStream, member: str) -> None:
        """Probe the broker behind `js` as `member`; nothing is known before `run`."""
        self._js = js
        self._subject = f"{PROBE_PREFIX}.{member}.{js.unique()}"
        self._delivered = 0
        self._news = asyncio.Event()

    async def run(self) -> None:
        """Listen for ever; begins anew after any doubt."""
        start = 1
        while True:
            try:
                await ensure_stream(self._js, PROBE)
                async with pull(
                    self._js, PROBE_STREAM, name="probe", start=start, subjects=[self._subject]
                ) as puller:
                    await self._listen(puller)
            except (Doubt, BrokerError) as error:
                log.info("probing again", extra={"reason": str(error)})
                await asyncio.sleep(_PAUSE_SECONDS)

    async def _listen(self, puller: Puller) -> None:
        while True:
            for message in await puller.read():
                self._delivered = message.seq
                self._news.set()

    async def check(self) -> str | None:
        """Return None once a message was published and delivered, else what did not happen."""
        ack = await self._js.publish(Outgoing(self._subject, b""))
        try:
            async with asyncio.timeout(DELIVERY_SECONDS):
                while self._delivered < ack.seq:
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            return "the broker stores but does not deliver"
        return None
