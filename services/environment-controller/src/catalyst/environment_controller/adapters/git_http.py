"""Smart HTTP for the Git homes: `git clone`, `fetch` and `push` under `/git/<org>/<name>.git`.

Served by the environment-controller inside; the gateway passes requests on with their
`Authorization`. Who may do what is decided by the `Authorize` that is given; a path that names
nothing, a repository that is not there and one that the caller may not see get the same answer.
The repository of an Application is made when the service that may do so is about to push to it.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from typing import Final

from dulwich.file import FileLocked
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from catalyst.chassis.tokens import offered
from catalyst.contracts.roles import HOME, service_git
from catalyst.environment_controller.adapters.git import ensure_repository
from catalyst.environment_controller.adapters.git_root import BadName, GitRoot, RootBusy
from catalyst.environment_controller.adapters.git_smart import (
    SERVICES,
    Refused,
    Service,
    Write,
    advertise,
    exchange,
)
from catalyst.environment_controller.adapters.git_stream import (
    BadBody,
    ThreadedAnswer,
    Workers,
    spooled,
)
from catalyst.environment_controller.ports import HomeMissing

MAX_ASK_BYTES: Final = 8 * 1024 * 1024
"""How large a fetch request may be, unpacked: it lists commits, 50 bytes each."""

MAX_PUSH_BYTES: Final = 64 * 1024 * 1024
"""How large a push may be, unpacked."""

NOT_FOUND: Final = "There is no such repository, or it is not yours to see."
NO_PUSH: Final = (
    "Pushing is for services; a person changes this repository through commands. "
    "Send one with `catalyst send` or on the live page."
)
_NO_CACHE: Final = {"Cache-Control": "no-cache, max-age=0, must-revalidate"}
_ASK_NAME: Final = {"WWW-Authenticate": 'Basic realm="Catalyst Git", charset="UTF-8"'}

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a request may go on: status 200, or the status and text to refuse it with."""

    status: int = 200
    text: str = ""
    creates: bool = False
    """Whether a push may make the repository that it goes to."""


ALLOWED: Final = Verdict()

Authorize = Callable[[Request, str, Service], Awaitable[Verdict]]
"""Judges a request for an Organization's repositories; the Organization need not exist."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who a token stands for, as far as Git is concerned."""

    service: str | None = None
    """Name of the service, or None for a person."""
    reads: bool = False
    """Whether this person may read the Organization that was asked about."""
    home_alone: bool = False
    """Whether this person reads its home, and none of its Applications' repositories."""


Identify = Callable[[str, str], Awaitable[Caller | None]]
"""Takes a token and an Organization; None if the token proves nothing."""


def by_token(identify: Identify) -> Authorize:
    """Return the rule of this system: persons read their own, services what the contracts say.

    The token is the password of Basic, whatever the name, or that of Bearer.
    """

    async def authorize(request: Request, organization: str, service: Service) -> Verdict:
        token = offered(request.headers.get("authorization", ""))
        caller = await identify(token, organization) if token else None
        if caller is None:
            return Verdict(401, "Give a token as the password; the name does not matter.")
        name = caller.service
        if name is None:
            at_home = request.path_params["repository"] == HOME
            reads = caller.reads and (at_home or not caller.home_alone)
        else:
            reads = service_git(name, "clone")
        if not reads:
            return Verdict(404, NOT_FOUND)
        if service == "git-upload-pack":
            return ALLOWED
        if name is None or not service_git(name, "push"):
            return Verdict(403, NO_PUSH)
        return Verdict(creates=service_git(name, "create"))

    return authorize


def git_app(
    root: GitRoot,
    authorize: Authorize,
    *,
    max_ask_bytes: int = MAX_ASK_BYTES,
    max_push_bytes: int = MAX_PUSH_BYTES,
) -> Starlette:
    """Return the application that serves the repositories below `root`."""
    door = _Door(root, authorize, {"git-upload-pack": max_ask_bytes, SERVICES[1]: max_push_bytes})
    place = "/git/{organization}/{repository}.git"
    return Starlette(
        routes=[
            Route(f"{place}/info/refs", door.refs, methods=["GET"]),
            *(
                Route(f"{place}/{name}", partial(door.pack, name), methods=["POST"])
                for name in SERVICES
            ),
        ],
        exception_handlers={404: _nothing, 405: _nothing},
    )


class _Door:
    def __init__(self, root: GitRoot, authorize: Authorize, limits: dict[Service, int]) -> None:
        self._root = root
        self._authorize = authorize
        self._limits = limits
        self._workers = Workers()

    async def refs(self, request: Request) -> Response:
        """Answer the first request of clone, fetch and push."""
        name = request.query_params.get("service", "")
        if name not in SERVICES:
            return _text(403, "Only Git's smart HTTP protocol is spoken here.")
        service: Service = name
        verdict = await self._judged(request, service)
        if isinstance(verdict, Response):
            return verdict
        work = self._advertise
        if verdict.creates and service == "git-receive-pack":
            work = self._create_and_advertise
        return self._answer(
            partial(work, request.path_params, service), f"application/x-{service}-advertisement"
        )

    async def pack(self, service: Service, request: Request) -> Response:
        """Answer the requests that carry the objects."""
        verdict = await self._judged(request, service)
        if isinstance(verdict, Response):
            return verdict
        if request.headers.get("content-type") != f"application/x-{service}-request":
            return _text(415, f"A request to {service} is of type application/x-{service}-request.")
        try:
            body = await spooled(
                request.stream(),
                request.headers.get("content-encoding", "identity"),
                self._limits[service],
            )
        except BadBody as error:
            return _text(error.status, str(error))
        except ClientDisconnect:
            return Response(status_code=400)
        except OSError as error:
            return _disk_failed(error)
        work = partial(self._exchange, request.path_params, service, body.read)
        return self._answer(work, f"application/x-{service}-result", body.close)

    async def _judged(self, request: Request, service: Service) -> Response | Verdict:
        """Return the verdict on a request, or the answer to one that may not go on."""
        raw: bytes = request.scope.get("raw_path") or b""
        if b"%" in raw.partition(b"?")[0]:
            # No name of ours needs it; so each repository has one spelling, for every proxy too.
            return _text(404, NOT_FOUND)
        try:
            organization = request.path_params["organization"]
            self._root.repository(organization, request.path_params["repository"])
        except BadName:
            return _text(404, NOT_FOUND)
        verdict = await self._authorize(request, organization, service)
        if verdict.status == HTTPStatus.OK:
            return verdict
        log.info("git request refused", extra={"status": verdict.status, "service": service})
        return _text(verdict.status, verdict.text)

    def _create_and_advertise(self, place: dict[str, str], service: Service, write: Write) -> None:
        with self._root.use():
            ensure_repository(self._root, place["organization"], place["repository"])
        self._advertise(place, service, write)

    def _advertise(self, place: dict[str, str], service: Service, write: Write) -> None:
        with self._root.use():
            path = self._root.repository(place["organization"], place["repository"])
            advertise(path, service, write)

    def _exchange(
        self, place: dict[str, str], service: Service, read: Callable[[int], bytes], write: Write
    ) -> None:
        with self._root.use():
            path = self._root.repository(place["organization"], place["repository"])
            exchange(
                path,
                service,
                read,
                write,
                writer=self._root.writer(path),
                scratch=self._root.scratch,
                max_bytes=self._limits[service],
            )

    def _answer(
        self,
        work: Callable[[Write], None],
        media_type: str,
        finish: Callable[[], None] = lambda: None,
    ) -> Response:
        return ThreadedAnswer(
            work, self._workers, finish, _failed, headers=_NO_CACHE, media_type=media_type
        )


def _failed(error: Exception) -> Response | None:
    """Return the answer to a failure before anything was sent; None for a bug."""
    match error:
        case HomeMissing():
            return _text(404, NOT_FOUND)
        case Refused():
            return _text(400, str(error))
        case RootBusy():
            return _text(503, "The Git homes are served by another process; try again.")
        case FileLocked():
            return _text(503, "The repository is being written; try again.")
        case OSError():
            return _disk_failed(error)
        case _:
            return None


def _disk_failed(error: OSError) -> Response:
    log.warning("git disk failed", extra={"errno": error.errno})
    return _text(503, "The disk of the Git homes does not answer; try again.")


async def _nothing(_request: Request, _error: Exception) -> Response:
    return _text(404, NOT_FOUND)


def _text(status: int, text: str) -> Response:
    headers = dict(_NO_CACHE)
    if status == HTTPStatus.UNAUTHORIZED:
        headers |= _ASK_NAME
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        headers["Retry-After"] = "2"
    return PlainTextResponse(text + "\n", status, headers)
