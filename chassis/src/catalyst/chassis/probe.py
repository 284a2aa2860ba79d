"""Readiness of the broker: what is published is delivered, and what is stored reaches its disk.

That a port answers proves little; and the log is no place for probes. Delivery is asked of a small
stream in memory, whenever somebody wants to know. A full disk does not show there, so now and then
something is written to a second one, on the disk. Run by each member's `main`.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Final

from catalyst.chassis.jetstream.broker import JetStream
from catalyst.chassis.jetstream.port import BrokerError, Outgoing
from catalyst.chassis.jetstream.puller import Doubt, Puller, pull
from catalyst.chassis.jetstream.topology import ensure_stream
from catalyst.contracts.permissions import (
    DISK_PROBE_PREFIX,
    DISK_PROBE_STREAM,
    PROBE_PREFIX,
    PROBE_STREAM,
)
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
DISK_PROBE: Final = Stream(
    DISK_PROBE_STREAM,
    {
        "subjects": [f"{DISK_PROBE_PREFIX}.>"],
        "retention": "limits",
        "discard": "old",
        "max_msgs_per_subject": 1,
        "max_age": MINUTE,
        "max_bytes": 1024 * 1024,
        "max_consumers": 1,
        "duplicate_window": 2 * SECOND,
    },
)
"""On the disk, with as many copies as the log has."""
DELIVERY_SECONDS: Final = 1.5
DISK_SECONDS: Final = 10.0
"""Between two writes to the disk."""
DISK_AGAIN_SECONDS: Final = 1.0
"""The same after one that failed."""
DISK_BYTES: Final = 8 * 1024
"""More than a page, which a full disk may still have free behind the last write."""
_PAUSE_SECONDS: Final = 0.25


class Probe:
    """Publishes a message and waits until it comes back, and writes to the disk now and then."""

    def __init__(self, js: JetStream, member: str, *, replicas: int = 1) -> None:
        """Probe the broker behind `js` as `member`; nothing is known before `run`."""
        self._js = js
        self._name = f"{member}.{js.unique()}"
        self._subject = f"{PROBE_PREFIX}.{self._name}"
        self._replicas = replicas
        self._delivered = 0
        self._news = asyncio.Event()
        self._unstored: str | None = "nothing was stored yet"

    async def run(self) -> None:
        """Listen and write for ever; begins anew after any doubt."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._hear(), name="probe of delivery")
            tasks.create_task(self._store(), name="probe of the disk")

    async def _hear(self) -> None:
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

    async def _store(self) -> None:
        stands = False
        while True:
            try:
                if not stands:
                    await ensure_stream(self._js, DISK_PROBE, replicas=self._replicas)
                stands = True
                subject = f"{DISK_PROBE_PREFIX}.{self._name}"
                await self._js.publish(Outgoing(subject, bytes(DISK_BYTES)))
            except BrokerError as error:
                stands = False
                self._unstored = f"the broker stores nothing, is its disk full? ({error})"
                log.warning("nothing is stored", extra={"reason": str(error)})
            else:
                self._unstored = None
            await asyncio.sleep(DISK_SECONDS if stands else DISK_AGAIN_SECONDS)

    async def check(self) -> str | None:
        """Return None once a message was published and delivered, else what did not happen.

        The disk is not asked anew: what is told of it is `DISK_SECONDS` old, and as much as a call
        takes.
        """
        ack = await self._js.publish(Outgoing(self._subject, b""))
        try:
            async with asyncio.timeout(DELIVERY_SECONDS):
                while self._delivered < ack.seq:
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            return "the broker stores but does not deliver"
        return self._unstored
