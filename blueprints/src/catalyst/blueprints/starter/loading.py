"""Reading the packaged Blueprints: one folder each below `data/`.

A folder is named after its Blueprint. Older versions stand beside the newest, with theirs in the
name: `bp-wiki`, `bp-wiki@1.0.1`.
"""

from __future__ import annotations

from importlib.resources import files
from typing import Final

from catalyst.blueprints.package import DOCUMENT, Package
from catalyst.blueprints.reading import read_folder

_DATA: Final = "data"


def names() -> list[str]:
    """Return the names of all packages that come with Catalyst, older versions too, in order."""
    top = files("catalyst.blueprints.starter") / _DATA
    return sorted(
        folder.name for folder in top.iterdir() if folder.is_dir() and (folder / DOCUMENT).is_file()
    )


def load(name: str) -> Package:
    """Return one of them.

    Raises:
        KeyError: If there is none of this name.
    """
    if name not in names():
        raise KeyError(name)
    return read_folder(files("catalyst.blueprints.starter") / _DATA / name)
