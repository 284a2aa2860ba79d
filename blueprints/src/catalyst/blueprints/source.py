"""YAML as authors write it, with the place of every value and hard limits.

Values are those of JSON. What YAML 1.1 and 1.2 read differently (`yes`, `0644`) is refused, because
whoever applies the result may read it the other way.
"""

from __future__ import annotations

import functools
import re
from bisect import bisect_right
from collections.abc import Iterator
from typing import Any, Final

import msgspec
import yaml
from yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
)

from catalyst.blueprints.findings import Finding, Path, Severity, pointer, syntax_fix
from catalyst.blueprints.merging import copied

MAX_CHARACTERS: Final = 512 * 1024
MAX_DEPTH: Final = 48
MAX_NODES: Final = 20_000
"""Values of one file, aliases followed: a few aliases can stand for billions."""
MAX_ALIASES: Final = 100
MAX_DOCUMENTS: Final = 200
MAX_FINDINGS: Final = 200

_INT: Final = re.compile(r"[-+]?(0|[1-9][0-9]*)")
_FLOAT: Final = re.compile(r"[-+]?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?")
_OCTAL: Final = re.compile(
    r"[-+]?0[0-9_]+|0o[0-7]+|[-+]?0[xXbB][0-9a-fA-F_]+|[-+]?[0-9]+(_[0-9]+)+"
)
_BREAK: Final = re.compile("\r\n|[\r\n\x85\u2028\u2029]")
_NUMBER: Final = re.compile(
    r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)|[-+]?\.[0-9]+([eE][-+]?[0-9]+)?"
    r"|[-+]?[0-9]+\.([eE][-+]?[0-9]+)?|[-+]?[0-9]+(\.[0-9]*)?[eE][0-9]+|[-+]?[0-9]+[eE][-+][0-9]+"
)
"""Numbers that JSON does not have, or that only some readers see."""
_TIME: Final = re.compile(r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}([Tt \t].*)?")
_SEXAGESIMAL: Final = re.compile(r"[-+]?[0-9]+(:[0-5]?[0-9])+(\.[0-9]*)?")
_WORDS: Final[dict[str, bool | None]] = {
    "true": True, "True": True, "TRUE": True,
    "false": False, "False": False, "FALSE": False,
    "null": None, "Null": None, "NULL": None, "~": None, "": None,
}  # fmt: skip
AMBIGUOUS: Final = frozenset({"yes", "no", "on", "off", "y", "n", "="})
"""Words that are a text for some readers, in whatever case."""
_TAGS: Final = frozenset({"!", "tag:yaml.org,2002:str"})
_ENDS: Final = (MappingEndEvent, SequenceEndEvent)
_OF_VALUES: Final = (yaml.NodeEvent, *_ENDS)
_NUMERIC: Final = frozenset("-+.0123456789")
"""With one of these begins a number, and what some readers take for one."""
_MAX_DIGITS: Final = 18

Mark = tuple[int, int]
"""Line and column, from 1."""
Span = tuple[int, int]
"""First character in the text and the first behind it."""


class Document(msgspec.Struct, frozen=True, kw_only=True):
    """One document of a file."""

    file: str
    number: int
    """From 0, in its file."""
    value: Any
    marks: dict[Path, Mark]
    """Of each value; of an entry of a map, the place of its key."""
    spans: dict[Path, Span]
    """Of each text: where it is written."""
    text: str
    """The whole file."""

    def mark(self, path: Path) -> Mark:
        """Return where a value stands; of one that is missing, where its holder does."""
        for length in range(len(path), -1, -1):
            found = self.marks.get(path[:length])
            if found is not None:
                return found
        return (1, 1)

    def written(self, path: Path) -> str:
        """Return a text as it stands in the file, quotes and line breaks included."""
        start, end = self.spans.get(path, (0, 0))
        return self.text[start:end]

    def mark_in(self, path: Path, offset: int) -> Mark:
        """Return the place of a character of what `written` returns."""
        start = self.spans.get(path)
        return self.mark(path) if start is None else _mark(self.text, start[0] + offset)

    def finding(
        self,
        path: Path,
        rule: str,
        message: str,
        fix: str,
        *,
        severity: Severity = Severity.ERROR,
        at: Mark | None = None,
    ) -> Finding:
        """Return a finding about one value."""
        line, column = at or self.mark(path)
        return Finding(
            severity=severity,
            rule=rule,
            file=self.file,
            line=line,
            column=column,
            pointer=pointer(path),
            message=message,
            fix=fix,
        )


class Parsed(msgspec.Struct, frozen=True, kw_only=True):
    """What could be read of a file, and what could not."""

    documents: tuple[Document, ...]
    """Without those that are empty."""
    findings: tuple[Finding, ...]
    values: int = 0
    """Aliases followed."""


def parse(text: str, file: str) -> Parsed:
    """Return the documents of a YAML text and everything that is wrong with its form."""
    reader = _Reader(text.removeprefix("\ufeff"), file)
    try:
        reader.read()
    except _Stop:
        pass  # its finding was kept
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        at = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        problem = error.problem or "not YAML"
        reader.refuse(at, (), "yaml.syntax", problem, syntax_fix(problem))
    except yaml.reader.ReaderError as error:
        at = _mark(text, error.position)
        reader.refuse(at, (), "yaml.syntax", "a character that YAML does not allow", "remove it")
    except yaml.YAMLError as error:
        reader.refuse((1, 1), (), "yaml.syntax", str(error), "correct the YAML")
    found, findings = tuple(reader.documents), tuple(reader.findings)
    return Parsed(documents=found, findings=findings, values=reader.values)


def _mark(text: str, offset: int) -> Mark:
    starts = _starts(text)
    line = bisect_right(starts, offset)
    return line, offset - starts[line - 1] + 1


@functools.lru_cache(maxsize=8)
def _starts(text: str) -> tuple[int, ...]:
    return (0, *(found.end() for found in _BREAK.finditer(text)))


class _Stop(Exception):
    """Reading further would be harmful or pointless."""


class _Frame:
    """A map or list that is not complete yet."""

    def __init__(self, path: Path, anchor: str | None, value: Any) -> None:
        self.path = path
        self.anchor = anchor
        self.value = value
        self.key: str | None = None
        self.skips = False
        """Whether the next value belongs to a key that is there twice."""
        self.before = 0


class _Reader:
    def __init__(self, text: str, file: str) -> None:
        self.documents: list[Document] = []
        self.findings: list[Finding] = []
        self._text = text
        self._file = file
        self.values = 0
        self._aliases = 0
        self._reset()

    def _reset(self) -> None:
        self._frames: list[_Frame] = []
        self._anchors: dict[str, tuple[Any, int]] = {}
        self._marks: dict[Path, Mark] = {}
        self._spans: dict[Path, Span] = {}
        self._root: Any = None

    def refuse(self, at: Mark, path: Path, rule: str, message: str, fix: str) -> None:
        """Keep a finding."""
        self.findings.append(
            Finding(
                severity=Severity.ERROR,
                rule=rule,
                file=self._file,
                line=at[0],
                column=at[1],
                pointer=pointer(path),
                message=message,
                fix=fix,
            )
        )
        if len(self.findings) >= MAX_FINDINGS:
            raise _Stop

    def _stop(self, at: Mark, path: Path, rule: str, message: str, fix: str) -> None:
        self.refuse(at, path, rule, message, fix)
        raise _Stop

    def read(self) -> None:
        if len(self._text) > MAX_CHARACTERS:
            message = f"more than {MAX_CHARACTERS} characters"
            self._stop((1, 1), (), "yaml.size", message, "split the file")
        number = 0
        # The events come one by one, so that neither depth nor aliases cost anything before they
        # are counted here.
        for event in yaml.parse(self._text, Loader=yaml.CSafeLoader):
            if isinstance(event, _OF_VALUES):
                self._take(event)
            elif isinstance(event, DocumentStartEvent):
                self._reset()
                number += 1
                if number > MAX_DOCUMENTS:
                    message = f"more than {MAX_DOCUMENTS} documents"
                    self._stop(_start(event), (), "yaml.size", message, "split the file")
            elif isinstance(event, yaml.DocumentEndEvent):
                self._complete(number - 1)

    def _complete(self, number: int) -> None:
        if self._root is not None:
            document = Document(
                file=self._file,
                number=number,
                value=self._root,
                marks=self._marks,
                spans=self._spans,
                text=self._text,
            )
            self.documents.append(document)

    def _take(self, event: Any) -> None:
        if isinstance(event, _ENDS):
            frame = self._frames.pop()
            if frame.anchor is not None:
                self._anchors[frame.anchor] = (frame.value, self.values - frame.before)
            self._give(frame.value)
            return
        if (
            self._frames
            and isinstance(self._frames[-1].value, dict)
            and self._frames[-1].key is None
        ):
            self._key(event)
            return
        path = self._path()
        start, end = event.start_mark, event.end_mark
        self._marks.setdefault(path, (start.line + 1, start.column + 1))
        self._count(event, path, 1)
        if isinstance(event, AliasEvent):
            self._alias(event, path)
            return
        if event.tag is not None:
            self._check_tag(event, path)
        if isinstance(event, ScalarEvent):
            self._spans[path] = (start.index, end.index)
            value = self._scalar(event, path)
            if event.anchor is not None:
                self._anchors[event.anchor] = (value, 1)
            self._give(value)
            return
        if len(self._frames) >= MAX_DEPTH:
            message = f"nested deeper than {MAX_DEPTH}"
            self._stop(_start(event), path[:3], "yaml.depth", message, "flatten it")
        container: Any = {} if isinstance(event, MappingStartEvent) else []
        frame = _Frame(path, event.anchor, container)
        frame.before = self.values
        self._frames.append(frame)

    def _count(self, event: Any, path: Path, nodes: int) -> None:
        self.values += nodes
        if self.values > MAX_NODES:
            message = f"more than {MAX_NODES} values, aliases followed"
            self._stop(_start(event), path[:3], "yaml.size", message, "split the file")

    def _alias(self, event: AliasEvent, path: Path) -> None:
        self._aliases += 1
        if self._aliases > MAX_ALIASES:
            message = f"more than {MAX_ALIASES} aliases"
            self._stop(_start(event), path[:3], "yaml.aliases", message, "write the values out")
        known = self._anchors.get(str(event.anchor))
        if known is None:
            message = f"the alias *{event.anchor} has no anchor before it"
            self.refuse(_start(event), path, "yaml.alias", message, "define it, or write the value")
            self._give(None)
            return
        value, nodes = known
        self._count(event, path, nodes)
        # What is done to one place reaches no other.
        self._give(copied(value))

    def _check_tag(self, event: Any, path: Path) -> None:
        if event.tag not in _TAGS:
            message = f"the tag {event.tag!r} is not taken"
            self.refuse(_start(event), path, "yaml.tag", message, "leave the tag out")

    def _path(self) -> Path:
        if not self._frames:
            return ()
        frame = self._frames[-1]
        step = frame.key if isinstance(frame.value, dict) else len(frame.value)
        return (*frame.path, step) if step is not None else frame.path

    def _key(self, event: Any) -> None:
        frame = self._frames[-1]
        at = _start(event)
        if not isinstance(event, ScalarEvent):
            fix = 'write a name, and quote an expression: "${{ … }}"'
            self._stop(at, frame.path, "yaml.key", "a key must be a text", fix)
        name = str(event.value)
        self._count(event, frame.path, 1)
        frame.key = name
        frame.skips = name in frame.value
        path = (*frame.path, name)
        if frame.skips:
            self.refuse(at, path, "yaml.duplicate", f"{name} is there twice", "keep one of them")
        elif name == "<<" and not event.style:
            self.refuse(at, path, "yaml.merge", "merge keys are not taken", "write the values out")
        elif "${{" in name:
            fix = "put quotes around the whole expression: a text with `: ` in it reads as a map"
            self.refuse(at, path, "yaml.key", "an expression cannot be a key", fix)
        self._marks.setdefault(path, at)

    def _give(self, value: Any) -> None:
        if not self._frames:
            self._root = value
            return
        frame = self._frames[-1]
        if isinstance(frame.value, list):
            frame.value.append(value)
            return
        if not frame.skips and frame.key is not None:
            frame.value[frame.key] = value
        frame.key = None

    def _scalar(self, event: ScalarEvent, path: Path) -> Any:
        text = str(event.value)
        if event.style or event.tag is not None:
            return text
        if text in _WORDS:
            return _WORDS[text]
        if text[0] not in _NUMERIC and text.lower() not in AMBIGUOUS:
            return text
        if _INT.fullmatch(text) and len(text) <= _MAX_DIGITS:
            return int(text)
        if _FLOAT.fullmatch(text) and not _NUMBER.fullmatch(text):
            return self._float(event, path, text)
        if text.lower() in AMBIGUOUS or any(
            one.fullmatch(text) for one in (_OCTAL, _SEXAGESIMAL, _NUMBER, _TIME)
        ):
            message = f"{text} is a text for some readers and something else for others"
            fix = "quote it, or write true, false or a plain number"
            self.refuse(_start(event), path, "yaml.ambiguous", message, fix)
        return text

    def _float(self, event: ScalarEvent, path: Path, text: str) -> Any:
        value = float(text)
        if value in (float("inf"), float("-inf")) or _INT.fullmatch(text):
            self.refuse(_start(event), path, "yaml.number", "the number is too large", "quote it")
            return text
        return value


def _start(event: Any) -> Mark:
    return event.start_mark.line + 1, event.start_mark.column + 1


def walk(value: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Return every value in a document with its path, holders before what they hold."""
    left = [(path, value)]
    while left:
        placed = left.pop()
        yield placed
        path, value = placed
        if isinstance(value, dict):
            left += [((*path, name), value[name]) for name in reversed(value)]
        elif isinstance(value, list):
            left += [((*path, at), value[at]) for at in range(len(value) - 1, -1, -1)]
