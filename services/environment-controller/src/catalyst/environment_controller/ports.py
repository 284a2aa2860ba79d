"""What the environment-controller needs of the outside: a Git home for each Organization.

Effects speak to `GitHome`; `adapters/git.py` answers with bare repositories on disk.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

HomeState = Literal["absent", "live", "archived"]
"""Whether an Organization has a home; an archived one is kept, never written nor served."""

MAIN = "main"
"""The branch that the manifests stand on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One commit to be made, on behalf of one event."""

    organization: str
    files: Mapping[str, bytes | None]
    """Content by path, `/` between folders; None removes the file."""
    emptied: tuple[str, ...] = ()
    """Folders (and single files) that keep nothing but what `files` and `kept` name."""
    kept: frozenset[str] = frozenset()
    """Paths below `emptied` that stay as they are."""
    summary: str
    """The first line of the message: what happened, as a sentence."""
    actor: str
    """Who caused the event: `user:<iss>#<sub>`, `service:<name>` or `nats:<org>`."""
    command: str
    """Id of the command behind the event, for the trailer `Catalyst-Command`."""
    seq: int
    """Sequence of the event, for the trailer `Catalyst-Seq`."""
    time: datetime
    """Time of the event; it is the time of the commit, so that a repeat gives the same commit."""
    branch: str = MAIN


@dataclass(frozen=True, slots=True)
class Head:
    """Where a branch stands."""

    commit: str
    seq: int
    """The newest `Catalyst-Seq` on the branch; 0 if no commit carries one."""


class HomeMissing(Exception):
    """The Organization has no live home; `ensure` makes one."""


class GitHome(Protocol):
    """The Git homes of all Organizations.

    Each method may raise `catalyst.chassis.errors.Retry`: another process holds the homes, or the
    disk does not take or give what it should.
    """

    async def state(self, organization: str) -> HomeState:
        """Return whether the Organization has a home."""
        ...

    async def ensure(self, organization: str) -> bool:
        """Create the home if there is none; return whether it was created now.

        An archived home stays archived: a slug is never used again.
        """
        ...

    async def commit(self, change: Change) -> str | None:
        """Make the commit and return its id, or None if the branch is at `change.seq` or above.

        The branch moves in one step: after a crash it stands before or behind the commit. The same
        change on the same parent is the same commit.

        Raises:
            HomeMissing: If there is no live home.
        """
        ...

    async def head(self, organization: str, branch: str = MAIN) -> Head | None:
        """Return where the branch stands; None if home or branch is missing."""
        ...

    async def covering(self, organization: str, seq: int, branch: str = MAIN) -> str | None:
        """Return the oldest commit of the branch whose `Catalyst-Seq` is `seq` or above.

        None if there is none, or no live home.
        """
        ...

    async def archive(self, organization: str) -> None:
        """Set the home aside, kept but no longer served; nothing to do if there is none."""
        ...

    async def remove(self, organization: str) -> None:
        """Delete the home with all it holds; nothing to do if there is none."""
        ...
