"""`/v1/queries/…`: questions that need a service's rules, passed on with the asker's token.

The service that answers checks token and roles itself; this door only finds it.
"""

from __future__ import annotations

import re
from typing import Any, Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from catalyst.chassis import problems
from catalyst.chassis.http import unless_left
from catalyst.chassis.jetstream.asking import BUSY, ask, at_work
from catalyst.chassis.jetstream.broker import JetStream
from catalyst.chassis.jetstream.port import Unavailable
from catalyst.contracts import codec
from catalyst.contracts.message import FieldError
from catalyst.contracts.registry import SERVICES
from catalyst.contracts.rejection import CODES, Rejected
from catalyst.contracts.subjects import organization_token
from catalyst.gateway import bodies, parameters
from catalyst.gateway.answers import answer, fresh
from catalyst.gateway.caller import Caller, Callers
from catalyst.gateway.commands import JSON
from catalyst.gateway.eventlog import EventLog
from catalyst.gateway.parameters import Asking

ANSWER_SECONDS: Final = 10.0
_NAME: Final = re.compile(r"[a-z][a-z0-9-]{0,62}")


class Problem(msgspec.Struct):
    """Why a question is not answered."""

    code: str
    detail: str = ""
    errors: tuple[FieldError, ...] = ()
    wait_seconds: int | None = None
    """After how long asking again makes sense; null: as its code says."""


class Answered(msgspec.Struct):
    """What a service says to a question."""

    as_of: int = 0
    result: msgspec.Raw = msgspec.Raw(b"null")
    problem: Problem | None = None


class Queries:
    """The route of questions."""

    def __init__(self, callers: Callers, js: JetStream, events: EventLog) -> None:
        self._callers = callers
        self._js = js
        self._events = events

    def routes(self) -> list[BaseRoute]:
        """Return the routes."""
        return [Route("/v1/queries/{service}/{name}", self.ask, methods=["POST"])]

    async def ask(self, request: Request) -> Response:
        """Pass a question on and answer what the service says."""
        caller = await self._callers.require(request)
        wanted = parameters.read(request, Asking)
        service, name = request.path_params["service"], request.path_params["name"]
        if service not in SERVICES or not _NAME.fullmatch(name):
            raise Rejected("not-found", "there is no such question")
        bodies.kind(request, "a question", JSON)
        body = await request.body()
        codec.check(body)
        asked = self.put(caller, wanted.owner, service, name, wanted.version, body)
        found = await unless_left(request, asked)
        if found.problem is not None:
            return refused(found.problem)
        shown: dict[str, Any] = {"as_of": found.as_of, "result": found.result}
        return answer(shown, headers=fresh(await self._events.fresh(found.as_of)))

    async def put(
        self, caller: Caller, owner: str | None, service: str, name: str, version: int, body: bytes
    ) -> Answered:
        """Put a question to a service, as whoever calls; returns what it says.

        Raises:
            Rejected: `not-found` for one that nobody answers, `unavailable` while nobody is there.
        """
        subject = f"qry.{organization_token(owner)}.{service}.{name}.v{version}"
        headers = {"Authorization": f"Bearer {caller.token}"}
        try:
            raw = await ask(self._js, subject, body, headers, timeout=ANSWER_SECONDS)
        except Unavailable as error:
            if error.code == 503:
                # The broker knows of nobody who listens there.
                if await at_work(self._js, service):
                    raise Rejected("not-found", "there is no such question") from error
                raise Rejected(
                    "unavailable", f"{service} is not at work just now: ask again in a moment"
                ) from error
            if error.code == 408:
                # Whoever took it may have ended over it; a question changes nothing.
                words = f"{service} has not answered within {ANSWER_SECONDS:g} s: ask again"
                raise Rejected("unavailable", words) from error
            if error.code == BUSY:
                raise Rejected("unavailable", f"{service}: {error.description}") from error
            raise
        return msgspec.json.decode(raw, type=Answered)


def refused(problem: Problem) -> Response:
    """Return why a service does not answer a question."""
    code = problem.code if problem.code in CODES else "internal"
    wait = problem.wait_seconds
    headers = {} if wait is None else {"Retry-After": str(wait)}
    return problems.response(code, problem.detail, problem.errors, headers=headers)
