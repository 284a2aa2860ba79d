"""What may be said, for programs and pages: the messages, and the documents made from them."""

from __future__ import annotations

from functools import cached_property
from importlib.metadata import version
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from catalyst.contracts import codec, refusals, roles, schema
from catalyst.contracts.registry import BY_TYPE, Message
from catalyst.contracts.rejection import Rejected
from catalyst.gateway import openapi

_CACHED: Final = {"Cache-Control": "public, max-age=300"}


class Catalogue:
    """The routes of documents; they change with a release only, and anybody may read them."""

    def routes(self) -> list[BaseRoute]:
        """Return the routes."""
        return [
            Route("/v1/contracts", self.list_messages, methods=["GET"]),
            Route("/v1/contracts/{type}", self.show, methods=["GET"]),
            Route("/openapi.json", self.openapi, methods=["GET"]),
            Route("/asyncapi.json", self.asyncapi, methods=["GET"]),
        ]

    async def list_messages(self, _request: Request) -> Response:
        """Answer every message, without schemas."""
        return _cached(self._listed)

    async def show(self, request: Request) -> Response:
        """Answer one message with what its rule may refuse it with, and the schema of its data."""
        message = BY_TYPE.get(request.path_params["type"])
        if message is None:
            raise Rejected("not-found", "no message has this type and version")
        refused = {"refused_with": refusals.rows(refusals.of_rule(message.type))}
        body = {**_described(message), **refused, "schema": schema.message_schema(message)}
        return _cached(codec.encode(body))

    async def openapi(self, _request: Request) -> Response:
        """Answer the OpenAPI document."""
        return _cached(self._openapi)

    async def asyncapi(self, _request: Request) -> Response:
        """Answer the AsyncAPI document."""
        return _cached(self._asyncapi)

    @cached_property
    def _listed(self) -> bytes:
        return codec.encode([_described(message) for message in BY_TYPE.values()])

    @cached_property
    def _openapi(self) -> bytes:
        return codec.encode(openapi.document(version("catalyst-contracts")))

    @cached_property
    def _asyncapi(self) -> bytes:
        return codec.encode(schema.asyncapi(version("catalyst-contracts")))


def _described(message: Message) -> dict[str, Any]:
    senders = roles.COMMAND_ROLES.get(message.type, frozenset())
    services = roles.SERVICE_COMMANDS.get(message.type, frozenset())
    return {
        "type": message.type,
        "kind": message.kind,
        "service": message.service,
        "name": message.name,
        "version": message.version,
        "aggregates": message.aggregates,
        "summary": message.summary,
        "subject": schema.address(message),
        "sent_by": message.sent_by,
        "roles": [role for role in roles.ROLES if role in senders],
        "services": sorted(services),
    }


def _cached(body: bytes) -> Response:
    return Response(body, headers=_CACHED, media_type="application/json")
