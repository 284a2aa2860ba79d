"""The read side's HTTP surface: `/v1/state` and `/v1/stream`.

Built by `main`. It verifies tokens itself, whether it is mounted by the gateway, behind it, or
reached by an Ingress.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import Final

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import Receive, Scope, Send
from typing_extensions import override

from catalyst.chassis import clock, problems
from catalyst.chassis.headers import Unambiguous, preferred_wait
from catalyst.chassis.http import Measured, Metrics, Readiness, SecureHeaders, health_routes
from catalyst.chassis.tokens import Claims, Verifier, bearer
from catalyst.contracts.codec import pointer_token
from catalyst.contracts.message import FieldError
from catalyst.contracts.rejection import Rejected
from catalyst.contracts.roles import matched
from catalyst.projector import filters, reads
from catalyst.projector.access import Access, Reader, visible
from catalyst.projector.filters import BadFilter, Filter, UnknownKind
from catalyst.projector.hub import Hub, NotReached
from catalyst.projector.reads import ListExpired
from catalyst.projector.sse import HEADERS, Pace, StreamResponse

COOKIES: Final = ("__Secure-catalyst", "catalyst")
"""Set by the gateway for browsers, whose EventSource can send no header; the first over HTTPS."""
AS_OF: Final = "Catalyst-As-Of"
HEAD: Final = "Catalyst-Head"
LAG: Final = "Catalyst-Lag-Ms"
LOG: Final = "Catalyst-Log"
_SINGLE: Final = (*filters.PLACES, "min_seq", "log", "at")
_LISTED: Final = (*_SINGLE, "limit", "continue")
_STREAMED: Final = ("kinds", "name", *filters.PLACES, "last_event_id", "at")
"""Parameters that mean something where one row, a list or a stream is asked for."""
PRIVATE: Final[Mapping[str, str]] = {
    "Cache-Control": "private, no-cache",
    "Vary": "Authorization, Cookie",
}


class Door:
    """Answers reads and opens streams."""

    def __init__(
        self,
        hub: Hub,
        verifier: Verifier | None,
        *,
        pace: Pace,
        wait_seconds: float,
        max_streams: int,
        max_own_streams: int | None = None,
    ) -> None:
        """Answer from `hub` whoever `verifier` believes; a `min_seq` waits at most `wait_seconds`.

        Of `max_streams` one person or service has at most `max_own_streams` (None: all).
        """
        self._max_streams = max_streams
        self._max_own = max_streams if max_own_streams is None else max_own_streams
        self._open: Counter[str] = Counter()
        self._hub = hub
        self._verifier = verifier
        self._pace = pace
        self._wait_seconds = wait_seconds

    async def state(self, request: Request) -> Response:
        """Answer `GET /v1/state/{kinds}[/{name}]`; a refusal says how fresh the rows are, too."""
        claims = await self._claims(request)
        try:
            return await self._state(request, claims)
        except Rejected as refusal:
            headers = self._fresh_headers()
            return problems.response(refusal.code, refusal.message, refusal.errors, headers=headers)

    async def _state(self, request: Request, claims: Claims) -> Response:
        try:
            know(request, _SINGLE if "name" in request.path_params else _LISTED)
            asked = filters.parse(
                request.path_params["kinds"],
                request.query_params,
                request.path_params.get("name"),
            )
            await self._caught_up(request)
            access = self._access(claims, asked)
            if asked.name is not None:
                return self._one(request, asked, access)
            return self._list(request, asked, access)
        except UnknownKind as error:
            raise Rejected("not-found", str(error)) from error
        except BadFilter as error:
            raise invalid(error.parameter, str(error)) from error
        except ListExpired as error:
            raise Rejected(
                "list-expired", "the rows or your roles are others now: begin the list again"
            ) from error

    async def stream(self, request: Request) -> Response:
        """Answer `GET /v1/stream`."""
        claims = await self._claims(request)
        query = request.query_params
        know(request, _STREAMED)
        try:
            asked = filters.parse(query.get("kinds", filters.ALL), query, query.get("name"))
        except UnknownKind as error:
            raise Rejected("not-found", str(error)) from error
        except BadFilter as error:
            raise invalid(error.parameter, str(error)) from error
        if "at" in query:
            raise Rejected("not-implemented", "the past cannot be read yet")
        await self._loaded()
        if self._hub.closing:
            raise Rejected("unavailable", "this process is about to end")
        if len(self._hub.streams) >= self._max_streams:
            raise Rejected("unavailable", "too many streams are open here")
        if self._open[claims.actor] >= self._max_own:
            raise Rejected(
                "rate-limited", f"{self._max_own} streams of yours are open here: close one"
            )
        self._access(claims, asked)
        if request.method == "HEAD":
            return Response(headers={**self._fresh_headers(), **HEADERS})
        last_id = request.headers.get("last-event-id") or query.get("last_event_id", "")
        stream = self._hub.open(_reader(claims), asked)
        stream.begin(last_id)
        response = StreamResponse(
            self._hub,
            stream,
            expires=claims.exp,
            pace=self._pace,
            headers=self._fresh_headers() | {"Vary": PRIVATE["Vary"]},
        )
        return _Opened(response, self._open, claims.actor)

    async def _claims(self, request: Request) -> Claims:
        """Return who asks; BadToken passes on and becomes a 401."""
        header = request.headers.get("authorization")
        token = bearer(header) if header is not None else _cookie(request)
        if token is None or self._verifier is None:
            raise Rejected("unauthenticated", "a token is needed and there is none")
        return await self._verifier.verify(token, at=clock.now())

    def _access(self, claims: Claims, asked: Filter) -> Access:
        """Return what may be seen; a refusal says nothing about what exists."""
        access = self._hub.owners.access(_reader(claims), asked)
        if asked.organization is not None and not access.sees(asked.organization):
            raise Rejected("not-found", "there is no such Organization, or it is not yours to see")
        return access

    async def _loaded(self) -> None:
        if not self._hub.loaded.is_set():
            raise Rejected("unavailable", self._hub.absent())

    async def _caught_up(self, request: Request) -> None:
        query = request.query_params
        if "at" in query:
            raise Rejected("not-implemented", "the past cannot be read yet")
        await self._loaded()
        text = query.get("min_seq")
        if text is None:
            return
        if not text.isascii() or not text.isdigit() or len(text) > _DIGITS:
            raise BadFilter("min_seq", "write a sequence of the log, as an outcome names it")
        known, wanted = self._hub.freshness.log, query.get("log")
        if wanted and known and wanted != known:
            raise Rejected("log-changed", "the sequence belongs to another log")
        preferred = preferred_wait(request)
        seconds = self._wait_seconds if preferred is None else min(preferred, self._wait_seconds)
        try:
            await self._hub.reach(int(text), seconds)
        except NotReached as error:
            raise Rejected(
                "timeout", f"the rows are at {self._hub.as_of} and did not reach {text} in time"
            ) from error

    def _one(self, request: Request, asked: Filter, access: Access) -> Response:
        found = visible(self._hub.rows.values(), access, asked)
        if not found:
            raise Rejected("not-found", "there is no such row, or it is not yours to see")
        if len(found) > 1:
            raise BadFilter("organization", "several rows have this name: name the Organization")
        etag = reads.entry_etag(self._hub, found[0])
        return self._answer(request, reads.item(found[0]), etag)

    def _list(self, request: Request, asked: Filter, access: Access) -> Response:
        query = request.query_params
        at = reads.place(query["continue"]) if query.get("continue") else None
        found = reads.page(self._hub, asked, access, reads.limit(query.get("limit")), at)
        more = {"epoch": self._hub.epoch, "log": self._hub.freshness.log}
        return self._answer(request, reads.document(found, self._hub.fresh(), more), found.etag)

    def _answer(self, request: Request, body: bytes, etag: str) -> Response:
        headers = {**self._fresh_headers(), **PRIVATE, "ETag": etag}
        if _matches(request.headers.get("if-none-match", ""), etag):
            return Response(status_code=304, headers=headers)
        return Response(body, headers=headers, media_type="application/json")

    def _fresh_headers(self) -> dict[str, str]:
        fresh = self._hub.fresh()
        return {
            AS_OF: str(fresh.as_of),
            HEAD: str(fresh.head),
            LAG: str(fresh.lag_ms),
            LOG: self._hub.freshness.log,
        }


class _Opened(Response):
    """Hands a stream to the server as it is, and counts it while it is open."""

    def __init__(self, stream: StreamResponse, counted: Counter[str], actor: str) -> None:
        super().__init__()
        self._stream = stream
        self._counted = counted
        self._actor = actor

    @override
    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._counted[self._actor] += 1
        try:
            await self._stream(scope, receive, send)
        finally:
            self._counted[self._actor] -= 1
            if not self._counted[self._actor]:
                del self._counted[self._actor]


_DIGITS: Final = 18


def app(
    door: Door, readiness: Readiness, metrics: Metrics, more: Sequence[BaseRoute] = ()
) -> Starlette:
    """Return the application with `more` routes, health and metrics included."""
    found = Starlette(
        routes=[
            Route("/v1/state/{kinds}", door.state),
            Route("/v1/state/{kinds}/{name}", door.state),
            Route("/v1/stream", door.stream),
            *more,
            *health_routes(readiness, metrics),
        ],
        middleware=[
            Middleware(SecureHeaders),
            Middleware(Measured, metrics),
            Middleware(Unambiguous),
        ],
        exception_handlers=dict(problems.HANDLERS),
    )
    # A redirect would be built from the request's Host, which anybody can write.
    found.router.redirect_slashes = False
    return found


def _reader(claims: Claims) -> Reader:
    return Reader(matched(claims.verified_email), claims.roles)


def _cookie(request: Request) -> str | None:
    for name in COOKIES:
        if name in request.cookies:
            return request.cookies[name]
    return None


def know(request: Request, names: Collection[str]) -> None:
    """Refuse parameters that mean nothing, or that are there twice; every one is named.

    Raises:
        Rejected: `invalid-query`.
    """
    found = filters.strange(request.query_params.multi_items(), names)
    if found:
        errors = [_error(item.parameter, str(item)) for item in found]
        raise Rejected("invalid-query", "; ".join(map(str, found)), errors)


def invalid(parameter: str, message: str) -> Rejected:
    """Return the refusal of one parameter."""
    return Rejected("invalid-query", message, [_error(parameter, message)])


def _error(parameter: str, message: str) -> FieldError:
    return FieldError(pointer=f"/{pointer_token(parameter)}", rule="query", message=message)


def _matches(header: str, etag: str) -> bool:
    wanted = {part.strip().removeprefix("W/") for part in header.split(",")}
    return "*" in wanted or etag.removeprefix("W/") in wanted
