"""Requests that another member answers: passed on unbuffered, or handed to it in this process.

Reads and streams go to the projector, Git to the environment-controller. Both check tokens
themselves.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping
from typing import Final

import httpx
import msgspec
from starlette.routing import BaseRoute, Match
from starlette.types import ASGIApp, Receive, Scope, Send
from typing_extensions import override

from catalyst.chassis import problems
from catalyst.chassis.http import left

log = logging.getLogger(__name__)

CONNECT_SECONDS: Final = 5.0
IDLE_SECONDS: Final = 60.0
"""Longest silence of an answer; streams send heartbeats far more often."""
_HOP_BY_HOP: Final = frozenset(
    {
        b"connection",
        b"keep-alive",
        b"proxy-authenticate",
        b"proxy-authorization",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
    }
)
"""Headers that concern one connection, not what is sent on it (RFC 9110, 7.6.1)."""


class Below(BaseRoute):
    """Everything at a path and below it, handed to another application as it came."""

    def __init__(self, path: str, app: ASGIApp, *, exact: bool = True) -> None:
        """Hand over `path` itself (with `exact`) and all that begins with `path` and a slash."""
        self.path = path
        self._app = app
        self._exact = exact

    @override
    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        path: str = scope["path"]
        taken = path.startswith(f"{self.path}/") or (self._exact and path == self.path)
        if scope["type"] != "http" or not taken:
            return Match.NONE, {}
        return Match.FULL, {"endpoint": self._app}

    @override
    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._app(scope, receive, send)


class Upstream:
    """Another member behind an inner address."""

    def __init__(self, http: httpx.AsyncClient, url: str) -> None:
        """Pass requests on to `url` through `http`."""
        self._http = http
        self._base = httpx.URL(url)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, and its answer back, part by part."""
        ended = asyncio.Event()
        request = httpx.Request(
            scope["method"],
            self._base.copy_with(raw_path=_target(scope)),
            headers=[*_passed(scope["headers"]), (b"host", self._base.netloc)],
            content=_body(scope, receive, ended),
            extensions={"timeout": _TIMEOUTS},
        )
        try:
            answered = await self._http.send(request, stream=True)
        except httpx.HTTPError as error:
            log.warning("a part does not answer", extra={"why": type(error).__name__})
            refusal = problems.response("unavailable", "a part that is needed does not answer")
            await refusal(scope, receive, send)
            return
        try:
            await _answer(answered, receive, send, ended)
        finally:
            await answered.aclose()


async def reads(projector: ASGIApp) -> str | None:
    """Return why there are no reads now, for whoever asks how the gateway is; None if there are."""
    there = httpx.ASGITransport(projector, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=there, base_url="http://projector") as http:
        answer = await http.get("/readyz")
    if answer.status_code == httpx.codes.OK:
        return None
    try:
        wrong = msgspec.json.decode(answer.content, type=_Readiness).checks
    except msgspec.MsgspecError:
        return "the projector does not answer"
    return (
        f"the projector is not ready: {', '.join(k for k, said in wrong.items() if said != 'ok')}"
    )


class _Readiness(msgspec.Struct):
    checks: dict[str, str]


_TIMEOUTS: Final[Mapping[str, float]] = {
    "connect": CONNECT_SECONDS,
    "read": IDLE_SECONDS,
    "write": IDLE_SECONDS,
    "pool": CONNECT_SECONDS,
}


def _target(scope: Scope) -> bytes:
    raw: bytes = scope.get("raw_path") or scope["path"].encode()
    query: bytes = scope["query_string"]
    return raw.partition(b"?")[0] + (b"?" + query if query else b"")


def _passed(headers: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    named = {
        name.strip().lower()
        for key, value in headers
        if key == b"connection"
        for name in value.split(b",")
    }
    dropped = _HOP_BY_HOP | named | {b"host"}
    return [(key, value) for key, value in headers if key.lower() not in dropped]


def _body(scope: Scope, receive: Receive, ended: asyncio.Event) -> AsyncIterator[bytes] | None:
    """Return the body as it arrives, or None if the request has none."""
    names = {key for key, _ in scope["headers"]}
    if not names & {b"content-length", b"transfer-encoding"}:
        ended.set()
        return None
    return _parts(receive, ended)


async def _parts(receive: Receive, ended: asyncio.Event) -> AsyncIterator[bytes]:
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise httpx.WriteError("the client went away")
        if message.get("body"):
            yield message["body"]
        if not message.get("more_body", False):
            ended.set()
            return


async def _answer(
    answered: httpx.Response, receive: Receive, send: Send, ended: asyncio.Event
) -> None:
    """Send an answer on until it ends or its reader goes."""
    await send(
        {
            "type": "http.response.start",
            "status": answered.status_code,
            "headers": _passed([(key.lower(), value) for key, value in answered.headers.raw]),
        }
    )
    async with asyncio.TaskGroup() as tasks:
        sending = tasks.create_task(_send_on(answered, send))
        gone = tasks.create_task(_gone(receive, ended))
        await asyncio.wait({sending, gone}, return_when=asyncio.FIRST_COMPLETED)
        sending.cancel()
        gone.cancel()


async def _send_on(answered: httpx.Response, send: Send) -> None:
    try:
        async for part in answered.aiter_raw():
            await send({"type": "http.response.body", "body": part, "more_body": True})
    except httpx.HTTPError:
        # The answer was cut off inside; ending ours without its last part tells the client so.
        return
    await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _gone(receive: Receive, ended: asyncio.Event) -> None:
    # Until the body has been passed on, what is received belongs to it.
    await ended.wait()
    await left(receive)
