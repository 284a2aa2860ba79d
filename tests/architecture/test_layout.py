"""The shape of the repository: one namespace, one place for each tool's settings, files of a size
that can be read, names that say something."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.support.each import each
from tools import constraints, isolate
from tools.files import ROOT

MEMBERS = constraints.members()
CODE = (
    "contracts", "blueprints", "client", "chassis", "projector", "services", "simulator", "cli",
)  # fmt: skip
MOST_LINES = 400
VAGUE = {"util", "utils", "helper", "helpers", "common", "misc", "base", "manager", "shared"}


def _manifest(folder: Path) -> dict[str, Any]:
    return tomllib.loads((folder / "pyproject.toml").read_text("utf-8"))


def _python(*folders: str) -> Iterator[Path]:
    for folder in folders:
        yield from sorted((ROOT / folder).rglob("*.py"))


def _named(member: Path) -> str:
    return str(member.relative_to(ROOT))


# ---- members


def test_the_members_are_known() -> None:
    assert {_named(member) for member in MEMBERS} >= {
        "contracts", "blueprints", "client", "chassis", "projector", "cli",
        "services/environment-controller", "services/gateway",
    }  # fmt: skip


@each(MEMBERS, _named)
def test_folder_distribution_and_package_have_one_name(member: Path) -> None:
    assert constraints.distribution(member) == f"catalyst-{member.name}"
    assert isolate.package(member) == f"catalyst.{member.name.replace('-', '_')}"


@each(MEMBERS, _named)
def test_the_namespace_has_no_init_file(member: Path) -> None:
    namespace = member / "src" / "catalyst"
    assert not (namespace / "__init__.py").exists(), "it would hide every other member"
    assert [path.name for path in namespace.iterdir() if path.is_dir()] == [
        member.name.replace("-", "_")
    ]


@each(MEMBERS, _named)
def test_every_package_is_typed_and_every_folder_a_package(member: Path) -> None:
    top = member / "src" / Path(*isolate.package(member).split("."))
    assert (top / "py.typed").is_file()
    folders = {path.parent for path in top.rglob("*.py")}
    assert [folder for folder in folders if not (folder / "__init__.py").is_file()] == []


@each(MEMBERS, _named)
def test_an_init_file_holds_a_docstring_and_nothing_else(member: Path) -> None:
    for path in (member / "src").rglob("__init__.py"):
        (only,) = ast.parse(path.read_text("utf-8")).body
        assert isinstance(only, ast.Expr), path


@each(MEMBERS, _named)
def test_a_member_configures_no_tool(member: Path) -> None:
    manifest = _manifest(member)
    assert set(manifest["tool"]) == {"uv"}
    assert set(manifest["tool"]["uv"]) <= {"build-backend", "sources"}
    files = {"ruff.toml", ".ruff.toml", "mypy.ini", "setup.cfg", "pytest.ini", ".importlinter"}
    assert {path.name for path in member.iterdir()} & files == set()


@each(MEMBERS, _named)
def test_a_member_says_what_it_is(member: Path) -> None:
    assert (member / "README.md").is_file()
    assert _manifest(member)["project"]["description"].endswith(".")
    assert _manifest(member)["project"]["requires-python"] == ">=3.11"


# ---- the tools' lists


def _sources() -> set[str]:
    return {f"{_named(member)}/src" for member in MEMBERS}


def test_mypy_sees_every_member() -> None:
    mypy = _manifest(ROOT)["tool"]["mypy"]
    here = "$MYPY_CONFIG_FILE_DIR"
    assert set(mypy["mypy_path"].split(":")) == {here} | {f"{here}/{path}" for path in _sources()}
    assert _globbed(mypy["files"]) >= _sources() | {"tests", "tools", "benchmarks"}


def test_ruff_sees_every_member() -> None:
    ruff = tomllib.loads((ROOT / "ruff.toml").read_text("utf-8"))
    assert _globbed(ruff["src"]) == _sources()


def test_vulture_sees_every_member() -> None:
    paths = _manifest(ROOT)["tool"]["vulture"]["paths"]
    covered = {source for source in _sources() if any(_below(source, path) for path in paths)}
    assert covered == _sources()


def test_the_import_contracts_name_every_member() -> None:
    text = (ROOT / ".importlinter").read_text("utf-8")
    section = text.split("[importlinter:contract:one-way]")[1].split("\n\n")[0]
    named = set(re.findall(r"[a-z_]+", section.split("layers =")[1]))
    assert named == {member.name.replace("-", "_") for member in MEMBERS}


def _globbed(patterns: list[str]) -> set[str]:
    return {str(path.relative_to(ROOT)) for pattern in patterns for path in ROOT.glob(pattern)}


def _below(path: str, folder: str) -> bool:
    return path == folder or path.startswith(f"{folder}/")


def test_every_pin_is_exact() -> None:
    pins = _manifest(ROOT)["tool"]["uv"]["constraint-dependencies"]
    assert all(re.fullmatch(r"[a-z0-9._-]+==[^;]+( ; .+)?", pin) for pin in pins)


def test_no_lock_records_an_address() -> None:
    for path in (ROOT / "deploy" / "requirements").glob("*.lock"):
        text = path.read_text("utf-8")
        assert "://" not in text
        assert "\n-" not in text
        entries = constraints.entries(text)
        assert entries
        assert all(entries.values()), "every pin has its hashes"


def test_every_member_that_runs_alone_has_a_lock() -> None:
    alone = {member.name for member in MEMBERS} - constraints.LIBRARIES
    locks = {path.stem for path in (ROOT / "deploy" / "requirements").glob("*.lock")}
    assert locks == alone | {constraints.BUILD}


# ---- files


def _everywhere() -> Iterator[Path]:
    """Return every Python file of the repository, wherever it stands; not what tools keep here."""
    for folder in ROOT.iterdir():
        if folder.is_dir() and not folder.name.startswith("."):
            yield from sorted(folder.rglob("*.py"))
    yield from ROOT.glob("*.py")


def test_no_python_file_is_too_long() -> None:
    counted = {path: len(path.read_text("utf-8").splitlines()) for path in _everywhere()}
    assert {_named(path): lines for path, lines in counted.items() if lines > MOST_LINES} == {}
    assert {path.parent.name for path in counted} >= {"tests", "tools", "benchmarks", "contracts"}


def test_no_name_is_vague() -> None:
    vague = {
        _named(path)
        for path in _python(*CODE, "tools", "tests", "benchmarks")
        if VAGUE & {part.removesuffix(".py") for part in path.relative_to(ROOT).parts}
    }
    assert vague == set()


def test_no_file_waits_to_be_finished() -> None:
    marks = re.compile(r"\b(TODO|FIXME|XXX)\b|raise NotImplementedError")
    unfinished = {
        _named(path)
        for path in _python(*CODE, "tools", "benchmarks")
        if marks.search(path.read_text("utf-8"))
    }
    assert unfinished == set()


def test_no_test_sleeps() -> None:
    """Waiting is a loop around a condition, as in tests/support/waiting.py, and has a deadline."""
    sleeping = {
        f"{_named(path)}:{call.lineno}"
        for path in _python("tests")
        if path.name.startswith("test_") and "sleep" in (text := path.read_text("utf-8"))
        for call in _sleeps(ast.parse(text))
    }
    assert sleeping == set()


def _sleeps(node: ast.AST) -> Iterator[ast.Call]:
    """Return the calls of `sleep` that are in no loop; sleep(0) lets others run and is none."""
    if isinstance(node, ast.While):
        return
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        zero = node.args and isinstance(node.args[0], ast.Constant) and node.args[0].value == 0
        if node.func.attr == "sleep" and not zero:
            yield node
    for child in ast.iter_child_nodes(node):
        yield from _sleeps(child)


def test_every_test_file_can_be_found() -> None:
    """A file with tests whose name pytest does not collect would never run."""
    lost = [
        _named(path)
        for path in _python("tests")
        if not path.name.startswith("test_")
        and "support" not in path.parts
        and re.search(r"^(async )?def test_", path.read_text("utf-8"), re.MULTILINE)
    ]
    assert lost == []


# ---- every Python that will do


def raised_of_groups(text: str) -> list[int]:
    """Return the lines at which `except*` raises something of its own."""
    handlers = (
        handler
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.TryStar)
        for handler in node.handlers
    )
    return [
        node.lineno
        for handler in handlers
        for node in ast.walk(handler)
        if isinstance(node, ast.Raise) and node.exc is not None
    ]


@each(sorted(_python(*CODE)), _named)
def test_nothing_is_raised_of_a_group_by_except_star(path: Path) -> None:
    lines = raised_of_groups(path.read_text("utf-8"))
    assert not lines, f"before Python 3.11.4 it comes in a group of its own: {lines}"


def test_what_is_raised_of_a_group_is_seen() -> None:
    start = "try:\n    f()\nexcept* OSError as group:\n    "
    assert raised_of_groups(f"{start}raise ValueError from group") == [4]
    assert raised_of_groups(f"{start}raise") == []
