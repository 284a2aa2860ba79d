"""What this service needs of the world: sources that are read, and a store for content."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from catalyst.blueprints.package import BadPackage, Package
from catalyst.contracts.blueprint_values_v1 import SyncCode

MAX_PACKAGES: Final = 2000
"""In one source."""
MAX_SOURCE_BYTES: Final = 64 * 1024 * 1024
"""Of all packages of one source together, while it is read."""


class Unusable(Exception):
    """A source cannot be read now; it alone is degraded by that."""

    def __init__(self, code: SyncCode, message: str) -> None:
        """Say why, for programs and for a person."""
        super().__init__(message)
        self.code: SyncCode = code
        self.message = message


@dataclass(frozen=True, slots=True)
class Place:
    """Where a source stands."""

    organization: str | None
    name: str
    kind: str
    """`directory`, `git` or `built-in`."""
    location: str
    branch: str
    folder: str


@dataclass(frozen=True, slots=True)
class Listed:
    """A package in a source."""

    folder: str
    package: Package | BadPackage


@dataclass(frozen=True, slots=True)
class Reading:
    """Everything in a source at one moment."""

    revision: str
    """The commit, or the fingerprint of what was there."""
    packages: Sequence[Listed]
    """In the order of their folders."""


class Sources(Protocol):
    """Reads sources."""

    async def admit(self, place: Place) -> None:
        """Let a new source through, as far as it can be judged without reading it.

        Raises:
            Rejected: `source-location-forbidden` or `source-location-invalid`.
        """
        ...

    async def read(self, place: Place, known: str) -> Reading | None:
        """Return what is in a source; None if that is still what `known` is the revision of.

        Raises:
            Unusable: If it cannot be read.
        """
        ...


class Content(Protocol):
    """The content of versions, by its digest."""

    async def put(self, tars: Sequence[bytes]) -> None:
        """Store contents; again changes nothing.

        Raises:
            Retry: If the store does not take it now.
        """
        ...

    async def get(self, digest: str) -> bytes:
        """Return the content of `sha256:…`, verified.

        Raises:
            Rejected: `content-missing` if it is not there, or not what the digest says.
            Retry: If the store does not answer.
        """
        ...
