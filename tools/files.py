"""Generated files: what each should hold, and whether it does."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parent.parent
"""The folder of the whole repository."""


def pretty(value: Any) -> str:
    """Return JSON for people and for version control: indented, one newline at the end."""
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


def stale(wanted: Mapping[Path, str]) -> list[Path]:
    """Return the files whose content is not what it should be, missing ones included."""
    return [
        path
        for path, text in wanted.items()
        if not path.is_file() or path.read_text(encoding="utf-8") != text
    ]


def settle(wanted: Mapping[Path, str], *, check: bool, remedy: str) -> int:
    """Write what is stale or, with `check`, name it; returns the exit code.

    Args:
        wanted: Content by file.
        check: Write nothing; 1 if anything is stale.
        remedy: The command that makes it current, for the message.
    """
    found = stale(wanted)
    for path in found:
        name = path.relative_to(ROOT)
        if check:
            print(f"{name} is out of date; run: {remedy}", file=sys.stderr)
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(wanted[path], encoding="utf-8")
            print(f"wrote {name}")
    return 1 if check and found else 0
