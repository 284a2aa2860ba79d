"""What the HTTP side of every member has: health, readiness, metrics, security headers.

Used by the gateway, the projector and the controllers; each adds its own routes.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from typing import Any, Final, TypeVar

import msgspec
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.exposition import choose_encoder
from starlette.datastructures import MutableHeaders
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from catalyst.chassis import clock
from catalyst.chassis.jetstream.port import BrokerError

log = logging.getLogger(__name__)

T = TypeVar("T")

CHECK_SECONDS: Final = 2.0
"""For one check of readiness."""
BESIDE_SECONDS: Final = 0.5
"""The same for what it can do without: whoever probes waits a second, or a few."""
REMEMBER_SECONDS: Final = 1.0
"""Probes closer together than this get the same good answer, so that they cost nothing."""
REMEMBER_BAD_SECONDS: Final = 0.05
"""Likewise for a bad answer: whoever waits for a start shall not wait for our memory."""
BUCKETS_SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)

CONTENT_POLICY: Final = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
    )
)
SECURITY_HEADERS: Final[Mapping[str, str]] = {
    "Content-Security-Policy": CONTENT_POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}

Check = Callable[[], Awaitable[str | None]]
"""Answers None if all is well, else what is not, for a person."""


class Readiness:
    """Whether the member can do its work now, by named checks that run at once."""

    def __init__(
        self, checks: Mapping[str, Check], beside: Mapping[str, Check] | None = None
    ) -> None:
        """Ask these; each has a time limit of its own.

        Args:
            checks: Without any of them it is not ready.
            beside: What it can do without: told, and it stays ready.
        """
        self._checks = dict(checks)
        self._beside = dict(beside or {})
        self._asking = asyncio.Lock()
        self._found: dict[str, str | None] = {}
        self._at = float("-inf")

    @property
    def is_ready(self) -> bool:
        """Whether all that it needs was well when it was asked last."""
        return all(self._found.get(name) is None for name in self._checks)

    async def ask(self) -> dict[str, str | None]:
        """Return what each check says; None means well."""
        async with self._asking:
            remembered = REMEMBER_SECONDS if self.is_ready else REMEMBER_BAD_SECONDS
            if clock.monotonic() - self._at > remembered:
                async with asyncio.TaskGroup() as tasks:
                    asked = {
                        name: tasks.create_task(_limited(check, seconds))
                        for checks, seconds in (
                            (self._checks, CHECK_SECONDS),
                            (self._beside, BESIDE_SECONDS),
                        )
                        for name, check in checks.items()
                    }
                self._found = {name: task.result() for name, task in asked.items()}
                self._at = clock.monotonic()
            return self._found


async def _limited(check: Check, seconds: float) -> str | None:
    try:
        async with asyncio.timeout(seconds):
            return await check()
    except TimeoutError:
        return f"no answer within {seconds:g} s"
    except BrokerError as error:
        return error.description


class Metrics:
    """Measurements of one member, in a registry of its own."""

    def __init__(self, member: str) -> None:
        """Measure as `member`; several members may share a process."""
        self.registry = CollectorRegistry()
        names = ["method", "route", "status"]
        self.requests = Counter(
            "catalyst_http_requests", "Answered requests.", names, registry=self.registry
        )
        self.seconds = Histogram(
            "catalyst_http_request_seconds",
            "Time until an answer began.",
            ["method", "route"],
            buckets=BUCKETS_SECONDS,
            registry=self.registry,
        )
        self.open = Gauge(
            "catalyst_http_open_requests", "Requests in progress.", registry=self.registry
        )
        info = Gauge("catalyst_member", "1 for this member.", ["member"], registry=self.registry)
        info.labels(member).set(1)

    def text(self, accept: str) -> tuple[bytes, str]:
        """Return all measurements and their content type, in a form that `accept` allows."""
        encode, content_type = choose_encoder(accept)
        return encode(self.registry), content_type


class Measured:
    """Counts and times requests by the template of their route, never by their path."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = clock.monotonic()
        method = scope["method"] if scope["method"] in _METHODS else "other"

        async def measure(message: Message) -> None:
            if message["type"] == "http.response.start":
                route = _template(scope)
                self._metrics.requests.labels(method, route, str(message["status"])).inc()
                took = clock.monotonic() - began
                self._metrics.seconds.labels(method, route).observe(took)
            await send(message)

        with self._metrics.open.track_inprogress():
            await self._app(scope, receive, measure)


_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


async def left(receive: Receive) -> None:
    """Return when whoever asked has left; what else arrives from there is passed over."""
    while (await receive())["type"] != "http.disconnect":
        continue


async def _left_after(receive: Receive, after: asyncio.Event | None) -> None:
    if after is not None:
        await after.wait()
    await left(receive)


async def unless_left(
    request: Request, work: Coroutine[Any, Any, T], *, after: asyncio.Event | None = None
) -> T:
    """Return what `work` returns; it is ended, and over, once whoever asked has left.

    Call it when the request's body is read, or will not be.

    Args:
        request: Of whoever asked.
        work: What they wait for.
        after: Until this is set, `work` goes on although they left.

    Raises:
        ClientDisconnect: If they left before.
    """
    working = asyncio.ensure_future(work)
    gone = asyncio.ensure_future(_left_after(request.receive, after))
    try:
        await asyncio.wait({working, gone}, return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            return await working
        await gone
        raise ClientDisconnect
    finally:
        for task in (working, gone):
            task.cancel()
        await asyncio.wait({working, gone})


def _template(scope: Scope) -> str:
    route: Any = scope.get("route")
    found = getattr(route, "path", None)
    return found if isinstance(found, str) else "other"


class SecureHeaders:
    """Puts the security headers on every answer, errors included; a route may set its own."""

    def __init__(
        self, app: ASGIApp, headers: Mapping[str, str] = SECURITY_HEADERS, *, secure: bool = False
    ) -> None:
        """Wrap `app`; `secure` says that the outside world comes over HTTPS only."""
        self._app = app
        self._headers = dict(headers)
        if secure:
            self._headers["Strict-Transport-Security"] = "max-age=31536000"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""

        async def add(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self._headers.items():
                    headers.setdefault(name, value)
            await send(message)

        await self._app(scope, receive, add)


def health_routes(readiness: Readiness, metrics: Metrics) -> list[BaseRoute]:
    """Return `/healthz` (the process runs), `/readyz` (it can do its work) and `/metrics`."""

    async def healthz(_request: Request) -> Response:
        return _json({"status": "ok"})

    async def readyz(_request: Request) -> Response:
        found = await readiness.ask()
        checks = {name: reason or "ok" for name, reason in found.items()}
        if not readiness.is_ready:
            return _json({"status": "not-ready", "checks": checks}, 503)
        whole = all(reason is None for reason in found.values())
        return _json({"status": "ok" if whole else "degraded", "checks": checks})

    async def measurements(request: Request) -> Response:
        content, content_type = metrics.text(request.headers.get("accept", ""))
        return Response(content, headers={"Content-Type": content_type})

    return [
        Route("/healthz", healthz),
        Route("/readyz", readyz),
        Route("/metrics", measurements),
    ]


def _json(body: object, status: int = 200) -> Response:
    return Response(
        msgspec.json.encode(body),
        status_code=status,
        headers={"Cache-Control": "no-store"},
        media_type="application/json",
    )
