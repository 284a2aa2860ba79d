"""A watch of rows as it is written: what there is, then a line for each change."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from catalyst.cli import kinds
from catalyst.cli.output import Format, Table, as_json, as_yaml, note, write
from catalyst.cli.watched import told
from catalyst.client.rows import Bye, Change, Del, Heartbeat, Interrupted, Put, Reset, Row, Synced


class Printer:
    """Writes a watch: the snapshot as a table, then a line for each change."""

    def __init__(self, wanted: str, name: str | None, form: Format) -> None:
        """Write rows of the kinds `wanted`; `name` is the one that is waited for, if one is."""
        self._kinds = wanted
        self._name = name
        self._form = form
        self._columns = kinds.columns(wanted)
        self._table: Table | None = None
        self._snapshot: list[Row] | None = []
        self._empty = True
        self._told_absent = False

    @property
    def has_nothing(self) -> bool:
        """Whether the snapshot that is about to end has no row."""
        return self._empty

    def take(self, change: Change) -> None:
        """Write what a change means for whoever reads along."""
        if isinstance(change, Synced) and self._empty and self._name is not None:
            self._say_absent(self._name)
        self._empty = isinstance(change, Reset) or (
            self._empty and not isinstance(change, Put | Synced)
        )
        if self._form is not Format.TABLE:
            self._write_object(change)
        else:
            self._write_line(change)
        self._say(change)

    def _write_object(self, change: Change) -> None:
        if isinstance(change, Interrupted):
            return
        body = {"event": type(change).__name__.lower(), **msgspec.to_builtins(change)}
        if self._form is Format.JSON:
            write(as_json(body, indent=0))
        else:
            write("---\n" + as_yaml(body).rstrip("\n"))

    def _write_line(self, change: Change) -> None:
        match change:
            case Reset():
                self._snapshot = []
            case Put(row=row) if self._snapshot is not None:
                self._snapshot.append(row)
            case Put(row=row):
                self._next("changed", row)
            case Del(key=key, seq=seq):
                self._next("deleted", Row(key=key, seq=seq))
            case Synced() if self._snapshot is not None:
                self._write_snapshot(self._snapshot)
                self._snapshot = None
            case _:
                return

    def _write_snapshot(self, rows: list[Row]) -> None:
        self._table = Table("CHANGE", *(heading for heading, _ in self._columns))
        for row in sorted(rows, key=lambda item: item.key):
            self._table.add("-", *cells(self._columns, row))
        headings = self._table.headings
        self._table.widths(*(_WATCHED.get(name, len(name)) for name in headings))

    def _next(self, what: str, row: Row) -> None:
        if self._table is not None:
            self._table.write_next(what, *cells(self._columns, row))

    def _say_absent(self, name: str) -> None:
        if self._told_absent:
            return
        self._told_absent = True
        what = kinds.singular(self._kinds)
        note(f"there is no {what} {name!r} yet, or it is not yours to see: waiting for it")

    def _say(self, change: Change) -> None:
        match change:
            case Reset(reason=reason) if reason != "start":
                note(f"everything is shown again: {reason}")
            case Synced(as_of=as_of):
                note(f"as of {as_of}; every change follows, Ctrl-C ends")
            case Bye(reason=reason, retryable=True):
                note(f"the other side ends the stream: {reason}")
            case Heartbeat(as_of=as_of, head=head) if head > as_of:
                note(f"{head - as_of} behind")
            case _:
                told(change)


_WATCHED: Final = {"CHANGE": 7, "NAME": 16, "DISPLAY NAME": 20, "PHASE": 10, "SEQ": 7}
"""Room for what later changes may bring, so that they stand below what was shown first."""


def cells(columns: tuple[kinds.Column, ...], row: Row) -> list[object]:
    """Return what stands of a row in each column."""
    doc: Mapping[str, Any] = row.doc if isinstance(row.doc, dict) else {}
    return [read(row, doc) for _, read in columns]
