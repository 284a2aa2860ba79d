"""What was used, over HTTP: one CloudEvent or many, put on the stream where billing counts them.

All of a request is taken, or none of it with every mistake and its place. What is sent again counts
once, so whoever got no answer sends it again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from catalyst.chassis.jetstream.broker import JetStream
from catalyst.chassis.jetstream.port import BrokerError, Outgoing
from catalyst.chassis.tokens import Claims
from catalyst.contracts import codec, use
from catalyst.contracts.codec import Undecodable
from catalyst.contracts.message import FieldError
from catalyst.contracts.rejection import Rejected
from catalyst.contracts.roles import BILLING_ADMIN, ORG_ADMIN
from catalyst.contracts.subjects import organization_token
from catalyst.gateway import parameters
from catalyst.gateway.answers import answer
from catalyst.gateway.caller import Callers
from catalyst.gateway.parameters import Owner, wrong

ONE: Final = "application/cloudevents+json"
MANY: Final = "application/cloudevents-batch+json"
MAX_USES: Final = 500
"""Uses in one request."""
MAX_ERRORS: Final = 50
"""Mistakes that an answer names."""


class Using:
    """The route of use."""

    def __init__(self, callers: Callers, js: JetStream) -> None:
        """Publish through `js`."""
        self._callers = callers
        self._js = js

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
        await self._keep(f"use.{organization_token(owner)}.http", uses)
        return answer({"accepted": len(uses)}, 202)

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


def _uses(request: Request, raw: bytes, organization: str) -> list[bytes]:
    """Return each use as it is published.

    Raises:
        Rejected: `unsupported-media-type`, `usage-invalid` with every place, or as `codec.check`.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in {ONE, MANY}:
        raise Rejected("unsupported-media-type", f"use is sent as {ONE} or {MANY}")
    codec.check(raw)
    found = [raw] if kind == ONE else [bytes(one) for one in _several(raw)]
    errors: list[FieldError] = []
    for place, one in enumerate(found):
        pointer = "" if kind == ONE else f"/{place}"
        try:
            use.use_of(use.read(one, pointer), organization, pointer)
        except Undecodable as error:
            errors.append(
                FieldError(pointer=error.pointer, rule=error.rule, message=error.sentence)
            )
    if errors:
        message = f"{len(errors)} of {len(found)} are no use that is taken here"
        raise Rejected("usage-invalid", message, errors[:MAX_ERRORS])
    return found


def _several(raw: bytes) -> list[msgspec.Raw]:
    found = codec.decode(raw, list[msgspec.Raw], "usage-invalid")
    if not 1 <= len(found) <= MAX_USES:
        message = f"{len(found)} uses at once; 1 to {MAX_USES} are taken"
        raise Rejected("usage-invalid", message)
    return found
