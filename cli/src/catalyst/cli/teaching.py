"""Teaching a shell how a line may go on: the one that is named, else the one that is used."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from typer._completion_shared import Shells, get_completion_script, install

from catalyst.cli.calling import COMPLETING, NAME, called
from catalyst.cli.exits import ExitCode, Failure
from catalyst.cli.output import note, write

SHOW: Final = "--show-completion"
INSTALL: Final = "--install-completion"


def taught(arguments: Sequence[str]) -> bool:
    """Do what is asked for of a shell; return whether anything was.

    Raises:
        Failure: If a shell is named that is none of those that can be taught.
    """
    option, _, joined = arguments[0].partition("=") if arguments else ("", "", "")
    if option not in {SHOW, INSTALL}:
        return False
    named = [*([joined] if joined else []), *arguments[1:]]
    shells = [shell.value for shell in Shells]
    if len(named) > 1 or any(name not in shells for name in named):
        known = ", ".join(shells)
        raise Failure(ExitCode.USAGE, f"{option} takes one shell or none: {known}")
    shell = named[0] if named else None
    if option == INSTALL:
        shell, path = install(shell=shell, prog_name=NAME)
        note(f"what teaches {shell} is in {path}; it counts in terminals that are opened from now")
        _say_where()
        return True
    if shell is None:
        # Typer finds out which one is used.
        return False
    write(get_completion_script(prog_name=NAME, complete_var=COMPLETING, shell=shell))
    return True


def _say_where() -> None:
    """Say how the shell finds the command by its name, where it was called by another."""
    if called() != NAME:
        place = Path(sys.executable).parent
        note(f"it completes lines that begin with {NAME}, none that begin with {called()}:")
        note(f"  export PATH={place}:$PATH")
