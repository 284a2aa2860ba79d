"""The log's events over HTTP: pages, and a stream that goes on where a page ended.

Everybody sees the events of what they may see; the same rule for pages, replay and live.
"""

from __future__ import annotations

import asyncio
import logging
import re
import secrets
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Iterator
from datetime import datetime
from typing import Final

import msgspec
from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import Receive, Scope, Send
from typing_extensions import override

from catalyst.chassis import clock
from catalyst.chassis.http import left
from catalyst.chassis.jetstream.port import BrokerError, Unavailable
from catalyst.contracts import codec
from catalyst.contracts.rejection import Rejected
from catalyst.contracts.subjects import PLATFORM
from catalyst.gateway import parameters
from catalyst.gateway.answers import answer
from catalyst.gateway.caller import Caller, Callers
from catalyst.gateway.eventlog import Entry, EventLog, LoggedEvent
from catalyst.gateway.parameters import MAX_NAME, MAX_SEQUENCE, EventType, Instant, Page

log = logging.getLogger(__name__)

HEARTBEAT_SECONDS: Final = 15.0
"""Below the smallest idle limit of the usual proxies, 60 s."""
SEND_SECONDS: Final = 20.0
"""A reader that does not take a frame for so long is gone."""
MAX_SCANNED: Final = 10_000
"""Events that are looked at for one page; those of others are passed over."""
NOTHING: Final = "evt.=.>"
"""Events of an Organization without a name: there are none."""
EVENT_STREAM: Final = "text/event-stream"
ROLES_SECONDS: Final = 5.0
"""How far roles may be behind events before a reader is turned away."""
_CURSOR: Final = re.compile(r"([A-Za-z0-9_-]{1,40})\.([0-9]{1,19})")


class EventPage(Page):
    """Which events."""

    type: EventType | None = None
    aggregate: str | None = Field(default=None, min_length=1, max_length=MAX_NAME)
    id: str | None = Field(default=None, min_length=1, max_length=MAX_NAME)
    command: str | None = Field(default=None, min_length=1, max_length=64)
    """The command that all of it began with."""
    since: Instant | None = None
    follow: bool = False
    last_event_id: str = Field(default="", max_length=64)


class Events:
    """The routes of events."""

    def __init__(
        self, callers: Callers, events: EventLog, *, max_followers: int, max_own: int
    ) -> None:
        """Show `events`; of `max_followers` streams one person or service has `max_own`."""
        self._callers = callers
        self._events = events
        self._max_followers = max_followers
        self._max_own = max_own
        self._followers: Counter[str] = Counter()
        self.stopping = asyncio.Event()
        """Once set, every stream says goodbye and ends."""

    def routes(self) -> list[BaseRoute]:
        """Return the routes."""
        return [Route("/v1/events", self.show, methods=["GET"])]

    async def show(self, request: Request) -> Response:
        """Answer a page of events, or a stream if the request asks for one."""
        caller = await self._callers.require(request)
        wanted = parameters.read(request, EventPage)
        self._callers.require_business(caller.claims, wanted.organization)
        streams = wanted.follow or EVENT_STREAM in request.headers.get("accept", "")
        if streams and request.method == "GET":
            return await self._stream(request, caller, wanted)
        if await self._events.beyond(wanted.after):
            raise Rejected("log-changed", "the log ends before the sequence to go on from")
        # What comes while the page is read may be missing in it.
        head = self._events.head
        found, last, done = await self._page(caller, wanted)
        fresh = await self._events.fresh(max(last, head) if done else last)
        body = {
            "items": found,
            "continue": None if done else last,
            **msgspec.to_builtins(fresh),
        }
        return answer(body)

    async def _page(self, caller: Caller, wanted: EventPage) -> tuple[list[LoggedEvent], int, bool]:
        """Return events, how far was looked, and whether the end was reached."""
        found: list[LoggedEvent] = []
        last, scanned = await self._behind(wanted), 0
        subject = self._subject(caller, wanted)
        if subject is None:
            return [], last, True
        while len(found) < wanted.limit and scanned < MAX_SCANNED:
            size = min(500, MAX_SCANNED - scanned)
            entries = await self._events.page(subject, last, size)
            await self._roles_at(await self._events.newest_owners())
            for item in entries:
                if len(found) == wanted.limit:
                    return found, last, False
                last = item.seq
                event = self._shown(caller, wanted, item)
                if event is not None:
                    found.append(event)
            scanned += len(entries)
            if len(entries) < size:
                return found, last, True
        return found, last, False

    async def _behind(self, wanted: EventPage) -> int:
        """Return the sequence behind which the wanted events begin."""
        if wanted.since is None:
            return wanted.after
        return max(wanted.after, await self._events.before(wanted.since))

    def _subject(self, caller: Caller, wanted: EventPage) -> str | None:
        """Return the narrowest filter of the broker's; None if nothing may be seen."""
        owner = self._callers.scope(caller.claims, wanted.organization)
        return None if owner is None else f"evt.{owner}.>"

    def _shown(self, caller: Caller, wanted: EventPage, item: Entry) -> LoggedEvent | None:
        """Return the event if it is wanted and the caller may see it."""
        event = item.event
        if event is None or not _matches(wanted, event):
            return None
        return event if self._callers.may_see(caller.claims, event.ref) else None

    async def _roles_at(self, seq: int) -> None:
        """Wait until roles are judged as the events up to a sequence say.

        So that nobody is shown what happened after they were removed.

        Raises:
            Unavailable: If that takes too long.
        """
        try:
            async with asyncio.timeout(ROLES_SECONDS):
                await self._callers.table.reach(seq)
        except TimeoutError as error:
            raise Unavailable(503, 0, "the roles are behind the events") from error

    async def _stream(self, request: Request, caller: Caller, wanted: EventPage) -> Response:
        name = await self._events.name()
        cursor = request.headers.get("last-event-id") or wanted.last_event_id
        seq, reset = self._events.head, ""
        if cursor:
            seq, reset = _resumed(cursor, name)
        elif wanted.since is not None or wanted.after:
            seq = await self._behind(wanted)
        if await self._events.beyond(seq):
            seq, reset = 0, "log-shorter"
        # Nothing is awaited from here until the stream is counted.
        if self._followers[caller.claims.actor] >= self._max_own:
            raise Rejected(
                "rate-limited", f"{self._max_own} streams of events of yours are open: close one"
            )
        if self._followers.total() >= self._max_followers:
            raise Rejected("unavailable", "too many streams of events are open")
        frames = self._frames(caller, wanted, name, seq, reset)
        return _Stream(self, caller.claims.actor, frames)

    async def _frames(
        self, caller: Caller, wanted: EventPage, name: str, seq: int, reset: str
    ) -> AsyncIterator[bytes]:
        """Yield frames until the token ends, the door closes or the reader goes."""
        # Readers that lose their stream together do not come back together.
        yield f"retry: {1000 + secrets.randbelow(2000)}\n".encode()
        begin = {"log": name, "seq": seq, **({"reason": reset} if reset else {})}
        yield frame("reset" if reset else "start", begin, f"{name}.{seq}")
        try:
            async for found in self._rest(caller, wanted, name, seq):
                yield found
        except BrokerError as error:
            log.warning("event stream ended", extra={"error": str(error)})
            yield frame("bye", {"reason": "unavailable", "retryable": True})

    async def _rest(
        self, caller: Caller, wanted: EventPage, name: str, seq: int
    ) -> AsyncIterator[bytes]:
        while not self.stopping.is_set():
            subject = self._subject(caller, wanted) or NOTHING
            entries = await self._events.after(seq, 500, subject)
            await self._roles_at(max([self._events.owners, *_naming_owners(entries)]))
            for item in entries:
                seq = item.seq
                event = self._shown(caller, wanted, item)
                if event is not None:
                    yield frame("event", event, f"{name}.{seq}")
            left = (caller.claims.exp - clock.now()).total_seconds()
            if left <= 0:
                yield frame("bye", {"reason": "token-expired", "retryable": False})
                return
            if not entries and not await self._news(seq, min(left, HEARTBEAT_SECONDS)):
                yield frame("heartbeat", await self._events.fresh(seq, name))
        yield frame("bye", {"reason": "shutdown", "retryable": True})

    async def _news(self, seq: int, timeout: float) -> bool:
        """Wait for an event or for the end of this door."""
        async with asyncio.TaskGroup() as tasks:
            event = tasks.create_task(self._events.wait(seq, timeout))
            end = tasks.create_task(self.stopping.wait())
            await asyncio.wait({event, end}, return_when=asyncio.FIRST_COMPLETED)
            end.cancel()
            if not event.done():
                event.cancel()
                return True
        return event.result()

    def opened(self, actor: str) -> None:
        """Count a stream that begins."""
        self._followers[actor] += 1

    def closed(self, actor: str) -> None:
        """Count a stream that ended."""
        self._followers[actor] -= 1
        if not self._followers[actor]:
            del self._followers[actor]


class _Stream(Response):
    """A stream of frames that ends when its reader goes or stands still."""

    media_type = EVENT_STREAM

    def __init__(self, events: Events, actor: str, frames: AsyncIterator[bytes]) -> None:
        super().__init__(
            headers={
                "Cache-Control": "no-store",
                "X-Accel-Buffering": "no",
                "Content-Type": f"{EVENT_STREAM}; charset=utf-8",
            }
        )
        del self.headers["content-length"]
        self._events = events
        self._actor = actor
        self._frames = frames

    @override
    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send frames as they come."""
        self._events.opened(self._actor)
        try:
            async with asyncio.TaskGroup() as tasks:
                sending = tasks.create_task(self._send(send))
                gone = tasks.create_task(left(receive))
                await asyncio.wait({sending, gone}, return_when=asyncio.FIRST_COMPLETED)
                sending.cancel()
                gone.cancel()
        finally:
            self._events.closed(self._actor)

    async def _send(self, send: Send) -> None:
        start = {"type": "http.response.start", "status": 200, "headers": self.raw_headers}
        await send(start)
        try:
            async for found in self._frames:
                async with asyncio.timeout(SEND_SECONDS):
                    await send({"type": "http.response.body", "body": found, "more_body": True})
        except TimeoutError:
            # It reads no more: ending the answer here closes the connection under it.
            return
        await send({"type": "http.response.body", "body": b"", "more_body": False})


def frame(event: str, body: object, cursor: str | None = None) -> bytes:
    """Return one frame; JSON holds no raw line break, so nothing can break out of it."""
    head = f"event: {event}\n" + (f"id: {cursor}\n" if cursor is not None else "")
    return head.encode() + b"data: " + codec.encode(body) + b"\n\n"


def _resumed(cursor: str, name: str) -> tuple[int, str]:
    """Return behind which sequence a stream goes on, and the reason if it is not the cursor's."""
    found = _CURSOR.fullmatch(cursor)
    if found is None or int(found[2]) > MAX_SEQUENCE:
        return 0, "unknown-cursor"
    return (int(found[2]), "") if found[1] == name else (0, "log-changed")


def _naming_owners(entries: Iterable[Entry]) -> Iterator[int]:
    for item in entries:
        if item.event is not None and item.event.names_owners:
            yield item.seq


def _matches(wanted: EventPage, event: LoggedEvent) -> bool:
    owner = None if wanted.organization == PLATFORM else wanted.organization
    since: datetime | None = wanted.since
    return (
        (wanted.organization is None or event.organization == owner)
        and wanted.type in {None, event.type}
        and wanted.aggregate in {None, event.aggregate}
        and wanted.id in {None, event.aggregate_id}
        and wanted.command in {None, event.correlationid}
        and (since is None or event.time >= since)
    )
