"""The content of versions, in the object store of the broker."""

from __future__ import annotations

from collections.abc import Sequence

from catalyst.chassis.errors import Retry
from catalyst.chassis.jetstream.objects import Objects, WrongContent
from catalyst.chassis.jetstream.port import Broker, BrokerError, NotFound
from catalyst.contracts.rejection import Rejected


class StoredContent:
    """Answers `ports.Content`."""

    def __init__(self, broker: Broker) -> None:
        """Store and read through `broker`."""
        self._objects = Objects(broker)

    async def put(self, tars: Sequence[bytes]) -> None:
        """Store contents; again changes nothing.

        Raises:
            Retry: If the store does not take it now.
        """
        try:
            await self._objects.put_all(tars)
        except BrokerError as error:
            raise Retry(f"the contents cannot be stored: {error}") from error

    async def get(self, digest: str) -> bytes:
        """Return the content of `sha256:…`, verified.

        Raises:
            Rejected: `content-missing` if it is not there, or not what the digest says.
            Retry: If the store does not answer.
        """
        try:
            return await self._objects.get(digest)
        except (NotFound, WrongContent) as error:
            raise Rejected("content-missing", str(error), pointer="/data/digest") from error
        except BrokerError as error:
            raise Retry(f"the content cannot be read: {error}") from error
