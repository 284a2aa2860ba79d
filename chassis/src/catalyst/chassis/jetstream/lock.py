"""A lock among all processes on one broker, for what must not be done twice at a time.

Kept in the bucket `leases`, renewed while it is held, and lost by itself soon after its holder
dies. It is a courtesy, not a fence: whoever needs certainty uses guards. Called by
`catalyst.chassis.jetstream.topology`.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping
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
HELD_SECONDS: Final = 6
"""After this the broker frees the lock of a holder that died, or that could not renew it."""
RENEW_SECONDS: Final = 2.0
RETRY_SECONDS: Final = 0.1
WAIT_SECONDS: Final = 60.0
"""How long the lock of a holder that lives is waited for."""


@asynccontextmanager
async def locked(
    broker: Broker, name: str, *, timeout: float = WAIT_SECONDS
) -> AsyncIterator[None]:
    """Hold the lock `name`; without a bucket `leases` there is nothing to hold, and it goes on.

    Raises:
        Unavailable: If the lock is not free within `timeout` seconds.
    """
    try:
        async with asyncio.timeout(timeout):
            held = await _acquire(broker, name)
    except TimeoutError:
        raise Unavailable(408, 0, f"the lock {name!r} was not free for {timeout:g} s") from None
    if held is None:
        yield
        return
    problem: Exception | None = None
    try:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(held.keep(), name=f"lock {name}")
            try:
                yield
            except Exception as error:  # noqa: BLE001 - raised again below, as it is
                # Not within the group's own.
                problem = error
            finally:
                # Not cancelled: a renewal under way decides which sequence is to be given back.
                held.over.set()
    finally:
        await held.release()
    if problem is not None:
        raise problem


class _Held:
    """A lock that this process holds."""

    def __init__(self, broker: Broker, name: str, seq: int) -> None:
        self._broker = broker
        self._name = name
        self._seq = seq
        self.over = asyncio.Event()
        """Set once it is needed no longer."""

    async def keep(self) -> None:
        """Renew until `over`, or until somebody else holds it."""
        while not await self._ends_within(RENEW_SECONDS):
            try:
                self._seq = await _write(self._broker, self._name, self._seq)
            except WrongSequence:
                # Only with a stall of more than `HELD_SECONDS`, or after a lost answer.
                log.warning("lock lost while it was held", extra={"lock": self._name})
                return
            except BrokerError as error:
                log.info("lock not renewed", extra={"lock": self._name, "why": str(error)})

    async def release(self) -> None:
        """Give it back, so that nobody waits for its expiry."""
        try:
            await _write(self._broker, self._name, self._seq, {"KV-Operation": "DEL"})
        except BrokerError as error:
            # It frees itself; what was done under it is done.
            log.warning("lock not given back", extra={"lock": self._name, "error": str(error)})

    async def _ends_within(self, seconds: float) -> bool:
        try:
            async with asyncio.timeout(seconds):
                await self.over.wait()
        except TimeoutError:
            return False
        return True


async def _acquire(broker: Broker, name: str) -> _Held | None:
    while True:
        try:
            found = await broker.last(f"KV_{BUCKET}", f"$KV.{BUCKET}.{name}", leader=True)
        except NotFound:
            return None
        if found is None or "KV-Operation" in found.headers:
            try:
                seq = await _write(broker, name, 0 if found is None else found.seq)
            except WrongSequence:
                log.debug("lock taken by somebody else", extra={"lock": name})
            else:
                return _Held(broker, name, seq)
        await asyncio.sleep(RETRY_SECONDS)


async def _write(
    broker: Broker, name: str, guard: int, more: Mapping[str, str] | None = None
) -> int:
    """Write the lock's value behind sequence `guard`; returns the new sequence."""
    headers = {
        **(more or {}),
        "Nats-Expected-Last-Subject-Sequence": str(guard),
        "Nats-TTL": f"{HELD_SECONDS}s",
    }
    return (await broker.publish(Outgoing(f"$KV.{BUCKET}.{name}", b"", headers))).seq
