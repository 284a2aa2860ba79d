"""The content of one version: its files with their limits, its tar and its digest.

Whoever wrote it may be hostile, so everything here has a limit and nothing is followed.
"""

from __future__ import annotations

import hashlib
import io
import re
import tarfile
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

import msgspec

MAX_BYTES: Final = 4 * 1024 * 1024
"""Of all files together."""
MAX_FILES: Final = 500
MAX_PATH: Final = 200
"""Characters of one path."""
MAX_PARTS: Final = 12
"""Folders above a file, and the file."""
DOCUMENT: Final = "blueprint.yaml"
"""The file that every package has, at its top."""

_PART: Final = re.compile(r"[A-Za-z0-9_.@+-]{1,100}")


class BadPackage(Exception):
    """The content cannot be taken at all; nothing of it was used."""

    def __init__(self, path: str, reason: str, fix: str) -> None:
        """Name the file (empty: the whole), what is wrong, and what to do."""
        super().__init__(f"{path}: {reason}" if path else reason)
        self.path = path
        self.reason = reason
        self.fix = fix


class Package(msgspec.Struct, frozen=True, kw_only=True):
    """The files of one version, by their path with `/`, in the order of their paths."""

    files: dict[str, bytes]

    @property
    def size(self) -> int:
        """Bytes of all files together."""
        return sum(map(len, self.files.values()))

    def text(self, path: str) -> str:
        """Return a file as text.

        Raises:
            KeyError: If there is no such file.
            BadPackage: If it is not UTF-8.
        """
        try:
            return self.files[path].decode("utf-8")
        except UnicodeDecodeError as error:
            reason = f"byte {error.start} is not UTF-8"
            raise BadPackage(path, reason, "save the file as UTF-8") from error


def of_files(files: Mapping[str, bytes] | Iterable[tuple[str, bytes]]) -> Package:
    """Return a package of these files.

    Raises:
        BadPackage: If a path or the whole is beyond a limit, or a path is there twice.
    """
    taken: dict[str, bytes] = {}
    folded: dict[str, str] = {}
    size = 0
    pairs = files.items() if isinstance(files, Mapping) else files
    for path, content in pairs:
        check_path(path)
        if path in taken:
            raise BadPackage(path, "the path is there twice", "keep one of the two")
        other = folded.setdefault(path.lower(), path)
        if other != path:
            reason = f"differs from {other!r} in upper and lower case only"
            raise BadPackage(path, reason, "rename one: some disks cannot hold both")
        size += len(content)
        if size > MAX_BYTES:
            raise too_large()
        taken[path] = content
        if len(taken) > MAX_FILES:
            raise too_many()
    for path in taken:
        for above in _folders(path):
            if above in taken:
                raise BadPackage(above, "is both a file and a folder", "rename one of the two")
    return Package(files=dict(sorted(taken.items())))


def to_tar(package: Package) -> bytes:
    """Return the package as a tar: the same files always make the same bytes."""
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for path, content in package.files.items():
            member = tarfile.TarInfo(path)
            member.size = len(content)
            member.mode = 0o644
            archive.addfile(member, io.BytesIO(content))
    return target.getvalue()


def digest(package: Package) -> str:
    """Return `sha256:` and the hash of the package's tar."""
    return f"sha256:{hashlib.sha256(to_tar(package)).hexdigest()}"


def check_path(path: str) -> None:
    """Refuse a path that does not stay inside the package.

    Raises:
        BadPackage: If it is absolute, climbs, or holds anything but plain names.
    """
    shown = path[:MAX_PATH]
    parts = path.split("/")
    if len(path) > MAX_PATH or len(parts) > MAX_PARTS:
        reason = f"a path has at most {MAX_PATH} characters and {MAX_PARTS} parts"
        raise BadPackage(shown, reason, "use fewer folders or shorter names")
    if path.startswith("/") or ".." in parts or "\\" in path:
        raise BadPackage(shown, "leads out of the package", "name files below the package's top")
    for part in parts:
        if part.startswith(".") or not _PART.fullmatch(part):
            reason = "a name holds letters, digits and _ . @ + -, and begins with no dot"
            raise BadPackage(shown, reason, "rename the file")


def too_large() -> BadPackage:
    """Return that there are too many bytes."""
    reason = f"more than {MAX_BYTES // 1024 // 1024} MiB"
    return BadPackage("", reason, "leave out what the manifests do not need")


def too_many() -> BadPackage:
    """Return that there are too many files."""
    return BadPackage("", f"more than {MAX_FILES} files", "leave out what nobody needs")


def _folders(path: str) -> Iterator[str]:
    parts = path.split("/")
    return ("/".join(parts[:length]) for length in range(1, len(parts)))
