"""The icon of a Blueprint: the file that its card names, out of its own package."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Final

import msgspec

from catalyst.blueprints.package import Package
from catalyst.contracts.rejection import Rejected

MAX_BYTES: Final = 64 * 1024
"""Of one icon; a larger picture is none."""
TYPES: Final[Mapping[str, str]] = {
    "svg": "image/svg+xml",
    "png": "image/png",
    "webp": "image/webp",
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
}
"""What a browser is told that a file is, by how its name ends: never by what is in it."""


class Icon(msgspec.Struct, frozen=True, kw_only=True):
    """A picture."""

    media_type: str
    digest: str
    """`sha256:` and the hash of the content."""
    content: bytes


def icon(package: Package, named: str) -> Icon:
    """Return the picture that a card names; an address elsewhere names none.

    Raises:
        Rejected: `not-found`, with what is wrong.
    """
    path = named.removeprefix("./")
    media_type = TYPES.get(path.rpartition(".")[2].lower())
    content = package.files.get(path)
    if content is None:
        raise Rejected("not-found", "the card names no file of the package as its icon")
    if media_type is None:
        raise Rejected("not-found", f"an icon ends with one of {', '.join(TYPES)}")
    if len(content) > MAX_BYTES:
        raise Rejected("not-found", f"the icon has more than {MAX_BYTES // 1024} KiB")
    digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
    return Icon(media_type=media_type, digest=digest, content=content)
