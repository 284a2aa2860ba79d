"""What provisioning needs of the outside, as it needs it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from catalyst.provisioning.domain.place import Content


class Contents(Protocol):
    """The content of Blueprints, by its fingerprint."""

    async def get(self, digest: str) -> bytes:
        """Return the archive of a version.

        Raises:
            Exception: If it is not there, or cannot be read now.
        """
        ...


Tree = Mapping[str, bytes]
"""Files by path, `/` between folders."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Signed:
    """Who commits what for which change; all a commit says besides its files."""

    organization: str
    repository: str
    summary: str
    """The first line of the message: what happens, as a sentence."""
    actor: str
    """Who wanted the change: `user:<iss>#<sub>`, `service:<name>` or `nats:<org>`."""
    email: str = ""
    """The actor's proven e-mail address; empty: none."""
    command: str
    """Id of the command behind the change, for the trailer `Catalyst-Command`."""
    change: str
    """The change, for the trailer `Catalyst-Change`."""
    seq: int
    """Sequence of the event, for the trailer `Catalyst-Seq`."""
    time: datetime
    """Time of the event: it is the time of the commit, so that a repeat gives the same one."""


Edit = Callable[[Tree], Tree]
"""Takes all files of a branch and returns them as they shall be. Asked again after a lost race."""


class Repositories(Protocol):
    """The repositories of all Applications.

    Each method may raise `catalyst.chassis.errors.Retry`, while the Git door is not there, and
    `Poison` where it refuses for good.
    """

    async def prepare(self, signed: Signed, branches: tuple[str, ...], edit: Edit) -> None:
        """Make the repository and those branches that are not there, or take them back into use.

        A new branch begins with what `edit` makes of nothing; one in use stays as it is, and so
        does one that was archived at a later sequence. Any other archived one moves, even where
        `edit` changes nothing: what was built on its old tip comes too late.
        """
        ...

    async def commit(self, signed: Signed, branch: str, edit: Edit) -> str:
        """Commit and return the commit that carries the event out, made now or before.

        Nothing is committed unless the branch's `Catalyst-Seq` is lower; else the answer is the
        oldest commit whose sequence is as high. Nor if an earlier attempt at the same step of the
        change made the tip, with the same files. The branch moves by compare-and-set.
        """
        ...

    async def branches(self, organization: str, repository: str) -> tuple[str, ...]:
        """Return the branches that are there, sorted; none if there is no repository."""
        ...


class Versions(Protocol):
    """The versions of Blueprints, read and ready to be rendered."""

    async def get(self, digest: str) -> Content:
        """Return the version whose content has this digest.

        Raises:
            Retry: If it cannot be read now.
            Poison: If it is not there, or is none.
        """
        ...
