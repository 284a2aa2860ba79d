"""What a change does to files: each path added, changed or removed, with the difference as text."""

from __future__ import annotations

import difflib
import hashlib
from collections.abc import Mapping
from typing import Final, Literal

import msgspec

MAX_TEXT: Final = 200_000
"""Characters of all differences together that a plan shows; the files are committed whole."""


class FileChange(msgspec.Struct, frozen=True, kw_only=True):
    """What happens to one file."""

    path: str
    """With the name of the repository in front, and the branch."""
    change: Literal["added", "changed", "removed"]
    diff: str
    """The difference as text, in the unified form."""
    cut: bool = False
    """True if the text is longer than a plan shows."""


def compare(before: Mapping[str, bytes], after: Mapping[str, bytes]) -> tuple[FileChange, ...]:
    """Return what happens to each file, by path; a file that stays as it is, is not there."""
    found: list[FileChange] = []
    left = MAX_TEXT
    for path in sorted(before.keys() | after.keys()):
        old, new = before.get(path), after.get(path)
        if old == new:
            continue
        change: Literal["added", "changed", "removed"] = (
            "added" if old is None else "removed" if new is None else "changed"
        )
        text = _unified(path, old, new)
        shown = text[: max(0, left)]
        left -= len(shown)
        cut = len(shown) < len(text)
        found.append(FileChange(path=path, change=change, diff=shown, cut=cut))
    return tuple(found)


def _unified(path: str, old: bytes | None, new: bytes | None) -> str:
    lines = difflib.unified_diff(
        _lines(old),
        _lines(new),
        "/dev/null" if old is None else f"a/{path}",
        "/dev/null" if new is None else f"b/{path}",
    )
    return "".join(line if line.endswith("\n") else f"{line}\n" for line in lines)


def _lines(content: bytes | None) -> list[str]:
    text = (content or b"").decode("utf-8", "replace")
    return text.splitlines(keepends=True)


def digest(files: Mapping[str, bytes]) -> str:
    """Return the fingerprint of files: the same for the same paths with the same content."""
    found = hashlib.sha256()
    for path in sorted(files):
        content = hashlib.sha256(files[path]).hexdigest()
        found.update(f"{path}\0{content}\n".encode())
    return found.hexdigest()
