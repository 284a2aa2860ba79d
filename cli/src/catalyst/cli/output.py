"""What a person or a program gets to read: text to stdout, everything else to stderr.

Plain where nobody looks: without a terminal there are no colours and no boxes.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Iterable, Sequence
from enum import StrEnum
from typing import Any, Final

import msgspec
import yaml

from catalyst.cli import columns
from catalyst.cli.calling import as_called
from catalyst.cli.exits import Ended, ExitCode, Failure

_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
_FRACTION: Final = re.compile(r"(\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d)\.\d+(?=Z|[+-]\d\d:\d\d)")
_GAP: Final = " " * columns.GAP


JSON_FLAG: Final = "--json"
"""Short for `-o json`."""


class Format(StrEnum):
    """How results are written."""

    TABLE = "table"
    JSON = "json"
    YAML = "yaml"


def asked_form(arguments: list[str]) -> Format:
    """Return the form that a command line asks for, without reading the rest of it."""
    if JSON_FLAG in arguments:
        return Format.JSON
    pairs = list(zip(arguments, [*arguments[1:], ""], strict=True))
    for form in (Format.JSON, Format.YAML):
        if any(
            name in {f"--output={form}", f"-o{form}"}
            or (name in {"-o", "--output"} and value == form)
            for name, value in pairs
        ):
            return form
    return Format.TABLE


class Table:
    """Rows under headings, for a terminal or for `awk`."""

    def __init__(self, *headings: str) -> None:
        """Start with these headings and no row."""
        self.headings = headings
        self.rows: list[tuple[str, ...]] = []
        self._widths: list[int] | None = None

    def add(self, *cells: object) -> None:
        """Add a row; a cell that holds nothing is shown as a dash."""
        self.rows.append(tuple(cell(value) for value in cells))

    def write(self) -> None:
        """Write the whole table to stdout, and say what the terminal has no room for."""
        left_out(self.draw())

    def draw(self) -> list[str]:
        """Write the whole table to stdout; returns which columns the terminal has no room for."""
        if not terminal():
            for line in self.plain():
                write(line)
            return []
        # Imported here, so that what is piped, and a stack that starts, do without.
        from rich.console import Console  # noqa: PLC0415
        from rich.table import Table as RichTable  # noqa: PLC0415
        from rich.text import Text  # noqa: PLC0415

        seen = Console().width
        widths = columns.fit(self.headings, self.rows, seen)
        table = RichTable(box=None, pad_edge=False, padding=(0, columns.GAP, 0, 0))
        for index, width in widths.items():
            heading = self.headings[index]
            table.add_column(
                heading,
                header_style="bold",
                # A word longer than the column goes on below; what is cut anywhere shows that.
                overflow="fold" if heading in columns.PROSE else "ellipsis",
                no_wrap=heading not in columns.PROSE,
                width=width,
            )
        for row in self.rows:
            table.add_row(*(Text(row[index], style=_style(row[index])) for index in widths))
        # Wider than the terminal where nothing may be cut: the terminal breaks the line then.
        room = sum(widths.values()) + columns.GAP * len(widths)
        Console(width=max(seen, room)).print(table)
        return [name for index, name in enumerate(self.headings) if index not in widths]

    def plain(self) -> list[str]:
        """Return the lines, heading first, columns aligned."""
        self._widths = [
            max(len(row[index]) for row in (self.headings, *self.rows))
            for index in range(len(self.headings))
        ]
        return [self._line(row) for row in (self.headings, *self.rows)]

    def widths(self, *widths: int) -> None:
        """Write what there is in columns of at least these widths; `write_next` goes on below."""
        natural = (max(map(len, column)) for column in zip(self.headings, *self.rows, strict=True))
        self._widths = [max(pair) for pair in zip(widths, natural, strict=True)]
        for row in (self.headings, *self.rows):
            write(self._line(row))

    def write_next(self, *cells: object) -> None:
        """Write one more row right away, under what was written before.

        If it is wider than a column, the headings come again above it, in wider columns.
        """
        row = tuple(cell(value) for value in cells)
        known = self._widths or [len(heading) for heading in self.headings]
        self._widths = [max(width, len(value)) for width, value in zip(known, row, strict=True)]
        if self._widths != known:
            write(self._line(self.headings))
        write(self._line(row))

    def _line(self, row: Sequence[str]) -> str:
        widths = self._widths or [len(heading) for heading in self.headings]
        padded = (value.ljust(width) for value, width in zip(row, widths, strict=True))
        return _GAP.join(padded).rstrip()


def cell(value: object) -> str:
    """Return a value as one line that cannot move the cursor of a terminal."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None or value in ("", (), []):
        return columns.NOTHING
    if isinstance(value, list | tuple):
        value = ",".join(str(item) for item in value)
    return clean(to_the_second(str(value)))


def to_the_second(text: str) -> str:
    """Return a text whose times have no fractions of a second; -o json has them."""
    return _FRACTION.sub(r"\1", text)


def clean(text: str) -> str:
    """Return a text whose control characters are spelled out."""
    return _CONTROL.sub(lambda match: f"\\x{ord(match[0]):02x}", text)


def show(value: object, form: Format, table: Callable[[], None]) -> None:
    """Write a result in the chosen form; `table` writes it for a person."""
    match form:
        case Format.TABLE:
            table()
        case Format.JSON:
            write(as_json(value))
        case Format.YAML:
            write(as_yaml(value).rstrip("\n"))


def as_json(value: object, *, indent: int = 2) -> str:
    """Return a value as JSON; with `indent` 0 on one line."""
    raw = msgspec.json.encode(value)
    return (msgspec.json.format(raw, indent=indent) if indent else raw).decode()


def as_yaml(value: object) -> str:
    """Return a value as YAML, in the order of its fields."""
    plain: Any = msgspec.to_builtins(value, str_keys=True)
    text: str = yaml.safe_dump(plain, sort_keys=False, allow_unicode=True, width=100)
    return text


def write(line: str) -> None:
    """Write a line to stdout and do not keep it back: somebody may wait at the other end.

    Raises:
        Ended: If nobody reads any more, such as behind `head`.
    """
    try:
        sys.stdout.write(line + "\n")
        sys.stdout.flush()
    except BrokenPipeError as error:
        # What is left in the buffer must not fail once more when the interpreter ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise Ended(ExitCode.OK) from error


def left_out(headings: Iterable[str]) -> None:
    """Say which columns a terminal had no room for, if there are any."""
    if gone := list(dict.fromkeys(headings)):
        note(f"not shown here: {', '.join(gone)}; a wider terminal or -o json shows them")


def note(text: str) -> None:
    """Write a line that is no part of the result to stderr; commands in it can be pasted."""
    _beside(clean(as_called(text)) + "\n")


def _beside(text: str) -> None:
    """Write to stderr, as long as anybody reads it: the command goes on and ends as it would."""
    try:
        sys.stderr.write(text)
        sys.stderr.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stderr.fileno())


def complain(failure: Failure, form: Format = Format.TABLE) -> None:
    """Write why it did not work to stderr: in words, or to a program as an object of its form."""
    if form is not Format.TABLE:
        body = {
            "code": failure.code,
            "message": failure.message,
            "exit": int(failure.exit_code),
            "hint": as_called(failure.hint),
            "errors": failure.errors,
            "causes": failure.causes,
        }
        told = as_json if form is Format.JSON else as_yaml
        _beside(told({"error": body}).rstrip("\n") + "\n")
        return
    for line in failure.message.splitlines():
        note(f"Error: {line}")
    for error in failure.errors:
        if error.pointer and error.message not in failure.message:
            note(f"  {error.pointer}: {error.message}")
    for cause in failure.causes:
        note(f"  {cause}")
    if failure.hint:
        note(f"Hint: {failure.hint}")


def terminal() -> bool:
    """Return whether a person looks at stdout."""
    return sys.stdout.isatty()


def _style(value: str) -> str:
    return _STYLES.get(value, "")


_STYLES: Final = {
    "ready": "green",
    "accepted": "green",
    "completed": "green",
    "ok": "green",
    "failed": "red",
    "rejected": "red",
    "fail": "red",
    "warn": "yellow",
    "suspended": "yellow",
    "onboarding": "cyan",
    "running": "cyan",
}
