"""What provisioning needs of the outside, as it needs it."""

from __future__ import annotations

from typing import Protocol


class Contents(Protocol):
    """The content of Blueprints, by its fingerprint."""

    async def get(self, digest: str) -> bytes:
        """Return the archive of a version.

        Raises:
            Exception: If it is not there, or cannot be read now.
        """
        ...
