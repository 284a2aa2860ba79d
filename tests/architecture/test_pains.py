"""docs/pains.md: each pain of the scope has its row, and each test that it names exists."""

import ast
import re
from collections.abc import Iterator
from functools import cache

import pytest
from tools.files import ROOT

PAGE = (ROOT / "docs" / "pains.md").read_text("utf-8")
ROWS = re.findall(r"^\| (\d+) \| (.+) \| (.+) \|$", PAGE, re.MULTILINE)
NAMED = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")
SCOPE = (*range(1, 81), *range(98, 108))
"""Events, billing, provisioning, controllers; then the catalogue, the read model and the doors."""


def test_every_pain_of_the_scope_has_a_row() -> None:
    assert [number for number in SCOPE if str(number) not in {row[0] for row in ROWS}] == []


@cache
def _tests(path: str) -> frozenset[str]:
    tree = ast.parse((ROOT / path).read_text("utf-8"))
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    return frozenset(node.name for node in tree.body if isinstance(node, kinds))


def _gone(text: str) -> Iterator[str]:
    for path, name in NAMED.findall(text):
        if not (ROOT / path).is_file() or name not in _tests(path):
            yield f"{path}::{name}"


def test_every_test_that_is_named_exists() -> None:
    assert list(_gone(PAGE)) == []
    # Nothing that looks like a test is passed over because it is written otherwise.
    assert len(NAMED.findall(PAGE)) == PAGE.count("tests/")


def test_every_row_says_what_prevents_it() -> None:
    assert [number for number, broke, here in ROWS if not (broke.strip() and here.strip())] == []
    lines = [line for line in PAGE.splitlines() if re.match(r"\| *\d", line)]
    assert len(lines) == len(ROWS)


@pytest.mark.parametrize(
    "text",
    ["`tests/nowhere.py::test_it`", "`tests/architecture/test_pains.py::test_that_nobody_wrote`"],
)
def test_a_test_that_is_gone_is_found(text: str) -> None:
    assert list(_gone(text)) == [text.strip("`")]
