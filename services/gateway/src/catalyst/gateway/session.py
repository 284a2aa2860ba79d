"""The session of a browser: who am I, sign in with a token, sign out.

The cookie holds the token itself, out of reach of scripts, so that `EventSource`, which can send no
header, is authorized like everything else. It ends with the token.
"""

from __future__ import annotations

from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from catalyst.chassis import clock
from catalyst.chassis.tokens import bearer
from catalyst.contracts.rejection import Rejected
from catalyst.gateway.answers import answer
from catalyst.gateway.caller import Callers

COOKIE_PATH: Final = "/v1"
"""Git and the page itself never see the cookie."""
MAX_COOKIE_BYTES: Final = 3800
"""Browsers drop cookies above 4096 bytes, name and attributes included, without a word."""


class Session:
    """The routes below `/v1/session`."""

    def __init__(self, callers: Callers) -> None:
        self._callers = callers

    def routes(self) -> list[BaseRoute]:
        """Return the routes."""
        # One route, so that a wrong method hears of all the right ones.
        return [Route("/v1/session", self.answer, methods=["GET", "POST", "DELETE"])]

    async def answer(self, request: Request) -> Response:
        """Answer by the method."""
        if request.method == "POST":
            return await self.sign_in(request)
        if request.method == "DELETE":
            return await self.sign_out(request)
        return await self.show(request)

    async def show(self, request: Request) -> Response:
        """Answer who calls, and their roles."""
        caller = await self._callers.require(request)
        return answer(self._described(caller.claims, cookie=caller.cookie))

    async def sign_in(self, request: Request) -> Response:
        """Put the bearer token into a cookie."""
        token = bearer(request.headers.get("authorization"))
        if token is None:
            raise Rejected("unauthenticated", "signing in takes a bearer token")
        claims = await self._callers.verified(request, token)
        if claims.service is not None:
            raise Rejected("person-required", "a service does not sign in")
        if len(token) > MAX_COOKIE_BYTES:
            raise Rejected("too-large", "the token is too large for a cookie")
        found = answer(self._described(claims, cookie=True))
        left = int((claims.exp - clock.now()).total_seconds())
        self._set(found, token, max(0, left))
        return found

    async def sign_out(self, request: Request) -> Response:
        """Take the cookie back; the token itself ends when it expires."""
        if not self._callers.from_us(request) and self._callers.cookie_name in request.cookies:
            raise Rejected("not-our-page", "signing out needs our own Origin")
        found = Response(status_code=204, headers={"Cache-Control": "no-store"})
        self._set(found, "", 0)
        return found

    def _set(self, found: Response, value: str, seconds: int) -> None:
        found.set_cookie(
            self._callers.cookie_name,
            value,
            max_age=seconds,
            path=COOKIE_PATH,
            secure=self._callers.secure,
            httponly=True,
            samesite="strict",
        )

    def _described(self, claims: Any, *, cookie: bool) -> dict[str, Any]:
        organizations = self._callers.table.organizations(claims.verified_email)
        return {
            "actor": claims.actor,
            "service": claims.service,
            "email": claims.email,
            "email_verified": claims.email_verified,
            "roles": sorted(claims.roles),
            "organizations": {name: sorted(found) for name, found in organizations.items()},
            "expires": claims.exp,
            "cookie": cookie,
        }
