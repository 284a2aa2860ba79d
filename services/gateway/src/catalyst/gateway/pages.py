"""The live page's files: read once, served from memory, kept by browsers for as long as they like.

The page itself is asked about anew on each visit. What it is made of stands in a folder that is
named by the content of all of it, so that a page never runs with the scripts of another release,
and who comes again asks for the page alone. Where two releases answer at once, each gives what it
has under the other's folder too, to be asked about anew. Who asks in a browser for a page that is
not there is answered with one that says so; a program, with a problem.
"""

from __future__ import annotations

import hashlib
import mimetypes
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Match
from starlette.types import Receive, Scope, Send
from typing_extensions import override

from catalyst.chassis import problems

INDEX: Final = "/index.html"
MISSING: Final = "/missing.html"
_METHODS: Final = ("GET", "HEAD")
_MADE_OF: Final = re.compile(rb'(?<=")/(?=[a-z/]+\.(?:css|js)")')
"""Before each name of a style or script in the page."""
_RELEASE: Final = re.compile(r"/(?P<release>made-of-[0-9a-f]{16})(?P<path>/.+)")
_WEIGHT: Final = re.compile(r"q=(0(?:\.\d{0,3})?|1(?:\.0{0,3})?)")
_TYPES: Final[Mapping[str, str]] = {
    # What a machine's own table says of these varies, and a browser runs no script of another type.
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}


class _File(msgspec.Struct, frozen=True):
    content: bytes
    media_type: str
    etag: str


class Pages(BaseRoute):
    """The files of a folder at `/`; what an interface's path begins with is left to it."""

    def __init__(self, directory: Path, *, interfaces: tuple[str, ...]) -> None:
        """Read every file below `directory`; paths below `interfaces` are not answered here."""
        self.path = "/"
        self._roots = interfaces
        self._interfaces = tuple(f"{prefix}/" for prefix in interfaces)
        self._files = dict(_read(directory))
        self._missing = self._files.pop(MISSING)
        whole = "".join(file.etag for file in self._files.values())
        self._release = f"made-of-{hashlib.sha256(whole.encode()).hexdigest()[:16]}"
        page = _MADE_OF.sub(f"/{self._release}/".encode(), self._files[INDEX].content)
        self._files[INDEX] = _file(page, INDEX)

    @override
    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        if scope["type"] != "http" or scope["path"].startswith(self._interfaces):
            return Match.NONE, {}
        if scope["method"] not in _METHODS:
            known = scope["path"] == "/" or self._place(scope["path"])[0] in self._files
            return (Match.PARTIAL if known else Match.NONE), {"endpoint": self}
        return Match.FULL, {"endpoint": self}

    @override
    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        path, kept = self._place(INDEX if scope["path"] == "/" else scope["path"])
        found = self._files.get(path)
        if found is None:
            answer = self._nothing(Request(scope))
        elif scope["method"] not in _METHODS:
            allow = {"Allow": ", ".join(_METHODS)}
            answer = problems.response("method-not-allowed", "a page is read alone", headers=allow)
        else:
            answer = _answer(Request(scope), found, kept=kept)
        await answer(scope, receive, send)

    def _place(self, path: str) -> tuple[str, bool]:
        """Return which file is meant, and whether a browser may keep it without asking again."""
        found = _RELEASE.fullmatch(path)
        return (
            (path, False) if found is None else (found["path"], found["release"] == self._release)
        )

    def _nothing(self, request: Request) -> Response:
        vary = {"Vary": "Accept"}
        accept = ",".join(request.headers.getlist("accept"))
        if request.scope["path"] in self._roots or _preferred(accept) != "text/html":
            return problems.response("not-found", "there is no such page", headers=vary)
        return Response(
            self._missing.content,
            status_code=404,
            headers={"Cache-Control": "no-store", **vary},
            media_type=self._missing.media_type,
        )


def _preferred(accept: str) -> str:
    """Return the media type that is wanted most; of several alike, the first."""

    def weight(item: str) -> float:
        found = [_WEIGHT.fullmatch(part.strip().lower()) for part in item.split(";")[1:]]
        return next((float(one[1]) for one in found if one), 1.0)

    return max(accept.split(","), key=weight).partition(";")[0].strip().lower()


def _read(directory: Path) -> Iterator[tuple[str, _File]]:
    for path in sorted(directory.rglob("*")):
        if path.is_file():
            place = f"/{path.relative_to(directory).as_posix()}"
            yield place, _file(path.read_bytes(), place)


def _file(content: bytes, place: str) -> _File:
    return _File(content, _type(place), f'"{hashlib.sha256(content).hexdigest()[:32]}"')


def _type(name: str) -> str:
    known = _TYPES.get(Path(name).suffix)
    return known or mimetypes.guess_type(name)[0] or "application/octet-stream"


def _answer(request: Request, found: _File, *, kept: bool) -> Response:
    control = "public, max-age=31536000, immutable" if kept else "no-cache"
    headers = {"ETag": found.etag, "Cache-Control": control}
    asked = request.headers.get("if-none-match", "")
    if found.etag in {tag.strip().removeprefix("W/") for tag in asked.split(",")} or asked == "*":
        return Response(status_code=304, headers=headers)
    # For a HEAD the server leaves the content out and keeps its length.
    return Response(found.content, headers=headers, media_type=found.media_type)
