"""A document as plain values, each with its place; what only makes it dangerous is refused."""

from __future__ import annotations

from typing import Any

import pytest
from tests.support.each import each

from catalyst.billing.domain import document
from catalyst.billing.domain.document import Node, Reader, Unreadable, read


def refused(text: str) -> str:
    """Return why a text is no document, with the place."""
    with pytest.raises(Unreadable) as error:
        read(text)
    assert str(error.value) == str(error.value.finding)
    return str(error.value)


@each([
    ("", "line 1, column 1 (/): the document is empty"),
    ("# nothing", "line 1, column 1 (/): the document is empty"),
    ("a: &x 1\nb: *x", "line 2, column 4 (/): aliases are not taken"),
    ("a:\n  !!str x", "line 2, column 3 (/): tags are not taken"),
    ("a: !x [1]", "line 1, column 4 (/): tags are not taken"),
    ("!x {a: 1}", "line 1, column 1 (/): tags are not taken"),
    ("a: 1\nb/~:\n  c: 1\n  c: 2", "line 4, column 3 (/b~1~0/c): 'c' stands here a second time"),
    ("a:\n- ? [1]\n  : 2", "line 2, column 5 (/a/0): a key is not a text"),
    ("a: \x00", "line 1, column 1 (/): this is not YAML"),
    ("a: 1\n--- \nb: 1", "line 2, column 1 (/): but found another document"),
])  # fmt: skip
def test_what_is_no_document_is_refused_at_its_place(text: str, reason: str) -> None:
    assert refused(text) == reason


def test_nesting_has_a_limit() -> None:
    most = document.MAX_DEPTH
    assert most == 12
    read("[" * most + "]" * most)
    read("[" * most + "]" * most + "\n")
    read(f"[{'[]' + ', []' * 30}]")
    assert refused("[" * (most + 1) + "]" * (most + 1)) == (
        f"line 1, column {most + 1} (/): this nests too deep"
    )
    assert "nests too deep" in refused("{a: " * (most + 1) + "1" + "}" * (most + 1))


def test_so_many_values_and_no_more_are_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    assert document.MAX_NODES == 50_000
    monkeypatch.setattr(document, "MAX_NODES", 10)
    read("[1, 2, 3, 4, 5]")
    assert refused("[1, 2, 3, 4, 5, 6]").endswith("(/): the document has too many values")


def plain(node: Node) -> Any:
    """Return a node as values, each with its place."""
    value = node.value
    if isinstance(value, list):
        inner: Any = [plain(one) for one in value]
    elif isinstance(value, dict):
        inner = {name: plain(one) for name, one in value.items()}
    else:
        inner = value
    return inner, node.line, node.column, node.pointer


def test_what_somebody_wrote_stays_as_it_was_written() -> None:
    text = "a: 5.000\nb/~: [yes, null, '', ~]\n"
    assert plain(read(text)) == (
        {
            "a": ("5.000", 1, 4, "/a"),
            "b/~": (
                [
                    ("yes", 2, 7, "/b~1~0/0"),
                    (None, 2, 12, "/b~1~0/1"),
                    ("", 2, 18, "/b~1~0/2"),
                    (None, 2, 22, "/b~1~0/3"),
                ],
                2,
                6,
                "/b~1~0",
            ),
        },
        1,
        1,
        "",
    )


# ---- values out of a document


def reading(text: str) -> tuple[Reader, Node]:
    """Return a reader, and the value to read."""
    return Reader(), read(text)


@each([
    ("a: 1\nb: 2", ["a", "b"], []),
    ("b: 2", ["b"], ["line 1, column 1 (/): 'a' is missing"]),
    ("a: null\nb: ~", [], ["line 1, column 1 (/): 'a' is missing"]),
    ("a: 1\nc: 2", ["a"], ["line 2, column 4 (/c): 'c' is not a field here; known: a, b"]),
    ("[a]", [], ["line 1, column 1 (/): must be an object"]),
])  # fmt: skip
def test_fields_are_those_that_are_known(text: str, names: list[str], wrong: list[str]) -> None:
    reader, node = reading(text)
    assert list(reader.fields(node, {"a": True, "b": False})) == names
    assert [str(one) for one in reader.findings] == wrong


@each([
    ("x" * 128, ""),
    ("x" * 129, "must be one line of 1 to 128 characters"),
    ("''", "must be one line of 1 to 128 characters"),
    ("' '", "must be one line of 1 to 128 characters"),
    ('"a\\nb"', "must be one line of 1 to 128 characters"),
    ("[a]", "must be a text"),
    ("null", "must be a text"),
])  # fmt: skip
def test_a_text_is_one_line(text: str, wrong: str) -> None:
    reader, node = reading(f"- {text}")
    (item,) = reader.items(node)
    found = reader.text(item)
    assert [one.message for one in reader.findings] == ([wrong] if wrong else [])
    assert found == ("" if wrong else text)


@each([
    ("7", 7, ""),
    ("007", 7, ""),
    ("9" * 12, 999_999_999_999, ""),
    ("9" * 13, 5, "must be a whole number of at most 12 digits"),
    ("6.0", 5, "must be a whole number of at most 12 digits"),
    ("-6", 5, "must be a whole number of at most 12 digits"),
    ("6e1", 5, "must be a whole number of at most 12 digits"),
    ("٣", 5, "must be a whole number of at most 12 digits"),
    ("²", 5, "must be a whole number of at most 12 digits"),
    ("[6]", 5, "must be a whole number of at most 12 digits"),
    ("2", 2, ""),
    ("1", 5, "must be at least 2"),
])  # fmt: skip
def test_a_whole_number_has_twelve_digits_at_most(text: str, number: int, wrong: str) -> None:
    reader, node = reading(f"- {text}")
    (item,) = reader.items(node)
    assert reader.whole(item, 5, least=2) == number
    assert [one.message for one in reader.findings] == ([wrong] if wrong else [])


@each([
    ("b", "b", ""),
    ("c", "z", "must be one of a, b"),
    ("[a]", "z", "must be one of a, b"),
    ("null", "z", "must be one of a, b"),
])  # fmt: skip
def test_one_of_the_texts_that_are_known(text: str, found: str, wrong: str) -> None:
    reader, node = reading(f"- {text}")
    (item,) = reader.items(node)
    assert reader.one_of(item, ("a", "b"), "z") == found
    assert [one.message for one in reader.findings] == ([wrong] if wrong else [])


def test_what_is_not_there_is_not_wrong() -> None:
    reader = Reader()
    assert not [*reader.entries(None), *reader.items(None)]
    assert (reader.text(None), reader.whole(None, 3), reader.one_of(None, (), "z")) == ("", 3, "z")
    assert reader.findings == []


def test_what_is_no_object_and_no_list_is_told() -> None:
    reader, node = reading("a: 1")
    assert reader.items(node) == []
    assert list(reader.entries(read("[a]"))) == []
    wrong = [one.message for one in reader.findings]
    assert wrong == ["must be a list", "must be an object"]
