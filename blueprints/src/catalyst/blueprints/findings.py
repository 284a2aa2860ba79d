"""What is wrong with a package: where, by which rule, and what to do."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import Any, Final

import msgspec

Path = tuple[str | int, ...]
"""Names of fields and places in lists, from the top of a document."""


class Severity(StrEnum):
    """What a finding means for a registration."""

    ERROR = "error"
    """It is refused."""
    WARNING = "warning"
    """It is taken, and the author should look at it."""
    PENDING = "pending"
    """It is taken, and waits for a Blueprint that is not there yet."""


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that is wrong."""

    severity: Severity
    rule: str
    """Stable name of the rule, such as `schema.required`."""
    file: str
    """Path in the package; empty: the package as a whole."""
    line: int
    """From 1; 0 if the finding is about the whole file."""
    column: int
    """From 1; 0 if the finding is about the whole file."""
    pointer: str
    """RFC 6901 pointer into the document; empty: the document."""
    message: str
    fix: str
    """What to do, in words."""


class Violation(msgspec.Struct, frozen=True, kw_only=True):
    """A value that a schema refuses."""

    path: Path
    rule: str
    """The keyword that refuses it, such as `minimum`."""
    message: str
    fix: str = ""

    @property
    def pointer(self) -> str:
        """RFC 6901 pointer to the value; to a missing one, where it should be."""
        return pointer(self.path)

    @property
    def told(self) -> str:
        """What is wrong and what to do about it, in one line."""
        return f"{self.message}; {self.fix}" if self.fix else self.message


def found_at(value: Any, path: Path, absent: Any = None) -> Any:
    """Return what stands at a path, or `absent` if nothing does."""
    for step in path:
        match value:
            case dict() if step in value:
                value = value[step]
            case list() if isinstance(step, int) and 0 <= step < len(value):
                value = value[step]
            case _:
                return absent
    return value


def pointer(path: Path) -> str:
    """Return a path as an RFC 6901 pointer."""
    return "".join(f"/{str(step).replace('~', '~0').replace('/', '~1')}" for step in path)


def spelled(path: Path) -> str:
    """Return a path as people write it: `regions[0].provider`."""
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
    return text.removeprefix(".")


def ordered(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Return findings in the order of the files, each once."""
    unique = dict.fromkeys(findings)
    key = lambda found: (found.file, found.line, found.column, found.rule, found.pointer)  # noqa: E731
    return tuple(sorted(unique, key=key))


def errors(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Return those that refuse the package."""
    return tuple(found for found in findings if found.severity is Severity.ERROR)


_NOT_CLOSED: Final = ("found the end", "node content", "end of stream", "or ']'", "or '}'")
"""What the library says where a text ends within a value, or a list goes on as none."""


def syntax_fix(problem: str) -> str:
    """Return what to do about a text that is no YAML, from what the library says of it."""
    if any(words in problem for words in _NOT_CLOSED):
        return "close what [, { or a quotation mark opens"
    if "mapping values" in problem or "expected" in problem:
        return "quote a text that holds `: ` or begins with a sign, and look at the indentation"
    return "correct the YAML"
