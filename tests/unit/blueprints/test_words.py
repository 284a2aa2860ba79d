"""What a schema refuses, in words for people."""

from __future__ import annotations

from typing import Any

import jsonschema_rs
import pytest
from tests.support.each import each

from catalyst.blueprints import words

MOMENT = "must be a moment, such as 2026-01-31T12:00:00Z"


def told(schema: dict[str, Any], value: Any) -> list[tuple[str, str, str, str]]:
    """Return place, rule, words and help of each refusal."""
    found = words.violations(words.validator(schema), schema, value)
    return [(one.pointer, one.rule, one.message, one.fix) for one in found]


@each(
    [
        ({"type": "string"}, 1, "must be a text"),
        ({"type": "integer"}, 1.5, "must be a whole number"),
        ({"type": "number"}, "1", "must be a number"),
        ({"type": "boolean"}, "yes", "must be true or false"),
        ({"type": "object"}, [], "must be a map"),
        ({"type": "array"}, {}, "must be a list"),
        ({"type": "null"}, 0, "must be null"),
        ({"type": ["string", "null"]}, 1, "must be null or a text"),
        ({"enum": ["a", 1, None, "", True]}, "x", 'must be one of a, 1, null, "", true'),
        ({"enum": ["ä" * 61]}, "x", f"must be one of {'ä' * 57}…"),
        ({"enum": ["y" * 60]}, "x", f"must be one of {'y' * 60}"),
        ({"const": {"a": "ä"}}, "x", 'must be {"a": "ä"}'),
        ({"minimum": 1.5}, 1, "must be at least 1.5"),
        ({"maximum": 2}, 3, "must be at most 2"),
        ({"exclusiveMinimum": 2}, 2, "must be more than 2"),
        ({"exclusiveMaximum": 2}, 2, "must be less than 2"),
        ({"minLength": 1}, "", "must not be empty"),
        ({"minLength": 2}, "a", "must have at least 2 characters"),
        ({"maxLength": 1}, "aa", "must have at most 1 character"),
        ({"maxLength": 2}, "aaa", "must have at most 2 characters"),
        ({"minItems": 1}, [], "must have an entry"),
        ({"minItems": 2}, [1], "must have at least 2 entries"),
        ({"maxItems": 1}, [1, 2], "must have at most 1 entry"),
        ({"maxItems": 0}, [1], "must have at most 0 entries"),
        ({"minProperties": 1}, {}, "must have an entry"),
        ({"minProperties": 2}, {"a": 1}, "must have at least 2 entries"),
        ({"maxProperties": 1}, {"a": 1, "b": 2}, "must have at most 1 entry"),
        ({"uniqueItems": True}, [1, 1], "holds the same entry twice"),
        ({"pattern": "^a$"}, "b", "must match the pattern ^a$"),
        ({"multipleOf": 2}, 3, "must be a multiple of 2"),
        ({"not": {}}, 3, "is what the schema rules out"),
        ({"contains": {"const": 1}}, [2], "is refused by contains"),
        ({"format": "hostname"}, "?", "must be a host name, such as www.example.com"),
        ({"format": "email"}, "?", "must be an e-mail address"),
        ({"format": "uri"}, "?", "must be an address, such as https://example.com"),
        ({"format": "uuid"}, "?", "must be a UUID"),
        ({"format": "date"}, "?", "must be a date, such as 2026-01-31"),
        ({"format": "date-time"}, "?", MOMENT),
        ({"format": "time"}, "?", "must be a time of day, such as 12:00:00Z"),
        ({"format": "duration"}, "?", "must be a length of time, such as PT5M"),
        ({"format": "ipv4"}, "?", "must be an IPv4 address"),
        ({"format": "ipv6"}, "?", "must be an IPv6 address"),
        ({"format": "json-pointer"}, "?", "must be a JSON pointer"),
    ]
)
def test_each_rule_has_words(schema: dict[str, Any], value: Any, said: str) -> None:
    rule = next(iter(schema))
    assert told(schema, value) == [("", rule, f"the value {said}", "")]
    inside = {"properties": {"a": {"items": schema}}}
    assert told(inside, {"a": [value]}) == [("/a/0", rule, f"a[0] {said}", "")]


def test_a_name_that_is_not_taken_is_told_with_it() -> None:
    (one,) = told({"propertyNames": {"maxLength": 1}}, {"ab": 1})
    assert one[:2] == ("", "propertyNames")
    assert one[2].startswith('the value holds a name that is not taken: "ab" is longer than 1')


@pytest.mark.parametrize("known", [True, False])
def test_a_field_that_nobody_knows_is_told_by_its_name(*, known: bool) -> None:
    """Where no field is described at all, the library names none."""
    near = "do you mean name?" if known else "leave nmae out"
    rule = "additionalProperties"
    schema = {"type": "object", rule: False, **({"properties": {"name": {}}} if known else {})}
    value = {"nmae": 1, "much": [2]}
    flat = [
        ("/much", rule, "there is no field much", "leave much out"),
        ("/nmae", rule, "there is no field nmae", near),
    ]
    assert told(schema, value) == flat
    deep = [
        (f"/a/1{pointer}", rule, said.replace("field ", "field a[1]."), fix)
        for pointer, _, said, fix in flat
    ]
    holder = {"properties": {"a": {"items": schema}}}
    assert told(holder, {"a": [{}, value]}) == deep
    assert told({"anyOf": [{"type": "string"}, schema]}, value) == flat
    assert told({"allOf": [{"if": {}, "then": schema}]}, value) == flat
    assert told({"$defs": {"x": schema}, "$ref": "#/$defs/x"}, value) == flat
    assert told(schema, {}) == []


def test_what_is_missing_is_told_where_it_should_be() -> None:
    lacks = [("/a/b", "required", "a.b is missing", "add b")]
    assert told({"properties": {"a": {"required": ["b"]}}}, {"a": {}}) == lacks
    both = {"properties": {"a": {"dependentRequired": {"x": ["b"]}}}}
    assert told(both, {"a": {"x": 1}}) == lacks


NAMED: list[dict[str, Any]] = [
    {"properties": {"kind": {"const": "a"}, "x": {"type": "integer"}}, "required": ["kind", "x"]},
    {"properties": {"kind": {"enum": ["b"]}, "y": {"type": "integer"}}, "required": ["kind"]},
]


def test_of_alternatives_the_one_that_is_meant_is_told() -> None:
    of = {"properties": {"v": {"anyOf": NAMED}}}
    assert told(of, {"v": {"kind": "b", "y": "no"}}) == [
        ("/v/y", "type", "v.y must be a whole number", "")
    ]
    assert told(of, {"v": {"kind": "a"}}) == [("/v/x", "required", "v.x is missing", "add x")]
    typed = {"anyOf": [{"type": "string"}, {"type": "integer", "minimum": 3}]}
    assert told(typed, 1) == [("", "minimum", "the value must be at least 3", "")]
    # What is wrong deeper in one does not say that it was not meant.
    inner = {"type": "object", "properties": {"a": {"properties": {"b": {"const": 1}}}}}
    assert told({"anyOf": [{"type": "string"}, inner]}, {"a": {"b": 2}}) == [
        ("/a/b", "const", "a.b must be 1", "")
    ]


def test_where_none_is_meant_all_are_told_once_and_five_at_most() -> None:
    said = "the value fits none of the alternatives: "
    types = {"anyOf": [{"type": "string"}, {"type": "array"}, {"type": "string", "minLength": 1}]}
    all_ = "the value must be a text; or the value must be a list"
    assert told(types, 1) == [("", "anyOf", said + all_, "")]
    many = {"oneOf": [{"const": number} for number in range(7)]}
    five = "; or ".join(f"the value must be {number}" for number in range(5))
    assert told(many, 9) == [("", "oneOf", said + five, "")]
    several = {"oneOf": [{"minimum": 1}, {"const": 9}, {"maximum": 5}]}
    assert told(several, 3) == [
        ("", "oneOf", "the value fits more than one alternative", ""),
    ]


def test_what_is_told_is_in_the_order_of_the_fields_and_a_wrong_type_first() -> None:
    one = {"type": "integer", "minimum": 5}
    schema = {"properties": {"b": one, "a": one}, "required": ["c"]}
    found = told(schema, {"b": 1.5, "a": 1.5})
    assert [(pointer, rule) for pointer, rule, _, _ in found] == [
        ("/a", "type"),
        ("/a", "minimum"),
        ("/b", "type"),
        ("/b", "minimum"),
        ("/c", "required"),
    ]
    assert told({"allOf": [one, one]}, 1) == [("", "minimum", "the value must be at least 5", "")]
    both = [rule for _, rule, _, _ in told({"pattern": "^b$", "maxLength": 1}, "aa")]
    assert both == ["maxLength", "pattern"]
    assert len(told({"propertyNames": {"maxLength": 1}}, {"ab": 1, "cd": 1})) == 2


def test_a_hundred_are_told_and_not_all_of_many() -> None:
    schema = {"items": {"type": "string"}}
    assert words.MAX_VIOLATIONS == 100
    assert len(told(schema, list(range(100)))) == 100
    assert len(told(schema, list(range(1000)))) == 100


def test_nothing_is_fetched() -> None:
    with pytest.raises(jsonschema_rs.ValidationError, match="Retrieval is disabled"):
        words.validator({"$ref": "https://schemas.example/one.json"})
