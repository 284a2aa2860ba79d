"""What `-f` names: a file, a folder, or `-` for stdin."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from catalyst.cli.exits import ExitCode, Failure

STDIN: Final = "-"
SUFFIXES: Final = frozenset({".yaml", ".yml", ".json"})


def read(name: str) -> str:
    """Return the text of one file, or of stdin.

    Raises:
        Failure: If it cannot be read.
    """
    try:
        raw = sys.stdin.buffer.read() if name == STDIN else Path(name).read_bytes()
        return raw.decode("utf-8-sig")
    except FileNotFoundError as error:
        raise Failure(ExitCode.USAGE, f"there is no file {name!r}") from error
    except UnicodeDecodeError as error:
        text = f"{shown(name)}: byte {error.start} is not UTF-8"
        raise Failure(ExitCode.REJECTED, text, code="not-utf8") from error
    except OSError as error:
        raise Failure(ExitCode.USAGE, f"{name!r} cannot be read: {error.strerror}") from error


def expand(names: Iterable[str]) -> list[str]:
    """Return the files that are meant: of a folder, all documents in it and below, by name.

    Raises:
        Failure: If a folder holds none.
    """
    found: list[str] = []
    for name in names:
        if name == STDIN or not Path(name).is_dir():
            found.append(name)
            continue
        inside = sorted(
            str(path)
            for path in Path(name).rglob("*")
            if path.suffix in SUFFIXES and path.is_file() and not _hidden(path, Path(name))
        )
        if not inside:
            raise Failure(ExitCode.USAGE, f"the folder {name!r} holds no .yaml, .yml or .json")
        found.extend(inside)
    return found


def shown(name: str) -> str:
    """Return how a file is called in messages."""
    return "stdin" if name == STDIN else name


def _hidden(path: Path, below: Path) -> bool:
    return any(part.startswith(".") for part in path.relative_to(below).parts)
