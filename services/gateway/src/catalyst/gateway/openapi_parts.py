"""Building blocks of the OpenAPI document: parameters, answers, the shapes of answers. Pure."""

from __future__ import annotations

from typing import Any, Final

from catalyst.chassis.problems import MEDIA_TYPE as PROBLEM_JSON
from catalyst.contracts.message import COMMAND_ID
from catalyst.gateway.commands import JSON
from catalyst.gateway.parameters import MAX_NAME, MAX_PAGE, MAX_SEQUENCE

Json = dict[str, Any]

REFS: Final = "#/components/schemas/{name}"
ANY_ID: Final = f"^{COMMAND_ID.pattern}$"
SENDERS_ID: Final = "^[A-Za-z0-9-][A-Za-z0-9_-]{0,63}$"
"""A command id that anybody may choose: one that begins with `_` is derived, by services."""
COMMON: Final = (400, 401, 403, 404, 413, 415, 429, 500, 501, 503)
"""Problems that any route behind a token may answer with."""
WAIT: Final[Json] = {"type": "string", "examples": ["wait=10"]}


def public(name: str, summary: str, answer: Json, *more: int) -> Json:
    """Return an operation that anybody may call."""
    return {
        "operationId": name,
        "summary": summary,
        "security": [],
        "responses": {"200": answer, **problems(413, 429, 500, *more)},
    }


def guarded(name: str, summary: str, parameters: list[Json], answer: Json, *more: int) -> Json:
    """Return an operation that needs a token."""
    return {
        "operationId": name,
        "summary": summary,
        "parameters": parameters,
        "responses": {"200": answer, **problems(*COMMON, *more)},
    }


def schema(name: str) -> Json:
    """Return a reference to a shared schema."""
    return {"$ref": REFS.format(name=name)}


def good(about: str, schema: Json, *, location: bool = False) -> Json:
    """Return a good answer."""
    found: Json = {"description": about, "content": {JSON: {"schema": schema}}}
    if location:
        found["headers"] = {"Location": {"schema": {"type": "string"}, "required": True}}
    return found


def problems(*statuses: int) -> Json:
    """Return answers that are problems, by status."""
    content = {PROBLEM_JSON: {"schema": schema("Problem")}}
    return {
        str(status): {"description": "A problem; `code` says which.", "content": content}
        for status in sorted(set(statuses))
    }


def query(name: str, schema: Json, *, required: bool = False, about: str = "") -> Json:
    """Return a parameter of the query."""
    found = {"name": name, "in": "query", "required": required, "schema": schema}
    return found | ({"description": about} if about else {})


def path(name: str, schema: Json) -> Json:
    """Return a parameter of the path."""
    return {"name": name, "in": "path", "required": True, "schema": schema}


def header(name: str, schema: Json, about: str) -> Json:
    """Return a header that a request may have."""
    return {"name": name, "in": "header", "description": about, "schema": schema}


def organization(*, required: bool) -> Json:
    """Return the parameter that says whose things are meant."""
    about = "An Organization's slug, or `_` for what no Organization owns."
    return query("organization", name(), required=required, about=about)


def name(longest: int = MAX_NAME) -> Json:
    """Return the schema of a name."""
    return {"type": "string", "minLength": 1, "maxLength": longest}


def page_parameters() -> list[Json]:
    """Return the parameters of a list."""
    return [
        query("limit", {"type": "integer", "minimum": 1, "maximum": MAX_PAGE}),
        query(
            "continue",
            {"type": "integer", "minimum": 0, "maximum": MAX_SEQUENCE},
            about="Where the last page ended.",
        ),
    ]


def answers() -> dict[str, Json]:
    """Return the schemas of answers that no struct of the contracts describes."""
    number = {"type": "integer", "minimum": 0}
    text = {"type": "string"}
    following = {"type": ["integer", "null"]}
    return {
        "Pending": whole(
            {
                "id": text,
                "type": text,
                "organization": {"type": ["string", "null"]},
                "status": {"const": "pending"},
                "outcome": text,
            }
        ),
        "EventPage": whole(
            {
                "items": {"type": "array", "items": schema("LoggedEvent")},
                "continue": following,
                "as_of": number,
                "head": number,
                "lag_ms": number,
                "log": text,
            }
        ),
        "Trace": whole(
            {
                "command": text,
                "organization": {"type": ["string", "null"]},
                "log": text,
                "steps": {"type": "array", "items": schema("Step")},
                "rows": {"type": "array", "items": schema("TracedRow")},
                "read_model_as_of": number,
                "complete": {"type": "boolean"},
                "incomplete": {"type": "string", "description": "Why it is not complete."},
                "hidden": number,
            }
        ),
        "LetterPage": whole(
            {"items": {"type": "array", "items": {"type": "object"}}, "continue": following}
        ),
        "ReadModel": whole(
            {
                "epoch": text,
                "log": text,
                "as_of": number,
                "rows": number,
                "checked": number,
                "differing": number,
                "differences": {
                    "type": "array",
                    "items": whole({"key": text, "since": {"type": "string"}}),
                },
                "rebuilding": {"type": "boolean"},
            }
        ),
        "Rebuilt": whole(
            {
                "status": {"enum": ["switched", "differs", "lost", "overtaken", "failed"]},
                "old_epoch": text,
                "epoch": text,
                "as_of": number,
                "rows": number,
                "events": number,
                "compared_at": following,
                "differing": number,
                "differences": {
                    "type": "array",
                    "items": whole(
                        {"key": text, "what": {"enum": ["changed", "missing", "surplus"]}}
                    ),
                },
                "reason": text,
            }
        ),
        "QueryAnswer": whole({"as_of": number, "result": {}}),
        "Session": whole(
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


def whole(properties: Json) -> Json:
    """Return the schema of an object whose members are all there."""
    return {"type": "object", "properties": properties, "required": list(properties)}
