"""The schema of a `configSchema`: what of JSON Schema 2020-12 a Blueprint may use."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from catalyst.blueprints import words
from catalyst.blueprints.findings import Path

MAX_PATTERN: Final = 300
"""Characters of one pattern."""

_COUNT: Final = {"type": "integer", "minimum": 0, "maximum": 1_000_000}
_SCHEMA: Final = {"$ref": "#/$defs/schema"}
_SCHEMAS: Final = {"type": "object", "additionalProperties": _SCHEMA, "maxProperties": 200}
_LIST: Final = {"type": "array", "items": _SCHEMA, "minItems": 1, "maxItems": 20}
_NAMES: Final = {"type": "array", "items": {"type": "string"}, "uniqueItems": True}
_TYPE: Final = {"enum": ["string", "integer", "number", "boolean", "object", "array", "null"]}
ORDER: Final = "x-catalyst-ui-order"
"""The keyword that says the place of a field in a form."""
META: Final[dict[str, Any]] = {
    **_SCHEMA,
    "$defs": {
        "schema": {
            "type": "object",
            "additionalProperties": False,
            "properties": {
                "$schema": {"const": "https://json-schema.org/draft/2020-12/schema"},
                "$comment": {"type": "string"},
                "title": {"type": "string", "minLength": 1, "maxLength": 200},
                "description": {"type": "string", "maxLength": 4000},
                "examples": {"type": "array"},
                "deprecated": {"type": "boolean"},
                "default": True,
                "const": True,
                "type": {
                    "anyOf": [
                        _TYPE,
                        {"type": "array", "items": _TYPE, "minItems": 1, "uniqueItems": True},
                    ]
                },
                "enum": {"type": "array", "minItems": 1, "maxItems": 500, "uniqueItems": True},
                "minimum": {"type": "number"},
                "maximum": {"type": "number"},
                "exclusiveMinimum": {"type": "number"},
                "exclusiveMaximum": {"type": "number"},
                "multipleOf": {"type": "number", "exclusiveMinimum": 0},
                "minLength": _COUNT,
                "maxLength": _COUNT,
                "pattern": {"type": "string", "maxLength": MAX_PATTERN},
                "format": {"enum": sorted(words.FORMATS)},
                "items": _SCHEMA,
                "minItems": _COUNT,
                "maxItems": _COUNT,
                "uniqueItems": {"type": "boolean"},
                "properties": _SCHEMAS,
                "required": _NAMES,
                "additionalProperties": {
                    "anyOf": [{"type": "boolean"}, {"type": "object", **_SCHEMA}]
                },
                "minProperties": _COUNT,
                "maxProperties": _COUNT,
                "propertyNames": _SCHEMA,
                "oneOf": _LIST,
                "anyOf": _LIST,
                "allOf": _LIST,
                "not": _SCHEMA,
                "if": _SCHEMA,
                "then": _SCHEMA,
                "else": _SCHEMA,
                "dependentRequired": {"type": "object", "additionalProperties": _NAMES},
                "dependentSchemas": _SCHEMAS,
                "dependencies": {
                    "type": "object",
                    "additionalProperties": {
                        "anyOf": [_NAMES, {"type": "object", **_SCHEMA}],
                    },
                },
                "x-catalyst-ui-hint": {"enum": ["password", "domain-picker", "application-ref"]},
                "x-catalyst-ui-filter": {
                    "type": "object",
                    "additionalProperties": False,
                    "properties": {
                        "blueprint": {
                            "type": "string",
                            "pattern": "^(bp-)?[a-z][a-z0-9-]{1,62}$",
                        },
                        "environment": {"const": "current"},
                    },
                },
                ORDER: {"type": "integer", "minimum": 0, "maximum": 10_000},
                "x-catalyst-immutable": {"type": "boolean"},
            },
        }
    },
}

MAPS: Final = ("properties", "dependentSchemas", "dependencies")
LISTS: Final = ("allOf", "anyOf", "oneOf")
SINGLE: Final = ("items", "additionalProperties", "propertyNames", "not", "if", "then", "else")
_HOLDING: Final = frozenset({*MAPS, *LISTS, *SINGLE})


def walk(schema: Any, path: Path = ()) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Return a schema and every schema in it, with its path; what has no such form is left out."""
    left = [(path, schema)] if isinstance(schema, dict) else []
    while left:
        placed = left.pop()
        yield placed
        path, schema = placed
        if _HOLDING.isdisjoint(schema):
            continue
        inside: list[tuple[Path, Any]] = []
        for keyword in MAPS:
            if isinstance(held := schema.get(keyword), dict):
                inside += [((*path, keyword, name), inner) for name, inner in held.items()]
        for keyword in LISTS:
            if isinstance(held := schema.get(keyword), list):
                inside += [((*path, keyword, at), inner) for at, inner in enumerate(held)]
        inside += [((*path, keyword), schema[keyword]) for keyword in SINGLE if keyword in schema]
        left += [one for one in reversed(inside) if isinstance(one[1], dict)]
