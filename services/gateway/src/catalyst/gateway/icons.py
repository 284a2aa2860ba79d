"""`/v1/icons/{blueprint}`: the picture that a Blueprint brings, for those who may see it.

Whoever wrote it may be hostile. The page shows it as an image, in which nothing runs and nothing is
loaded; an address bar that is led here gets a file to keep, and a page without any right.
"""

from __future__ import annotations

from typing import Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from catalyst.chassis.http import unless_left
from catalyst.gateway import parameters
from catalyst.gateway.caller import Callers
from catalyst.gateway.parameters import Picture
from catalyst.gateway.queries import Queries, refused

HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; sandbox",
    "Content-Disposition": "attachment",
    # Kept, and asked about each time: who may see it may change.
    "Cache-Control": "private, no-cache",
}


class _Icon(msgspec.Struct):
    media_type: str
    digest: str
    content: bytes


class Icons:
    """The route of icons."""

    def __init__(self, callers: Callers, queries: Queries) -> None:
        self._callers = callers
        self._queries = queries

    def routes(self) -> list[BaseRoute]:
        """Return the routes."""
        return [Route("/v1/icons/{blueprint}", self.show, methods=["GET"])]

    async def show(self, request: Request) -> Response:
        """Answer an icon, unless whoever asks has it already."""
        caller = await self._callers.require(request)
        wanted = parameters.read(request, Picture)
        about = {"blueprint": request.path_params["blueprint"], "version": wanted.version}
        body = msgspec.json.encode(about)
        asked = self._queries.put(caller, wanted.owner, "catalog", "icon", 1, body)
        found = await unless_left(request, asked)
        if found.problem is not None:
            return refused(found.problem)
        icon = msgspec.json.decode(found.result, type=_Icon)
        headers = {**HEADERS, "ETag": f'"{icon.digest}"'}
        if headers["ETag"] in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=headers)
        return Response(icon.content, headers=headers, media_type=icon.media_type)
