"""Commands in, outcomes out: the comfortable way to what any NATS program can do.

The door refuses early, with every wrong field, what the worker would refuse; what it lets through
is decided and recorded by the worker alone. A recorded outcome is answered with 200, accepted or
rejected; a problem means that nothing was recorded.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final
from urllib.parse import quote, urlencode

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from catalyst.chassis import clock, ids, problems
from catalyst.chassis.headers import preferred_wait
from catalyst.chassis.http import unless_left
from catalyst.chassis.telemetry import Telemetry
from catalyst.client import errors as client_errors
from catalyst.client.api import Client
from catalyst.contracts import codec, subjects
from catalyst.contracts.message import (
    COMMAND_ID,
    TRACEPARENT,
    Envelope,
    FieldError,
    Outcome,
    digest,
)
from catalyst.contracts.registry import COMMANDS, Message
from catalyst.contracts.rejection import CODES, Rejected
from catalyst.contracts.subjects import PLATFORM, BadSubject, Ref
from catalyst.contracts.topology import COMMAND_MAX_AHEAD_SECONDS
from catalyst.gateway import bodies, fields, parameters
from catalyst.gateway.answers import answer, fresh
from catalyst.gateway.caller import Caller, Callers
from catalyst.gateway.eventlog import EventLog
from catalyst.gateway.parameters import Addressing, Owner

JSON: Final = "application/json"
CLOUD_EVENT: Final = "application/cloudevents+json"
SOURCE: Final = "catalyst/gateway"
STORE_SECONDS: Final = 5.0
"""Until the broker has to confirm that it holds a command."""
_UNRECORDED: Final = frozenset({"command-id-reused", "invalid-id"})
"""Codes of refusals that are answered but not recorded."""


class Unconfirmed(Rejected):
    """Nobody knows whether the broker holds a command; the sender is told where to look."""

    def __init__(self, message: str, command_id: str, place: str) -> None:
        """Refuse with the code `unavailable`; `place` is the outcome's address."""
        super().__init__("unavailable", message)
        self.command_id = command_id
        self.place = place


async def unconfirmed(_request: Request, error: Exception) -> Response:
    """Answer a problem that also names the command's id and where its outcome would stand."""
    if not isinstance(error, Unconfirmed):
        raise error
    found = problems.response("unavailable", error.message, headers={"Location": error.place})
    body = msgspec.json.decode(found.body)
    found.body = msgspec.json.encode({**body, "id": error.command_id, "outcome": error.place})
    found.headers["content-length"] = str(len(found.body))
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """A command as it came to this door."""

    message: Message
    ref: Ref
    id: str
    chosen: bool
    """Whether the sender chose the id, so that it may be a repeat."""
    data: bytes
    source: str
    correlation_id: str | None
    traceparent: str | None

    @property
    def digest(self) -> str:
        """Fingerprint of what is asked, as the worker records it."""
        subject = self.ref.command(self.message.name, self.message.version)
        return digest(self.message.type, subject, self.data)


class Commands:
    """The routes of commands and outcomes."""

    def __init__(
        self,
        callers: Callers,
        client: Client,
        telemetry: Telemetry,
        events: EventLog,
        *,
        max_wait_seconds: int,
    ) -> None:
        """Send and read through `client`, the broker's; `events` says how current an outcome is."""
        self._callers = callers
        self._client = client
        self._events = events
        self._telemetry = telemetry
        self._max_wait = max_wait_seconds

    def routes(self) -> list[BaseRoute]:
        """Return the routes."""
        return [
            Route("/v1/commands/{type}", self.send, methods=["POST"]),
            Route("/v1/outcomes/{id}", self.outcome, methods=["GET"]),
        ]

    async def send(self, request: Request) -> Response:
        """Take a command; answer its outcome if asked to wait, else where it will stand."""
        caller = await self._callers.require(request)
        message = _message(request.path_params["type"])
        order = await _order(request, message)
        if order.id.startswith("_") and caller.claims.service is None:
            raise Rejected("invalid-id", "an id that begins with `_` is a service's", pointer="/id")
        await self._callers.authorize_command(caller.claims, message.type, order.ref.organization)
        fields.checked(message, order.data)
        wait = self._wait(request)
        attributes = {"catalyst.command": message.type, "catalyst.command_id": order.id}
        with self._telemetry.span(
            "accept command", order.traceparent or "", attributes
        ) as traceparent:
            stored = asyncio.Event()
            sent = self._sent(order, caller, wait, traceparent, stored)
            return await unless_left(request, sent, after=stored)

    async def outcome(self, request: Request) -> Response:
        """Answer the recorded outcome of a command to whoever may see it."""
        caller = await self._callers.require(request)
        owner = parameters.read(request, Owner).owner
        identifier = request.path_params["id"]
        if not COMMAND_ID.fullmatch(identifier):
            raise Rejected("not-found", "there is no such outcome")
        wait = self._wait(request)
        return await unless_left(request, self._looked_up(caller, owner, identifier, wait))

    async def _looked_up(
        self, caller: Caller, owner: str | None, identifier: str, wait: int
    ) -> Response:
        until = clock.monotonic() + wait
        try:
            found = await self._client.outcome(identifier, organization=owner, timeout=float(wait))
        except client_errors.ClientError as error:
            raise refusal(error) from error
        if found is None or not self._visible(caller, found):
            # Not told apart, by the time either: that a command exists is nobody's business but its
            # Organization's.
            await asyncio.sleep(until - clock.monotonic())
            raise Rejected("not-found", "no outcome is recorded under this id yet, or not for you")
        return await self._recorded(found, wait)

    def _visible(self, caller: Caller, found: Outcome) -> bool:
        if found.actor == caller.claims.actor:
            return True
        try:
            return self._callers.may_see(caller.claims, subjects.parse(found.subject).ref)
        except BadSubject:
            return False

    async def _sent(
        self, order: Order, caller: Caller, wait: int, traceparent: str, stored: asyncio.Event
    ) -> Response:
        """Send a command and answer; `stored` is set once the sender may leave."""
        options: Any = {
            "organization": order.ref.organization,
            "id": order.ref.id,
            "aggregate": order.ref.aggregate,
            "command_id": order.id,
            "token": caller.token,
            "traceparent": traceparent or None,
            "source": order.source,
            "correlation_id": order.correlation_id,
        }
        try:
            if wait:
                decided = await self._send(order, options, float(wait), stored)
                return await self._answered(decided, order, wait)
            known = await self._known(order) if order.chosen else None
            if known is not None:
                return await self._answered(known, order, 0)
            await self._client.submit(
                order.message.type, order.data, timeout=STORE_SECONDS, **options
            )
        except client_errors.ClientError as error:
            found = refusal(error)
            if found.code != "unavailable":
                raise found from error
            raise Unconfirmed(found.message, order.id, _place(order)) from error
        return _pending(order, wait)

    async def _send(
        self, order: Order, options: Any, wait: float, stored: asyncio.Event
    ) -> Outcome | None:
        """Return the outcome, or None if the command is stored and not decided in time."""
        try:
            return await self._client.send(
                order.message.type, order.data, timeout=wait, stored=stored, **options
            )
        except client_errors.Undecided:
            return None
        except client_errors.TimedOut:
            left = STORE_SECONDS - wait
            if left <= 0:
                raise
            # Not confirmed, because the sender waits for less time than the broker may take.
            await self._client.submit(order.message.type, order.data, timeout=left, **options)
            return None

    async def _answered(self, found: Outcome | None, order: Order, wait: int) -> Response:
        if found is None:
            return _pending(order, wait)
        if found.code in _UNRECORDED:
            raise Rejected(found.code, found.message, found.errors)
        return await self._recorded(found, wait, _place(order))

    async def _recorded(self, found: Outcome, wait: int, place: str | None = None) -> Response:
        headers = fresh(await self._events.fresh(found.seq, found.log)) | _applied(wait)
        if place is not None:
            headers["Content-Location"] = place
        return answer(found, headers=headers)

    async def _known(self, order: Order) -> Outcome | None:
        found = await self._client.outcome(order.id, organization=order.ref.organization)
        if found is not None and found.digest != order.digest:
            raise Rejected(
                "command-id-reused", f"{order.id!r} is the id of another command", pointer="/id"
            )
        return found

    def _wait(self, request: Request) -> int:
        """Return for how many seconds the sender prefers to wait; preferences may be ignored."""
        return min(preferred_wait(request) or 0, self._max_wait)


def _message(type_: str) -> Message:
    found = COMMANDS.get(type_)
    if found is None:
        raise Rejected("unknown-type", f"no command is called {type_!r}")
    return found


async def _order(request: Request, message: Message) -> Order:
    """Return what is asked for, from path, parameters, headers and body; they have to agree."""
    address = parameters.read(request, Addressing)
    kind = bodies.kind(request, "a command", JSON, CLOUD_EVENT)
    raw = await request.body()
    key = _key(request)
    if kind == JSON:
        codec.check(raw)
        envelope = Envelope(
            specversion="1.0",
            id=ids.command_id() if key is None else key,
            source=SOURCE,
            type=message.type,
        )
        data, chosen = raw, key is not None
    else:
        envelope = codec.command_envelope(raw)
        data, chosen = bytes(envelope.data), True
        _agree("id", key, envelope.id)
        _agree("type", message.type, envelope.type)
    if not COMMAND_ID.fullmatch(envelope.id):
        raise Rejected("invalid-id", f"{envelope.id[:64]!r} is not a command id", pointer="/id")
    if envelope.time is not None and envelope.time - clock.now() > _AHEAD:
        raise Rejected("command-from-future", "`time` is ahead of ours", pointer="/time")
    return Order(
        message=message,
        ref=_ref(message, address, envelope, data),
        id=envelope.id,
        chosen=chosen,
        data=data,
        source=envelope.source,
        correlation_id=envelope.correlationid,
        traceparent=_traceparent(envelope.traceparent or request.headers.get("traceparent")),
    )


_AHEAD: Final = timedelta(seconds=COMMAND_MAX_AHEAD_SECONDS)


def _key(request: Request) -> str | None:
    """Return the id in `Idempotency-Key`, plain or quoted."""
    found = request.headers.get("idempotency-key")
    if found is not None and len(found) > 1 and found[0] == found[-1] == '"':
        return found[1:-1]
    return found


def _agree(name: str, said: str | None, body: str | None) -> None:
    if said is not None and body is not None and said != body:
        raise Rejected(
            "subject-mismatch", f"the address says {said!r}, the body {body!r}", pointer=f"/{name}"
        )


def _ref(message: Message, address: Addressing, envelope: Envelope, data: bytes) -> Ref:
    """Return what a command is sent to.

    Raises:
        Rejected: If that is not said, with all that is wrong with the data beside it.
    """
    _agree("organization", address.organization, envelope.organization)
    _agree("subject", address.id, envelope.subject)
    owner = address.organization or envelope.organization
    aggregate = address.aggregate or (
        message.aggregates[0] if len(message.aggregates) == 1 else None
    )
    # An Organization is its own id: its slug need not be said twice.
    key = address.id or envelope.subject or (owner if aggregate == "organization" else None)
    kinds = [aggregate] if aggregate in message.aggregates else message.aggregates
    lacking: dict[str, str] = {}
    if not owner:
        lacking["organization"] = "is missing"
    if aggregate not in message.aggregates:
        lacking["aggregate"] = f"{message.type} goes to one of {', '.join(message.aggregates)}"
    if not key and "organization" not in kinds:
        lacking["id"] = f"{message.type} needs the id of the {' or '.join(kinds)}"
    if lacking or not owner or not key or aggregate is None:
        raise parameters.several(lacking, _wrong_in(message, data))
    return Ref(None if owner == PLATFORM else owner, message.service, aggregate, key)


def _wrong_in(message: Message, data: bytes) -> tuple[FieldError, ...]:
    try:
        fields.checked(message, data)
    except Rejected as error:
        return error.errors
    return ()


def _traceparent(text: str | None) -> str | None:
    return text if text is not None and TRACEPARENT.fullmatch(text) else None


def refusal(error: client_errors.ClientError) -> Rejected:
    """Return what a failure of the broker's client means at this door."""
    if isinstance(error, client_errors.Problem) and error.code in CODES:
        return Rejected(error.code, error.message, error.errors)
    return Rejected("unavailable", "the broker does not answer as it should; try again")


def _pending(order: Order, wait: int) -> Response:
    place = _place(order)
    body = {
        "id": order.id,
        "type": order.message.type,
        "organization": order.ref.organization,
        "status": "pending",
        "outcome": place,
    }
    return answer(body, 202, {"Location": place, **_applied(wait)})


def _applied(wait: int) -> dict[str, str]:
    return {"Preference-Applied": f"wait={wait}"} if wait else {}


def _place(order: Order) -> str:
    owner = PLATFORM if order.ref.organization is None else order.ref.organization
    return f"/v1/outcomes/{quote(order.id)}?{urlencode({'organization': owner})}"
