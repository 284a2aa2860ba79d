"""Reading a package from a folder or a tar: nothing is followed, no more is read than is taken."""

from __future__ import annotations

import io
import itertools
import tarfile
from collections.abc import Iterator
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Final

from catalyst.blueprints.package import (
    MAX_BYTES,
    MAX_FILES,
    MAX_PATH,
    BadPackage,
    Package,
    check_path,
    of_files,
    too_large,
    too_many,
)

_MAX_ENTRIES: Final = 2 * MAX_FILES
"""Files and folders of one package, together."""
_BLOCK: Final = 512
_MAX_TAR: Final = MAX_BYTES + (MAX_FILES * 4 + 64) * _BLOCK
"""A tar adds headers, names and padding to each file."""


def read_folder(folder: Path | Traversable) -> Package:
    """Return the package in a folder; what begins with a dot, such as `.git`, is left out.

    Raises:
        BadPackage: If it holds a symbolic link or a device, or is beyond a limit.
        OSError: If it cannot be read.
    """
    return of_files(_walk(folder, "", itertools.count(1)))


def _walk(
    folder: Path | Traversable, prefix: str, entries: Iterator[int]
) -> Iterator[tuple[str, bytes]]:
    for entry in sorted(folder.iterdir(), key=lambda found: found.name):
        if entry.name.startswith("."):
            continue
        if next(entries) > _MAX_ENTRIES:
            raise too_many()
        path = f"{prefix}{entry.name}"
        check_path(path)
        if isinstance(entry, Path) and entry.is_symlink():
            raise BadPackage(path, "is a symbolic link", "put the file itself there")
        if entry.is_dir():
            yield from _walk(entry, f"{path}/", entries)
        elif entry.is_file():
            with entry.open("rb") as file:
                content = file.read(MAX_BYTES + 1)
            yield path, content
        else:
            raise BadPackage(path, "is neither a file nor a folder", "remove it")


def read_tar(raw: bytes) -> Package:
    """Return the package in an uncompressed tar.

    Raises:
        BadPackage: If it is no tar, holds anything but files and folders, or is beyond a limit.
    """
    if len(raw) > _MAX_TAR:
        raise too_large()
    try:
        with tarfile.open(fileobj=io.BytesIO(raw), mode="r:") as archive:
            return of_files(_members(archive))
    except (tarfile.TarError, ValueError, EOFError, RecursionError) as error:
        raise BadPackage("", "not a tar archive", "pack the folder again") from error


def _members(archive: tarfile.TarFile) -> Iterator[tuple[str, bytes]]:
    entries = 0
    for member in archive:
        entries += 1
        if entries > _MAX_ENTRIES:
            raise too_many()
        if member.isdir():
            continue
        if not member.isreg() or member.issparse():
            reason = "is a link or a device"
            raise BadPackage(member.name[:MAX_PATH], reason, "put the file itself there")
        if member.size > MAX_BYTES:
            raise too_large()
        file = archive.extractfile(member)
        content = file.read(MAX_BYTES + 1) if file is not None else b""
        if len(content) != member.size:
            raise BadPackage(member.name[:MAX_PATH], "is cut off", "pack the folder again")
        yield member.name, content
