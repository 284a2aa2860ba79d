"""The application: routes, and around them what every request passes first.

From the outside in: security headers, measurements, other origins, limits by address, headers that
mean one thing alone, the size of the body, then the routes.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from starlette.applications import Starlette
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute
from starlette.types import ASGIApp

from catalyst.chassis import problems
from catalyst.chassis.headers import Unambiguous
from catalyst.chassis.http import Measured, Metrics, SecureHeaders
from catalyst.contracts.topology import MAX_BODY_BYTES
from catalyst.gateway.caller import TooMany
from catalyst.gateway.commands import Unconfirmed, unconfirmed
from catalyst.gateway.gitdoor import PREFIX as GIT
from catalyst.gateway.limits import Bounded, Buckets, Holds, Throttled, networks
from catalyst.gateway.pages import Pages
from catalyst.gateway.settings import Settings

STATIC: Final = Path(__file__).parent / "static"
ALLOWED_METHODS: Final = ("GET", "POST", "DELETE")
ALLOWED_HEADERS: Final = (
    "Authorization",
    "Content-Type",
    "Idempotency-Key",
    "Last-Event-ID",
    "Prefer",
    "traceparent",
)
EXPOSED_HEADERS: Final = (
    "Catalyst-As-Of",
    "Catalyst-Head",
    "Catalyst-Lag-Ms",
    "Catalyst-Log",
    "ETag",
    "Location",
    "Preference-Applied",
    "Retry-After",
)


def application(
    routes: Sequence[BaseRoute],
    settings: Settings,
    metrics: Metrics,
    holds: Holds,
    *,
    static: Path = STATIC,
) -> ASGIApp:
    """Return the whole application around some routes.

    Args:
        routes: What it answers, besides the live page's files.
        settings: What the gateway was told.
        metrics: Where requests are counted.
        holds: Whether a request carries a token that holds; such a one is counted by its subject.
        static: Folder of the live page.
    """
    pages = [Pages(static, interfaces=("/v1", GIT))]
    handlers: dict[Any, Any] = {**problems.HANDLERS, TooMany: _too_many, Unconfirmed: unconfirmed}
    starlette = Starlette(routes=[*routes, *pages], exception_handlers=handlers)
    # A redirect would be built from the request's Host, which anybody can write.
    starlette.router.redirect_slashes = False
    inner: ASGIApp = starlette
    inner = Bounded(inner, MAX_BODY_BYTES, free=_bounds_itself)
    inner = Unambiguous(inner)
    inner = Throttled(
        inner,
        Buckets(settings.rate_per_address, settings.burst_per_address),
        networks(settings.trusted_proxies),
        holds,
    )
    origins = settings.cors_origins.split()
    if origins:
        inner = CORSMiddleware(
            inner,
            allow_origins=origins,
            allow_methods=ALLOWED_METHODS,
            allow_headers=ALLOWED_HEADERS,
            expose_headers=EXPOSED_HEADERS,
            # Never with cookies: another origin's page brings a token, or nothing.
            allow_credentials=False,
        )
    secure = settings.public_url.startswith("https://")
    return SecureHeaders(Measured(inner, metrics), secure=secure)


def _bounds_itself(path: str) -> bool:
    return path.startswith(f"{GIT}/")


async def _too_many(_request: Request, error: Exception) -> Response:
    wait = getattr(error, "retry_after", "1")
    return problems.response("rate-limited", str(error), headers={"Retry-After": wait})
