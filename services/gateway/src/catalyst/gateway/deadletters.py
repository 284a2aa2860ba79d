"""`/v1/dlq`: what was set aside, and why. Trying again and giving up are commands."""

from __future__ import annotations

from typing import Any, Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from catalyst.chassis import parking
from catalyst.chassis.jetstream.port import Broker, Stored
from catalyst.contracts.message import log_name
from catalyst.contracts.registry import COMMANDS
from catalyst.contracts.rejection import Rejected
from catalyst.contracts.roles import SOVEREIGN_ADMIN
from catalyst.contracts.secret import is_secret
from catalyst.contracts.subjects import BadSubject, Ref
from catalyst.contracts.topology import CMD, DLQ, EV, FACTS, USE
from catalyst.gateway import parameters
from catalyst.gateway.answers import Fresh, answer, fresh
from catalyst.gateway.caller import Caller, Callers
from catalyst.gateway.parameters import Page

MAX_SCANNED: Final = 1000
"""Letters that are looked at for one page."""
READ_AT_ONCE: Final = 50
"""A letter holds a whole message, so not many are held at a time."""
_FROM_OUTSIDE: Final = frozenset({FACTS, USE})
"""Streams of what observers and meters send, whatever they were pointed at: a whole Secret, too."""
NO_LETTER: Final = ""
"""Stands for the stream of what came from none: of what nobody set aside."""
_WITHHELD: Final = "it may hold a secret: a sovereign-admin sees it"


class DeadLetters:
    """The routes of the dead-letter queue."""

    def __init__(self, callers: Callers, broker: Broker) -> None:
        self._callers = callers
        self._broker = broker

    def routes(self) -> list[BaseRoute]:
        """Return the routes."""
        return [
            Route("/v1/dlq", self.list_letters, methods=["GET"]),
            Route("/v1/dlq/{subject}", self.show, methods=["GET"]),
        ]

    async def list_letters(self, request: Request) -> Response:
        """Answer a page of letters, oldest first, without their bodies."""
        caller = await self._callers.require(request)
        wanted = parameters.read(request, Page)
        self._callers.require_business(caller.claims, wanted.organization)
        fresh_as = await self._fresh()
        owner = self._callers.scope(caller.claims, wanted.organization)
        subject = f"dlq.{owner}.>"
        found: list[dict[str, Any]] = []
        last, scanned, done = wanted.after, 0, owner is None
        while not done and len(found) < wanted.limit and scanned < MAX_SCANNED:
            size = min(READ_AT_ONCE, wanted.limit - len(found))
            stored = await self._broker.replay(DLQ, subject, start=last + 1, limit=size)
            done = len(stored) < size
            scanned += len(stored)
            last = stored[-1].seq if stored else last
            found += [_listed(item) for item in stored if self._visible(caller, item)]
        body = {"items": found, "continue": None if done else last, **msgspec.to_builtins(fresh_as)}
        return answer(body)

    async def _fresh(self) -> Fresh:
        """Return how current the letters are: they are read where they stand, so up to the head."""
        state = await self._broker.stream_state(EV)
        head = state.last_seq
        return Fresh(as_of=head, head=head, lag_ms=0, log=log_name(state.created))

    async def show(self, request: Request) -> Response:
        """Answer one letter whole."""
        caller = await self._callers.require(request)
        subject = request.path_params["subject"]
        if _ref(subject) is None:
            raise Rejected("not-found", "there is no such dead letter")
        stored = await self._broker.last(DLQ, subject)
        if stored is None or not self._visible(caller, stored):
            raise Rejected("not-found", "there is no such dead letter")
        letter = _read(stored)
        body = {**_listed(stored), "body": letter.body.decode("utf-8", "replace")}
        if letter.digest:
            body |= {"size": letter.size, "digest": letter.digest}
        if _may_be_secret(letter) and SOVEREIGN_ADMIN not in caller.claims.roles:
            body = {**_listed(stored), "body": "", "withheld": _WITHHELD}
        return answer(body, headers=fresh(await self._fresh()))

    def _visible(self, caller: Caller, stored: Stored) -> bool:
        """Return whether a letter is shown; an address that nobody can read is the operators'."""
        ref = _ref(stored.subject)
        if ref is None or ref.aggregate == "unknown":
            return SOVEREIGN_ADMIN in caller.claims.roles
        return self._callers.may_see(caller.claims, ref)


def _read(stored: Stored) -> parking.Letter:
    """Return the letter that stands somewhere; what is none is told so, and hides no other."""
    try:
        return parking.read(stored)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return parking.Letter(
            stream=NO_LETTER,
            sequence=stored.seq,
            time=stored.time,
            subject="",
            message_id="",
            message_type="",
            reason="malformed-json",
            detail="what stands here is no dead letter",
            body=stored.data,
        )


def _may_be_secret(letter: parking.Letter) -> bool:
    """Return whether a letter may hold a secret; nobody knows of a command without a shape."""
    if letter.stream == NO_LETTER:
        return True
    if letter.stream != CMD:
        return letter.stream in _FROM_OUTSIDE
    command = COMMANDS.get(letter.message_type)
    return command is None or is_secret(command.shape)


def _ref(subject: str) -> Ref | None:
    """Return the aggregate in the subject of a letter, or None if it is no such subject."""
    head, _, rest = subject.partition(".")
    path, _, origin = rest.rpartition(".")
    if head != "dlq" or not origin.isalnum():
        return None
    try:
        return Ref.parse(path)
    except BadSubject:
        return None


def _listed(stored: Stored) -> dict[str, Any]:
    letter = _read(stored)
    ref = _ref(stored.subject)
    return {
        "subject": stored.subject,
        "seq": stored.seq,
        "set_aside": stored.time,
        "reason": letter.reason,
        "detail": letter.detail,
        "aggregate": None if ref is None else msgspec.to_builtins(ref),
        "message": {
            "id": letter.message_id,
            "type": letter.message_type,
            "subject": letter.subject,
            "stream": letter.stream,
            "seq": letter.sequence,
            "time": letter.time,
            "actor": letter.actor.name if letter.actor is not None else "",
            "reaction": letter.reaction,
        },
    }
