"""Content of Blueprints from the object store of the broker, verified by its digest."""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

from catalyst.blueprints import document, reading
from catalyst.blueprints.package import BadPackage
from catalyst.chassis.errors import Poison, Retry
from catalyst.chassis.jetstream.objects import Objects, WrongContent
from catalyst.chassis.jetstream.port import BrokerError, NotFound
from catalyst.provisioning.domain.place import Content
from catalyst.provisioning.ports import Contents

KEPT: Final = 64
"""Versions that are kept, read and ready; the longest unused is forgotten first."""


class StoredContents:
    """Answers `ports.Contents`."""

    def __init__(self, objects: Objects) -> None:
        """Read from `objects`."""
        self._objects = objects

    async def get(self, digest: str) -> bytes:
        """Return the archive of a version.

        Raises:
            Retry: If the store does not answer.
            Poison: If it is not there, or not what the digest says.
        """
        try:
            return await self._objects.get(digest)
        except (NotFound, WrongContent) as error:
            raise Poison(str(error)) from error
        except BrokerError as error:
            raise Retry(f"the content cannot be read: {error}") from error


class ReadVersions:
    """Answers `ports.Versions`."""

    def __init__(self, contents: Contents) -> None:
        """Read what `contents` holds."""
        self._contents = contents
        self._kept: OrderedDict[str, Content] = OrderedDict()

    async def get(self, digest: str) -> Content:
        """Return the version whose content has this digest; see `ports.Versions`."""
        kept = self._kept.get(digest)
        if kept is None:
            kept = _read(digest, await self._contents.get(digest))
            self._kept[digest] = kept
        self._kept.move_to_end(digest)
        while len(self._kept) > KEPT:
            self._kept.popitem(last=False)
        return kept


def _read(digest: str, archive: bytes) -> Content:
    try:
        package = reading.read_tar(archive)
    except (BadPackage, ValueError) as error:
        raise Poison(f"the content {digest} cannot be read: {error}") from error
    blueprint = document.read(package).blueprint
    if blueprint is None:
        raise Poison(f"the content {digest} holds no Blueprint")
    return Content(blueprint, package)
