"""The read model as a whole, for a sovereign-admin: how it is, and a rebuild.

Built by `main`, part of the application in `http`. The token comes in a header, never in a cookie:
no page of anybody may make a browser ask for a rebuild.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import BaseRoute, Route

from catalyst.chassis import clock
from catalyst.chassis.tokens import Verifier, bearer
from catalyst.contracts.rejection import Rejected
from catalyst.contracts.roles import SOVEREIGN_ADMIN
from catalyst.projector.http import invalid, know
from catalyst.projector.hub import Hub
from catalyst.projector.rebuilder import Rebuilder, Rebuilt
from catalyst.projector.replay import Differing, Sampler

SIGN_SECONDS: Final = 5.0
"""How often a waiting answer sends an empty line, so that nobody on the way takes it for dead."""
MAX_NAMED: Final = 20
"""Differing rows that are named; all of them are counted."""
_ACCEPT: Final = "accept_differences"
_ACCEPT_LOSSES: Final = "accept_losses"
_FLAGS: Final = {"true": True, "false": False}
_HEADERS: Final = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}


class Condition(msgspec.Struct, frozen=True, kw_only=True):
    """How the read model is, as the process that answers knows it."""

    epoch: str
    log: str
    as_of: int
    rows: int
    checked: int
    """Rows that this process held against the log in the background since it began."""
    differing: int
    """Those that were not what the log says when last looked at."""
    differences: tuple[Differing, ...]
    """The first of them, the longest known first."""
    rebuilding: bool
    """Whether a rebuild that was asked for runs in this process."""


class Upkeep:
    """Answers `/v1/read-model` and what is below it."""

    def __init__(
        self, hub: Hub, sampler: Sampler, rebuilder: Rebuilder, verifier: Verifier | None
    ) -> None:
        """Tell of `hub` what `sampler` found, and hand requests to `rebuilder`."""
        self._hub = hub
        self._sampler = sampler
        self._rebuilder = rebuilder
        self._verifier = verifier

    def routes(self) -> list[BaseRoute]:
        """Return the routes."""
        return [
            Route("/v1/read-model", self.condition, methods=["GET"]),
            Route("/v1/read-model/rebuild", self.rebuild, methods=["POST"]),
        ]

    async def condition(self, request: Request) -> Response:
        """Answer `GET /v1/read-model`."""
        await self._admit(request)
        know(request, ())
        if not self._hub.loaded.is_set():
            raise Rejected("unavailable", self._hub.absent())
        differing = self._sampler.differing
        found = Condition(
            epoch=self._hub.epoch,
            log=self._hub.freshness.log,
            as_of=self._hub.as_of,
            rows=len(self._hub.rows),
            checked=self._sampler.checked,
            differing=len(differing),
            differences=tuple(differing[:MAX_NAMED]),
            rebuilding=self._rebuilder.busy,
        )
        body = msgspec.json.encode(found)
        return Response(body, headers=_HEADERS, media_type="application/json")

    async def rebuild(self, request: Request) -> Response:
        """Answer `POST /v1/read-model/rebuild`: empty lines while it runs, then what came of it."""
        await self._admit(request)
        know(request, (_ACCEPT, _ACCEPT_LOSSES))
        answer = self._rebuilder.ask(
            accept=_flag(request, _ACCEPT), accept_losses=_flag(request, _ACCEPT_LOSSES)
        )
        return StreamingResponse(_waited(answer), headers=_HEADERS, media_type="application/json")

    async def _admit(self, request: Request) -> None:
        token = bearer(request.headers.get("authorization"))
        if token is None or self._verifier is None:
            raise Rejected("unauthenticated", "a token is needed in the header and there is none")
        claims = await self._verifier.verify(token, at=clock.now())
        if SOVEREIGN_ADMIN not in claims.roles:
            raise Rejected("forbidden", "only a sovereign-admin looks after the read model")


def _flag(request: Request, name: str) -> bool:
    found = _FLAGS.get(request.query_params.get(name, "false"))
    if found is None:
        raise invalid(name, "write true or false")
    return found


async def _waited(answer: asyncio.Future[Rebuilt]) -> AsyncIterator[bytes]:
    """Yield an empty line now and then, as JSON allows in front of a document; then that."""
    while not answer.done():
        yield b"\n"
        await asyncio.wait({answer}, timeout=SIGN_SECONDS)
    yield msgspec.json.encode(answer.result())
