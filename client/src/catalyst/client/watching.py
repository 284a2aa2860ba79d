"""A stream that survives lost connections, and what the one of the read model says.

Part of `catalyst.client.http_transport.HttpClient`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from typing import Any, Final, Generic, TypeVar

import httpx
import msgspec

from catalyst.client.backoff import Backoff
from catalyst.client.errors import ClientError, Malformed, Unreachable
from catalyst.client.http_calls import (
    CONNECT_SECONDS,
    HttpCalls,
    Query,
    may_retry,
    problem_of,
    transport_error,
)
from catalyst.client.rows import (
    Applied,
    Bye,
    Change,
    Del,
    Heartbeat,
    Interrupted,
    Put,
    Reset,
    Synced,
    row_of,
)
from catalyst.client.sse import ServerEvent, SseParser

IDLE_SECONDS: Final = 45.0
"""Without a byte for this long, the connection is dead: heartbeats come far more often."""
HEALTHY_SECONDS: Final = 5.0
"""A connection that stood this long was a good one. Shorter ones count as failures even if they
brought something, so that a stream which resets or ends at once is not asked in a tight loop."""


C = TypeVar("C")
Control = Reset | Heartbeat | Bye | Interrupted
"""What any stream may say besides its own."""


class _Put(msgspec.Struct):
    key: str
    value: msgspec.Raw
    coalesced: int = 0


class _Del(msgspec.Struct):
    key: str
    seq: int = 0


class _Synced(msgspec.Struct):
    as_of: int = 0


class _Applied(msgspec.Struct):
    as_of: int


class _Heartbeat(msgspec.Struct):
    as_of: int
    head: int


class _Reset(msgspec.Struct):
    reason: str


class _Bye(msgspec.Struct):
    reason: str
    retryable: bool = True
    cursor: str = ""


class Watch(Generic[C]):
    """One stream, over as many connections as it takes."""

    def __init__(
        self,
        calls: HttpCalls,
        path: str,
        query: Query,
        read: Callable[[ServerEvent], C | Control | None],
        *,
        cursor: str = "",
        idle_seconds: float = IDLE_SECONDS,
        first_seconds: float = CONNECT_SECONDS,
        backoff: Backoff | None = None,
    ) -> None:
        """Watch what `query` selects, from `cursor` on.

        Args:
            calls: The door.
            path: Of the stream.
            query: What is asked for; parameters that are None are left out.
            read: Makes a change of an event; None for one that says nothing here.
            cursor: Where an earlier watch of the same things stood.
            idle_seconds: After this long without a byte the connection is given up.
            first_seconds: How long a first connection may take; later ones are tried for ever.
            backoff: How long to wait between two connections.
        """
        self._calls = calls
        self._query = {name: value for name, value in query.items() if value is not None}
        self._path = path
        self._read_event = read
        self._idle_seconds = idle_seconds
        self._first_seconds = first_seconds
        self._backoff = backoff or Backoff()
        self._asked_wait = 0.0
        self.cursor = cursor
        """Everything up to here was yielded. Empty while a snapshot is on its way."""
        self.connections = 0
        """How many connections it took so far."""

    async def changes(self) -> AsyncGenerator[C | Control, None]:
        """Yield what happens, for ever, or until the other side says goodbye for good.

        Raises:
            Problem: If the stream is refused for a reason that does not go away.
            Unreachable: If the first connection does not come about in time.
            Malformed: If a frame is not one of this protocol.
        """
        give_up_at = _clock() + self._first_seconds
        while True:
            began = _clock()
            try:
                async with aclosing(self._connection()) as connection:
                    async for change in connection:
                        yield change
                        if isinstance(change, Bye) and not change.retryable:
                            return
                reason = "the stream ended"
            except _Final:
                return
            except ClientError as error:
                if not may_retry(error):
                    raise
                if not self.connections and _clock() >= give_up_at:
                    raise Unreachable(str(error)) from error
                reason = str(error)
            if _clock() - began >= HEALTHY_SECONDS:
                self._backoff.reset()
            wait = self._backoff.next(self._asked_wait)
            if self.connections:
                yield Interrupted(reason=reason, wait_seconds=wait)
            await asyncio.sleep(wait)

    async def _connection(self) -> AsyncGenerator[C | Control, None]:
        """Yield what one connection brings."""
        headers = self._calls.headers(
            {
                "Accept": "text/event-stream",
                "Cache-Control": "no-store",
                "Last-Event-ID": self.cursor or None,
            }
        )
        timeout = httpx.Timeout(self._idle_seconds, connect=CONNECT_SECONDS)
        try:
            async with self._calls.http.stream(
                "GET", self._path, params=self._query, headers=headers, timeout=timeout
            ) as response:
                await _check(response)
                self.connections += 1
                async for change in self._read(response):
                    yield change
        except (httpx.HTTPError, httpx.StreamError) as error:
            raise transport_error(error, self._calls.address) from error

    async def _read(self, response: httpx.Response) -> AsyncGenerator[C | Control, None]:
        parser = SseParser(self.cursor)
        async for chunk in response.aiter_bytes():
            for event in parser.feed(chunk):
                change = self._read_event(event)
                last_id = event.last_id
                if isinstance(change, Reset) and not parser.own_id:
                    # Rows that the old cursor stands for are being dropped; resuming there after
                    # another loss would leave them out for good.
                    parser.forget_id()
                    self.cursor = last_id = ""
                if change is not None:
                    yield change
                if last_id:
                    # Only now: what was not yielded yet must come again.
                    self.cursor = last_id
            self._asked_wait = parser.retry_seconds or 0.0
            if parser.last_id:
                self.cursor = parser.last_id


class _Final(Exception):
    """The other side wants no further connection (status 204)."""


async def _check(response: httpx.Response) -> None:
    if response.status_code == 204:
        raise _Final
    if response.status_code != 200:
        body = await response.aread()
        raise problem_of(response.status_code, response.headers, body)
    kind = response.headers.get("content-type", "").partition(";")[0].strip()
    if kind != "text/event-stream":
        raise Malformed(f"the stream came as {kind!r}")


_CONTROL: Final[Mapping[str, Any]] = {"heartbeat": _Heartbeat, "reset": _Reset, "bye": _Bye}
_ROWS: Final[Mapping[str, Any]] = {
    "put": _Put,
    "del": _Del,
    "synced": _Synced,
    "applied": _Applied,
}


def control_of(event: ServerEvent) -> Control | None:
    """Return what an event of any stream says; None for a name that a later version may have.

    Raises:
        Malformed: If an event that we know is not what it should be.
    """
    match decoded(event, _CONTROL):
        case _Heartbeat(as_of=as_of, head=head):
            return Heartbeat(as_of=as_of, head=head)
        case _Reset(reason=reason):
            return Reset(reason=reason)
        case _Bye(reason=reason, retryable=retryable, cursor=cursor):
            return Bye(reason=reason, retryable=retryable, cursor=cursor)
        case _:
            return None


def decoded(event: ServerEvent, shapes: Mapping[str, Any]) -> Any:
    """Return an event's data in the shape that its name calls for; None for other names.

    Raises:
        Malformed: If the data are not of that shape.
    """
    shape = shapes.get(event.name)
    if shape is None:
        return None
    try:
        return msgspec.json.decode(event.data, type=shape)
    except msgspec.MsgspecError as error:
        raise Malformed(f"a {event.name!r} event cannot be read: {error}") from error


def change_of(event: ServerEvent) -> Change | None:
    """Return what an event of the read model's stream says; None for an unknown name.

    Raises:
        Malformed: If an event that we know is not what it should be.
    """
    match decoded(event, _ROWS):
        case _Put(key=key, value=value, coalesced=coalesced):
            return Put(row=row_of(key, value), coalesced=coalesced)
        case _Del(key=key, seq=seq):
            return Del(key=key, seq=seq)
        case _Synced(as_of=as_of):
            return Synced(as_of=as_of)
        case _Applied(as_of=as_of):
            return Applied(as_of=as_of)
        case _:
            return control_of(event)


def _clock() -> float:
    return asyncio.get_running_loop().time()
