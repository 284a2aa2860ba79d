"""What of JSON Schema a `configSchema` may use: each keyword, at its limits."""

from __future__ import annotations

from typing import Any

from tests.support.each import each

from catalyst.blueprints.metaschema import MAX_PATTERN, walk
from catalyst.blueprints.soundness import check

MANY = 1_000_000


def told(part: dict[str, Any]) -> list[tuple[str, str]]:
    """Return what is refused of a field with this schema, its place within that."""
    schema = {"type": "object", "properties": {"a": part}}
    return [(one.pointer.removeprefix("/properties/a"), one.rule) for one in check(schema)]


def named(count: int) -> dict[str, Any]:
    """Return so many fields."""
    return {f"f{number}": {} for number in range(count)}


@each(
    [
        {"$schema": "https://json-schema.org/draft/2020-12/schema", "$comment": "x"},
        {"title": "x" * 200, "description": "x" * 4000, "examples": [1], "deprecated": True},
        {"title": "x"},
        {"enum": [1]},
        {"type": ["string"]},
        {"x-catalyst-ui-order": 0},
        {"default": None},
        {"const": {"any": [1]}},
        *({"type": one} for one in ("string", "integer", "number", "boolean", "object", "array")),
        {"type": ["string", "null"]},
        {"enum": list(range(500))},
        {"minimum": -1.5, "maximum": 2.5},
        {"exclusiveMinimum": -1.5, "exclusiveMaximum": 2.5},
        {"multipleOf": 0.1},
        {"minLength": 0, "maxLength": MANY, "pattern": "^x$", "format": "email"},
        {"items": {}, "minItems": 0, "maxItems": MANY, "uniqueItems": True},
        {"properties": named(200), "minProperties": 0, "maxProperties": MANY},
        {"required": ["b"], "additionalProperties": True},
        {"additionalProperties": {"type": "string"}, "propertyNames": {"maxLength": 9}},
        {"oneOf": [{}] * 20},
        {"anyOf": [{}], "allOf": [{}], "not": {"const": 1}},
        {"if": {}, "then": {}, "else": {}},
        {"dependentRequired": {"a": ["b"]}, "dependentSchemas": {"a": {}}},
        {"dependencies": {"a": ["b"], "b": {"type": "object"}}},
        *({"type": "string", "x-catalyst-ui-hint": hint} for hint in ("password", "domain-picker")),
        {"x-catalyst-ui-order": 10_000, "x-catalyst-immutable": True},
        {
            "type": "string",
            "x-catalyst-ui-hint": "application-ref",
            "x-catalyst-ui-filter": {"blueprint": "bp-postgres", "environment": "current"},
        },
    ]
)
def test_what_may_be_said_is_taken(part: dict[str, Any]) -> None:
    assert told(part) == []


FILTERED = {"type": "string", "x-catalyst-ui-hint": "application-ref"}


@each(
    [
        ({"$schema": "http://json-schema.org/draft-07/schema#"}, "/$schema", "const"),
        ({"$comment": 1}, "/$comment", "type"),
        ({"$ref": "#"}, "/$ref", "additionalProperties"),
        ({"title": ""}, "/title", "minLength"),
        ({"title": "x" * 201}, "/title", "maxLength"),
        ({"title": 1}, "/title", "type"),
        ({"description": "x" * 4001}, "/description", "maxLength"),
        ({"description": 1}, "/description", "type"),
        ({"examples": 1}, "/examples", "type"),
        ({"deprecated": 1}, "/deprecated", "type"),
        ({"type": "text"}, "/type", "anyOf"),
        ({"type": []}, "/type", "minItems"),
        ({"type": ["string", "string"]}, "/type", "uniqueItems"),
        ({"type": ["text"]}, "/type", "anyOf"),
        ({"additionalProperties": []}, "/additionalProperties", "anyOf"),
        ({"enum": []}, "/enum", "minItems"),
        ({"enum": [1, 1]}, "/enum", "uniqueItems"),
        ({"enum": list(range(501))}, "/enum", "maxItems"),
        ({"enum": 1}, "/enum", "type"),
        *(({name: "1"}, f"/{name}", "type") for name in (
            "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf",
            "minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties",
            "x-catalyst-ui-order", "uniqueItems", "required", "properties", "oneOf", "anyOf",
            "allOf", "not", "if", "then", "else", "items", "propertyNames", "dependentRequired",
            "dependentSchemas", "dependencies", "x-catalyst-immutable", "x-catalyst-ui-filter",
        )),
        *(({name: -1}, f"/{name}", "minimum") for name in (
            "minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties",
        )),
        *(({name: MANY + 1}, f"/{name}", "maximum") for name in (
            "minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties",
        )),
        *(({name: 1.5}, f"/{name}", "type") for name in ("minLength", "x-catalyst-ui-order")),
        ({"multipleOf": 0}, "/multipleOf", "exclusiveMinimum"),
        ({"pattern": 1}, "/pattern", "type"),
        ({"pattern": "x" * (MAX_PATTERN + 1)}, "/pattern", "maxLength"),
        ({"format": "regex"}, "/format", "enum"),
        ({"properties": named(201)}, "/properties", "maxProperties"),
        ({"properties": {"b": 1}}, "/properties/b", "type"),
        ({"properties": {"b": {"typo": 1}}}, "/properties/b/typo", "additionalProperties"),
        ({"required": ["b", "b"]}, "/required", "uniqueItems"),
        ({"required": [1]}, "/required/0", "type"),
        ({"additionalProperties": 1}, "/additionalProperties", "anyOf"),
        ({"additionalProperties": {"typo": 1}}, "/additionalProperties/typo",
         "additionalProperties"),
        *(({name: []}, f"/{name}", "minItems") for name in ("oneOf", "anyOf", "allOf")),
        *(({name: [{}] * 21}, f"/{name}", "maxItems") for name in ("oneOf", "anyOf", "allOf")),
        *(({name: [{"typo": 1}]}, f"/{name}/0/typo", "additionalProperties")
          for name in ("oneOf", "anyOf", "allOf")),
        *(({name: {"typo": 1}}, f"/{name}/typo", "additionalProperties")
          for name in ("not", "if", "then", "else", "items", "propertyNames")),
        ({"dependentRequired": {"a": [1]}}, "/dependentRequired/a/0", "type"),
        ({"dependentSchemas": {"a": ["b"]}}, "/dependentSchemas/a", "type"),
        ({"dependentSchemas": named(201)}, "/dependentSchemas", "maxProperties"),
        ({"dependencies": {"a": 1}}, "/dependencies/a", "anyOf"),
        ({"dependencies": {"a": ["b", "b"]}}, "/dependencies/a", "uniqueItems"),
        ({"dependencies": {"a": {"typo": 1}}}, "/dependencies/a/typo", "additionalProperties"),
        ({"x-catalyst-ui-hint": "secret"}, "/x-catalyst-ui-hint", "enum"),
        ({"x-catalyst-ui-order": -1}, "/x-catalyst-ui-order", "minimum"),
        ({"x-catalyst-ui-order": 10_001}, "/x-catalyst-ui-order", "maximum"),
        ({**FILTERED, "x-catalyst-ui-filter": {"name": "x"}}, "/x-catalyst-ui-filter/name",
         "additionalProperties"),
        ({**FILTERED, "x-catalyst-ui-filter": {"blueprint": 1}}, "/x-catalyst-ui-filter/blueprint",
         "type"),
        ({**FILTERED, "x-catalyst-ui-filter": {"blueprint": "Bp"}},
         "/x-catalyst-ui-filter/blueprint", "pattern"),
        ({**FILTERED, "x-catalyst-ui-filter": {"environment": "all"}},
         "/x-catalyst-ui-filter/environment", "const"),
    ]
)  # fmt: skip
def test_what_may_not_is_told_at_its_place(part: dict[str, Any], pointer: str, rule: str) -> None:
    assert told(part) == [(pointer, rule)]


def test_a_pattern_has_so_many_characters() -> None:
    assert MAX_PATTERN == 300


def test_every_schema_in_a_schema_is_walked_to_and_what_is_none_is_left_out() -> None:
    part = {"title": "x"}
    single = ("items", "additionalProperties", "propertyNames", "not", "if", "then", "else")
    maps = ("properties", "dependentSchemas", "dependencies")
    lists = ("allOf", "anyOf", "oneOf")
    schema: dict[str, Any] = dict.fromkeys(single, part)
    schema |= {name: {"a": part, "b": ["no schema"]} for name in maps}
    schema |= {name: [1, part] for name in lists}
    assert list(walk(schema)) == [
        ((), schema),
        *(((name, "a"), part) for name in maps),
        *(((name, 1), part) for name in lists),
        *(((name,), part) for name in single),
    ]
    odd = {name: {"a": part} for name in lists} | {name: [part] for name in (*maps, *single)}
    assert list(walk(odd)) == [((), odd)]
    assert list(walk([schema])) == []
    deep = {"items": {"not": part, "properties": {"a": part}, "allOf": [part]}}
    assert [path for path, _ in walk(deep, ("x",))] == [
        ("x",),
        ("x", "items"),
        ("x", "items", "properties", "a"),
        ("x", "items", "allOf", 0),
        ("x", "items", "not"),
    ]
