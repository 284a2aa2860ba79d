"""`/git/…`: authenticated and authorized here, answered by the environment-controller.

Git sends the token as the password of Basic; the name does not matter. A person clones and fetches
what they may read; a push is a service's.
"""

from __future__ import annotations

import re
from typing import Final

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from catalyst.chassis.errors import Retry
from catalyst.chassis.tokens import BadToken, offered
from catalyst.contracts.rejection import Rejected
from catalyst.contracts.roles import service_git
from catalyst.gateway.caller import Callers

PREFIX: Final = "/git"
_PLACE: Final = re.compile(
    r"/git/(?P<organization>[a-z][a-z0-9-]{0,62})/(?P<name>[A-Za-z0-9][A-Za-z0-9._-]{0,100})\.git"
    r"/(?P<what>info/refs|git-upload-pack|git-receive-pack)"
)
_SERVICES: Final = frozenset({"git-upload-pack", "git-receive-pack"})
_CHALLENGE: Final = {"WWW-Authenticate": 'Basic realm="Catalyst Git", charset="UTF-8"'}
_NOTHING: Final = "There is no such repository, or it is not yours to see.\n"
_NO_TOKEN: Final = "Give a token as the password; the name does not matter.\n"  # noqa: S105
_NO_PUSH: Final = "Pushing is for services; a person changes this repository through commands.\n"


class GitDoor:
    """The application below `/git`."""

    def __init__(self, callers: Callers, homes: ASGIApp) -> None:
        """Let those in who may, to `homes`."""
        self._callers = callers
        self._homes = homes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request of Git's smart HTTP protocol."""
        request = Request(scope, receive)
        refused = await self._refused(request)
        if refused is None:
            await self._homes(scope, receive, send)
        else:
            await refused(scope, receive, send)

    async def _refused(self, request: Request) -> Response | None:
        place = _PLACE.fullmatch(request.url.path)
        if place is None:
            return PlainTextResponse(_NOTHING, 404)
        service = place["what"]
        if service == "info/refs":
            service = request.query_params.get("service", "")
        if service not in _SERVICES:
            return PlainTextResponse("Only Git's smart HTTP protocol is spoken here.\n", 403)
        token = offered(request.headers.get("authorization", ""))
        if not token:
            return PlainTextResponse(_NO_TOKEN, 401, _CHALLENGE)
        try:
            claims = await self._callers.verified(request, token)
        except BadToken as error:
            return PlainTextResponse(f"{error}\n", 401, _CHALLENGE)
        except Rejected as error:
            status = 429 if error.code == "rate-limited" else 401
            return PlainTextResponse(f"{error.message}\n", status, {"Retry-After": "1"})
        except Retry as error:
            return PlainTextResponse(f"{error}\n", 503, {"Retry-After": "1"})
        if not self._callers.clones(claims, place["organization"], place["name"]):
            return PlainTextResponse(_NOTHING, 404)
        pushes = claims.service is not None and service_git(claims.service, "push")
        if service == "git-receive-pack" and not pushes:
            return PlainTextResponse(_NO_PUSH, 403)
        return None
