"""How the demonstration is shown: pleasant in a terminal, plain when piped, JSON for machines."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import msgspec
from rich.console import Console
from rich.markup import escape

from catalyst.cli.output import Table, clean


class Proof(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that was shown to hold, or not."""

    what: str
    held: bool
    detail: str


@dataclass(slots=True)
class Screen:
    """Takes what happens and shows it."""

    as_json: bool = False
    """Show nothing until the end, then one JSON document."""
    proofs: list[Proof] = field(default_factory=list)
    _console: Console = field(default_factory=lambda: Console(highlight=False, soft_wrap=True))

    def step(self, title: str) -> None:
        """Begin a part of the story."""
        if self._console.is_terminal:
            self._print(f"\n[bold]{escape(title)}[/bold]")
        else:
            self._print(f"\n{escape(title)}")

    def line(self, text: str) -> None:
        """Say one thing that happened."""
        self._print(f"  {escape(clean(text))}")

    def prove(self, what: str, *, held: bool, detail: str = "") -> None:
        """Note and show whether something held."""
        self.proofs.append(Proof(what=what, held=held, detail=detail))
        mark = "[green]ok[/green]" if held else "[red]FAILED[/red]"
        tail = f"  [dim]{escape(clean(detail))}[/dim]" if detail else ""
        self._print(f"  {mark}  {escape(clean(what))}{tail}")

    def waiting(self, text: str) -> None:
        """Say what is waited for; on stderr, so that the result stays clean."""
        if not self.as_json:
            sys.stderr.write(f"{text}\n")
            sys.stderr.flush()

    @property
    def held(self) -> bool:
        """Whether everything held so far."""
        return all(proof.held for proof in self.proofs)

    def finish(self, numbers: Iterable[tuple[str, str]], facts: dict[str, Any]) -> None:
        """Show the table of what was proved, or the one JSON document."""
        if self.as_json:
            body = {"held": self.held, "proofs": self.proofs, **facts}
            sys.stdout.write(msgspec.json.format(msgspec.json.encode(body)).decode() + "\n")
            return
        self.step("What was proved")
        table = Table("", "WHAT", "DETAIL")
        for proof in self.proofs:
            table.add("ok" if proof.held else "FAILED", proof.what, proof.detail)
        table.write()
        self.step("Numbers of this run")
        figures = Table("WHAT", "VALUE")
        for name, value in numbers:
            figures.add(name, value)
        figures.write()

    def _print(self, text: str) -> None:
        if not self.as_json:
            self._console.print(text)
