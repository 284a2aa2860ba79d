"""docs/streams-elsewhere.md: each test of others has its row, each test of ours is there."""

import ast
import re
from collections import Counter
from functools import cache

from tools.files import ROOT

PAGE = (ROOT / "docs" / "streams-elsewhere.md").read_text("utf-8")
ROWS = re.findall(r"^\| ([A-Z])(\d+) \| (.+) \| (.+) \|$", PAGE, re.MULTILINE)
NAMED = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")
SCOPE = {"D": 26, "L": 9, "M": 21, "F": 18, "B": 8, "N": 7}
"""Durable Streams' servers and clients, Mercure, Centrifugo, Watermill as a bus, NATS."""
REASONS = ("not here", "there is no", "there are no", "none is", "it closes at once")
"""How a row begins that says why something does not apply."""


@cache
def _tests(path: str) -> frozenset[str]:
    tree = ast.parse((ROOT / path).read_text("utf-8"))
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    return frozenset(node.name for node in tree.body if isinstance(node, kinds))


def test_every_test_of_the_catalogue_has_a_row() -> None:
    assert Counter(row[0] for row in ROWS) == SCOPE
    for group, count in SCOPE.items():
        assert [int(row[1]) for row in ROWS if row[0] == group] == list(range(1, count + 1))
    assert len(ROWS) == len(re.findall(r"^\| *[A-Z]\d", PAGE, re.MULTILINE))


def test_every_row_names_a_test_or_the_reason_why_there_is_none() -> None:
    silent = [
        group + number
        for group, number, _, here in ROWS
        if not NAMED.search(here) and not here.startswith(REASONS)
    ]
    assert silent == []


def test_every_test_that_is_named_exists() -> None:
    named = NAMED.findall(PAGE)
    gone = [
        f"{path}::{name}"
        for path, name in named
        if not (ROOT / path).is_file() or name not in _tests(path)
    ]
    assert gone == []
    # Nothing that looks like a test is passed over because it is written otherwise; the head names
    # the file that checks the page.
    assert len(named) == PAGE.count("`tests/") - 1
