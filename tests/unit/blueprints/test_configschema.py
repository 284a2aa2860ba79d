"""What a configSchema may say, defaults, and what is refused under it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.each import each

from catalyst.blueprints.configschema import (
    MAX_BYTES,
    effective,
    validate,
    validate_update,
)
from catalyst.blueprints.merging import merge, merged
from catalyst.blueprints.metaschema import MAX_PATTERN
from catalyst.blueprints.soundness import MAX_SCHEMAS, check

SCHEMA: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "required": ["siteTitle"],
    "properties": {
        "siteTitle": {"type": "string", "minLength": 1},
        "cpu": {"type": "number", "default": 1},
        "region": {"type": "string", "x-catalyst-immutable": True, "default": "fsn"},
        "admin": {"type": "string", "x-catalyst-ui-hint": "password"},
        "postgres": {
            "type": "object",
            "properties": {
                "mode": {"type": "string", "enum": ["embedded", "external"], "default": "embedded"},
                "size": {"type": "integer", "minimum": 1, "default": 5},
            },
        },
        "hosts": {
            "type": "array",
            "items": {"type": "object", "properties": {"port": {"type": "integer", "default": 80}}},
        },
    },
}
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from(["a", "embedded", ""]),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(st.sampled_from([*SCHEMA["properties"], "mode", "x"]), inner, max_size=3)
    ),
    max_leaves=8,
)


def of(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties}


def rules(schema: Any) -> list[tuple[str, str]]:
    return [(one.pointer, one.rule) for one in check(schema)]


def test_a_good_schema_has_no_finding() -> None:
    assert check(SCHEMA) == []


def test_defaults_are_filled_in_at_every_depth() -> None:
    assert effective(SCHEMA, {"hosts": [{}, {"port": 1}], "postgres": {"size": 7}}) == {
        "cpu": 1.0,
        "region": "fsn",
        "postgres": {"mode": "embedded", "size": 7},
        "hosts": [{"port": 80}, {"port": 1}],
    }


@given(st.dictionaries(st.sampled_from([*SCHEMA["properties"]]), VALUES, max_size=4))
def test_filling_in_twice_changes_nothing_and_never_fails(values: dict[str, Any]) -> None:
    once = effective(SCHEMA, values)
    assert effective(SCHEMA, once) == once
    validate(SCHEMA, values)


@given(st.dictionaries(st.sampled_from([*SCHEMA["properties"]]), VALUES, max_size=4))
def test_what_is_valid_stays_valid_when_defaults_come(values: dict[str, Any]) -> None:
    if not validate(SCHEMA, values):
        assert validate(SCHEMA, effective(SCHEMA, values)) == []


def test_every_refusal_has_a_pointer_a_rule_and_words() -> None:
    values = {"cpu": "much", "postgres": {"mode": "embeded", "size": 0}, "siteTitel": "x"}
    found = {one.pointer: (one.rule, one.message, one.fix) for one in validate(SCHEMA, values)}
    assert found == {
        "/cpu": ("type", "cpu must be a number", ""),
        "/postgres/mode": ("enum", "postgres.mode must be one of embedded, external", ""),
        "/postgres/size": ("minimum", "postgres.size must be at least 1", ""),
        "/siteTitel": (
            "additionalProperties", "there is no field siteTitel", "do you mean siteTitle?",
        ),
        "/siteTitle": ("required", "siteTitle is missing", "add siteTitle"),
    }  # fmt: skip


def test_a_wrong_type_is_told_before_what_else_is_wrong() -> None:
    found = validate(of(size={"type": "integer", "minimum": 64}), {"size": 1.5})
    assert [one.rule for one in found] == ["type", "minimum"]


@pytest.mark.guarantee("G20.8")
@each(["hunter2", "secret:", "secret:A/b", "secret:a", "secret:a/b c"])
def test_a_password_is_never_taken_as_a_value(value: str) -> None:
    (found,) = validate(SCHEMA, {"siteTitle": "x", "admin": value})
    assert (found.pointer, found.rule) == ("/admin", "secret-reference")
    assert value not in found.message + found.fix or value == "secret:"
    assert validate(SCHEMA, {"siteTitle": "x", "admin": "secret:site-admin/password"}) == []


@pytest.mark.guarantee("G20.8")
def test_a_password_in_an_alternative_is_seen_as_well() -> None:
    secret = {"type": "string", "x-catalyst-ui-hint": "password"}
    for holder in (
        {"oneOf": [of(p=secret)]},
        {"allOf": [of(p=secret)]},
        {"if": of(), "then": of(p=secret)},
        {"anyOf": [of(p=secret)]},
        {"if": {"required": ["q"]}, "else": of(p=secret)},
        {"dependentSchemas": {"p": of(p=secret)}},
        {"dependencies": {"p": of(p=secret)}},
        {"additionalProperties": secret},
    ):
        schema = {"type": "object", **holder}
        assert check(schema) == []
        assert [one.rule for one in validate(schema, {"p": "x"})] == ["secret-reference"]
    listed = of(p={"type": "array", "items": secret})
    assert [one.pointer for one in validate(listed, {"p": ["secret:a-b/c", "x"]})] == ["/p/1"]
    # Nor does whoever wrote the schema give one.
    for keyword, value in (("default", "x"), ("const", "x"), ("enum", ["x"])):
        told = rules(of(p={**secret, keyword: value}))
        assert told == [(f"/properties/p/{keyword}", keyword)]


def test_alternatives_are_told_by_the_one_that_is_meant() -> None:
    schema = {
        "type": "object",
        "oneOf": [
            {**of(mode={"const": "a"}, x={"type": "integer"}), "required": ["mode", "x"]},
            {**of(mode={"const": "b"}, y={"type": "string", "default": "d"}), "required": ["mode"]},
        ],
    }
    assert check(schema) == []
    assert [one.pointer for one in validate(schema, {"mode": "b", "y": 3})] == ["/y"]
    assert effective(schema, {"mode": "b"}) == {"mode": "b", "y": "d"}
    assert effective(schema, {"mode": "a", "x": 1}) == {"mode": "a", "x": 1}


def test_dependencies_of_both_spellings_hold() -> None:
    for schema in (
        {**of(tls={}, cert={}), "dependencies": {"tls": ["cert"]}},
        {**of(tls={}, cert={}), "dependentRequired": {"tls": ["cert"]}},
        {**of(tls={}, cert={}), "dependencies": {"tls": {"required": ["cert"]}}},
    ):
        assert check(schema) == []
        assert [one.pointer for one in validate(schema, {"tls": True})] == ["/cert"]
        assert validate(schema, {}) == []


def test_what_is_immutable_cannot_change() -> None:
    before = {"siteTitle": "x"}
    assert validate_update(SCHEMA, before, {"siteTitle": "y"}) == []
    assert validate_update(SCHEMA, before, {"siteTitle": "x", "region": "fsn"}) == []
    (found,) = validate_update(SCHEMA, before, {"siteTitle": "x", "region": "hel"})
    assert (found.pointer, found.rule) == ("/region", "immutable")


def test_a_field_called_like_a_keyword_is_a_field() -> None:
    fixed = {"type": "string", "x-catalyst-immutable": True}
    schema = of(properties=of(x=fixed), items=fixed, allOf=fixed)
    assert check(schema) == []
    before = {"properties": {"x": "a"}, "items": "a", "allOf": "a"}
    after = {"properties": {"x": "b"}, "items": "b", "allOf": "b"}
    refused = validate_update(schema, before, after)
    assert [one.pointer for one in refused] == ["/allOf", "/items", "/properties/x"]
    inside = of(hosts={"type": "array", "items": of(properties=fixed)})
    assert [rule for _, rule in rules(inside)] == ["immutable"]


def test_a_default_that_held_is_kept_where_a_new_version_has_another() -> None:
    def sized(default: int) -> dict[str, Any]:
        return of(size={"type": "integer", "default": default, "x-catalyst-immutable": True})

    (found,) = validate_update(sized(32), {}, {}, sized(8))
    assert (found.pointer, found.rule) == ("/size", "immutable")
    assert validate_update(sized(32), {}, {"size": 8}, sized(8)) == []
    assert validate_update(sized(32), {"size": 32}, {}, sized(8)) == []
    assert validate_update(sized(32), {}, {}, of()) == [], "nothing held of a field that is new"


@each([
        ([], "", "type"),
        ({"type": "string"}, "/type", "root"),
        (of(a={"type": "strin"}), "/properties/a/type", "anyOf"),
        (of(a={"typ": "x"}), "/properties/a/typ", "additionalProperties"),
        (of(a={"$ref": "https://x.example/y"}), "/properties/a/$ref", "additionalProperties"),
        (of(a={"type": "integer", "default": "x"}), "/properties/a/default", "default"),
        (of(a={"enum": ["x"], "default": "y"}), "/properties/a/default", "default"),
        (of(a={"minimum": 3, "maximum": 1}), "/properties/a/minimum", "bounds"),
        (of(a={"exclusiveMinimum": 3, "maximum": 3}), "/properties/a/exclusiveMinimum", "bounds"),
        (of(a={"minimum": 3, "exclusiveMaximum": 3}), "/properties/a/minimum", "bounds"),
        (of(a={"type": "integer", "enum": ["x", 1.5]}), "/properties/a/enum", "enum"),
        (of(a={"type": "integer", "const": "x"}), "/properties/a/const", "const"),
        (of(a={"type": "string", "x-catalyst-ui-hint": "password", "enum": ["x"]}),
         "/properties/a/enum", "enum"),
        (of(a={"type": "string", "x-catalyst-ui-hint": "password", "maxLength": 9}),
         "/properties/a/maxLength", "hint"),
        ({**of(a={}), "additionalProperties": False, "required": ["a", "b"]},
         "/required/1", "required"),
        (of(a={"format": "postcode"}), "/properties/a/format", "enum"),
        (of(a={"type": "integer", "x-catalyst-ui-hint": "password"}),
         "/properties/a/x-catalyst-ui-hint", "hint"),
        (of(a={"type": "string", "x-catalyst-ui-filter": {}}),
         "/properties/a/x-catalyst-ui-filter", "hint"),
        (of(a={"type": "string", "x-catalyst-ui-hint": "colour"}),
         "/properties/a/x-catalyst-ui-hint", "enum"),
        (of(a={"type": "array", "items": {"x-catalyst-immutable": True}}),
         "/properties/a/items/x-catalyst-immutable", "immutable"),
    ])  # fmt: skip
def test_a_bad_schema_is_told_with_its_place(schema: Any, pointer: str, rule: str) -> None:
    assert (pointer, rule) in rules(schema)


@pytest.mark.guarantee("G20.4")
@each(["(?=a)b", "(?<!a)b", r"(a)\1", "(", "((a{99}){99}){99}", "a" * 301])
def test_a_pattern_beyond_the_linear_engine_is_refused(pattern: str) -> None:
    found = rules(of(a={"type": "string", "pattern": pattern}))
    assert [pointer for pointer, _ in found] == ["/properties/a/pattern"]


@pytest.mark.guarantee("G20.4")
def test_a_pattern_that_would_take_for_ever_elsewhere_takes_no_time() -> None:
    schema = of(a={"type": "string", "pattern": "^(a+)+$"})
    assert check(schema) == []
    assert [one.rule for one in validate(schema, {"a": "a" * 50_000 + "!"})] == ["pattern"]


@pytest.mark.guarantee("G20.4")
def test_schemas_and_values_are_limited() -> None:
    deep: dict[str, Any] = {"type": "object"}
    for _ in range(40):
        deep = of(a=deep)
    assert rules(deep) == [("", "limit")]
    assert rules(of(**{f"p{n}": {"description": "x" * 600} for n in range(150)})) == [("", "limit")]
    assert [one.rule for one in validate(of(), {"a": "x" * 70_000})] == ["limit"]
    nested: Any = []
    for _ in range(5000):
        nested = [nested]
    assert [one.rule for one in validate(of(), {"a": nested})] == ["limit"]


def test_maps_merge_lists_are_replaced_and_null_removes() -> None:
    lower = {"a": {"x": 1, "y": 2}, "l": [1, 2], "k": 1}
    upper = {"a": {"y": 3, "z": None}, "l": [3], "k": None, "n": {"m": None}}
    assert merge(lower, upper) == {"a": {"x": 1, "y": 3}, "l": [3], "n": {}}
    assert lower == {"a": {"x": 1, "y": 2}, "l": [1, 2], "k": 1}


MAPS = st.recursive(
    st.integers(0, 2) | st.lists(st.integers(0, 2), max_size=2),
    lambda inner: st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=8,
).filter(lambda value: isinstance(value, dict))


@given(MAPS, MAPS, MAPS)
def test_merging_is_associative_without_null(a: Any, b: Any, c: Any) -> None:
    assert merge(merge(a, b), c) == merged(a, b, c)
    assert merge(a, {}) == a
    assert merge(a, a) == a


def test_a_schema_that_something_fits_is_taken_at_the_edge() -> None:
    secret = {"type": "string", "x-catalyst-ui-hint": "password", "maxLength": 10}
    assert check(of(a={"minimum": 3, "maximum": 3}, b=secret)) == []
    assert check(of(a={"exclusiveMinimum": 1, "maximum": 3})) == []
    assert check(of(a={"type": "integer", "enum": ["x", 1]})) == []


def test_a_default_may_be_null() -> None:
    schema = of(a={"type": ["string", "null"], "default": None}, b={"type": "string"})
    assert check(schema) == []
    assert effective(schema, {}) == {"a": None}
    assert validate(schema, effective(schema, {})) == []


def test_each_limit_of_a_schema_takes_what_reaches_it() -> None:
    assert check(of(a={"type": "string", "pattern": "x" * MAX_PATTERN})) == []
    assert rules(of(a={"type": "string", "pattern": "x" * (MAX_PATTERN + 1)})) != []
    fields: dict[str, Any] = {f"f{number}": {} for number in range(MAX_SCHEMAS - 4)}
    half, other = dict(list(fields.items())[:200]), dict(list(fields.items())[200:400])
    rest = dict(list(fields.items())[400:])
    full = of(a={"properties": half}, b={"properties": other}, c={"properties": rest})
    assert check(full) == []
    full["properties"]["d"] = {}
    assert rules(full) == [("", "limit")]
    empty = len(json.dumps(of(a={"description": "", "default": ""})))
    text = {"description": "", "default": "x" * (MAX_BYTES - empty)}
    assert check(of(a=text)) == []
    assert rules(of(a={**text, "default": text["default"] + "x"})) == [("", "limit")]


def test_the_branch_that_holds_gives_its_defaults() -> None:
    branches = {
        "if": {"properties": {"mode": {"const": "big"}}, "required": ["mode"]},
        "then": of(size={"type": "integer", "default": 9}),
        "else": of(size={"type": "integer", "default": 1}),
    }
    schema = {**of(mode={"type": "string"}), **branches}
    assert effective(schema, {"mode": "big"}) == {"mode": "big", "size": 9}
    assert effective(schema, {}) == {"size": 1}
