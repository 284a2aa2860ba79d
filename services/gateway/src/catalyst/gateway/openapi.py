"""The OpenAPI 3.1 document of this door, made from the registry. Pure.

Every command has a path of its own, so that its body has its own schema.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec

from catalyst.chassis.problems import MEDIA_TYPE as PROBLEM_JSON
from catalyst.chassis.problems import Problem
from catalyst.contracts.message import COMMAND_ID, Outcome
from catalyst.contracts.registry import COMMANDS, SERVICES, Message
from catalyst.gateway.caller import COOKIE
from catalyst.gateway.commands import CLOUD_EVENT, JSON
from catalyst.gateway.eventlog import LoggedEvent
from catalyst.gateway.events import EVENT_STREAM
from catalyst.gateway.parameters import MAX_NAME, MAX_PAGE, MAX_SEQUENCE
from catalyst.gateway.rows import TracedRow
from catalyst.gateway.trace import Step

Json = dict[str, Any]

_REFS: Final = "#/components/schemas/{name}"
_SENDERS_ID: Final = "^[A-Za-z0-9-][A-Za-z0-9_-]{0,63}$"
"""A command id that anybody may choose: one that begins with `_` is derived, by services."""
_COMMON: Final = (400, 401, 403, 404, 413, 429, 500, 503)
"""Problems that any route behind a token may answer with."""
_SHAPES: Final[tuple[type, ...]] = (Outcome, Problem, LoggedEvent, Step, TracedRow)


def document(version: str) -> Json:
    """Return the document; `version` is that of the contracts."""
    shapes = [*_SHAPES, *(message.shape for message in COMMANDS.values())]
    _, schemas = msgspec.json.schema_components(shapes, ref_template=_REFS)
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
        },
        "security": [{"token": []}, {"session": []}],
        "paths": {**dict(_command_paths()), **_paths()},
        "components": {
            "schemas": {**schemas, **_more_schemas()},
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
                "session": {"type": "apiKey", "in": "cookie", "name": COOKIE},
            },
        },
    }
    # Through JSON and back: an empty tuple as a default becomes the list that it is on the wire.
    plain: Json = msgspec.json.decode(msgspec.json.encode(whole))
    return plain


def schema_of(message: Message) -> Json:
    """Return where the schema of a command's data stands in the document."""
    (found,), _ = msgspec.json.schema_components([message.shape], ref_template=_REFS)
    return found


def _command_paths() -> Iterator[tuple[str, Json]]:
    for message in COMMANDS.values():
        yield f"/v1/commands/{message.type}", {"post": _command(message)}


def _command(message: Message) -> Json:
    lone = len(message.aggregates) == 1
    needs_id = message.aggregates != ("organization",)
    return {
        "operationId": message.type,
        "summary": message.summary,
        "tags": ["commands"],
        "parameters": [
            _organization(required=True),
            _query("id", _name(), required=needs_id, about="Natural key of the thing."),
            _query(
                "aggregate",
                {"enum": list(message.aggregates)},
                required=not lone,
                about="Kind of the thing.",
            ),
            _header(
                "Idempotency-Key",
                {"type": "string", "pattern": _SENDERS_ID},
                "The command's id: the same again is the same command again.",
            ),
            _header(
                "Prefer",
                {"type": "string", "examples": ["wait=10"]},
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
            "200": _ok("The outcome, as it is recorded.", _schema("Outcome")),
            "202": _ok("Stored, and not decided yet.", _schema("Pending"), location=True),
            **_problems(*_COMMON, 409, 415, 422, 504),
        },
    }


def _whole(pattern: str) -> str:
    return f"^{pattern}$"


def _cloud_event(message: Message) -> Json:
    return {
        "type": "object",
        "required": ["specversion", "id", "source", "type", "data"],
        "properties": {
            "specversion": {"const": "1.0"},
            "id": {"type": "string", "pattern": _SENDERS_ID},
            "source": {"type": "string", "minLength": 1},
            "type": {"const": message.type},
            "correlationid": {"type": ["string", "null"]},
            "data": schema_of(message),
        },
        "description": (
            "A CloudEvents 1.0 message in structured mode. `id`, `organization` and `subject` (the "
            "natural key), where they stand in it, agree with header and parameters."
        ),
    }


def _paths() -> dict[str, Json]:
    follow = {EVENT_STREAM: {"schema": {"type": "string"}}}
    events = _ok("Events, or a stream of them.", _schema("EventPage"))
    events["content"] |= follow
    return {
        "/v1/outcomes/{id}": {
            "get": _operation(
                "outcome",
                "The recorded outcome of a command.",
                [
                    _path("id", {"type": "string", "pattern": _whole(COMMAND_ID.pattern)}),
                    _organization(required=True),
                    _header("Prefer", {"type": "string", "examples": ["wait=10"]}, "Wait."),
                ],
                _ok("The outcome.", _schema("Outcome")),
            )
        },
        "/v1/trace/{command}": {
            "get": _operation(
                "trace",
                "Everything that followed from a command.",
                [
                    _path("command", {"type": "string", "pattern": _whole(COMMAND_ID.pattern)}),
                    _organization(required=False),
                ],
                _ok("The causal chain.", _schema("Trace")),
            )
        },
        "/v1/events": {
            "get": _operation(
                "events",
                "The log's events, a page of them or as they happen.",
                [
                    _organization(required=False),
                    *(_query(name, _name()) for name in ("type", "aggregate", "id")),
                    _query("command", _name(64)),
                    _query("since", {"type": "string", "format": "date-time"}),
                    *_page_parameters(),
                    _query("follow", {"enum": ["false", "true"]}, about="true: a stream."),
                    _query("last_event_id", {"type": "string", "maxLength": 64}),
                ],
                events,
            )
        },
        "/v1/dlq": {
            "get": _operation(
                "dead-letters",
                "What was set aside, and why.",
                [_organization(required=False), *_page_parameters()],
                _ok("Dead letters without their bodies.", _schema("LetterPage")),
            )
        },
        "/v1/dlq/{subject}": {
            "get": _operation(
                "dead-letter",
                "One dead letter, whole.",
                [_path("subject", {"type": "string", "pattern": r"^dlq(\.[A-Za-z0-9_=-]+){5}$"})],
                _ok("The letter.", {"type": "object"}),
            )
        },
        "/v1/queries/{service}/{name}": {
            "post": {
                **_operation(
                    "query",
                    "A question that needs a service's rules, such as the plan of a deletion.",
                    [
                        _path("service", {"enum": list(SERVICES)}),
                        _path("name", {"type": "string", "pattern": "^[a-z][a-z0-9-]{0,62}$"}),
                        _organization(required=True),
                        _query("version", {"type": "integer", "minimum": 1, "maximum": 9999}),
                    ],
                    _ok("The answer.", _schema("QueryAnswer")),
                    415,
                    422,
                ),
                "requestBody": {
                    "required": True,
                    "content": {JSON: {"schema": {"type": "object"}}},
                },
            }
        },
        "/v1/session": _session(),
        **_public(),
    }


def _session() -> Json:
    shown = _ok("Who calls, and their roles.", _schema("Session"))
    signed_in = _ok("Signed in: the cookie is set.", _schema("Session"))
    return {
        "get": _operation("session", "Who am I.", [], shown),
        "post": {
            **_operation("sign-in", "Exchange a bearer token for a cookie.", [], signed_in),
            "security": [{"token": []}],
        },
        "delete": {
            "operationId": "sign-out",
            "summary": "Take the cookie back.",
            "security": [],
            "responses": {
                "204": {"description": "Signed out."},
                **_problems(403, 413, 429, 500),
            },
        },
    }


def _public() -> dict[str, Json]:
    """Return the routes that anybody may read."""
    listed = {"type": "array", "items": {"type": "object"}}
    plain: Mapping[str, tuple[str, str, Json]] = {
        "/v1/contracts": ("contracts", "Every message there is.", listed),
        "/openapi.json": ("openapi", "This document.", {"type": "object"}),
        "/asyncapi.json": ("asyncapi", "The same for NATS programs.", {"type": "object"}),
        "/healthz": ("health", "The process runs.", {"type": "object"}),
    }
    found: dict[str, Json] = {}
    for path, (name, summary, schema) in plain.items():
        found[path] = {"get": _open(name, summary, _ok("As asked.", schema))}
    found["/v1/contracts/{type}"] = {
        "get": {
            **_open("contract", "One message.", _ok("The message.", {"type": "object"}), 404),
            "parameters": [_path("type", _name())],
        }
    }
    return found


def _open(name: str, summary: str, good: Json, *problems: int) -> Json:
    return {
        "operationId": name,
        "summary": summary,
        "security": [],
        "responses": {"200": good, **_problems(413, 429, 500, *problems)},
    }


def _operation(name: str, summary: str, parameters: list[Json], good: Json, *problems: int) -> Json:
    return {
        "operationId": name,
        "summary": summary,
        "parameters": parameters,
        "responses": {"200": good, **_problems(*_COMMON, *problems)},
    }


def _schema(name: str) -> Json:
    return {"$ref": _REFS.format(name=name)}


def _ok(about: str, schema: Json, *, location: bool = False) -> Json:
    found: Json = {"description": about, "content": {JSON: {"schema": schema}}}
    if location:
        found["headers"] = {"Location": {"schema": {"type": "string"}, "required": True}}
    return found


def _problems(*statuses: int) -> Json:
    content = {PROBLEM_JSON: {"schema": _schema("Problem")}}
    return {
        str(status): {"description": "A problem; `code` says which.", "content": content}
        for status in sorted(set(statuses))
    }


def _query(name: str, schema: Json, *, required: bool = False, about: str = "") -> Json:
    found = {"name": name, "in": "query", "required": required, "schema": schema}
    return found | ({"description": about} if about else {})


def _path(name: str, schema: Json) -> Json:
    return {"name": name, "in": "path", "required": True, "schema": schema}


def _header(name: str, schema: Json, about: str) -> Json:
    return {"name": name, "in": "header", "description": about, "schema": schema}


def _organization(*, required: bool) -> Json:
    about = "An Organization's slug, or `_` for what no Organization owns."
    return _query("organization", _name(), required=required, about=about)


def _name(longest: int = MAX_NAME) -> Json:
    return {"type": "string", "minLength": 1, "maxLength": longest}


def _page_parameters() -> list[Json]:
    return [
        _query("limit", {"type": "integer", "minimum": 1, "maximum": MAX_PAGE}),
        _query(
            "continue",
            {"type": "integer", "minimum": 0, "maximum": MAX_SEQUENCE},
            about="Where the last page ended.",
        ),
    ]


def _more_schemas() -> dict[str, Json]:
    number = {"type": "integer", "minimum": 0}
    text = {"type": "string"}
    following = {"type": ["integer", "null"]}
    return {
        "Pending": _object(
            {
                "id": text,
                "type": text,
                "organization": {"type": ["string", "null"]},
                "status": {"const": "pending"},
                "outcome": text,
            }
        ),
        "EventPage": _object(
            {
                "items": {"type": "array", "items": _schema("LoggedEvent")},
                "continue": following,
                "as_of": number,
                "head": number,
                "lag_ms": number,
                "log": text,
            }
        ),
        "Trace": _object(
            {
                "command": text,
                "organization": {"type": ["string", "null"]},
                "log": text,
                "steps": {"type": "array", "items": _schema("Step")},
                "rows": {"type": "array", "items": _schema("TracedRow")},
                "read_model_as_of": number,
                "complete": {"type": "boolean"},
                "hidden": number,
            }
        ),
        "LetterPage": _object(
            {"items": {"type": "array", "items": {"type": "object"}}, "continue": following}
        ),
        "QueryAnswer": _object({"as_of": number, "result": {}}),
        "Session": _object(
            {
                "actor": text,
                "service": {"type": ["string", "null"]},
                "email": text,
                "email_verified": {"type": "boolean"},
                "roles": {"type": "array", "items": text},
                "organizations": {
                    "type": "object",
                    "additionalProperties": {"type": "array", "items": text},
                },
                "expires": {"type": "string", "format": "date-time"},
                "cookie": {"type": "boolean"},
            }
        ),
    }


def _object(properties: Json) -> Json:
    return {"type": "object", "properties": properties, "required": list(properties)}
