"""How this command was called, so that what it suggests can be pasted as it stands."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Final

NAME: Final = "catalyst"
COMPLETING: Final = "_CATALYST_COMPLETE"
"""Set by the shell when it asks how a line may go on."""
UNDER_UV: Final = ("UV_RUN_RECURSION_DEPTH", "UV")
"""One of these is set in whatever `uv run` starts."""
_QUOTED: Final = re.compile(rf"`((?:[A-Z_]+=(?:'[^'`]*'|[^\s`'])+ )*){NAME} ")
"""The beginning of a command, with the variables that stand before it."""


def called(environ: Mapping[str, str] | None = None) -> str:
    """Return the words before the verb: `catalyst`, or `uv run catalyst` under uv."""
    found = os.environ if environ is None else environ
    return f"uv run {NAME}" if any(found.get(name) for name in UNDER_UV) else NAME


def as_called(text: str, environ: Mapping[str, str] | None = None) -> str:
    """Return a text whose commands in backticks begin as this command was called."""
    return _QUOTED.sub(rf"`\g<1>{called(environ)} ", text)


def environ_flag(name: str) -> bool:
    """Return whether an environment variable is set to something that means yes."""
    return os.environ.get(name, "").lower() in {"1", "true", "yes", "on"}


def typed(environ: Mapping[str, str]) -> list[str]:
    """Return the words behind the command's name that stand before the one to be completed."""
    text = environ.get("_TYPER_COMPLETE_ARGS")
    if text is None:
        # Bash alone counts.
        place = environ.get("COMP_CWORD", "")
        words = environ.get("COMP_WORDS", "").split()
        return words[1 : int(place)] if place.isdecimal() else words[1:]
    words = text.split()[1:]
    # PowerShell says the last word apart, and leaves out the blank before an empty one.
    begun = environ.get("_TYPER_COMPLETE_WORD_TO_COMPLETE", not text.endswith(" "))
    return words[:-1] if begun else words
