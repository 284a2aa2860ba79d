"""A small schema can ask for endless work: what is done for one is bounded, counted in steps."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.blueprints import documented, package
from tests.support.each import each
from typing_extensions import override

from catalyst.blueprints import (
    configschema,
    fields,
    filling,
    guessing,
    metaschema,
    soundness,
    source,
    words,
)
from catalyst.blueprints.configschema import (
    MAX_BYTES,
    MAX_EFFORT,
    effective,
    filled,
    unfilled,
    validate,
)
from catalyst.blueprints.filling import MAX_FILLED
from catalyst.blueprints.lint import lint
from catalyst.blueprints.merging import counted

COSTLY = {"pattern": "[^a]{200}"}
"""As much as a pattern may become."""
MANIFEST = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: one}\ndata: {a: b}\n"


def of(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties}


def wide(part: dict[str, Any], keyword: str = "allOf", each_: int = 20) -> dict[str, Any]:
    """Return a schema that holds almost as many others as one may."""
    return {keyword: [{keyword: [dict(part) for _ in range(each_)]} for _ in range(20)]}


def laughs(levels: int, entries: int) -> dict[str, Any]:
    """Return a field whose default is a list, each entry of which has such a field."""
    made: dict[str, Any] = {"default": 1}
    for _ in range(levels):
        made = {"type": "array", "items": of(a=made), "default": [{}] * entries}
    return made


def lists(levels: int) -> dict[str, Any]:
    """Return lists of lists, each with as many entries as can be asked for."""
    made: dict[str, Any] = {"type": "string"}
    for _ in range(levels):
        made = {"type": "array", "minItems": 1_000_000, "items": made}
    return made


def chain(levels: int, bottom: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Return schemas in one another, each with more to say."""
    made = bottom
    for _ in range(levels):
        made = {"items": made, **more}
    return made


WORST: dict[str, dict[str, Any]] = {
    "a default in each entry of a default": of(a=laughs(7, 60)),
    "lists of many lists": {**of(a=lists(12)), "required": ["a"]},
    "one long list": {**of(a=lists(1)), "required": ["a"]},
    "a list of which nothing fits": of(
        a={"anyOf": [{"items": wide({"type": "null"})}], "default": [0] * 15_000}
    ),
    "a list held to much": of(a={"items": wide({"title": "x"}), "default": [0] * 15_000}),
    "much that is missing": of(
        a={
            "required": [f"r{number}" for number in range(3000)],
            "default": {f"d{number}": 0 for number in range(3000)},
        }
    ),
    "words of which none fits": of(
        a=chain(20, wide(COSTLY, each_=18), type="string", enum=list(range(300)))
    ),
    "alternatives of every entry": of(
        a={
            "type": "array",
            "items": {"anyOf": [wide(COSTLY, each_=18)], "type": "object"},
            "default": [{}] * 10_000,
        }
    ),
    "secrets in every word": of(
        a=chain(
            25, {}, enum=["a" + str(n) for n in range(300)], **{"x-catalyst-ui-hint": "password"}
        )
    ),
}


class Work:
    """What is done, in steps."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.compiled = 0
        self.looks = 0
        self.said = 0
        validator, violations = words.validator, words.violations

        def compiling(schema: dict[str, Any]) -> Any:
            self.compiled += filling.compiling(schema)
            return validator(schema)

        def counted(looking: Callable[..., Iterator[Any]]) -> Callable[..., Iterator[Any]]:
            def one_by_one(*given: Any) -> Iterator[Any]:
                for one in looking(*given):
                    self.looks += 1
                    yield one

            return one_by_one

        def saying(compiled: Any, schema: Any, value: Any) -> Any:
            self.said += sum(1 for _ in compiled.iter_errors(value))
            return violations(compiled, schema, value)

        patch.setattr(words, "validator", compiling)
        for name in ("_placed", "_weighed"):
            patch.setattr(configschema, name, counted(getattr(configschema, name)))
        patch.setattr(words, "violations", saying)


@pytest.mark.guarantee("G20.3")
@each([(name,) for name in WORST])
def test_the_work_for_the_worst_schema_is_bounded(name: str) -> None:
    schema = WORST[name]
    assert configschema.beyond(schema, "the schema") == []
    assert len(list(metaschema.walk(schema))) <= soundness.MAX_SCHEMAS
    with pytest.MonkeyPatch.context() as patch:
        work = Work(patch)
        found = lint(package(documented(schema), MANIFEST), known=None)
        assert found.blueprint is not None
    # Each is a few microseconds: the configuration is made twice, and looked at as often.
    assert work.compiled <= 2 * MAX_EFFORT
    assert work.looks <= 2 * MAX_EFFORT
    assert work.said <= MAX_EFFORT // 10


@pytest.mark.guarantee("G20.3")
def test_what_stands_for_billions_is_refused() -> None:
    schema = WORST["a default in each entry of a default"]
    made = effective(schema, {})
    assert counted(made, {}) <= 2 * MAX_FILLED
    assert [one.rule for one in validate(schema, made)] == ["limit"]
    # Where nothing is given it is the version that takes too much, and no value is blamed.
    assert [(one.path, one.rule) for one in unfilled(schema, {})] == [((), "limit")]


@given(st.integers(1, 8), st.integers(1, 40))
def test_so_much_is_filled_in_and_no_more(levels: int, entries: int) -> None:
    schema = of(a=laughs(levels, entries))
    made, missing = filled(schema, {})
    whole = sum((entries**level) * 2 for level in range(1, levels + 1)) + entries**levels + 2
    text = json.dumps(made)
    count = sum(map(text.count, "{[1"))
    assert count <= 2 * MAX_FILLED
    if whole * 3 <= MAX_FILLED:
        assert missing == []
    if not missing:
        assert unfilled(schema, {}) == []
        assert text.count("1") == entries**levels
    elif count < whole - entries:
        assert len(text) > MAX_BYTES


def test_a_guess_is_no_longer_than_a_guess_has_to_be() -> None:
    for levels in (1, 12):
        schema = {**of(a=lists(levels)), "required": ["a"]}
        assert counted(guessing.sampled(schema, {}), {}) <= guessing.MOST
    few = {**of(a={"type": "array", "minItems": 3, "items": {"type": "string"}}), "required": ["a"]}
    assert len(guessing.sampled(few, {})["a"]) == 3


def test_a_pattern_that_stands_in_many_fields_is_tried_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    schema = of(**{f"a{number}": {"type": "string", "pattern": "[a-z]"} for number in range(50)})
    whole = filling.compiling(schema)
    work = Work(monkeypatch)
    assert soundness.check(schema) == []
    assert work.compiled == whole + filling.compiling({"pattern": "[a-z]"})


def test_what_guesses_are_held_to_is_compiled_once_for_all_of_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    guessed = {"type": "string", "minLength": 2, "enum": [*map(str, range(9)), "long"]}
    work = Work(monkeypatch)
    assert guessing.sampled({**of(a=guessed), "required": ["a"]}, {}) == {"a": "long"}
    assert work.compiled == filling.compiling(guessed)


def test_values_that_are_too_many_for_their_schema_are_refused_in_words() -> None:
    schema = of(a={"items": wide({"type": "null"})})
    assert {one.rule for one in validate(schema, {"a": [0] * 100})} == {"type"}
    (found,) = validate(schema, {"a": [0] * 10_000})
    assert (found.rule, found.message) == ("limit", "these values are too many for such a schema")


@pytest.mark.guarantee("G20.3")
def test_a_file_is_read_for_its_lines_once_however_much_is_told_of_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    breaks, read = source._BREAK, 0

    class Counted:
        def finditer(self, text: str, *given: int) -> Iterator[Any]:
            nonlocal read
            for found in breaks.finditer(text, *given):
                read += 1
                yield found

    monkeypatch.setattr(source, "_BREAK", Counted())
    lines = [f"  line{number}: ${{{{ config.none }}}}\n" for number in range(500)]
    document = """\
apiVersion: catalyst.openova.io/v1
kind: Blueprint
metadata: {name: bp-wiki}
spec:
  version: 1.2.0
  card: {title: Wiki}
  configSchema: {type: object, properties: {a: {}}}
  manifests: {source: {kind: Kustomize, ref: manifests}}
"""
    found = lint(package(document, MANIFEST.replace(" {a: b}", "") + "".join(lines)), known=None)
    told = [one.line for one in found.findings if one.rule == "expression.unknown"]
    assert told == list(range(5, 505))
    assert 500 < read < 2 * 520


@pytest.mark.guarantee("G20.4")
def test_a_schema_is_walked_no_more_often_for_many_expressions_than_for_one() -> None:
    def walked(expressions: int) -> int:
        seen = 0
        walking, inside = metaschema.walk, fields.same_value

        def counted(*given: Any) -> Iterator[Any]:
            nonlocal seen
            for one in walking(*given):
                seen += 1
                yield one

        def counted_inside(*given: Any) -> Iterator[Any]:
            nonlocal seen
            for one in inside(*given):
                seen += 1
                yield one

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(metaschema, "walk", counted)
            patch.setattr(fields, "same_value", counted_inside)
            found = lint(package(document, manifest(expressions)), known=None)
        told = [one.message for one in found.findings if one.rule == "expression.unknown"]
        missing = "there is no config.top.a.none, which the expression reads"
        assert told == [missing] * (expressions - expressions // 2)
        return seen

    def manifest(expressions: int) -> str:
        names = ("top.a.none", "top.a.n3")
        lines = [f"  l{at}: ${{{{ config.{names[at % 2]} }}}}\n" for at in range(expressions)]
        return MANIFEST.replace(" {a: b}", "") + "".join(lines)

    inner = of(**{f"n{number}": {"type": "string"} for number in range(190)})
    schema = of(top=of(a={"allOf": [inner, of(more={}), {"if": of(x={}), "then": of(y={})}]}))
    document = documented(schema)
    assert walked(1) <= walked(400) <= walked(1) + 5


@pytest.mark.guarantee("G20.4")
def test_each_part_of_a_schema_is_looked_at_once_for_its_fields() -> None:
    looks: dict[int, int] = {}

    class Part(dict[str, Any]):
        @override
        def __getitem__(self, name: str) -> Any:
            looks[id(self)] = looks.get(id(self), 0) + (name == "properties")
            return super().__getitem__(name)

        @override
        def get(self, name: str, default: Any = None) -> Any:
            looks[id(self)] = looks.get(id(self), 0) + (name == "properties")
            return super().get(name, default)

    def parts(schema: Any) -> Any:
        if isinstance(schema, dict):
            return Part({name: parts(inner) for name, inner in schema.items()})
        return [parts(one) for one in schema] if isinstance(schema, list) else schema

    level: dict[str, Any] = {}
    for depth in range(5):
        several = [of(**{f"a{depth}": level}), of(**{f"b{depth}": {}}), {"not": of(c=level)}]
        level = {"allOf": several, "anyOf": [of(**{f"a{depth}": {}})]}
    known = fields.Fields(parts({"type": "object", **level}))
    down = ["a4", "a3", "a2", "a1", "a0"]
    for turn in range(300):
        assert known.missing(down) == ""
        for length in range(1, 6):
            lacking = known.missing([*down[: length - 1], f"none{turn}"])
            assert lacking == "config." + ".".join([*down[: length - 1], f"none{turn}"])
    assert max(looks.values()) == 1
