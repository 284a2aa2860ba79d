"""What a change does to files: each one added, changed or removed, with the difference as text."""

from __future__ import annotations

import difflib
import hashlib
from collections.abc import Mapping
from typing import Final, Literal

import msgspec

FILES: Final = "files"
"""The input of a plan that is the fingerprint of all its files."""
MAX_TEXT: Final = 200_000
"""Characters of all differences together that a plan shows; the files are committed whole."""


class Spot(msgspec.Struct, frozen=True, order=True):
    """Where a file stands."""

    repository: str
    branch: str
    path: str


Files = Mapping[Spot, bytes]


class FileChange(msgspec.Struct, frozen=True, kw_only=True):
    """What the commit of a change does to one file, whose beginning and archive are others."""

    repository: str
    branch: str
    path: str
    """In the repository."""
    change: Literal["added", "changed", "removed"]
    digest: str = ""
    """SHA-256 of the file as it will be, in hexadecimal digits; empty: it is removed."""
    diff: str
    """The difference as text, in the unified form."""
    cut: bool = False
    """True if the text is longer than a plan shows."""


def spots(repository: str, branch: str, files: Mapping[str, bytes]) -> dict[Spot, bytes]:
    """Return the files of a branch, each with where it stands."""
    return {Spot(repository, branch, path): content for path, content in files.items()}


def compare(before: Files, after: Files) -> tuple[FileChange, ...]:
    """Return what happens to each file, in order; a file that stays as it is, is not there."""
    found: list[FileChange] = []
    left = MAX_TEXT
    for spot in sorted(before.keys() | after.keys()):
        old, new = before.get(spot), after.get(spot)
        if old == new:
            continue
        change: Literal["added", "changed", "removed"] = (
            "added" if old is None else "removed" if new is None else "changed"
        )
        text = _unified(spot.path, old, new)
        shown = text[: max(0, left)]
        left -= len(shown)
        found.append(
            FileChange(
                repository=spot.repository,
                branch=spot.branch,
                path=spot.path,
                change=change,
                digest="" if new is None else hashlib.sha256(new).hexdigest(),
                diff=shown,
                cut=len(shown) < len(text),
            )
        )
    return tuple(found)


def _unified(path: str, old: bytes | None, new: bytes | None) -> str:
    if old is None or new is None:
        return _whole(path, old, new)
    lines = difflib.unified_diff(_lines(old), _lines(new), f"a/{path}", f"b/{path}")
    return "".join(map(_ended, lines))


def _whole(path: str, old: bytes | None, new: bytes | None) -> str:
    """Return what `unified_diff` says of a file that comes or goes, without looking for likeness.

    Most files of a plan are such, and it took a tenth of its time.
    """
    lines = _lines(new if old is None else old)
    if not lines:
        return ""
    span = "1" if len(lines) == 1 else f"1,{len(lines)}"
    if old is None:
        head, sign = f"--- /dev/null\n+++ b/{path}\n@@ -0,0 +{span} @@\n", "+"
    else:
        head, sign = f"--- a/{path}\n+++ /dev/null\n@@ -{span} +0,0 @@\n", "-"
    ended = [f"{sign}{line}" if line[-1] == "\n" else f"{sign}{line}\n" for line in lines]
    return head + "".join(ended)


def _ended(line: str) -> str:
    return line if line.endswith("\n") else f"{line}\n"


def _lines(content: bytes | None) -> list[str]:
    text = (content or b"").decode("utf-8", "replace")
    return text.splitlines(keepends=True)


def digest(files: Files, address: str = "") -> str:
    """Return the fingerprint of files: the same for the same places with the same content.

    Where the repositories are found, the part before `/git/`, is no part of that: an installation
    that moves, or is started again on another port, goes on with the plans that it has.
    """
    found = hashlib.sha256()
    there = f"{address}/git/".encode()
    for spot in sorted(files):
        same = files[spot].replace(there, b"/git/") if address else files[spot]
        content = hashlib.sha256(same).hexdigest()
        found.update(f"{spot.repository}@{spot.branch}/{spot.path}\0{content}\n".encode())
    return found.hexdigest()
