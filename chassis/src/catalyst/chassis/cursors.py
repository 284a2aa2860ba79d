"""Where a durable on `EV` stood, kept apart from it, so that a lost durable does not begin at 1.

A durable that is recreated starts after the floor that was kept here: all up to it was settled.
Without a cursor it starts at 1, which is safe (repeats are recognised) and slow.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import Any, Final

import msgspec

from catalyst.chassis.jetstream.port import Broker, BrokerError, NotFound, Outgoing
from catalyst.contracts.subjects import escape
from catalyst.contracts.topology import EV, Consumer

log = logging.getLogger(__name__)

EVERY_SECONDS: Final = 10.0
_STREAM: Final = "KV_cursors"


class Cursor(msgspec.Struct, frozen=True, kw_only=True):
    """How far a durable had settled everything."""

    floor: int
    created: str
    """Creation time of the stream: a cursor of another log is not used."""


def _subject(name: str) -> str:
    return f"$KV.cursors.{escape(name)}"


async def ensure(broker: Broker, consumer: Consumer) -> None:
    """Make a durable exist; a recreated one starts after its kept floor.

    Raises:
        BrokerError: As the broker port says.
    """
    try:
        await broker.api(f"CONSUMER.INFO.{consumer.stream}.{consumer.name}", None)
    except NotFound:
        await create(broker, consumer)


async def create(broker: Broker, consumer: Consumer) -> dict[str, Any]:
    """Make a durable that is not there, and return how the broker describes it.

    Raises:
        BrokerError: As the broker port says, also if there is another one of this name by now.
    """
    config = await _start(broker, consumer)
    return await broker.api(
        f"CONSUMER.CREATE.{consumer.stream}.{consumer.name}",
        {"stream_name": consumer.stream, "config": config, "action": "create"},
    )


async def _start(broker: Broker, consumer: Consumer) -> dict[str, Any]:
    config = {**consumer.config, "name": consumer.name}
    if consumer.stream != EV:
        return config
    stored = await broker.last(_STREAM, _subject(consumer.name), leader=True)
    if stored is None:
        return config
    cursor = msgspec.json.decode(stored.data, type=Cursor)
    state = await broker.stream_state(EV)
    if cursor.created != state.created.isoformat() or cursor.floor > state.last_seq:
        return config
    log.warning("durable recreated", extra={"consumer": consumer.name, "floor": cursor.floor})
    return {
        **config,
        "deliver_policy": "by_start_sequence",
        "opt_start_seq": cursor.floor + 1,
    }


class Keeper:
    """Writes the floors of some durables down, now and then."""

    def __init__(self, broker: Broker, consumers: Sequence[Consumer]) -> None:
        """Keep the floors of those that read `EV`."""
        self._broker = broker
        self._consumers = [item for item in consumers if item.stream == EV]
        self._kept: dict[str, int] = {}

    async def run(self) -> None:
        """Write for ever."""
        while True:
            await asyncio.sleep(EVERY_SECONDS)
            await self.keep()

    async def keep(self) -> None:
        """Write every floor that moved since it was last written."""
        try:
            created = (await self._broker.stream_state(EV)).created.isoformat()
            for consumer in self._consumers:
                await self._keep_one(consumer, created)
        except BrokerError as error:
            log.info("cursor not kept", extra={"why": str(error)})

    async def _keep_one(self, consumer: Consumer, created: str) -> None:
        info = await self._broker.api(f"CONSUMER.INFO.{EV}.{consumer.name}", None)
        floor = int(info.get("ack_floor", {}).get("stream_seq", 0))
        if floor <= self._kept.get(consumer.name, 0):
            return
        cursor = Cursor(floor=floor, created=created)
        body = msgspec.json.encode(cursor)
        await self._broker.publish(Outgoing(_subject(consumer.name), body))
        self._kept[consumer.name] = floor
