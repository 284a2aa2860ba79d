"""Whatever stands where a schema should: looking at it ends, and tells what is wrong."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from tests.support.each import each

from catalyst.blueprints import soundness, words
from catalyst.blueprints.configschema import validate
from catalyst.blueprints.metaschema import LISTS, MAPS, META, SINGLE
from catalyst.blueprints.soundness import check, looked_at

COMPILED = words.validator(META)
NAMES = st.sampled_from(["", "a", "0", "1", "01", "+1", "-1", "a/b", "~", "~1", "type", "if"])
WRONG = st.sampled_from(["strin", 5, None, True, False, [], {}, [5], {"": 5}, {"1": 5}, "a" * 5])
WORDS = st.sampled_from([*META["$defs"]["schema"]["properties"], "$defs", "$ref", "", "1", "enm"])


def holding(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Return a strategy for what may stand around a schema, right or wrong."""
    maps = st.dictionaries(NAMES, inner, max_size=4)
    rows = st.lists(inner, max_size=3)
    right = st.fixed_dictionaries(
        {},
        optional={
            "type": st.sampled_from(["object", "string", "strin", ["null"], 5]),
            **dict.fromkeys((*MAPS, "$defs", "dependentRequired"), maps),
            **dict.fromkeys(LISTS, rows),
            **dict.fromkeys(SINGLE, inner),
        },
    )
    return right | st.dictionaries(WORDS, inner | maps | rows, max_size=4) | maps | rows


SCHEMAS = st.recursive(WRONG, holding, max_leaves=25)


def pointers(schema: Any) -> set[str]:
    """Return where the meta-schema refuses something."""
    return {one["instanceLocation"] for one in COMPILED.evaluate(schema).errors()}


def there(value: Any) -> Iterator[str]:
    """Yield the pointer to every value."""
    yield ""
    pairs = value.items() if isinstance(value, dict) else ()
    for name, inner in enumerate(value) if isinstance(value, list) else pairs:
        step = str(name).replace("~", "~0").replace("/", "~1")
        yield from (f"/{step}{rest}" for rest in there(inner))


def of(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties}


@pytest.mark.guarantee("G20.3")
@given(SCHEMAS)
@example({"type": "object", "properties": {"": {"type": "strin"}}})
@example({"type": "object", "properties": {"": {"type": "strin"}, "type": "strin"}})
@example({"type": "object", "properties": {"1": {"type": "strin"}, "01": {"type": "strin"}}})
@example({"dependentRequired": {"1": "strin", "01": "strin"}})
@example({"type": "object", "properties": {"a/b": 5, "~": 5, "~1": 5, "+1": 5, "-1": 5}})
@example({"properties": {"": {"properties": {"": {"properties": {"": 5}}}}}, "$defs": {"": 5}})
@example({"dependencies": {"": 5, "0": [5]}, "oneOf": [True, {"": 5}], "x-catalyst-ui-filter": 1})
@example(schema=True)
def test_looking_at_anything_ends_and_tells_what_is_refused(schema: Any) -> None:
    looked = looked_at(schema)
    told = {one.pointer for one in looked.found}
    assert bool(told) or not pointers(schema)
    assert told >= {one.pointer for one in words.violations(COMPILED, META, schema)}
    assert COMPILED.is_valid(looked.rest)
    # No place is made up, and where the meta-schema refuses something, something is told.
    assert told <= {*there(schema), "/type"}
    assert all(
        any(one.startswith(at) or at.startswith(one) for one in told) for at in pointers(schema)
    )


@pytest.mark.guarantee("G20.3")
@each([
    ({"": {"type": "strin"}}, ["//type"]),
    ({"": {"type": "strin"}, "type": "strin"}, ["//type", "/type"]),
    ({"1": {"type": "strin"}, "01": {"type": "strin"}}, ["/01/type", "/1/type"]),
    ({"": {"properties": {"": {"minimum": "x"}}}}, ["//properties//minimum"]),
    ({"a/b": 5, "~": 5, "+1": 5}, ["/+1", "/a~1b", "/~0"]),
])  # fmt: skip
def test_a_field_of_any_name_is_told_by_it(fields: dict[str, Any], at: list[str]) -> None:
    found = [one.pointer.removeprefix("/properties") for one in check(of(**fields))]
    assert sorted(set(found)) == at


@pytest.mark.guarantee("G20.3")
@each([("1",), ("01",), ("",), ("a/b",), ("~",)])
def test_a_value_of_any_name_is_told_by_it(name: str) -> None:
    closed: dict[str, Any] = {"type": "object", "additionalProperties": False}
    for part in (closed, {**closed, "properties": {"a": {}}}):
        for schema in (of(**{name: part}), {"additionalProperties": part}):
            assert [one.path for one in validate(schema, {name: {"b": 1}})] == [(name, "b")]
            assert validate(schema, {name: {}}) == []


def test_a_schema_of_faults_alone_is_looked_at_so_often_and_no_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    looks = 0
    violations = words.violations

    def counted(*given: Any) -> Any:
        nonlocal looks
        looks += 1
        return violations(*given)

    monkeypatch.setattr(words, "violations", counted)
    group = {str(number): {"minimum": "x"} for number in range(150)}
    looked = looked_at(of(**{f"f{number}": of(**group) for number in range(15)}))
    assert looks == soundness.MAX_TURNS + 1
    assert looked.opens(("anything",))
    assert looked.rest == {"type": "object"}
    assert len(looked.found) == words.MAX_VIOLATIONS + 1
    assert looked.found[-1].rule == "limit"
