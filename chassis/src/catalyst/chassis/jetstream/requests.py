"""The pull requests that one reader of a consumer keeps open, and the broker's word on each.

Used by `catalyst.chassis.jetstream.puller` and `catalyst.chassis.jetstream.fetching`.
"""

import asyncio
import itertools
from collections import deque
from typing import Final

from catalyst.chassis.jetstream import wire
from catalyst.chassis.jetstream.link import Link
from catalyst.chassis.jetstream.parsing import Tap

MAX_BYTES: Final = 8 * 1024 * 1024
"""Bytes asked for by one request, so that large messages do not make us a slow consumer."""
HEARTBEAT_SECONDS: Final = 0.5
SILENCE_SECONDS: Final = 2.5 * HEARTBEAT_SECONDS
"""Without a message or heartbeat for so long, something is wrong."""
EXPIRES_SECONDS: Final = 30
_SECOND: Final = 1_000_000_000
_ENDS_OF_A_REQUEST: Final = ("Message Size Exceeds MaxBytes", "Batch Completed")
"""What a 409 may say without meaning that the consumer is in trouble."""


class Requests:
    """Keeps `count` requests of `batch` messages open, and hands what arrives to `take`."""

    def __init__(self, link: Link, stream: str, consumer: str, *, batch: int, count: int) -> None:
        self.heard = 0.0
        """When the broker last gave a sign of life, on the loop's clock."""
        self._link = link
        self._subject = f"$JS.API.CONSUMER.MSG.NEXT.{stream}.{consumer}"
        self._batch = batch
        self._count = count
        self._body = b'{"batch":%d,"max_bytes":%d,"expires":%d,"idle_heartbeat":%d}' % (
            batch,
            MAX_BYTES,
            EXPIRES_SECONDS * _SECOND,
            round(HEARTBEAT_SECONDS * _SECOND),
        )
        # The broker serves requests in order, so messages count against the oldest.
        self._open: deque[list[int]] = deque()
        self._numbers = itertools.count(1)
        self._inbox = link.new_inbox()
        self._tap = 0
        self._loop = asyncio.get_running_loop()

    async def begin(self, take: Tap) -> None:
        """Listen for what the requests will bring."""
        self._tap = await self._link.tap(f"{self._inbox}.*", take)

    async def end(self) -> None:
        """Listen no more; what is on its way is lost."""
        await self._link.untap(self._tap)

    async def leave(self) -> None:
        """Tell the broker to send nothing more, and take what it has sent already.

        Raises:
            Unavailable: If the connection is gone: nothing more will come then.
        """
        await self._link.hush(self._tap)
        self._open.clear()

    async def top_up(self) -> None:
        """Open requests until there are as many as wanted.

        Raises:
            Unavailable: If the connection is closed.
        """
        while len(self._open) < self._count:
            number = next(self._numbers)
            if not self._open:
                # Nobody owed us a heartbeat until now.
                self.heard = self._loop.time()
            self._open.append([number, self._batch])
            await self._link.send(
                wire.frame(self._subject, self._body, None, f"{self._inbox}.{number}")
            )

    @property
    def wanting(self) -> bool:
        """Whether fewer are open than wanted."""
        return len(self._open) < self._count

    def forget(self) -> None:
        """Take all requests for lost."""
        self._open.clear()

    def delivered(self) -> None:
        """Count one message."""
        if self._open:
            oldest = self._open[0]
            oldest[1] -= 1
            if not oldest[1]:
                self._open.popleft()

    def ended(self, raw: wire.Raw, status: wire.Status) -> bool:
        """Whether a status only says that its request is over; if so, it is closed."""
        if status.code not in {404, 408} and status.description not in _ENDS_OF_A_REQUEST:
            return False
        number = int(raw.subject.rpartition(b".")[2])
        self._open = deque(request for request in self._open if request[0] != number)
        return True

    def silent(self) -> bool:
        """Whether the broker owes a sign of life and has given none for too long."""
        return bool(self._open) and self._loop.time() >= self.heard + SILENCE_SECONDS
