"""A YAML or JSON document as plain values, each with its place in the text.

Scalars stay the text that somebody wrote: `5.000` is never a binary fraction. What only makes
documents dangerous is refused: aliases, tags, several documents, deep nesting, keys that repeat.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec
import yaml
from typing_extensions import override

MAX_DEPTH: Final = 12
MAX_NODES: Final = 50_000

_LOADER: Final[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""libyaml where it is there: ten times as fast, with the same places."""


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """Something that is wrong, and where."""

    line: int
    """From 1."""
    column: int
    """From 1."""
    pointer: str
    """JSON pointer into the document."""
    message: str

    @override
    def __str__(self) -> str:
        """Return it as one line for a person."""
        return f"line {self.line}, column {self.column} ({self.pointer or '/'}): {self.message}"


class Node(msgspec.Struct, frozen=True, kw_only=True):
    """One value: text, a list or an object."""

    value: str | list[Node] | dict[str, Node] | None
    """None for an empty value or `null`."""
    line: int
    column: int
    pointer: str

    def finding(self, message: str) -> Finding:
        """Return that something is wrong here."""
        return Finding(line=self.line, column=self.column, pointer=self.pointer, message=message)


class Unreadable(Exception):
    """The text is no document that is taken."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(str(finding))
        self.finding = finding


def read(text: str) -> Node:
    """Return the document.

    Raises:
        Unreadable: With the first thing that is wrong, and its place.
    """
    try:
        _refuse_aliases(text)
        root = yaml.compose(text, Loader=_LOADER)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line, mark.column) if mark is not None else (0, 0)
        raise _unreadable(line, column, "", error.problem or "this is not YAML") from error
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise _unreadable(0, 0, "", "this is not YAML") from error
    if root is None:
        raise _unreadable(0, 0, "", "the document is empty")
    return _Reading().node(root, "")


def _refuse_aliases(text: str) -> None:
    """Refuse aliases and tags before anything is made of them, and nesting before it is deep."""
    depth = 0
    for count, event in enumerate(yaml.parse(text, Loader=_LOADER)):
        mark: Any = event.start_mark
        if isinstance(event, yaml.AliasEvent):
            raise _unreadable(mark.line, mark.column, "", "aliases are not taken")
        if isinstance(event, yaml.NodeEvent) and getattr(event, "tag", None) is not None:
            raise _unreadable(mark.line, mark.column, "", "tags are not taken")
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > MAX_DEPTH:
            raise _unreadable(mark.line, mark.column, "", "this nests too deep")
        if count > MAX_NODES:
            raise _unreadable(mark.line, mark.column, "", "the document has too many values")


class _Reading:
    """Turns YAML's nodes into ours."""

    def node(self, node: yaml.Node, pointer: str) -> Node:
        line, column = node.start_mark.line + 1, node.start_mark.column + 1
        value: str | list[Node] | dict[str, Node] | None
        if isinstance(node, yaml.MappingNode):
            value = self._object(node, pointer)
        elif isinstance(node, yaml.SequenceNode):
            value = [
                self.node(item, f"{pointer}/{number}") for number, item in enumerate(node.value)
            ]
        else:
            empty = node.tag == "tag:yaml.org,2002:null"
            value = None if empty else str(node.value)
        return Node(value=value, line=line, column=column, pointer=pointer)

    def _object(self, node: yaml.MappingNode, pointer: str) -> dict[str, Node]:
        found: dict[str, Node] = {}
        for key, value in node.value:
            mark = key.start_mark
            if not isinstance(key, yaml.ScalarNode):
                raise _unreadable(mark.line, mark.column, pointer, "a key is not a text")
            name = str(key.value)
            place = f"{pointer}/{name.replace('~', '~0').replace('/', '~1')}"
            if name in found:
                message = f"{name!r} stands here a second time"
                raise _unreadable(mark.line, mark.column, place, message)
            found[name] = self.node(value, place)
        return found


def _unreadable(line: int, column: int, pointer: str, message: str) -> Unreadable:
    return Unreadable(Finding(line=line + 1, column=column + 1, pointer=pointer, message=message))


class Reader:
    """Reads values out of a document, and collects what is wrong instead of stopping at it."""

    def __init__(self) -> None:
        self.findings: list[Finding] = []

    def wrong(self, node: Node, message: str) -> None:
        """Note that something is wrong here."""
        self.findings.append(node.finding(message))

    def fields(self, node: Node, needed: Mapping[str, bool]) -> dict[str, Node]:
        """Return an object's fields; each name says whether it must be there. Others are wrong."""
        if not isinstance(node.value, dict):
            self.wrong(node, "must be an object")
            return {}
        for name, value in node.value.items():
            if name not in needed:
                known = ", ".join(needed)
                self.wrong(value, f"{name!r} is not a field here; known: {known}")
        for name, must in needed.items():
            if must and (name not in node.value or node.value[name].value is None):
                self.wrong(node, f"{name!r} is missing")
        return {
            name: value
            for name, value in node.value.items()
            if name in needed and value.value is not None
        }

    def entries(self, node: Node | None) -> Iterator[tuple[str, Node]]:
        """Yield the entries of an object with names of somebody's own choice."""
        if node is None:
            return
        if not isinstance(node.value, dict):
            self.wrong(node, "must be an object")
            return
        yield from node.value.items()

    def items(self, node: Node | None) -> list[Node]:
        """Return the items of a list."""
        if node is None:
            return []
        if not isinstance(node.value, list):
            self.wrong(node, "must be a list")
            return []
        return node.value

    def text(self, node: Node | None, *, longest: int = 128) -> str:
        """Return one line of text; empty where there is none."""
        if node is None:
            return ""
        if not isinstance(node.value, str):
            self.wrong(node, "must be a text")
            return ""
        if not node.value.strip() or len(node.value) > longest or not node.value.isprintable():
            self.wrong(node, f"must be one line of 1 to {longest} characters")
            return ""
        return node.value

    def whole(self, node: Node | None, otherwise: int, *, least: int = 0) -> int:
        """Return a whole number of at most twelve digits."""
        if node is None:
            return otherwise
        text = node.value
        if not (isinstance(text, str) and text.isascii() and text.isdigit() and len(text) <= 12):
            self.wrong(node, "must be a whole number of at most 12 digits")
            return otherwise
        if int(text) < least:
            self.wrong(node, f"must be at least {least}")
            return otherwise
        return int(text)

    def one_of(self, node: Node | None, known: tuple[str, ...], otherwise: str) -> str:
        """Return one of the texts that are known."""
        if node is None:
            return otherwise
        if not isinstance(node.value, str) or node.value not in known:
            self.wrong(node, f"must be one of {', '.join(known)}")
            return otherwise
        return node.value
