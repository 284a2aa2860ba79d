"""The routes of the OpenAPI document besides the commands. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from catalyst.contracts.registry import EVENTS, SERVICES
from catalyst.gateway import openapi_parts as parts
from catalyst.gateway.commands import JSON
from catalyst.gateway.events import EVENT_STREAM
from catalyst.gateway.using import MANY, MAX_USES, ONE

Json = dict[str, Any]

_NAME: Final = "[A-Za-z0-9][A-Za-z0-9_./-]{0,127}"
_TERM: Final = f"(!{_NAME}|{_NAME}((!=|==?)[^,\\n]{{0,253}})?)"
_TERMS: Final[Json] = {"type": "string", "pattern": f"^({_TERM}(,{_TERM}){{0,15}})?$"}
"""Conditions on labels or fields, all of which hold."""


def routes() -> dict[str, Json]:
    """Return every route but those of commands."""
    follow = {EVENT_STREAM: {"schema": {"type": "string"}}}
    events = parts.good("Events, or a stream of them.", parts.schema("EventPage"))
    events["content"] |= follow
    return {
        "/v1/outcomes/{id}": {
            "get": parts.guarded(
                "outcome",
                "The recorded outcome of a command.",
                [
                    parts.path("id", {"type": "string", "pattern": parts.ANY_ID}),
                    parts.organization(required=True),
                    parts.header("Prefer", parts.WAIT, "Wait."),
                ],
                parts.good("The outcome.", parts.schema("Outcome")),
            )
        },
        "/v1/usage": {"post": _usage()},
        "/v1/trace/{command}": {
            "get": parts.guarded(
                "trace",
                "Everything that followed from a command.",
                [
                    parts.path("command", {"type": "string", "pattern": parts.ANY_ID}),
                    parts.organization(required=False),
                ],
                parts.good("The causal chain.", parts.schema("Trace")),
            )
        },
        "/v1/events": {
            "get": parts.guarded(
                "events",
                "The log's events, a page of them or as they happen.",
                [
                    parts.organization(required=False),
                    parts.query("type", {"enum": list(EVENTS)}),
                    *(parts.query(name, parts.name()) for name in ("aggregate", "id")),
                    parts.query("command", parts.name(64)),
                    parts.query("since", {"type": "string", "format": "date-time"}),
                    *parts.page_parameters(),
                    parts.query("follow", {"enum": ["false", "true"]}, about="true: a stream."),
                    parts.query("last_event_id", {"type": "string", "maxLength": 64}),
                ],
                events,
                409,
            )
        },
        "/v1/dlq": {
            "get": parts.guarded(
                "dead-letters",
                "What was set aside, and why.",
                [parts.organization(required=False), *parts.page_parameters()],
                parts.good("Dead letters without their bodies.", parts.schema("LetterPage")),
            )
        },
        "/v1/dlq/{subject}": {
            "get": parts.guarded(
                "dead-letter",
                "One dead letter, whole.",
                [
                    parts.path(
                        "subject", {"type": "string", "pattern": r"^dlq(\.[A-Za-z0-9_=-]+){5}$"}
                    )
                ],
                parts.good("The letter.", {"type": "object"}),
            )
        },
        "/v1/queries/{service}/{name}": {
            "post": {
                **parts.guarded(
                    "query",
                    "A question that needs a service's rules, such as the plan of a deletion.",
                    [
                        parts.path("service", {"enum": list(SERVICES)}),
                        parts.path("name", {"type": "string", "pattern": "^[a-z][a-z0-9-]{0,62}$"}),
                        parts.organization(required=True),
                        parts.query("version", {"type": "integer", "minimum": 1, "maximum": 9999}),
                    ],
                    parts.good("The answer.", parts.schema("QueryAnswer")),
                    402,
                    409,
                    415,
                    422,
                ),
                "requestBody": {
                    "required": True,
                    "content": {JSON: {"schema": {"type": "object"}}},
                },
            }
        },
        "/v1/icons/{blueprint}": {"get": _icon()},
        **_reads(),
        "/v1/session": _session(),
        **_public(),
    }


def _reads() -> dict[str, Json]:
    """Return the routes that the projector answers."""
    kinds = parts.path("kinds", {"type": "string", "examples": ["organizations", "all"]})
    narrow = [
        parts.query("organization", {"type": "string"}),
        parts.query("environment", {"type": "string"}),
        parts.query("label", _TERMS, about="Such as `tier=sme,kind!=internal`."),
        parts.query("field", _TERMS, about="Such as `phase=ready`."),
    ]
    fresh = [
        parts.query(
            "min_seq", {"type": "string", "pattern": "^[0-9]{1,18}$"}, about="Wait for this."
        ),
        parts.query("log", {"type": "string"}, about="The log that `min_seq` belongs to."),
        parts.header("Prefer", parts.WAIT, "Wait for `min_seq` no longer than this."),
    ]
    limit = parts.query("limit", {"type": "integer", "minimum": 1, "maximum": 5000})
    going_on = parts.query("continue", {"type": "string"}, about="Where the last page ended.")
    stream: Json = {
        "description": "A snapshot, then every change, as server-sent events.",
        "content": {EVENT_STREAM: {"schema": {"type": "string"}}},
    }
    return {
        "/v1/state/{kinds}": {
            "get": parts.guarded(
                "list-rows",
                "Rows of the read model.",
                [kinds, *narrow, *fresh, limit, going_on],
                parts.good("A page of rows.", {"type": "object"}),
                *(409, 410, 501, 504),
            )
        },
        "/v1/state/{kinds}/{name}": {
            "get": parts.guarded(
                "row",
                "One row of the read model.",
                [kinds, parts.path("name", parts.name()), *narrow, *fresh],
                parts.good("The row.", {"type": "object"}),
                *(409, 501, 504),
            )
        },
        "/v1/stream": {
            "get": parts.guarded(
                "watch-rows",
                "Rows, and every change of them.",
                [
                    parts.query("kinds", {"type": "string"}),
                    parts.query("name", parts.name(), about="Of the rows, the one of this name."),
                    *narrow,
                    parts.query(
                        "last_event_id",
                        {"type": "string"},
                        about="Where the last stream ended, if no header `Last-Event-ID` says so.",
                    ),
                ],
                stream,
                501,
            )
        },
        "/v1/read-model": {
            "get": {
                **parts.guarded(
                    "read-model",
                    "How the read model is, for a sovereign-admin.",
                    [],
                    parts.good("Its place, and rows that differ.", parts.schema("ReadModel")),
                ),
                "security": [{"token": []}],
            }
        },
        "/v1/read-model/rebuild": {
            "post": {
                **parts.guarded(
                    "rebuild",
                    "Build the read model anew beside the old one, compare, and switch.",
                    [
                        parts.query(
                            "accept_differences",
                            {"enum": ["false", "true"]},
                            about="true: switch although rows differ.",
                        ),
                        parts.query(
                            "accept_losses",
                            {"enum": ["false", "true"]},
                            about="true: build from what there is of a log that lost messages.",
                        ),
                    ],
                    parts.good(
                        "What came of it, behind empty lines while it ran.",
                        parts.schema("Rebuilt"),
                    ),
                    409,
                ),
                "security": [{"token": []}],
            }
        },
    }


def _icon() -> Json:
    shown: Json = {
        "description": "The picture.",
        "content": {"image/*": {"schema": {"type": "string", "format": "binary"}}},
    }
    found = parts.guarded(
        "icon",
        "The picture that a Blueprint brings.",
        [
            parts.path("blueprint", parts.name(63)),
            parts.organization(required=True),
            parts.query(
                "version", {"type": "string", "maxLength": 64}, about="Else what is installed."
            ),
            parts.header("If-None-Match", {"type": "string"}, "Not again what this names."),
        ],
        shown,
        422,
    )
    known: Json = {"description": "It is the one that is named."}
    return {**found, "responses": {**found["responses"], "304": known}}


def _usage() -> Json:
    place = {name: {"type": "string"} for name in ("pointer", "rule", "message")}
    other: Json = {
        "type": "array",
        "items": {"type": "object", "properties": place, "required": list(place)},
        "description": "Uses that say something else than one of their source and id, here or "
        "counted already: they are listed, and not counted. Left out if none is known.",
    }
    kept = parts.good(
        "All of it is kept, and will be counted or listed. What fits nothing yet is listed, and "
        "counts by itself once it fits, within 45 days of its time.",
        {
            "type": "object",
            "properties": {
                "accepted": {"type": "integer", "minimum": 1},
                "other_content": other,
            },
            "required": ["accepted"],
        },
    )
    found = parts.guarded(
        "usage",
        "Report what was used, one use or many; each counts once.",
        [parts.organization(required=True)],
        kept,
        413,
        415,
        422,
        503,
    )
    responses = {
        ("202" if status == "200" else status): of for status, of in found["responses"].items()
    }
    one = parts.schema("UseMessage")
    many: Json = {"type": "array", "items": one, "minItems": 1, "maxItems": MAX_USES}
    content = {ONE: {"schema": one}, MANY: {"schema": many}}
    body = {"required": True, "content": content}
    return {**found, "requestBody": body, "responses": responses}


def _session() -> Json:
    shown = parts.good("Who calls, and their roles.", parts.schema("Session"))
    signed_in = parts.good("Signed in: the cookie is set.", parts.schema("Session"))
    return {
        "get": parts.guarded("session", "Who am I.", [], shown),
        "post": {
            **parts.guarded("sign-in", "Exchange a bearer token for a cookie.", [], signed_in),
            "security": [{"token": []}],
        },
        "delete": {
            "operationId": "sign-out",
            "summary": "Take the cookie back.",
            "security": [],
            "responses": {
                "204": {"description": "Signed out."},
                **parts.problems(403, 413, 429, 500),
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
        found[path] = {"get": parts.public(name, summary, parts.good("As asked.", schema))}
    found["/v1/contracts/{type}"] = {
        "get": {
            **parts.public(
                "contract", "One message.", parts.good("The message.", {"type": "object"}), 404
            ),
            "parameters": [parts.path("type", parts.name())],
        }
    }
    return found
