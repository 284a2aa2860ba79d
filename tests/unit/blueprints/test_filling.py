"""Defaults are filled in whole, or what cannot be is told before anything rests on it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.blueprints import package

from catalyst.blueprints import configschema
from catalyst.blueprints.configschema import effective, unfilled, validate
from catalyst.blueprints.lint import Linted, lint
from catalyst.blueprints.soundness import check

FIELDS = {f"f{number}": {"type": "integer", "default": number} for number in range(10)}
ENTRY: dict[str, Any] = {"type": "object", "properties": FIELDS}
ROWS: dict[str, Any] = {"type": "array", "items": ENTRY}
FEW: list[Any] = [{}] * 100
MANY: list[Any] = [{}] * 4000
"""Entries that ask for more steps than there are."""
MESSAGE = "the defaults up to here take more than 100000 steps to fill in"


def of(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties}


def linted(schema: dict[str, Any], manifests: dict[str, Any] | None = None) -> Linted:
    source = {"source": {"kind": "Kustomize", "ref": "manifests"}, **(manifests or {})}
    document = f"""\
apiVersion: catalyst.openova.io/v1
kind: Blueprint
metadata: {{name: bp-wiki}}
spec:
  version: 1.2.0
  card: {{title: Wiki}}
  configSchema: {json.dumps({"type": "object", **schema})}
  manifests: {json.dumps(source)}
"""
    manifest = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: one}\ndata: {a: b}\n"
    return lint(package(document, manifest), known=None)


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
        (limit,) = [one for one in found.findings if one.message == MESSAGE]
        assert limit.pointer.startswith(at)


@pytest.mark.guarantee("G20.12")
def test_values_that_ask_for_too_many_defaults_are_refused() -> None:
    schema = of(rows=ROWS)
    assert validate(schema, {"rows": FEW}) == []
    assert effective(schema, {"rows": FEW})["rows"][-1]["f9"] == 9
    (found,) = validate(schema, {"rows": MANY})
    assert (found.rule, found.message) == ("limit", MESSAGE)
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
    st.sampled_from([1, {}, {"a": {}}, [{}, {"b": 1}], [[{}]]]),
    max_size=3,
)


@pytest.mark.guarantee("G20.12")
@given(SMALL, VALUES, st.integers(0, 120))
def test_nothing_is_left_out_without_a_word(
    schema: dict[str, Any], values: dict[str, Any], steps: int
) -> None:
    whole = effective(schema, values)
    assert unfilled(schema, values) == []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(configschema, "MAX_FILLED", steps)
        made = effective(schema, values)
        missing = unfilled(schema, values)
    assert made == whole or len(missing) == 1
