"""A lease: one active worker per service, another stands by. Order and speed, not safety.

No fence is needed, because the guards of every batch decide who wins; two active workers on one
durable only cost order and speed. Kept in the bucket `leases`, with the broker's own expiry.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Final

from catalyst.chassis.jetstream import topology
from catalyst.chassis.jetstream.port import Broker, BrokerError, NotFound, Outgoing, Stored
from catalyst.contracts import topology as contract
from catalyst.contracts.subjects import escape

log = logging.getLogger(__name__)

TTL_SECONDS: Final = 6
RENEW_SECONDS: Final = 2.0
_STREAM: Final = "KV_leases"
_MARKER: Final = "Nats-Marker-Reason"
_END: Final = "Nats-TTL"
_RELEASED: Final = b""


class Lease:
    """One lease by name, for one member."""

    def __init__(self, broker: Broker, name: str, member: str, *, replicas: int = 1) -> None:
        """Hold `name` as `member`, a name that no other process has.

        Args:
            broker: Holds the bucket.
            name: Of the service.
            member: Of this process.
            replicas: Copies of the bucket, should it have to be made anew.
        """
        self._broker = broker
        self._replicas = replicas
        self._subject = f"$KV.leases.{escape(name)}"
        self._member = member.encode()
        self._revision = 0

    async def acquire(self) -> None:
        """Return once this member holds the lease; waits while another does."""
        while True:
            if await self._take():
                return
            await asyncio.sleep(RENEW_SECONDS / 2)

    async def keep(self) -> None:
        """Renew until another member holds it; a broker that does not answer is asked again.

        Meanwhile the lease may run out. That is no reason to stop: the guards decide who is right.
        """
        while True:
            await asyncio.sleep(RENEW_SECONDS)
            try:
                renewed = await self._write(self._revision, self._member)
            except BrokerError as error:
                log.info("lease not renewed", extra={"why": str(error)})
                renewed = False
            if renewed:
                continue
            held = await self._is_ours()
            if held is False:
                log.warning("another member holds the lease", extra={"lease": self._subject})
                return
            if held is None:
                log.warning("lease could not be renewed", extra={"lease": self._subject})

    async def free(self) -> None:
        """Take the lease from whoever holds it: only where every holder is known to be dead.

        Raises:
            BrokerError: If the broker cannot be asked.
        """
        try:
            stored = await self._broker.last(_STREAM, self._subject, leader=True)
        except NotFound:
            return
        if stored is not None and _is_held(stored):
            await self._write(stored.seq, _RELEASED)

    async def _take(self) -> bool:
        try:
            stored = await self._broker.last(_STREAM, self._subject, leader=True)
            if _is_held(stored) and stored is not None and stored.data != self._member:
                return False
            return await self._write(stored.seq if stored is not None else 0, self._member)
        except NotFound:
            await self._make_bucket()
            return False
        except BrokerError as error:
            log.info("lease not taken", extra={"why": str(error)})
            return False

    async def _is_ours(self) -> bool | None:
        """Whether a renewal whose answer was lost went through, or can be made again.

        None if nobody is known to hold the lease.
        """
        try:
            stored = await self._broker.last(_STREAM, self._subject, leader=True)
        except NotFound:
            await self._make_bucket()
            return None
        except BrokerError:
            return None
        if stored is None or not _is_held(stored):
            return await self._take() or None
        if stored.data != self._member:
            return False
        self._revision = stored.seq
        return True

    async def _make_bucket(self) -> None:
        """Make the bucket again, which somebody has deleted."""
        for stream in contract.BUCKETS:
            if stream.name == _STREAM:
                try:
                    await topology.ensure_stream(self._broker, stream, replicas=self._replicas)
                except BrokerError as error:
                    log.info("bucket of leases not made", extra={"why": str(error)})

    async def _write(self, revision: int, body: bytes) -> bool:
        headers = {
            _END: f"{TTL_SECONDS}s",
            "Nats-Expected-Last-Subject-Sequence": str(revision),
        }
        try:
            ack = await self._broker.publish(Outgoing(self._subject, body, headers))
        except BrokerError as error:
            log.debug("lease write refused", extra={"why": str(error)})
            return False
        self._revision = ack.seq
        return True

    async def release(self) -> None:
        """Give the lease back, so that a standby need not wait for its expiry."""
        await self._write(self._revision, _RELEASED)


async def holder(broker: Broker, name: str) -> Stored | None:
    """Return by whom a lease is held, as that one last wrote it; None if nobody holds it.

    Raises:
        BrokerError: If the broker cannot be asked.
    """
    try:
        stored = await broker.last(_STREAM, f"$KV.leases.{escape(name)}", leader=True)
    except NotFound:
        return None
    return stored if _is_held(stored) else None


def _is_held(stored: Stored | None) -> bool:
    """Return whether somebody holds a lease; what would stand there for ever is none."""
    if stored is None or _MARKER in stored.headers or _END not in stored.headers:
        return False
    return stored.data != _RELEASED
