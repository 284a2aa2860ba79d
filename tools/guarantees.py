"""docs/guarantees.md, made from docs/guarantees.toml and from the tests that carry its ids.

A test proves a promise by `@pytest.mark.guarantee("G1.1")`, on the function, on its class, or on
the module as `pytestmark`. The sources are read, not run, so nothing has to be started. An id
without a test and a mark without an id are errors.

    uv run python -m tools.guarantees [--check]
"""

from __future__ import annotations

import argparse
import ast
import sys
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final, NamedTuple

from tools.files import ROOT, settle

PROMISES: Final = ROOT / "docs" / "guarantees.toml"
PAGE: Final = ROOT / "docs" / "guarantees.md"
TESTS: Final = ROOT / "tests"
REMEDY: Final = "uv run python -m tools.guarantees"

_HEAD: Final = f"""# Guarantees

What Catalyst promises, and the tests that prove it: against the real broker and other real parts
below `tests/integration`, `tests/browser` and `tests/e2e`; rules that need none of them below
`tests/unit`, held against a model where "any" is said. Workers die at a sample of all calls in each
run, and pairs of deaths are a sample as well; `uv run python -m tools.points` goes through every
single call. Made from `docs/guarantees.toml` and the marks of the tests by `{REMEDY}`; a promise
without a test, or a test that names an unknown promise, fails the build.
"""


class Group(NamedTuple):
    """Promises that belong together."""

    id: str
    title: str
    promises: Mapping[str, str]
    """Sentence by id."""


class Proof(NamedTuple):
    """A test that carries an id."""

    id: str
    file: Path
    name: str
    """The function's name, its class before it if it has one."""


def groups(text: str) -> list[Group]:
    """Return the promises, as the file lists them."""
    rows = tomllib.loads(text)["group"]
    return [Group(row["id"], row["title"], row["promises"]) for row in rows]


def proofs(file: Path) -> Iterator[Proof]:
    """Return every mark of a test file, one per test and id."""
    text = file.read_text("utf-8")
    if "guarantee" not in text:
        return
    module = ast.parse(text)
    everywhere: list[str] = []
    for node in module.body:
        if isinstance(node, ast.Assign) and _names(node.targets) == ["pytestmark"]:
            everywhere = _ids(ast.walk(node.value))
        elif isinstance(node, ast.ClassDef):
            of_class = everywhere + _ids(node.decorator_list)
            yield from _of_functions(node.body, file, f"{node.name}::", of_class)
        else:
            yield from _of_functions([node], file, "", everywhere)


def _of_functions(
    nodes: list[ast.stmt], file: Path, prefix: str, inherited: list[str]
) -> Iterator[Proof]:
    for node in nodes:
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        if node.name.startswith("test_"):
            for id_ in inherited + _ids(node.decorator_list):
                yield Proof(id_, file, prefix + node.name)


def _names(targets: list[ast.expr]) -> list[str]:
    return [target.id for target in targets if isinstance(target, ast.Name)]


def _ids(nodes: Iterator[ast.AST] | list[ast.expr]) -> list[str]:
    """Return the ids in the calls `pytest.mark.guarantee("…", …)` among some nodes."""
    return [
        str(argument.value)
        for node in nodes
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "guarantee"
        for argument in node.args
        if isinstance(argument, ast.Constant)
    ]


def faults(listed: list[Group], found: list[Proof]) -> list[str]:
    """Return what does not fit together, a sentence each; empty if all does."""
    known = [id_ for group in listed for id_ in group.promises]
    proved = {proof.id for proof in found}
    wrong_place = [
        f"{id_} stands in the group {group.id}"
        for group in listed
        for id_ in group.promises
        if not id_.startswith(f"{group.id}.")
    ]
    twice = [f"{id_} is listed twice" for id_ in sorted(set(known)) if known.count(id_) > 1]
    unproved = [f"{id_} has no test" for id_ in known if id_ not in proved]
    unknown = [
        f"{proof.file.name}::{proof.name} proves {proof.id!r}, which is no promise"
        for proof in found
        if proof.id not in known
    ]
    return wrong_place + twice + unproved + unknown


def page(listed: list[Group], found: list[Proof], root: Path) -> str:
    """Return the page: each promise with links to its tests, as paths below `root`."""
    lines = [_HEAD]
    for group in listed:
        lines.append(f"## {group.id} {group.title}\n")
        for id_, sentence in group.promises.items():
            lines.append(f"- **{id_}** {sentence}")
            for proof in sorted(proof for proof in found if proof.id == id_):
                path = proof.file.relative_to(root).as_posix()
                lines.append(f"  - [`{path}`](../{path}) `{proof.name}`")
        lines.append("")
    return "\n".join(lines)


def main(arguments: list[str] | None = None) -> int:
    """Write or check; returns the exit code."""
    parser = argparse.ArgumentParser(prog="tools.guarantees", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing, fail on drift")
    options = parser.parse_args(arguments)

    listed = groups(PROMISES.read_text("utf-8"))
    found = [proof for file in sorted(TESTS.rglob("test_*.py")) for proof in proofs(file)]
    wrong = faults(listed, found)
    for sentence in wrong:
        print(sentence, file=sys.stderr)
    drift = settle({PAGE: page(listed, found, ROOT)}, check=options.check, remedy=REMEDY)
    return 1 if wrong else drift


if __name__ == "__main__":
    sys.exit(main())
