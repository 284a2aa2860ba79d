"""The newest events in memory, for every reader of this process: one consumer, however many read.

Followed by `catalyst.gateway.events`. What is older than memory reaches is read from the log.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Sequence
from datetime import datetime
from typing import Final

import msgspec

from catalyst.chassis.access import OWNERS
from catalyst.chassis.brokerclock import BrokerClock
from catalyst.chassis.jetstream.broker import JetStream
from catalyst.chassis.jetstream.port import BrokerError, Stored
from catalyst.chassis.jetstream.puller import Doubt, Pulled, Puller, pull
from catalyst.chassis.jetstream.times import of_nanoseconds
from catalyst.contracts import subjects
from catalyst.contracts.message import Envelope, UtcTime
from catalyst.contracts.subjects import BadSubject, Ref
from catalyst.contracts.topology import EV
from catalyst.gateway.answers import Fresh

log = logging.getLogger(__name__)

KEPT_EVENTS: Final = 5000
KEPT_BYTES: Final = 4 * 1024 * 1024
"""Of all that is kept: an event may have 256 KiB, and those that count use have 50."""
PAGE: Final = 500
EVENTS: Final = "evt.*.>"
_PAUSE_SECONDS: Final = 0.25


class LoggedEvent(msgspec.Struct, frozen=True, kw_only=True):
    """An event as this door shows it."""

    seq: int
    time: UtcTime
    type: str
    id: str
    organization: str | None
    service: str
    aggregate: str
    aggregate_id: str
    actor: str
    correlationid: str
    causationid: str
    data: msgspec.Raw

    @property
    def names_owners(self) -> bool:
        """Whether it may change who has which role."""
        return self.service == "environment" and self.aggregate == "organization"

    @property
    def ref(self) -> Ref:
        """The aggregate that it happened to."""
        return Ref(self.organization, self.service, self.aggregate, self.aggregate_id)


class Entry(msgspec.Struct, frozen=True):
    """A place in the log; `event` is None where an event cannot be read."""

    seq: int
    event: LoggedEvent | None
    size: int = 0
    """Bytes of the message, all of which `event` keeps."""


def entry(subject: str, data: bytes, seq: int, time: UtcTime) -> Entry:
    """Return what stands at a place of the log."""
    try:
        addressed = subjects.parse(subject)
        envelope = msgspec.json.decode(data, type=Envelope)
    except (BadSubject, msgspec.MsgspecError, UnicodeDecodeError):
        # The projector freezes the rows behind it, visibly; here it is nothing to show.
        return Entry(seq, None)
    found = LoggedEvent(
        seq=seq,
        time=time,
        type=addressed.type,
        id=envelope.id,
        organization=addressed.ref.organization,
        service=addressed.ref.service,
        aggregate=addressed.ref.aggregate,
        aggregate_id=addressed.ref.id,
        actor=envelope.actor or "",
        correlationid=envelope.correlationid or "",
        causationid=envelope.causationid or "",
        data=envelope.data,
    )
    return Entry(seq, found, len(data))


class EventLog:
    """Events by sequence: the newest from memory, older ones from the broker."""

    def __init__(self, js: JetStream) -> None:
        """Read through `js`; nothing is in memory before `run`."""
        self._js = js
        self._clock = BrokerClock(js)
        self._kept: deque[Entry] = deque()
        self._bytes = 0
        self._floor = 0
        self.head = 0
        """Sequence of the newest event that was seen."""
        self.owners = 0
        """Sequence of the newest one among them that may change who has which role."""
        self._news = asyncio.Event()
        self.ready = asyncio.Event()
        """Set once new events arrive here by themselves."""

    async def name(self) -> str:
        """Return the name of the log, which every sequence belongs to."""
        return await self._clock.log()

    async def run(self) -> None:
        """Follow the log for ever; after any doubt go on behind the last event seen."""
        while True:
            try:
                if not self.ready.is_set():
                    newest = await self._js.last(EV, EVENTS, leader=True)
                    self.owners = await self.newest_owners()
                    self.head = self._floor = newest.seq if newest is not None else 0
                async with pull(
                    self._js, EV, name="gateway", start=self.head + 1, subjects=[EVENTS]
                ) as puller:
                    self.ready.set()
                    await self._follow(puller)
            except (Doubt, BrokerError) as error:
                log.info("following events again", extra={"reason": str(error)})
                await asyncio.sleep(_PAUSE_SECONDS)

    async def _follow(self, puller: Puller) -> None:
        while True:
            self._keep(await puller.read())

    def _keep(self, messages: Sequence[Pulled]) -> None:
        for message in messages:
            time = of_nanoseconds(message.time_ns)
            item = entry(message.subject, message.data, message.seq, time)
            self._kept.append(item)
            self._bytes += item.size
            self.head = message.seq
            if item.event is not None and item.event.names_owners:
                self.owners = message.seq
        while len(self._kept) > KEPT_EVENTS or self._bytes > KEPT_BYTES:
            oldest = self._kept.popleft()
            self._bytes -= oldest.size
            self._floor = oldest.seq
        waiting, self._news = self._news, asyncio.Event()
        waiting.set()

    async def after(self, seq: int, limit: int, subject: str = EVENTS) -> list[Entry]:
        """Return what stands behind a sequence, oldest first, at most `limit` places; maybe none.

        Events of other subjects than `subject` may be among them, or be left out.
        """
        if self.ready.is_set() and seq >= self._floor:
            found: list[Entry] = []
            for item in reversed(self._kept):
                if item.seq <= seq:
                    break
                found.append(item)
            found.reverse()
            return found[:limit]
        floor, size = self._floor, min(limit, PAGE)
        entries = await self.page(subject, seq, size)
        if self.ready.is_set() and len(entries) < size and seq < floor:
            # Nothing else of these subjects is older than what memory holds: go on there.
            entries = [item for item in entries if item.seq <= floor]
            if not entries or entries[-1].seq < floor:
                entries.append(Entry(floor, None))
        return entries

    async def page(self, subject: str, seq: int, limit: int) -> list[Entry]:
        """Return the events of some subjects behind a sequence, from the broker."""
        stored = await self._js.replay(EV, subject, start=seq + 1, limit=limit)
        return [_entry(item) for item in stored]

    async def before(self, time: datetime) -> int:
        """Return a sequence behind which the events since `time` begin, found by halving."""
        state = await self._js.stream_state(EV)
        low, high = state.first_seq, state.last_seq + 1
        while low < high:
            middle = (low + high) // 2
            found = await self._js.replay(EV, EVENTS, start=middle, limit=1)
            if found and found[0].time < time:
                low = found[0].seq + 1
            else:
                high = middle
        return low - 1

    async def newest_owners(self) -> int:
        """Return the sequence of the newest event that may change who has which role."""
        newest = await self._js.last(EV, OWNERS, leader=True)
        return newest.seq if newest is not None else 0

    async def beyond(self, seq: int) -> bool:
        """Return whether the log has not come to a sequence yet.

        Its leader is asked, since another process may have seen more of it than this one.
        """
        return seq > self.head and seq > (await self._js.stream_state(EV)).last_seq

    async def fresh(self, as_of: int, log: str = "") -> Fresh:
        """Return how current an answer is that holds everything up to a sequence of `log`."""
        return Fresh(
            as_of=as_of,
            head=max(as_of, self.head),
            lag_ms=await self.lag_ms(as_of),
            log=log or await self.name(),
        )

    async def lag_ms(self, seq: int) -> int:
        """Return the age of the oldest event behind a sequence, in ms; 0 if there is none."""
        if self.ready.is_set() and seq >= self.head:
            return 0
        oldest = await self._oldest_time(seq)
        if oldest is None:
            return 0
        return max(0, int((await self._clock.now() - oldest).total_seconds() * 1000))

    async def _oldest_time(self, seq: int) -> datetime | None:
        """Return when the first event behind a sequence was stored, or None if there is none."""
        if self.ready.is_set() and seq >= self._floor:
            oldest: Entry | None = None
            for item in reversed(self._kept):
                if item.seq <= seq:
                    break
                oldest = item
            if oldest is not None and oldest.event is not None:
                return oldest.event.time
        found = await self._js.replay(EV, EVENTS, start=seq + 1, limit=1)
        return found[0].time if found else None

    async def wait(self, seq: int, timeout: float) -> bool:
        """Wait for an event behind `seq`; answer whether there is one within `timeout` seconds."""
        try:
            async with asyncio.timeout(timeout):
                while self.head <= seq:
                    await self._news.wait()
        except TimeoutError:
            return False
        return True


def _entry(stored: Stored) -> Entry:
    return entry(stored.subject, stored.data, stored.seq, stored.time)
