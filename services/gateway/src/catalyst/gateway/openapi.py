"""The OpenAPI 3.1 document of this door, made from the registry. Pure.

Every command has a path of its own, so that its body has its own schema.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any, Final

import msgspec

from catalyst.chassis.problems import Problem
from catalyst.contracts import described, refusals
from catalyst.contracts.message import Outcome
from catalyst.contracts.registry import COMMANDS, Message
from catalyst.contracts.rejection import CODES
from catalyst.contracts.usage_v1 import UseMessage
from catalyst.gateway import openapi_parts as parts
from catalyst.gateway.caller import COOKIE
from catalyst.gateway.commands import CLOUD_EVENT, JSON
from catalyst.gateway.eventlog import LoggedEvent
from catalyst.gateway.openapi_paths import routes
from catalyst.gateway.rows import TracedRow
from catalyst.gateway.trace import Step

Json = dict[str, Any]

_SHAPES: Final[tuple[type, ...]] = (Outcome, Problem, LoggedEvent, Step, TracedRow, UseMessage)


def document(version: str) -> Json:
    """Return the document; `version` is that of the contracts."""
    places, schemas = _schemas()
    # What this door says itself goes by its short name, whoever else is called so.
    for shape in _SHAPES:
        schemas.setdefault(shape.__name__, places[shape])
    whole = {
        "openapi": "3.1.0",
        "info": {
            "title": "Catalyst",
            "version": version,
            "description": (
                "Commands, outcomes, events and questions. A recorded outcome is answered with "
                "200, whether the command was accepted or rejected; a problem means that nothing "
                "was recorded."
            ),
            "x-rejections": refusals.rows(CODES.values()),
        },
        "security": [{"token": []}, {"session": []}],
        "paths": {**dict(_command_paths()), **routes()},
        "components": {
            "schemas": {**schemas, **parts.answers()},
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
                "session": {"type": "apiKey", "in": "cookie", "name": COOKIE},
            },
        },
    }
    # Through JSON and back: an empty tuple as a default becomes the list that it is on the wire.
    plain: Json = msgspec.json.decode(msgspec.json.encode(whole))
    return plain


def _schemas() -> tuple[dict[type, Json], Json]:
    """Return where the schema of each shape stands, and all of them by their names.

    Two shapes of one name go by longer ones.
    """
    shapes = tuple(dict.fromkeys((*_SHAPES, *(one.shape for one in COMMANDS.values()))))
    tops, schemas = described.components(shapes, parts.REFS)
    return dict(zip(shapes, tops, strict=True)), schemas


@cache
def _places() -> dict[type, Json]:
    return _schemas()[0]


def schema_of(message: Message) -> Json:
    """Return where the schema of a command's data stands in the document."""
    return _places()[message.shape]


def _command_paths() -> Iterator[tuple[str, Json]]:
    for message in COMMANDS.values():
        yield f"/v1/commands/{message.type}", {"post": _command(message)}


def _command(message: Message) -> Json:
    lone = len(message.aggregates) == 1
    needs_id = message.aggregates != ("organization",)
    return {
        "operationId": message.type,
        "summary": message.summary,
        "description": refusals.in_words(message.type),
        "tags": ["commands"],
        "parameters": [
            parts.organization(required=True),
            parts.query("id", parts.name(), required=needs_id, about="Natural key of the thing."),
            parts.query(
                "aggregate",
                {"enum": list(message.aggregates)},
                required=not lone,
                about="Kind of the thing.",
            ),
            parts.header(
                "Idempotency-Key",
                {"type": "string", "pattern": parts.SENDERS_ID},
                "The command's id: the same again is the same command again.",
            ),
            parts.header(
                "Prefer",
                parts.WAIT,
                "`wait=N`: answer the outcome if it is there within N seconds.",
            ),
        ],
        "requestBody": {
            "required": True,
            "content": {
                JSON: {"schema": schema_of(message)},
                CLOUD_EVENT: {"schema": _cloud_event(message)},
            },
        },
        "responses": {
            "200": parts.good("The outcome, as it is recorded.", parts.schema("Outcome")),
            "202": parts.good(
                "Stored, and not decided yet.", parts.schema("Pending"), location=True
            ),
            **parts.problems(*parts.COMMON, 409, 415, 422, 504),
        },
    }


def _cloud_event(message: Message) -> Json:
    return {
        "type": "object",
        "required": ["specversion", "id", "source", "type", "data"],
        "properties": {
            "specversion": {"const": "1.0"},
            "id": {"type": "string", "pattern": parts.SENDERS_ID},
            "source": {"type": "string", "minLength": 1},
            "type": {"const": message.type},
            "correlationid": {"type": ["string", "null"], "pattern": parts.ANY_ID},
            "causationid": {"type": ["string", "null"], "pattern": parts.ANY_ID},
            "data": schema_of(message),
        },
        "description": (
            "A CloudEvents 1.0 message in structured mode. `id`, `organization` and `subject` (the "
            "natural key), where they stand in it, agree with header and parameters."
        ),
    }
