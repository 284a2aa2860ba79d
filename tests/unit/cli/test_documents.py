"""YAML and JSON as people write them, with the line of everything."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.each import each

from catalyst.blueprints import source
from catalyst.cli.documents import parse
from catalyst.cli.exits import ExitCode, Failure


def refused(text: str) -> str:
    with pytest.raises(Failure) as caught:
        parse(text, "f.yaml")
    assert caught.value.exit_code is ExitCode.REJECTED
    return caught.value.message


def test_every_document_is_read_and_empty_ones_are_left_out() -> None:
    found = parse("a: 1\n---\n---\nb: 2\n", "f.yaml")
    assert [(item.number, item.value) for item in found] == [(1, {"a": 1}), (3, {"b": 2})]


def test_a_place_names_file_line_document_and_field() -> None:
    (_, second) = parse("a: 1\n---\nspec:\n  regions:\n  - name: x\n", "f.yaml")
    path = ("spec", "regions", 0, "name")
    assert second.place(path) == "f.yaml:5: document 2: spec.regions[0].name"


def test_what_is_missing_is_where_it_should_be() -> None:
    (found,) = parse("kind: X\nspec:\n  a: 1\n", "f.yaml")
    assert found.line(("spec", "b")) == 2
    assert found.line(("other",)) == 1


@each(
    [
        ("no", "no"),
        ("on", "on"),
        ("2026-01-01", "2026-01-01"),
        ("010", "010"),
        ("0x1f", "0x1f"),
        ("1_000", "1_000"),
        ("12:30", "12:30"),
        ("true", True),
        ("null", None),
        ("-12", -12),
        ("1.5e3", 1500.0),
        ("'12'", "12"),
        ('"true"', "true"),
    ]
)
def test_scalars_are_those_of_json(text: str, value: object) -> None:
    (found,) = parse(f"v: {text}", "f.yaml")
    assert found.value == {"v": value}
    assert type(found.value["v"]) is type(value)


def test_a_key_twice_is_refused_with_its_line() -> None:
    assert refused("a:\n  b: 1\n  b: 2\n") == "f.yaml:3: a.b: the key is there twice"


def test_a_broken_document_is_refused_with_its_line() -> None:
    assert refused("a: [1\nb: 2\n").startswith("f.yaml:2: ")


@pytest.mark.guarantee("G27.9")
def test_what_is_no_yaml_is_told_in_words_with_what_to_do() -> None:
    with pytest.raises(Failure) as caught:
        parse("# Read me\n\nNote: this: that\n", "README.md")
    assert caught.value.message == "README.md:3: a key with its `: ` is not allowed here"
    (linted,) = source.parse("Note: this: that\n", "README.md").findings
    assert caught.value.hint == linted.fix
    assert caught.value.hint.startswith("quote a text that holds `: `")


@pytest.mark.guarantee("G27.9")
@each(["bad: [", "bad: {", "bad: [1\nb: 2\n", "bad: {b: 1\nc: 2", 'bad: "x'])
def test_what_is_opened_and_not_closed_is_told_so(text: str) -> None:
    with pytest.raises(Failure) as caught:
        parse(text, "f.yaml")
    assert caught.value.hint == "close what [, { or a quotation mark opens"


def test_a_few_aliases_that_stand_for_billions_are_refused() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 9)]
    assert "more than" in refused("\n".join(lines))


def test_an_alias_that_holds_itself_is_refused() -> None:
    assert "deeper" in refused("a: &a [*a]")


def test_deep_nesting_is_refused() -> None:
    assert "deeper" in refused("[" * 40 + "]" * 40)
    assert "deeper" in refused("[" * 1000 + "]" * 1000)
    assert "deeper" in refused("- " * 1000 + "x")
    assert refused("a:\n  " + "[" * 500_000).startswith("f.yaml:2: nesting deeper")


@each(["a: !!python/object:os.system x", "a: !secret x", "a: !!set {x}", "!!python/tuple [1]"])
def test_tags_are_refused(text: str) -> None:
    assert "tag" in refused(text)


@pytest.mark.parametrize("text", ['a: "\\ud800"', '"\\udc00": 1'])
def test_half_a_character_is_refused(text: str) -> None:
    assert "half" in refused(text)


def test_a_key_that_is_no_text_is_refused() -> None:
    assert "key" in refused("? [1, 2]\n: x\n")


def test_a_huge_text_is_refused() -> None:
    assert "characters" in refused("a: " + "x" * 2_000_000)


JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=20,
)


@given(JSON)
def test_json_is_read_as_json(value: Any) -> None:
    found = parse(json.dumps({"v": value}), "f.json")
    assert [item.value for item in found] == [{"v": value}]


@given(st.text(max_size=200))
def test_any_text_is_read_or_refused(text: str) -> None:
    said = ""
    try:
        places = [item.place() for item in parse(text, "f.yaml")]
    except Failure as failure:
        said, places = failure.message, []
    assert all(place.startswith("f.yaml:") for place in (said or "f.yaml:", *places))
