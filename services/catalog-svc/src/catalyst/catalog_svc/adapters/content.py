"""Content of Blueprints from the object store of the broker, verified by its digest."""

from __future__ import annotations

from catalyst.blueprints import reading
from catalyst.blueprints.package import BadPackage, Package
from catalyst.chassis.jetstream.objects import Objects, WrongContent
from catalyst.chassis.jetstream.port import BrokerError
from catalyst.contracts.rejection import Rejected


class StoredContents:
    """Answers `ports.Contents`."""

    def __init__(self, objects: Objects) -> None:
        """Read from `objects`."""
        self._objects = objects

    async def get(self, digest: str) -> Package:
        """Return a package; see `ports.Contents`."""
        try:
            return reading.read_tar(await self._objects.get(digest))
        except (BrokerError, WrongContent, BadPackage, ValueError) as error:
            message = f"the content {digest} cannot be read now: {error}"
            raise Rejected("unavailable", message) from error
