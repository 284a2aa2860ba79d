"""YAML and JSON as people write them, with the line of every value kept for the errors.

Scalars are those of JSON: `no` and `2026-01-01` stay text, whatever YAML 1.1 makes of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any, Final

import msgspec
import yaml
from yaml import MappingNode, Node, ScalarNode, SequenceNode

from catalyst.blueprints.findings import syntax_fix
from catalyst.cli.exits import ExitCode, Failure
from catalyst.contracts.topology import MAX_DEPTH

MAX_CHARACTERS: Final = 1024 * 1024
MAX_NODES: Final = 20_000
"""A few aliases can stand for billions of values; nothing that we take has this many."""
_LIBRARYS_LIMIT: Final = "exceeded maximum nesting depth"
"""What libyaml says of a text before it tells how deep that is."""

Path = tuple[str | int, ...]

_INT: Final = re.compile(r"-?(0|[1-9][0-9]*)")
_FLOAT: Final = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?")
_WORDS: Final[dict[str, bool | None]] = {
    "true": True,
    "false": False,
    "null": None,
    "~": None,
    "": None,
}


_TAGS: Final = frozenset(
    f"tag:yaml.org,2002:{name}"
    for name in ("str", "int", "float", "bool", "null", "timestamp", "merge", "value", "map", "seq")
)
"""What YAML makes of plain text by itself; any other tag was written there on purpose."""


class Document(msgspec.Struct, frozen=True, kw_only=True):
    """One document of a file."""

    source: str
    """Name of the file, or `stdin`."""
    number: int
    """From 1, in its file."""
    value: Any
    lines: dict[Path, int]
    """Line, from 1, of each value by its path."""

    def line(self, path: Path) -> int:
        """Return the line of a value; for one that is missing, of what should hold it."""
        for length in range(len(path), -1, -1):
            found = self.lines.get(path[:length])
            if found is not None:
                return found
        return 1

    def place(self, path: Path = ()) -> str:
        """Return where a value is, for a person: file, line, document, field."""
        parts = [f"{self.source}:{self.line(path)}"]
        if self.number > 1:
            parts.append(f"document {self.number}")
        if path:
            parts.append(spelled(path))
        return ": ".join(parts)


def one_object(found: Sequence[Document], source: str, what: str) -> dict[str, Any]:
    """Return the one object that a text must hold.

    Args:
        found: What it holds.
        source: Where it comes from.
        what: What the object is, such as `the data`.

    Raises:
        Failure: If it holds nothing, more, or something else.
    """
    if all(one.value is None for one in found):
        raise Failure(ExitCode.USAGE, f"{source} is empty: it must hold one object, {what}")
    if len(found) > 1:
        count = f"{source} holds {len(found)} documents"
        raise Failure(ExitCode.USAGE, f"{count}, and must hold one object: {what}")
    value = found[0].value
    if not isinstance(value, dict):
        raise Failure(ExitCode.USAGE, f"{source} must hold one object: {what}")
    return value


def spelled(path: Path) -> str:
    """Return a path as people write it: `spec.regions[0].provider`."""
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}"
    return text.removeprefix(".")


def parse(text: str, source: str) -> list[Document]:
    """Return the documents of a text; empty ones are left out, but counted.

    Raises:
        Failure: If it is not YAML (which JSON is, too), with the line.
    """
    if len(text) > MAX_CHARACTERS:
        raise _wrong(f"{source}: more than {MAX_CHARACTERS} characters")
    _refuse_deep(text, source)
    try:
        nodes = list(yaml.compose_all(text, Loader=yaml.SafeLoader))
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        problem = error.problem or "not YAML"
        failure = _wrong(f"{source}:{line}: {_in_words(problem)}")
        failure.hint = syntax_fix(problem)
        raise failure from error
    except (yaml.YAMLError, RecursionError) as error:
        raise _wrong(f"{source}: not YAML that can be read") from error
    found = []
    for number, node in enumerate(nodes, start=1):
        document = _Reader(source, number).read(node)
        if document.value is not None:
            found.append(document)
    return found


def _in_words(problem: str) -> str:
    """Return what the library says of a text, without the names of its own parts."""
    plain = re.sub(r"'?<([a-z ]+)>'?", r"the \1", problem)
    plain = plain.replace("mapping values are", "a key with its `: ` is")
    return plain.replace("the node content", "a value").replace("the stream end", "the end")


def _refuse_deep(text: str, source: str) -> None:
    """Refuse what nests far too deep before anything is made of it: that would take seconds.

    Whatever else is wrong is told by who reads the text as a whole.
    """
    mark: Any = None
    depth = 0
    try:
        for event in yaml.parse(text, Loader=yaml.CSafeLoader):
            depth += isinstance(event, yaml.CollectionStartEvent)
            depth -= isinstance(event, yaml.CollectionEndEvent)
            if depth > 2 * MAX_DEPTH:
                mark = event.start_mark
                break
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark if error.problem == _LIBRARYS_LIMIT else None
    except (yaml.YAMLError, ValueError):
        return
    if mark is not None:
        raise _wrong(f"{source}:{mark.line + 1}: nesting deeper than {MAX_DEPTH} is refused")


class _Reader:
    def __init__(self, source: str, number: int) -> None:
        self._source = source
        self._number = number
        self._lines: dict[Path, int] = {}
        self._nodes = 0

    def read(self, node: Node) -> Document:
        value = self._value(node, ())
        return Document(source=self._source, number=self._number, value=value, lines=self._lines)

    def _value(self, node: Node, path: Path) -> Any:
        self._nodes += 1
        if self._nodes > MAX_NODES:
            raise self._refuse(node, path, f"more than {MAX_NODES} values, aliases followed")
        if len(path) > MAX_DEPTH:
            raise self._refuse(node, path[:3], f"nesting deeper than {MAX_DEPTH} is refused")
        self._lines.setdefault(path, node.start_mark.line + 1)
        if node.tag not in _TAGS:
            raise self._refuse(node, path, f"the tag {node.tag!r} is not understood")
        match node:
            case MappingNode():
                return dict(self._members(node, path))
            case SequenceNode():
                return [self._value(item, (*path, i)) for i, item in enumerate(node.value)]
            case ScalarNode():
                return self._scalar(node, path)
            case _:
                raise self._refuse(node, path, "this kind of value is not understood")

    def _members(self, node: MappingNode, path: Path) -> Iterator[tuple[str, Any]]:
        seen: set[str] = set()
        for key, value in node.value:
            if not isinstance(key, ScalarNode):
                raise self._refuse(key, path, "a key must be a text")
            name = self._text(key, path)
            if name in seen:
                raise self._refuse(key, (*path, name), "the key is there twice")
            seen.add(name)
            self._lines[(*path, name)] = key.start_mark.line + 1
            yield name, self._value(value, (*path, name))

    def _scalar(self, node: ScalarNode, path: Path) -> Any:
        text = self._text(node, path)
        if node.style is not None:
            return text
        if text in _WORDS:
            return _WORDS[text]
        if _INT.fullmatch(text):
            return int(text)
        return float(text) if _FLOAT.fullmatch(text) else text

    def _text(self, node: ScalarNode, path: Path) -> str:
        try:
            # JSON writes what lies beyond U+FFFF as two escapes; YAML keeps them apart.
            raw: bytes = node.value.encode("utf-16", "surrogatepass")
            return raw.decode("utf-16")
        except UnicodeDecodeError as error:
            raise self._refuse(node, path, "half of a character is missing") from error

    def _refuse(self, node: Node, path: Path, text: str) -> Failure:
        line = node.start_mark.line + 1
        where = f"{self._source}:{line}"
        if self._number > 1:
            where += f": document {self._number}"
        return _wrong(f"{where}: {spelled(path)}: {text}" if path else f"{where}: {text}")


def _wrong(text: str) -> Failure:
    return Failure(ExitCode.REJECTED, text, code="malformed-document")
