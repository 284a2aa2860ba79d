"""Defaults are filled in whole, or what cannot be is told before anything rests on it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.blueprints import documented, package

from catalyst.blueprints import configschema, filling
from catalyst.blueprints.configschema import (
    MAX_EFFORT,
    effective,
    effort,
    unfilled,
    validate,
    validate_update,
)
from catalyst.blueprints.filling import applying
from catalyst.blueprints.lint import Linted, lint
from catalyst.blueprints.merging import copied
from catalyst.blueprints.metaschema import walk
from catalyst.blueprints.soundness import check

FIELDS = {f"f{number}": {"type": "integer", "default": number} for number in range(10)}
ENTRY: dict[str, Any] = {"type": "object", "properties": FIELDS}
ROWS: dict[str, Any] = {"type": "array", "items": ENTRY}
FEW: list[Any] = [{}] * 100
MANY: list[Any] = [{}] * 10_000
"""Entries that ask for more steps than there are."""
MESSAGE = "the defaults up to here take more than 100000 steps to fill in"
GIVEN = "the defaults for the values up to here take more than 100000 steps to fill in"


def of(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties}


def linted(schema: dict[str, Any], manifests: dict[str, Any] | None = None) -> Linted:
    manifest = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: one}\ndata: {a: b}\n"
    return lint(package(documented(schema, **(manifests or {})), manifest), known=None)


def told(found: Linted) -> list[tuple[str, str, str, str]]:
    return [(one.rule, one.pointer, one.message, one.fix) for one in found.findings]


@pytest.mark.guarantee("G20.12")
def test_a_schema_whose_defaults_are_too_many_is_refused_where_it_is_too_much() -> None:
    assert told(linted(of(rows={**ROWS, "default": FEW}))) == []
    found = linted(of(first={"default": 1}, rows={**ROWS, "default": MANY}))
    assert found.refused
    at = "/spec/configSchema/properties/rows/items/properties/f6"
    assert told(found) == [("config-schema.limit", at, MESSAGE, "let fewer be there by default")]


@pytest.mark.guarantee("G20.12")
def test_what_it_takes_to_find_the_defaults_that_hold_counts_as_well() -> None:
    """What comes of it is small, so no other limit says anything."""
    costly = {"allOf": [{"allOf": [{"pattern": "^x$"}] * 19}] * 20}
    once: dict[str, Any] = {"anyOf": [{"allOf": [costly, of(b={"default": 1})]}]}
    much: dict[str, Any] = {"anyOf": [{"anyOf": [once]}]}
    assert check({"type": "object", **once}) == []
    assert effective(once, {}) == {"b": 1}
    assert effective(much, {}) == {}
    (found,) = check({"type": "object", **much})
    assert (found.rule, found.message) == ("limit", MESSAGE)


@pytest.mark.guarantee("G20.12")
def test_values_of_the_author_that_ask_for_too_many_defaults_are_refused() -> None:
    schema = of(rows=ROWS)
    assert told(linted(schema, {"values": {"rows": FEW}})) == []
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"values": {"rows": MANY}}, "/spec/manifests/values/rows/"),
        ({"overlays": {"large": {"rows": MANY}}}, "/spec/manifests/overlays/large/rows/"),
    ]
    for manifests, at in wrong:
        found = linted(schema, manifests)
        assert found.refused
        assert {one.rule for one in found.findings} == {"values"}
        (limit,) = [one for one in found.findings if one.message == GIVEN]
        assert limit.pointer.startswith(at)


@pytest.mark.guarantee("G20.12")
def test_values_that_ask_for_too_many_defaults_are_refused() -> None:
    schema = of(rows=ROWS)
    assert validate(schema, {"rows": FEW}) == []
    assert effective(schema, {"rows": FEW})["rows"][-1]["f9"] == 9
    (found,) = validate(schema, {"rows": MANY})
    assert (found.rule, found.message) == ("limit", GIVEN)
    assert found.fix == "give fewer values"
    assert (found.path[0], len(found.path)) == ("rows", 3)
    # Told beside whatever else is wrong.
    told_too = validate(schema, {"rows": [*MANY, 5]})
    assert [one.rule for one in told_too] == ["type", "limit"]


def deep(levels: int, wrap: str) -> tuple[dict[str, Any], Any]:
    """Return a default in lists or maps so deep, and a value that goes down there."""
    schema: dict[str, Any] = of(x={"type": "number", "default": 1})
    value: Any = {}
    for _ in range(levels):
        schema = {wrap: schema}
        value = [value] if wrap == "items" else {"a": value}
    return schema, value


@pytest.mark.guarantee("G20.12")
def test_defaults_are_filled_in_as_deep_as_a_schema_may_be() -> None:
    """A schema of lists alone goes down one level with each, one of named fields two."""
    for wrap in ("items", "additionalProperties"):
        schema, value = deep(27, wrap)
        whole = of(a=schema)
        assert check(whole) == []
        assert validate(whole, {"a": value}) == []
        assert str(effective(whole, {"a": value})).count("'x': 1.0") == 1
    further: dict[str, Any] = of(x={"default": 1})
    for _ in range(14):
        further = {"allOf": [further]}
    assert check({"type": "object", **further}) == []
    assert effective(further, {}) == {"x": 1}
    then: dict[str, Any] = of(x={"default": 1})
    for _ in range(29):
        then = {"if": {}, "then": then}
    assert check({"type": "object", **then}) == []
    assert effective(then, {}) == {"x": 1}


SMALL = st.recursive(
    st.sampled_from([{"default": 1}, {}, {"type": "number", "default": 2}]),
    lambda inner: st.fixed_dictionaries(
        {},
        optional={
            "type": st.sampled_from(["object", "array"]),
            "properties": st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
            "items": inner,
            "additionalProperties": inner,
            "allOf": st.lists(inner, min_size=1, max_size=2),
            "anyOf": st.lists(inner, min_size=1, max_size=2),
            "if": inner,
            "then": inner,
            "else": inner,
            "dependentSchemas": st.dictionaries(st.sampled_from("abc"), inner, max_size=2),
            "default": st.sampled_from([[{}, {}], {"a": 1}, {"b": [{}]}, {}]),
        },
    ),
    max_leaves=12,
)
VALUES = st.dictionaries(
    st.sampled_from("abcd"),
    st.sampled_from([1, {}, {"a": {}}, [{}, {"b": 1}], [{}, {}, {}, {"b": 1}], [[{}]]]),
    max_size=3,
)


def plainly(schema: dict[str, Any], value: Any) -> Any:
    """Return what `effective` does, without a limit and with nothing remembered or left out."""
    kind, number = schema.get("type"), isinstance(value, int | float)
    if number and not isinstance(value, bool) and kind in ("number", "integer"):
        return float(value) if kind == "number" else int(value) if int(value) == value else value
    if isinstance(value, list) and "items" in schema:
        return [plainly(schema["items"], one) for one in value]
    if not isinstance(value, dict):
        return value
    made = copied(value)
    for name, part in (schema.get("properties") or {}).items():
        if name in made:
            made[name] = plainly(part, made[name])
        elif "default" in part:
            made[name] = plainly(part, part["default"])
        elif part.get("type") == "object" and (inner := plainly(part, {})):
            made[name] = inner
    if isinstance(extra := schema.get("additionalProperties"), dict):
        others = value.keys() - (schema.get("properties") or {}).keys()
        made |= {name: plainly(extra, made[name]) for name in others}
    for further in applying(schema, made):
        made |= plainly(further, made)
    return made


def exactly(value: Any) -> str:
    """Return a value with the order of its names and the kinds of its numbers."""
    return json.dumps(value)


@given(SMALL, VALUES)
def test_what_is_filled_in_is_what_each_schema_says_of_each_value(
    schema: dict[str, Any], values: dict[str, Any]
) -> None:
    given_ = exactly(values)
    assert exactly(effective(schema, values)) == exactly(plainly(schema, values))
    assert exactly(values) == given_


@pytest.mark.guarantee("G20.12")
@given(SMALL, VALUES, st.integers(0, 120))
def test_nothing_is_left_out_without_a_word(
    schema: dict[str, Any], values: dict[str, Any], steps: int
) -> None:
    whole = effective(schema, values)
    assert unfilled(schema, values) == []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(filling, "MAX_FILLED", steps)
        made = effective(schema, values)
        missing = unfilled(schema, values)
    assert made == whole or len(missing) == 1


@pytest.mark.guarantee("G20.12")
@given(SMALL, VALUES)
def test_what_lacks_nothing_takes_no_more_than_there_is(
    schema: dict[str, Any], values: dict[str, Any]
) -> None:
    """A step for each value with each schema that speaks of it; each part of a schema besides."""
    while (whole := effective(schema, values)) != values:
        values = whole
    there = sum(1 for _ in configschema._placed(schema, values))
    parts = sum(filling.compiling(part) for _, part in walk(schema))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(filling, "MAX_FILLED", there + parts)
        assert unfilled(schema, values) == []


OPTIONAL = {f"f{number}": {"type": "integer"} for number in range(190)}
UNFIT = {"required": ["a"], **of(b={"default": 1})}
LACKING_NOTHING: dict[str, tuple[dict[str, Any], Any]] = {
    "fields without a default": (of(**OPTIONAL), {}),
    "fields without a default, one given": (of(**OPTIONAL), {"f7": 7}),
    "maps with nothing in them": (
        of(**{f"m{n}": of(x={"type": "number"}) for n in range(190)}),
        {},
    ),
    "maps whose defaults do not hold": (
        of(**{f"m{n}": {"type": "object", "anyOf": [UNFIT]} for n in range(60)}),
        {},
    ),
    "alternatives that do not hold": ({"anyOf": [UNFIT] * 20}, {}),
    "alternatives that add nothing": ({"oneOf": [of(**{f"f{n}": {}}) for n in range(20)]}, {}),
    "conditions": ({"allOf": [{"if": {"required": ["a"]}, "then": of(b={"default": 1})}] * 20}, {}),
    "defaults that are given": (of(x={"type": "integer", "default": 1}), {"x": 2}),
    "numbers": ({"type": "number"}, 1),
}


@pytest.mark.guarantee("G20.12")
@pytest.mark.parametrize("case", LACKING_NOTHING)
def test_what_lacks_nothing_is_not_refused_for_the_steps_it_would_take(case: str) -> None:
    entry, value = LACKING_NOTHING[case]
    schema = of(rows={"type": "array", "items": entry})
    room = MAX_EFFORT - effort(schema, {"rows": []})
    each = effort(schema, {"rows": [value] * 2}) - effort(schema, {"rows": [value]})
    text = len(json.dumps(value)) + 2
    most = min(room // (each + 1), (configschema.MAX_BYTES - 20) // text)
    assert most > 600
    values = {"rows": [value] * most}
    assert effective(schema, values) == values
    assert [one for one in validate(schema, values) if one.rule == "limit"] == []


@pytest.mark.guarantee("G20.12")
def test_whose_values_are_too_many_is_told() -> None:
    of_itself = of(rows={**ROWS, "default": MANY}, n={"type": "integer"})
    message = "the defaults of this version take more than 100000 steps to fill in"
    fix = "choose another version: no values are of help"
    for found in (
        validate(of_itself, {}),
        validate(of_itself, {"n": 1}),
        validate_update(of_itself, {}, {"n": 1}),
        validate(of(rows=ROWS), {"rows": MANY}, {"rows": MANY}),
        validate_update(of(rows=ROWS), {}, {"rows": MANY}, own={"rows": MANY}),
    ):
        assert [(one.path, one.rule, one.message, one.fix) for one in found] == [
            ((), "limit", message, fix)
        ]
    assert validate(of_itself, {"rows": FEW}) == []
    (limit,) = validate(of(rows=ROWS), {"rows": MANY}, {"rows": FEW})
    assert (limit.message, limit.fix) == (GIVEN, "give fewer values")


@pytest.mark.guarantee("G20.12")
def test_what_it_takes_to_choose_is_held_against_the_schema_and_not_the_values() -> None:
    costly = {"allOf": [{"allOf": [{"pattern": "^x$"}] * 19}] * 20}
    entry: dict[str, Any] = {"anyOf": [{"allOf": [costly, of(b={"default": 1})]}]}
    rows = of(rows={"type": "array", "items": entry})
    assert check(rows) == []
    assert validate(rows, {"rows": [{"b": 1}] * 100}) == []
    deeper = of(rows={"type": "array", "items": {"anyOf": [{"anyOf": [entry]}]}})
    (found,) = check(deeper)
    assert (found.rule, found.message) == ("limit", MESSAGE)
    assert found.path[:3] == ("properties", "rows", "items")


@pytest.mark.guarantee("G20.12")
def test_whatever_may_refuse_a_value_is_counted_with_all_of_the_value_that_it_shows() -> None:
    wide = {f"k{number}": number for number in range(1000)}
    names = [f"n{number}" for number in range(100)]
    asks: list[dict[str, Any]] = [
        {"required": names},
        {"dependencies": {"k0": names}},
        {"dependentRequired": {"k0": names}},
    ]
    plain = effort({"type": "object"}, wide)
    assert plain >= len(wide)
    for asked in asks:
        assert effort({"type": "object", **asked}, wide) == plain * (len(names) + 1)
    both = {"type": "object", "required": names, "dependencies": {"k0": names}}
    assert effort(both, wide) == plain * (2 * len(names) + 1)
