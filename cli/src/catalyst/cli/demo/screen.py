"""How the demonstration is shown: pleasant in a terminal, plain when piped, JSON for machines."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec
from rich.console import Console
from rich.markup import escape
from rich.text import Text

from catalyst.cli.output import Table, clean


class Proof(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that was shown to hold, or not."""

    what: str
    held: bool | None
    """None if it was left out."""
    detail: str
    command: bool = False
    """Whether it is about one command alone; the closing table counts these together."""


@dataclass(slots=True)
class Screen:
    """Takes what happens and shows it."""

    as_json: bool = False
    """Show nothing until the end, then one JSON document."""
    proofs: list[Proof] = field(default_factory=list)
    _told: bool = False
    """Whether the story has begun."""
    _console: Console = field(default_factory=lambda: Console(highlight=False, soft_wrap=True))

    def step(self, title: str) -> None:
        """Begin a part of the story."""
        self._told = True
        self._print("")
        self._print(f"[bold]{escape(title)}[/bold]" if self._console.is_terminal else escape(title))

    def line(self, text: str) -> None:
        """Say one thing that happened."""
        self._print(f"  {escape(clean(text))}", 4)

    def prove(self, what: str, *, held: bool, detail: str = "") -> None:
        """Note and show whether something held; the detail is for the closing table."""
        self.proofs.append(Proof(what=what, held=held, detail=detail))
        self._print(f"  {_MARKS[held]}  {escape(clean(what))}", 6)

    def prove_command(self, what: str, *, held: bool, detail: str) -> None:
        """Note and show what became of one command; the closing table counts them together."""
        self.proofs.append(Proof(what=what, held=held, detail=detail, command=True))
        self._print(
            f"  {_MARKS[held]}  {escape(clean(what))}  [dim]{escape(clean(detail))}[/dim]", 6
        )

    def leave_out(self, what: str, why: str) -> None:
        """Note and show that something was not looked at."""
        self.proofs.append(Proof(what=what, held=None, detail=why))
        self._print(f"  [yellow]left out[/yellow]  {escape(clean(what))}: {escape(clean(why))}", 6)

    def waiting(self, text: str) -> None:
        """Say what the stack says of itself: before the story on stderr, in it where it happens.

        A person who waits for JSON reads what comes before the story, too. Where its logs are is
        left out in the story: they are removed with everything else.
        """
        if self._told:
            self.line(text.partition("; see ")[0])
        elif not self.as_json or sys.stderr.isatty():
            sys.stderr.write(f"{text}\n")
            sys.stderr.flush()

    @property
    def held(self) -> bool:
        """Whether everything held so far; what was left out does not count."""
        return all(proof.held is not False for proof in self.proofs)

    def finish(
        self, numbers: Iterable[tuple[str, str]], facts: dict[str, Any], more: Iterable[str]
    ) -> None:
        """Show what was proved, the numbers and what to do next, or the one JSON document."""
        if self.as_json:
            body = {"held": self.held, "proofs": self.proofs, **facts}
            sys.stdout.write(msgspec.json.format(msgspec.json.encode(body)).decode() + "\n")
            return
        self.step("What was proved")
        table = Table("", "WHAT", "DETAIL")
        for proof in self._briefly():
            table.add(_WORDS[proof.held], proof.what, proof.detail)
        table.write()
        self.step("Numbers of this run")
        figures = Table("WHAT", "VALUE")
        for name, value in numbers:
            figures.add(name, value)
        figures.write()
        self.step(self.verdict())
        for line in more:
            self.line(line)

    def verdict(self) -> str:
        """Return in one sentence whether everything held; it counts the lines of the table."""
        told = self._briefly()
        tried = [proof for proof in told if proof.held is not None]
        wrong = sum(1 for proof in tried if not proof.held)
        text = f"{wrong} of {len(tried)} checks did not hold."
        if not wrong:
            text = f"All {len(tried)} checks held."
        apart = len(told) - len(tried)
        return f"{text} {apart} left out." if apart else text

    def _briefly(self) -> list[Proof]:
        """Return the proofs, those of commands as one, unless one of them did not hold."""
        commands = [proof for proof in self.proofs if proof.command]
        told = [proof for proof in self.proofs if not (proof.command and proof.held)]
        held = sum(1 for proof in commands if proof.held)
        if held:
            what = "commands are accepted, and a reader of the live stream sees each row"
            told.insert(0, Proof(what=what, held=True, detail=f"{held} of {len(commands)}"))
        return told

    def _print(self, text: str, hang: int = 0) -> None:
        """Show a line; one that a terminal has no room for goes on `hang` blanks further in."""
        if self.as_json:
            return
        room = self._console.width
        line = Text.from_markup(text)
        if not self._console.is_terminal or line.cell_len <= room:
            self._console.print(text)
            return
        for index, part in enumerate(line.wrap(self._console, room - hang)):
            part.rstrip()
            self._console.print(Text(" " * hang) + part if index else part)


_MARKS: Final = {True: "[green]ok[/green]", False: "[red]FAILED[/red]"}
_WORDS: Final = {True: "ok", False: "FAILED", None: "left out"}
