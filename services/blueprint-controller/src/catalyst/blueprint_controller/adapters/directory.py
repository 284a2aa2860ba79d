"""Sources on this machine's disk: directories below the allowed root, and what is built in.

Nothing is followed: neither a symbolic link in the directory, nor one on the way to it that leads
out of the root.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath
from typing import Final

from catalyst.blueprint_controller.effects import fingerprint
from catalyst.blueprint_controller.ports import (
    MAX_PACKAGES,
    MAX_SOURCE_BYTES,
    Listed,
    Reading,
    Unusable,
)
from catalyst.blueprints.package import DOCUMENT, BadPackage, Package, digest
from catalyst.blueprints.reading import read_folder
from catalyst.blueprints.starter import loading

_MAX_DEPTH: Final = 8
_MAX_FOLDERS: Final = 20_000
SETTING: Final = "BLUEPRINT_CONTROLLER_SOURCE_DIRECTORIES"
"""What whoever runs this sets, as the environment names it."""
OUTSIDE: Final = f"the directory is not below the one that {SETTING} names where Catalyst runs"


def read_directory(root: Path, location: str, folder: str) -> Reading:
    """Return what is in a directory.

    Args:
        root: The folder that it has to be below.
        location: Its path, absolute or from the root.
        folder: The folder in it below which the packages stand; empty: anywhere.

    Raises:
        Unusable: If it is not below the root, is not there, or holds too much.
    """
    try:
        real = root.resolve(strict=True)
        top = (real / location / folder).resolve(strict=True)
    except (OSError, RuntimeError, ValueError) as error:
        named = PurePosixPath(location) / folder
        raise Unusable("not-found", f"there is no directory {named}") from error
    if not top.is_relative_to(real):
        raise Unusable("not-allowed", OUTSIDE)
    if not top.is_dir():
        raise Unusable("not-found", f"{PurePosixPath(location) / folder} is not a directory")
    try:
        found = [(path.relative_to(top).as_posix(), path) for path in _folders(top)]
        return _reading(
            Listed("" if name == "." else name, _package(path)) for name, path in sorted(found)
        )
    except OSError as error:
        raise Unusable("unreadable", f"it cannot be read: {error.strerror}") from error


def read_built_in() -> Reading:
    """Return the catalogue that comes with Catalyst."""
    return _reading(Listed(name, loading.load(name)) for name in loading.names())


def _reading(packages: Iterable[Listed]) -> Reading:
    size = 0
    taken: list[Listed] = []
    marks: list[tuple[str, str]] = []
    for listed in packages:
        if isinstance(listed.package, Package):
            size += listed.package.size
            if size > MAX_SOURCE_BYTES:
                raise too_large()
            marks.append((listed.folder, digest(listed.package)))
        else:
            marks.append((listed.folder, str(listed.package)))
        taken.append(listed)
    return Reading(fingerprint(marks), taken)


def too_large() -> Unusable:
    """Return that a source holds too many bytes."""
    most = MAX_SOURCE_BYTES // 1024 // 1024
    return Unusable("too-large", f"the source holds more than {most} MiB of packages")


def too_many() -> Unusable:
    """Return that a source holds too many packages."""
    return Unusable("too-large", f"the source holds more than {MAX_PACKAGES} packages")


def _package(path: Path) -> Package | BadPackage:
    try:
        return read_folder(path)
    except BadPackage as error:
        return error.with_traceback(None)  # Its frames hold the files that were read.


def _folders(top: Path) -> Iterator[Path]:
    """Yield every folder that holds a document; what is below one is part of it.

    A link to a folder is none: it is passed over, wherever it leads.
    """
    packages = 0
    for seen, (parent, folders, files) in enumerate(os.walk(top, onerror=_raise), 1):
        here = Path(parent)
        if seen > _MAX_FOLDERS:
            raise Unusable("too-large", f"the source has more than {_MAX_FOLDERS} folders")
        shown = sorted(name for name in folders if not name.startswith("."))
        # A document that is a folder, or leads to one, is refused as what it is.
        is_package = DOCUMENT in {*files, *folders}
        packages += is_package
        if packages > MAX_PACKAGES:
            raise too_many()
        if is_package:
            yield here
        deep = len(here.relative_to(top).parts) >= _MAX_DEPTH
        folders[:] = [] if deep or is_package else shown


def _raise(error: OSError) -> None:
    raise error
