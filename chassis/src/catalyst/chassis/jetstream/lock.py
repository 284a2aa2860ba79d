"""A lock among all processes on one broker, for what must not be done twice at a time.

Kept in the bucket `leases` and lost by itself when its holder dies. It is a courtesy, not a
fence: whoever needs certainty uses guards. Called by `catalyst.chassis.jetstream.topology`.
"""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from catalyst.chassis.jetstream.port import (
    Broker,
    BrokerError,
    NotFound,
    Outgoing,
    Unavailable,
    WrongSequence,
)

log = logging.getLogger(__name__)

BUCKET: Final = "leases"
HELD_SECONDS: Final = 30
"""After this the broker frees the lock of a holder that died, or that is too slow."""
RETRY_SECONDS: Final = 0.1


@asynccontextmanager
async def locked(
    broker: Broker, name: str, *, timeout: float = 2.0 * HELD_SECONDS
) -> AsyncIterator[None]:
    """Hold the lock `name`; without a bucket `leases` there is nothing to hold, and it goes on.

    Raises:
        Unavailable: If the lock is not free within `timeout` seconds.
    """
    try:
        async with asyncio.timeout(timeout):
            seq = await _acquire(broker, name)
    except TimeoutError:
        raise Unavailable(408, 0, f"the lock {name!r} was not free for {timeout:g} s") from None
    try:
        yield
    finally:
        if seq is not None:
            await _release(broker, name, seq)


async def _acquire(broker: Broker, name: str) -> int | None:
    subject = f"$KV.{BUCKET}.{name}"
    while True:
        try:
            held = await broker.last(f"KV_{BUCKET}", subject, leader=True)
        except NotFound:
            return None
        if held is None or "KV-Operation" in held.headers:
            guard = 0 if held is None else held.seq
            headers = {
                "Nats-Expected-Last-Subject-Sequence": str(guard),
                "Nats-TTL": f"{HELD_SECONDS}s",
            }
            try:
                return (await broker.publish(Outgoing(subject, b"", headers))).seq
            except WrongSequence:
                log.debug("lock taken by somebody else", extra={"lock": name})
        await asyncio.sleep(RETRY_SECONDS)


async def _release(broker: Broker, name: str, seq: int) -> None:
    headers = {
        "KV-Operation": "DEL",
        "Nats-Expected-Last-Subject-Sequence": str(seq),
        "Nats-TTL": f"{HELD_SECONDS}s",
    }
    try:
        await broker.publish(Outgoing(f"$KV.{BUCKET}.{name}", b"", headers))
    except BrokerError as error:
        # It frees itself; what was done under it is done.
        log.warning("lock not given back", extra={"lock": name, "error": str(error)})
