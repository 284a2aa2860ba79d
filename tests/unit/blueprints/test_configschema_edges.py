"""What a configSchema may say, at the edges of each rule."""

from __future__ import annotations

from typing import Any

from tests.support.each import each

from catalyst.blueprints import configschema
from catalyst.blueprints.configschema import (
    effective,
    immutable,
    references,
    validate,
    validate_update,
)
from catalyst.blueprints.soundness import MAX_SCHEMAS, check


def of(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties}


def rules(schema: Any) -> list[tuple[str, str]]:
    return [(one.pointer, one.rule) for one in check(schema)]


def test_the_limits_are_these() -> None:
    limits = configschema.MAX_BYTES, MAX_SCHEMAS, configschema.MAX_DEPTH
    assert limits == (64 * 1024, 500, 16)


@each(
    [
        ("minimum", "maximum", 0),
        ("exclusiveMinimum", "maximum", 1),
        ("minimum", "exclusiveMaximum", 1),
        ("exclusiveMinimum", "exclusiveMaximum", 1),
        ("minLength", "maxLength", 0),
        ("minItems", "maxItems", 0),
        ("minProperties", "maxProperties", 0),
    ]
)
def test_bounds_that_nothing_fits_between_are_told(low: str, high: str, equal: int) -> None:
    at = (f"/properties/a/{low}", "bounds")
    assert rules(of(a={low: 2, high: 3})) == []
    assert rules(of(a={low: 2, high: 1})) == [at]
    assert rules(of(a={low: 2, high: 2})) == [at] * equal


def nested(levels: int) -> dict[str, Any]:
    """Return values of so many maps, the last of them empty."""
    made: dict[str, Any] = {}
    for _ in range(levels - 1):
        made = {"a": made}
    return made


def test_what_is_nested_as_deeply_as_it_may_is_taken() -> None:
    assert validate(of(), nested(32)) == []
    (found,) = validate(of(), nested(33))
    assert (found.rule, found.message) == ("limit", "the configuration is nested too deeply")
    # A list is a level as well, and what is in a map or a list beside counts too.
    assert validate(of(), {"a": [nested(30)], "b": 1}) == []
    assert [one.rule for one in validate(of(), {"b": 1, "a": [0, nested(31)]})] == ["limit"]


def test_what_is_no_json_is_told() -> None:
    for value in (b"x", {1, 2}):
        (found,) = validate(of(), {"a": value})
        assert (found.rule, found.message) == ("limit", "the configuration is no JSON")
    # Half a sign can be written, and taken by no schema.
    assert rules(of(a={"default": "\ud800"})) == [("", "schema")]
    (found,) = check({"type": "object", "title": 5})
    assert (found.pointer, found.message) == ("/title", "title must be a text")


def test_an_older_word_fills_in_and_is_seen_as_the_newer_ones_are() -> None:
    """`dependencies` of draft 7, of which each says a list of names or a schema."""
    size = {"type": "integer", "default": 7}
    for keyword in ("dependencies", "dependentSchemas"):
        schema = {**of(tls={}), keyword: {"tls": of(size=size), "none": of(more=size)}}
        assert check(schema) == []
        assert effective(schema, {"tls": 1}) == {"tls": 1, "size": 7}
        assert effective(schema, {}) == {}
        assert [one.pointer for one in validate(schema, {"tls": 1, "size": "x"})] == ["/size"]
        inner = of(a=schema)
        assert [one.pointer for one in validate(inner, {"a": {"tls": 1, "size": "x"}})] == [
            "/a/size"
        ]
        several = {"allOf": [schema]}
        assert effective(several, {"tls": 1}) == {"tls": 1, "size": 7}
        assert [one.pointer for one in validate(several, {"tls": 1, "size": "x"})] == ["/size"]
    names = {**of(tls={}), "dependencies": {"tls": ["cert"]}}
    assert effective(names, {"tls": 1}) == {"tls": 1}


def test_what_holds_together_with_it_fills_in() -> None:
    size = {"type": "integer", "default": 7}
    assert effective({"allOf": [of(a=size), of(b=size)]}, {}) == {"a": 7, "b": 7}
    assert effective({"anyOf": [of(a=size), of(b=size)]}, {}) == {"a": 7}
    first = {**of(a=size), "required": ["x"]}
    assert effective({"anyOf": [first, of(b=size)]}, {}) == {"b": 7}
    assert effective({"anyOf": [first]}, {}) == {}


def test_what_may_be_called_anything_is_filled_in_as_well() -> None:
    port = of(port={"type": "integer", "default": 80}, more={"default": 2})
    schema = {**of(known=of(port={"type": "integer", "default": 1})), "additionalProperties": port}
    found = effective(schema, {"known": {}, "other": {}})
    assert found == {"known": {"port": 1}, "other": {"port": 80, "more": 2}}
    assert effective({**schema, "additionalProperties": True}, {"other": {}})["other"] == {}


def test_a_map_is_made_for_a_default_in_it_and_for_nothing_else() -> None:
    inner = of(size={"default": 1})
    assert effective(of(a=inner), {}) == {"a": {"size": 1}}
    assert effective(of(a={"properties": inner["properties"]}), {}) == {}
    assert effective(of(a=of(size={})), {}) == {}


def test_numbers_are_of_the_kind_that_the_schema_names() -> None:
    schema = of(n={"type": "number"}, i={"type": "integer"}, a={})
    found = effective(schema, {"n": 2, "i": 3.0, "a": 4.0})
    kinds = {name: type(value) for name, value in found.items()}
    assert (found, kinds) == ({"n": 2.0, "i": 3, "a": 4.0}, {"n": float, "i": int, "a": float})
    left = effective(schema, {"n": True, "i": 3.5, "a": 1})
    assert [type(one) for one in left.values()] == [bool, float, int]


def test_what_two_schemas_say_of_a_value_is_told_once() -> None:
    secret = {"type": "string", "x-catalyst-ui-hint": "password"}
    schema = {**of(p=secret), "allOf": [of(p=secret)], "anyOf": [of(p=secret)]}
    assert [one.pointer for one in validate(schema, {"p": "x"})] == ["/p"]


def test_only_a_place_of_a_secret_needs_its_length() -> None:
    assert check(of(a={"type": "string", "maxLength": 3})) == []
    picker = {"type": "string", "x-catalyst-ui-hint": "domain-picker", "maxLength": 3}
    assert check(of(a=picker)) == []


def test_an_alternative_cannot_be_fixed_by_itself() -> None:
    fixed = of(a={"x-catalyst-immutable": True})
    for keyword in ("oneOf", "anyOf"):
        at = f"/{keyword}/0/properties/a/x-catalyst-immutable"
        assert rules({"type": "object", keyword: [fixed]}) == [(at, "immutable")]
    for keyword in ("not", "if"):
        at = f"/{keyword}/properties/a/x-catalyst-immutable"
        assert rules({"type": "object", keyword: fixed}) == [(at, "immutable")]
    good: list[dict[str, Any]] = [
        {"type": "object", "allOf": [fixed]},
        {"type": "object", "if": of(), "then": fixed, "else": fixed},
        of(items=of(a={"x-catalyst-immutable": True})),
        {"type": "object", "allOf": [of(a={"x-catalyst-immutable": False})]},
    ]
    for schema in good:
        assert check(schema) == []


def test_what_is_fixed_is_compared_wherever_it_stands() -> None:
    fixed = {"x-catalyst-immutable": True, "default": 1}
    schema = of(b=fixed, a=of(c=fixed), d={"default": 1})
    assert immutable(schema) == [("a", "c"), ("b",)]
    told = validate_update(schema, {}, {"b": 2, "a": {"c": 2}, "d": 2})
    assert [(one.pointer, one.message) for one in told] == [
        ("/a/c", "a.c cannot change after the install"),
        ("/b", "b cannot change after the install"),
    ]
    assert {one.fix for one in told} == {"keep the value, or install a new Application"}
    # Whoever gives it another form changes it too.
    free = {"type": "object", "properties": {"a": {"properties": {"c": {**fixed}}}}}
    assert [one.pointer for one in validate_update(free, {"a": {"c": 1}}, {"a": 5})] == ["/a/c"]


APP = {"type": "string", "x-catalyst-ui-hint": "application-ref"}


def test_what_names_an_application_is_found_wherever_it_stands() -> None:
    only = {**APP, "x-catalyst-ui-filter": {"blueprint": "postgres"}}
    schema = {
        **of(
            db=only,
            near={"type": "array", "items": APP},
            web=of(of={**APP, "default": "front"}),
            name={"type": "string"},
            here={**APP, "x-catalyst-ui-filter": {"environment": "current"}},
        ),
        "additionalProperties": APP,
    }
    assert check(schema) == []
    values = {"db": "pg", "near": ["b", "a"], "name": "no", "here": "", "other": "more"}
    assert references(schema, values) == [
        (("db",), "pg", "postgres"),
        (("near", 0), "b", ""),
        (("near", 1), "a", ""),
        (("other",), "more", ""),
        (("web", "of"), "front", ""),
    ]
    assert references(schema, {"web": {"of": 5}, "db": ["x"]}) == []
    assert references(of(here={**APP}), {}) == []
    many = {"near": [f"app-{number}" for number in range(12)]}
    assert [path for path, _, _ in references(schema, many)][:-1] == [
        ("near", number) for number in range(12)
    ]


def test_a_default_is_told_where_it_is_wrong() -> None:
    part = {**of(b={"type": "integer"}), "default": {"b": "x"}}
    at = "/properties/a/default/b"
    (found,) = check(of(a=part))
    assert (found.pointer, found.rule) == (at, "default")
    assert found.message == "the default does not fit its own schema: b must be a whole number"


def test_what_closes_itself_lets_be_there_what_it_describes() -> None:
    closed: dict[str, Any] = {"type": "object", "additionalProperties": False}
    assert check(closed) == []
    assert rules({**closed, "required": ["a"]}) == [("/required/0", "required")]
    assert rules({**closed, **of(a={}), "required": ["a"]}) == []
    assert rules({**closed, "additionalProperties": True, "required": ["a"]}) == []


def test_a_place_of_a_secret_may_be_left_empty() -> None:
    secret = {"type": "string", "x-catalyst-ui-hint": "password"}
    assert validate(of(p=secret), {"p": ""}) == []


def test_what_is_fixed_in_a_further_schema_is_a_field_as_well() -> None:
    fixed = of(a={"x-catalyst-immutable": True})
    assert immutable({"type": "object", "allOf": [fixed], "then": fixed}) == [("a",)]


def test_a_condition_with_nothing_behind_it_fills_in_nothing() -> None:
    size = {"type": "integer", "default": 7}
    for branches in ({"then": of(s=size)}, {"else": of(s=size)}, {}):
        held = effective({"type": "object", "if": {}, **branches}, {})
        assert held == ({"s": 7} if "then" in branches else {})
        missed = effective({"type": "object", "if": {"required": ["x"]}, **branches}, {})
        assert missed == ({"s": 7} if "else" in branches else {})
