"""Reading the packaged Blueprints: one folder each below `data/`.

A folder is named after its Blueprint. Older versions stand beside the newest, with theirs in the
name: `bp-wiki`, `bp-wiki@1.0.1`.
"""

from __future__ import annotations

import errno
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import PurePath
from typing import Final

from catalyst.blueprints.package import DOCUMENT, Package
from catalyst.blueprints.reading import read_folder

_DATA: Final = "data"


def names() -> list[str]:
    """Return the names of all packages that come with Catalyst, older versions too, in order."""
    return sorted(folder.name for folder in _data().iterdir() if _is_package(folder))


def load(name: str) -> Package:
    """Return one of them.

    Raises:
        KeyError: If there is none of this name.
    """
    # Nothing is listed for it: whoever reads all of them would list all of them for each.
    folder = _data() / name
    try:
        known = PurePath(name).name == name and _is_package(folder)
    except OSError as error:
        if error.errno != errno.ENAMETOOLONG:
            raise
        known = False
    if not known:
        raise KeyError(name)
    return read_folder(folder)


def _data() -> Traversable:
    return files("catalyst.blueprints.starter") / _DATA


def _is_package(folder: Traversable) -> bool:
    return folder.is_dir() and (folder / DOCUMENT).is_file()
