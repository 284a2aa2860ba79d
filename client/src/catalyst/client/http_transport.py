"""Everything over HTTP: commands, outcomes, reads and watches through the one origin.

Opened by `catalyst.client.connect`.
"""

from __future__ import annotations

import asyncio
import math
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Final, Unpack
from urllib.parse import quote, urlsplit

import httpx

from catalyst.client.api import SEND_TIMEOUT_SECONDS, Sent
from catalyst.client.backoff import Backoff
from catalyst.client.draft import SOURCE, Draft, SendOptions, draft
from catalyst.client.errors import Problem, Undecided
from catalyst.client.events import EventFilter, LoggedEvent, event_of, event_parameters
from catalyst.client.http_calls import ANSWER_SECONDS, JSON, HttpCalls, decode
from catalyst.client.reads import Filter, Reads, parameters
from catalyst.client.rows import Change
from catalyst.client.watching import IDLE_SECONDS, Watch, change_of
from catalyst.contracts.message import Outcome
from catalyst.contracts.subjects import PLATFORM

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
CLOUD_EVENT: Final = "application/cloudevents+json"
HOLD_SECONDS: Final = 10
"""How long the door is asked to hold one request open; no proxy on the way cuts that short."""


class HttpClient(Reads):
    """Send, await, read and watch through one origin."""

    async def send(
        self,
        type_: str,
        data: object,
        *,
        timeout: float = SEND_TIMEOUT_SECONDS,
        stored: asyncio.Event | None = None,
        **options: Unpack[SendOptions],
    ) -> Outcome:
        """Send a command and await its outcome; see `catalyst.client.api.Client.send`."""
        order = draft(type_, data, options)
        deadline = _clock() + timeout
        found = await self._post(order, deadline, hold=True)
        if stored is not None:
            stored.set()
        if found is None:
            found = await self.outcome(
                order.command_id,
                organization=order.ref.organization,
                timeout=max(0.0, deadline - _clock()),
            )
        if found is None:
            raise Undecided(order.command_id, order.ref.organization)
        return found

    async def submit(
        self,
        type_: str,
        data: object,
        *,
        timeout: float = SEND_TIMEOUT_SECONDS,
        **options: Unpack[SendOptions],
    ) -> Sent:
        """Send a command and return once it is stored."""
        order = draft(type_, data, options)
        await self._post(order, _clock() + timeout, hold=False)
        return Sent(
            command_id=order.command_id, organization=order.ref.organization, type=order.type
        )

    async def outcome(
        self, command_id: str, *, organization: str | None, timeout: float = 0.0
    ) -> Outcome | None:
        """Return the recorded outcome of a command, waiting up to `timeout` seconds for it."""
        deadline = _clock() + timeout
        waits = Backoff(0.05, 1.0)
        while True:
            left = deadline - _clock()
            hold = _hold(left)
            try:
                response = await self.calls.ask(
                    "GET",
                    f"/v1/outcomes/{quote(command_id, safe='')}",
                    query={"organization": _organization(organization)},
                    headers={"Prefer": f"wait={hold}" if hold else None},
                    timeout=max(ANSWER_SECONDS, left),
                    held_seconds=hold,
                )
                if response.status_code == 200:
                    return _outcome(response.content)
            except Problem as problem:
                if problem.status != 404:
                    raise
            left = deadline - _clock()
            if left <= 0:
                return None
            await asyncio.sleep(min(left, waits.next()))

    def watch(
        self,
        kinds: str,
        *,
        name: str | None = None,
        cursor: str = "",
        idle_seconds: float = IDLE_SECONDS,
        backoff: Backoff | None = None,
        **where: Unpack[Filter],
    ) -> Watch[Change]:
        """Return a watch of rows of some kinds (plurals with commas, or `all`).

        With `name`, of the rows with this name alone. With `cursor`, of an earlier watch with the
        same filters, it goes on from there.
        """
        query = {"kinds": kinds, "name": name, **parameters(where)}
        return Watch(
            self.calls,
            "/v1/stream",
            query,
            change_of,
            cursor=cursor,
            idle_seconds=idle_seconds,
            backoff=backoff,
        )

    async def changes(self, kinds: str, **where: Unpack[Filter]) -> AsyncIterator[Change]:
        """Yield a snapshot of rows and then every change, for ever."""
        async for change in self.watch(kinds, **where).changes():
            yield change

    def follow(self, *, cursor: str = "", **asked: Unpack[EventFilter]) -> Watch[LoggedEvent]:
        """Return a watch of the log's events: from `after` or `since` on, else new ones only."""
        if asked.get("after") == 0 and asked.get("since") is None:
            # A stream without a beginning begins now; this one is to begin at the first event.
            asked["since"] = EPOCH
        query = {**event_parameters(asked), "follow": "true"}
        return Watch(self.calls, "/v1/events", query, event_of, cursor=cursor)

    async def _post(self, order: Draft, deadline: float, *, hold: bool) -> Outcome | None:
        """Hand the command in; None if it is stored but not decided yet."""
        wait = _hold(deadline - _clock()) if hold else 0
        # Only a whole message says where it comes from; most commands need not.
        whole = order.source != SOURCE or order.correlation_id is not None
        response = await self.calls.ask(
            "POST",
            f"/v1/commands/{order.type}",
            query={
                "organization": _organization(order.ref.organization),
                "aggregate": order.ref.aggregate,
                "id": order.ref.id,
            },
            headers={
                "Idempotency-Key": order.command_id,
                "Prefer": f"wait={wait}" if wait else None,
                "traceparent": order.traceparent,
            },
            body=order.envelope if whole else order.data,
            media_type=CLOUD_EVENT if whole else JSON,
            token=order.token,
            timeout=max(0.1, deadline - _clock()),
            held_seconds=wait,
        )
        return _outcome(response.content) if response.status_code == 200 else None


@asynccontextmanager
async def over_http(
    url: str,
    *,
    token: str | None = None,
    transport: httpx.AsyncBaseTransport | None = None,
    elsewhere: Callable[[], str | None] = lambda: None,
) -> AsyncIterator[HttpClient]:
    """Use the origin at `url`; nothing is asked before the first call.

    Args:
        url: Such as `http://127.0.0.1:8080`.
        token: Bearer token that says who asks.
        transport: Instead of sockets: for an application in the same process.
        elsewhere: Asked where the origin is now, once a request goes unanswered: whoever starts it
            again may do so at another address. None: at no other.
    """
    limits = httpx.Limits(max_connections=64, max_keepalive_connections=16)
    async with httpx.AsyncClient(
        base_url=url,
        transport=transport,
        limits=limits,
        follow_redirects=False,
        verify=verifying(url),
    ) as http:
        yield HttpClient(HttpCalls(http, token, elsewhere))


def verifying(url: str) -> ssl.SSLContext:
    """Return what checks the certificate of whoever answers at `url`.

    Reading the authorities that are trusted takes as long as twenty requests: for plain HTTP
    there is nobody to check, so nobody is trusted.
    """
    if urlsplit(url).scheme == "http":
        return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    return httpx.create_ssl_context()


def _hold(left_seconds: float) -> int:
    return max(0, min(HOLD_SECONDS, math.floor(left_seconds)))


def _organization(organization: str | None) -> str:
    return PLATFORM if organization is None else organization


def _outcome(raw: bytes) -> Outcome:
    found: Outcome = decode(raw, Outcome)
    return found


def _clock() -> float:
    return asyncio.get_running_loop().time()
