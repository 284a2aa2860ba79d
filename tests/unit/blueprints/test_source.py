"""YAML with places and limits."""

from __future__ import annotations

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from tests.support.each import each

from catalyst.blueprints.source import MAX_ALIASES, MAX_CHARACTERS, MAX_DEPTH, parse, walk

SCALARS = st.none() | st.booleans() | st.integers(-(10**9), 10**9) | st.text(max_size=8)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=12,
)


def rules(text: str) -> list[str]:
    return [found.rule for found in parse(text, "f.yaml").findings]


@given(VALUES.filter(lambda value: value is not None))
def test_what_is_dumped_is_read_again(value: object) -> None:
    text = yaml.safe_dump(value)
    (document,) = parse(text, "f.yaml").documents
    assert document.value == value
    assert all(path in document.marks for path, _ in walk(document.value))


@given(st.text(max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    parsed = parse(text, "f.yaml")
    assert all(found.line >= 1 and found.column >= 1 for found in parsed.findings)


@pytest.mark.guarantee("G20.3")
def test_every_problem_is_told_at_its_place() -> None:
    text = "a: 1\na: 2\nb: yes\nc: 0644\nd: !x 3\ne: {<<: 1}\n"
    found = parse(text, "f.yaml").findings
    assert [(one.line, one.column, one.rule, one.pointer) for one in found] == [
        (2, 1, "yaml.duplicate", "/a"),
        (3, 4, "yaml.ambiguous", "/b"),
        (4, 4, "yaml.ambiguous", "/c"),
        (5, 4, "yaml.tag", "/d"),
        (6, 5, "yaml.merge", "/e/<<"),
    ]


def test_an_expression_that_reads_as_a_map_is_told_to_be_quoted() -> None:
    (found, *_) = parse("a:\n  - ${{ x ? 1 : 2 }}\n", "f.yaml").findings
    assert (found.line, found.rule) == (2, "yaml.key")
    assert "quotes" in found.fix


def test_a_text_is_found_again_in_the_file() -> None:
    text = "ä: 'ö'\nb: |\n  one\n  two\n"
    (document,) = parse(text, "f.yaml").documents
    assert document.written(("ä",)) == "'ö'"
    assert document.mark_in(("b",), document.written(("b",)).index("two")) == (4, 3)


def test_what_is_missing_is_where_it_should_be() -> None:
    (document,) = parse("a:\n  b: 1\n", "f.yaml").documents
    assert document.mark(("a", "c", "d")) == (1, 1)
    assert document.mark(("a", "b")) == (2, 3)


@pytest.mark.guarantee("G20.4")
@each(
    [
        ("[" * 100_000, "yaml.syntax"),
        ("{a: " * 100_000, "yaml.depth"),
        ("- " * 5_000 + "x", "yaml.depth"),
        ("x" * (MAX_CHARACTERS + 1), "yaml.size"),
        ("---\na\n" * 500, "yaml.size"),
        ("[" + "1," * 30_000 + "]", "yaml.size"),
        ("a: &a 1\nb: [" + "*a," * (MAX_ALIASES + 1) + "]", "yaml.aliases"),
        ("a: *b\n", "yaml.alias"),
        ("? [a]\n: b\n", "yaml.key"),
        ("a: \x00", "yaml.syntax"),
        ("!!python/object/apply:os.system [id]", "yaml.tag"),
        ("a: 1.0e+999", "yaml.number"),
    ]
)
def test_hostile_text_meets_a_limit(text: str, rule: str) -> None:
    assert rule in rules(text)


@pytest.mark.guarantee("G20.4")
@pytest.mark.parametrize("levels", [4, 9], ids=["thousands", "billions"])
def test_aliases_that_stand_for_many_are_counted_before_they_are_copied(levels: int) -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, levels + 1)]
    assert "yaml.size" in rules("\n".join(lines))


def test_an_alias_gives_each_place_its_own_value() -> None:
    (document,) = parse("a: &a {x: [1]}\nb: *a\n", "f.yaml").documents
    document.value["a"]["x"].append(2)
    assert document.value["b"] == {"x": [1]}


def test_depth_is_taken_up_to_the_limit() -> None:
    assert rules("[" * MAX_DEPTH + "]" * MAX_DEPTH) == []
    assert rules("[" * (MAX_DEPTH + 1) + "]" * (MAX_DEPTH + 1)) == ["yaml.depth"]


@each([".inf", "-.Inf", ".nan", ".5", "1.", "1e3", "1.5e3", "1e-3", "2026-01-01", "=", "N"])
def test_what_readers_take_for_different_things_is_refused(text: str) -> None:
    assert rules(f"a: {text}") == ["yaml.ambiguous"]
    assert rules(f"a: '{text}'") == []


@each(["1.5", "-0.5", "1.0e+3", "+1", "v1.2", "2026", "n8n"])
def test_what_all_readers_take_alike_is_taken(text: str) -> None:
    assert rules(f"a: {text}") == []


def test_a_text_that_says_its_tag_is_a_text() -> None:
    assert parse("a: !!str 12\n", "f.yaml").documents[0].value == {"a": "12"}


@pytest.mark.guarantee("G20.3")
@each(["\n", "\r", "\r\n"])
def test_a_place_in_a_text_is_counted_by_any_end_of_lines(end: str) -> None:
    (document,) = parse(f"a: 1{end}b: xyz{end}", "f.yaml").documents
    assert document.mark_in(("b",), 2) == (2, 6)
