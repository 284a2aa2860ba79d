"""What was used, over HTTP: one CloudEvent or many, put on the stream where billing counts them.

All of a request is taken, or none of it with every mistake and its place. What is sent again counts
once, so whoever got no answer sends it again. What says something else under a name that counts is
taken too, for billing to list it, and the answer names it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from typing import Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from catalyst.chassis.jetstream.broker import JetStream
from catalyst.chassis.jetstream.port import BrokerError, Outgoing
from catalyst.chassis.states import States
from catalyst.chassis.tokens import Claims
from catalyst.contracts import codec, usage_v1
from catalyst.contracts import use as reading
from catalyst.contracts.codec import Undecodable
from catalyst.contracts.message import FieldError
from catalyst.contracts.rejection import Rejected
from catalyst.contracts.roles import BILLING_ADMIN, ORG_ADMIN
from catalyst.contracts.subjects import organization_token
from catalyst.contracts.usage_v1 import Use, UseMessage
from catalyst.gateway import bodies, fields, parameters
from catalyst.gateway.answers import answer
from catalyst.gateway.caller import Callers
from catalyst.gateway.parameters import Owner, wrong

ONE: Final = "application/cloudevents+json"
MANY: Final = "application/cloudevents-batch+json"
MAX_USES: Final = 500
"""Uses in one request."""


class _Sent(msgspec.Struct, frozen=True, kw_only=True):
    """One use of a request."""

    pointer: str
    """Where it stands in the request."""
    body: bytes
    use: Use


class Using:
    """The route of use."""

    def __init__(self, callers: Callers, js: JetStream) -> None:
        """Publish through `js`."""
        self._callers = callers
        self._js = js
        self._states = States(js, {})

    def routes(self) -> list[BaseRoute]:
        """Return the route."""
        return [Route("/v1/usage", self.take, methods=["POST"])]

    async def take(self, request: Request) -> Response:
        """Take uses; answers 202 and how many, once the broker holds all of them."""
        caller = await self._callers.require(request)
        owner = parameters.read(request, Owner).owner
        if owner is None:
            raise wrong("organization", "is missing: whoever uses something is an Organization")
        await self._authorize(caller.claims, owner)
        uses = _uses(request, await request.body(), owner)
        other = await self._other(owner, uses)
        await self._keep(f"use.{organization_token(owner)}.http", [one.body for one in uses])
        told = {"other_content": msgspec.to_builtins(other)} if other else {}
        return answer({"accepted": len(uses), **told}, 202)

    async def _other(self, organization: str, uses: Sequence[_Sent]) -> Sequence[FieldError]:
        """Return which uses say something else than one of their name, here or counted already.

        Raises:
            BrokerError: As the broker port says; nothing is kept yet.
        """
        claims = [usage_v1.claim_of(organization, one.use) for one in uses]
        held = await self._states.claims(list(dict.fromkeys(claims)))
        counted = {claim: known.state.digest for claim, known in held.items() if known.state.holder}
        found: list[FieldError] = []
        for one, claim in zip(uses, claims, strict=True):
            use, says = one.use, usage_v1.digest(one.use)
            # Beside what was counted before fingerprints were kept nothing can be held.
            if (counted.setdefault(claim, says) or says) != says:
                message = f"{use.source!r} has said something else of {use.id!r}, which counts"
                rule = usage_v1.OTHER_CONTENT
                found.append(FieldError(pointer=one.pointer, rule=rule, message=message))
        return found

    async def _keep(self, subject: str, uses: Sequence[bytes]) -> None:
        """Publish uses, and return once the broker holds all of them.

        Raises:
            Rejected: `unavailable` if that is not known of each.
        """
        try:
            async with asyncio.TaskGroup() as tasks:
                for body in uses:
                    tasks.create_task(self._js.publish(Outgoing(subject, body)))
        except ExceptionGroup as group:
            if group.split(BrokerError)[1] is not None:
                raise
            message = "not all of it is known to be kept; send all of it again, it counts once"
            raise Rejected("unavailable", message) from group

    async def _authorize(self, claims: Claims, organization: str) -> None:
        """Let through who may report use: services, and those who answer for what it costs."""
        if claims.service is not None:
            return
        wanted = {ORG_ADMIN, BILLING_ADMIN}
        found = self._callers.table.roles(claims, organization)
        if wanted.isdisjoint(found):
            found = await self._callers.table.roles_of(organization, claims)
        if wanted.isdisjoint(found):
            raise Rejected("forbidden", "your roles do not allow reporting what was used")


def _uses(request: Request, raw: bytes, organization: str) -> list[_Sent]:
    """Return each use, with the bytes that are published.

    Raises:
        Rejected: `unsupported-media-type`, `usage-invalid` with every place, or as `codec.check`.
    """
    kind = bodies.kind(request, "use", ONE, MANY)
    codec.check(raw)
    # Half a character is JSON for the check, and for nobody else here.
    single = [codec.decode(raw, msgspec.Raw, "usage-invalid")] if kind == ONE else None
    parts = [bytes(one) for one in single or _several(raw)]
    found: list[_Sent] = []
    errors: list[FieldError] = []
    for place, body in enumerate(parts):
        pointer = "" if kind == ONE else f"/{place}"
        try:
            use = reading.use_of(reading.read(body, pointer), organization, pointer)
            found.append(_Sent(pointer=pointer, body=body, use=use))
        except Undecodable as error:
            errors += _mistakes(error, body, organization, pointer)
    if errors:
        refused = len(parts) - len(found)
        message = f"{refused} of {len(parts)} are no use that is taken here"
        raise Rejected("usage-invalid", message, errors)
    return found


def _mistakes(
    first: Undecodable, body: bytes, organization: str, pointer: str
) -> Iterator[FieldError]:
    """Yield all that is wrong with one use, each place once."""
    told = {one.pointer: one for one in fields.every(first, UseMessage, body, pointer)}
    yield from told.values()
    for error in reading.beyond(msgspec.json.decode(body), organization, pointer):
        if error.pointer not in told:
            yield FieldError(pointer=error.pointer, rule=error.rule, message=error.sentence)


def _several(raw: bytes) -> list[msgspec.Raw]:
    found = codec.decode(raw, list[msgspec.Raw], "usage-invalid")
    if not 1 <= len(found) <= MAX_USES:
        message = f"{len(found)} uses at once; 1 to {MAX_USES} are taken"
        place = FieldError(pointer="", rule="length", message=message)
        raise Rejected("usage-invalid", message, [place])
    return found
