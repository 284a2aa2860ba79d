"""Reads a stream in order for those who only follow it: the projector, the hub, the roles table.

Each reader has a consumer of its own, ephemeral and without acknowledgements, and takes messages
by the list. It never repairs itself: after any doubt it raises `Doubt`, and its owner, who knows
how far it really got, opens the next one there. Calls `catalyst.chassis.jetstream.link`.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

import msgspec

from catalyst.chassis.errors import unquoted
from catalyst.chassis.jetstream import wire
from catalyst.chassis.jetstream.broker import JetStream
from catalyst.chassis.jetstream.port import BrokerError
from catalyst.chassis.jetstream.requests import SILENCE_SECONDS, Requests

log = logging.getLogger(__name__)

BATCH: Final = 1000
"""Messages asked for by one request; four requests are kept open, so that the broker goes on
sending while those before are worked on."""
INACTIVE_SECONDS: Final = 30
"""After this the broker forgets a consumer whose reader is gone."""
_SECOND: Final = 1_000_000_000

Skip = Callable[[bytes, bytes | None], bool]
"""Whether a reader can do without a message, by its subject and raw headers."""


class Doubt(Exception):
    """A reader may have missed something: read on with a new one, from your own position."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason
        """Why, as one lower-case phrase for the log."""


class Pulled(msgspec.Struct, gc=False):
    """One message, with nothing read that its reader may not need."""

    seq: int
    subject: str
    time_ns: int
    """By the broker's clock, since 1970; see `times.of_nanoseconds`."""
    pending: int
    """How many messages follow this one, as the broker knew when it sent it."""
    headers: bytes | None
    """The raw block; see `wire.field` and `wire.fields`."""
    data: bytes


class Puller:
    """A consumer and what it has delivered so far. Made by `pull`."""

    def __init__(
        self, js: JetStream, stream: str, name: str, start: int, skip: Skip | None = None
    ) -> None:
        self.stream = stream
        self.name = name
        self.last_seq = start - 1
        """Sequence of the last message that arrived; up to here nothing is missing."""
        self.last_seen_head = 0
        """Sequence up to which the broker had looked when it last said so. If nothing is pending
        it is that of the stream's last message, or of one that has expired since."""
        self._link = js.link
        self._drops = js.link.drops
        self._requests = Requests(js.link, stream, name, batch=BATCH, count=4)
        self._arrived: list[Pulled] = []
        self._doubt: Doubt | None = None
        self._news = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._consumer_seq = 0
        self._skip = skip

    async def read(self, *, timeout: float | None = None) -> list[Pulled]:
        """Everything that arrived since the last call, at least one message.

        After `timeout` seconds without any, an empty list. Safe to cancel.

        Raises:
            Doubt: If something may be missing behind what was handed out so far.
        """
        deadline = None if timeout is None else self._loop.time() + timeout
        while not self._arrived:
            if self._doubt is not None:
                raise self._doubt
            await self._ask()
            self._news.clear()
            # Something may come in the very turn in which the wait ends.
            if not await self._wait(deadline) and not self._arrived:
                return []
        messages, self._arrived = self._arrived, []
        if self._doubt is None:
            await self._ask()
        return messages

    async def _wait(self, deadline: float | None) -> bool:
        """Wait for news; answers whether to go on before the deadline."""
        silence = self._requests.heard + SILENCE_SECONDS
        until = silence if deadline is None else min(silence, deadline)
        try:
            async with asyncio.timeout_at(until):
                await self._news.wait()
        except TimeoutError:
            if self._requests.silent():
                self._raise_doubt("no heartbeat")
                return True
            return deadline is None or self._loop.time() < deadline
        return True

    async def _ask(self) -> None:
        try:
            await self._requests.top_up()
        except BrokerError as error:
            self._raise_doubt(error.description)

    def _tap(self, raw: wire.Raw) -> None:
        """Take what arrived; what cannot be taken is missing, and its reader has to know."""
        last = self.last_seq
        try:
            self._take(raw)
        except Exception as error:  # noqa: BLE001 - logged below
            self.last_seq = last
            facts = {"stream": self.stream, **unquoted(error)}
            log.error("a message cannot be taken", extra=facts)  # noqa: TRY400
            self._raise_doubt("a message cannot be taken")

    def _take(self, raw: wire.Raw) -> None:
        self._requests.heard = self._loop.time()
        if self._doubt is not None:
            return
        if not raw.reply:
            self._status(raw)
            return
        # As `wire.place`, which costs a sixth of all that a message costs here.
        tokens = raw.reply.split(b".")
        at = 5 if len(tokens) == 9 else 7
        self._consumer_seq += 1
        if int(tokens[at + 1]) != self._consumer_seq:
            self._raise_doubt(f"delivery {self._consumer_seq} is missing")
            return
        self.last_seq = seq = int(tokens[at])
        if seq > self.last_seen_head:
            self.last_seen_head = seq
        self._requests.delivered()
        if self._skip is not None and self._skip(raw.subject, raw.headers):
            if self._requests.wanting:
                self._news.set()
            return
        self._arrived.append(
            Pulled(
                seq,
                raw.subject.decode("utf-8", "replace"),
                int(tokens[at + 2]),
                int(tokens[at + 3]),
                raw.headers,
                raw.data,
            )
        )
        self._news.set()

    def _status(self, raw: wire.Raw) -> None:
        status = wire.status(raw.headers)
        if status.code == 100:
            self._heartbeat(raw.headers)
        elif self._requests.ended(raw, status):
            self._news.set()
        else:
            self._raise_doubt(status.description.lower() or f"status {status.code}")

    def _heartbeat(self, headers: bytes | None) -> None:
        delivered = int(wire.field(headers, b"Nats-Last-Consumer") or 0)
        if delivered > self._consumer_seq:
            self._raise_doubt(f"delivery {self._consumer_seq + 1} is missing")
            return
        seen = int(wire.field(headers, b"Nats-Last-Stream") or 0)
        self.last_seen_head = max(self.last_seen_head, seen)

    def _raise_doubt(self, reason: str) -> None:
        if self._doubt is None:
            self._doubt = Doubt(reason)
        self._news.set()

    def _on_drop(self) -> None:
        self._raise_doubt("connection lost")

    async def _begin(self) -> None:
        await self._requests.begin(self._tap)
        self._link.watch(self._on_drop)
        if self._link.drops != self._drops:
            self._on_drop()

    async def _end(self) -> None:
        self._link.unwatch(self._on_drop)
        await self._requests.end()


@asynccontextmanager
async def pull(
    js: JetStream,
    stream: str,
    *,
    name: str,
    start: int,
    subjects: Sequence[str] = (),
    skip: Skip | None = None,
) -> AsyncIterator[Puller]:
    """A reader of `stream` from sequence `start` on; its consumer is deleted at the end.

    Args:
        js: The connection.
        stream: Its name.
        name: Begins the consumer's name, which permissions may restrict.
        start: Sequence of the first message wanted, whether it exists or not.
        subjects: Only these; all of them by default, which is what a busy reader should take.
        skip: Which messages are counted and not handed out: of the broker a busy reader asks for
            all, since a filter costs the broker more than it saves.

    Raises:
        BrokerError: If the consumer cannot be made.
    """
    await js.ready()
    consumer = f"{name}-{js.unique()}"
    puller = Puller(js, stream, consumer, start, skip)
    config: dict[str, Any] = {
        "name": consumer,
        "deliver_policy": "by_start_sequence",
        "opt_start_seq": max(start, 1),
        "ack_policy": "none",
        "mem_storage": True,
        "num_replicas": 1,
        "inactive_threshold": INACTIVE_SECONDS * _SECOND,
    }
    if subjects:
        config["filter_subjects"] = list(subjects)
    await js.api(
        f"CONSUMER.CREATE.{stream}.{consumer}",
        {"stream_name": stream, "config": config, "action": "create"},
    )
    await puller._begin()  # noqa: SLF001 - a puller is opened and closed here only
    try:
        yield puller
    finally:
        await puller._end()  # noqa: SLF001
        try:
            await js.api(f"CONSUMER.DELETE.{stream}.{consumer}", None)
        except BrokerError as error:
            # A doubtful one is often gone already, and the broker forgets the others by itself.
            log.debug("consumer not deleted", extra={"consumer": consumer, "error": str(error)})
