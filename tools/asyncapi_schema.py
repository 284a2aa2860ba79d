"""The official JSON Schema of AsyncAPI 3, brought once from a pinned package of the npm registry.

It judges docs/asyncapi.json in `tests/contract/`. It is not part of the repository: it is large,
and its licence is another one. Kept in `$CATALYST_CACHE`, else in `~/.cache/catalyst`.

    uv run python -m tools.asyncapi_schema      # prints where the file is
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import Final

PACKAGE: Final = "@asyncapi/specs"
VERSION: Final = "6.11.1"
MEMBER: Final = "package/schemas/3.0.0.json"
SHA256: Final = "d4571a420e6ffb7fcc7066c95a6db1202f299a3c51daa103d0706bf30f95e626"


class Unavailable(Exception):
    """The schema could not be brought; the text says why."""


def path() -> Path:
    """Return where the schema is or will be."""
    default = Path.home() / ".cache" / "catalyst"
    cache = Path(os.environ.get("CATALYST_CACHE", default))
    return cache / "asyncapi" / f"{VERSION}.json"


def bring() -> Path:
    """Return the schema's file, brought by npm if it is not there yet.

    Raises:
        Unavailable: If npm is not installed, the registry does not answer, or the content is not
            the one that is expected.
    """
    target = path()
    if not target.is_file():
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=target.parent) as folder:
            found = Path(folder) / "schema.json"
            found.write_bytes(_download(Path(folder)))
            found.replace(target)
    if hashlib.sha256(target.read_bytes()).hexdigest() != SHA256:
        raise Unavailable(f"{target} is not the file that {PACKAGE} {VERSION} holds; delete it")
    return target


def _download(folder: Path) -> bytes:
    npm = shutil.which("npm")
    if npm is None:
        raise Unavailable("npm is not installed")
    try:
        done = subprocess.run(
            [npm, "pack", f"{PACKAGE}@{VERSION}", "--silent", "--pack-destination", folder],
            cwd=folder,
            capture_output=True,
            text=True,
            check=True,
            timeout=120,
        )
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
        raise Unavailable(f"npm could not bring {PACKAGE}: {error}") from error
    with tarfile.open(folder / done.stdout.strip().splitlines()[-1]) as archive:
        member = archive.extractfile(MEMBER)
        if member is None:
            raise Unavailable(f"{PACKAGE} {VERSION} holds no {MEMBER}")
        return member.read()


if __name__ == "__main__":
    try:
        print(bring())
    except Unavailable as error:
        sys.exit(str(error))
