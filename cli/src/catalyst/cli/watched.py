"""A stream of the door for whoever stays: wherever its stack is, and why it ends.

Used by every verb that goes on until Ctrl-C, or until what it follows is over.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import Final, TypeVar

from catalyst.cli import owned
from catalyst.cli.exits import ExitCode, Failure
from catalyst.cli.output import note
from catalyst.cli.target import Target, moved, reads
from catalyst.client.errors import Problem, Unreachable
from catalyst.client.http_transport import HttpClient
from catalyst.client.rows import Bye, Interrupted
from catalyst.client.watching import Control, Watch

C = TypeVar("C")

_EXPIRED: Final = "token-expired"


async def followed(
    target: Target, opened: Callable[[HttpClient, str], Watch[C]], what: str
) -> AsyncGenerator[C | Control, None]:
    """Yield what a watch brings, also where its stack was started again at another address.

    Args:
        target: Where it begins.
        opened: Returns the watch at a door, from a cursor on; empty: from its beginning.
        what: What is followed, as in `every change is`.
    """
    cursor = ""
    while True:
        elsewhere: Target | None = None
        async with reads(target) as door:
            watch = opened(door, cursor)
            try:
                async with aclosing(watch.changes()) as changes:
                    async for change in changes:
                        if isinstance(change, Interrupted):
                            elsewhere = moved(target)
                        if elsewhere is not None:
                            break
                        yield change
            except Unreachable:
                # It may have gone before anything came of it.
                elsewhere = moved(target)
                if elsewhere is None:
                    raise
            cursor = watch.cursor
        if elsewhere is None:
            return
        target = elsewhere
        note(f"{target.name} is at {target.http} now; {what} followed there")


def told(change: object) -> None:
    """Say what a stream says of itself: that it is interrupted, or that it ended for good.

    Raises:
        Failure: If it did.
    """
    if isinstance(change, Interrupted):
        note(f"{change.reason}; again in {change.wait_seconds:.1f} s")
    elif isinstance(change, Bye) and not change.retryable:
        raise _ended(change.reason)


def _ended(reason: str) -> Failure:
    """Return why a stream ended for good."""
    if reason == _EXPIRED:
        return Failure(
            ExitCode.NOT_ALLOWED,
            "the token has expired",
            code=reason,
            hint="`catalyst token` makes a new one",
        )
    return Failure(ExitCode.UNREACHABLE, f"the other side ended the stream: {reason}")


async def is_there(target: Target, owner: str) -> bool:
    """Return whether there is such an Organization to see; if there is none, that is said.

    For whoever waits for what there is not yet; to anybody else it is an error (`owned.require`).
    """
    async with reads(target) as door:
        try:
            await door.get("organizations", owner, organization=owner)
        except Problem as problem:
            if problem.status != owned.NOT_FOUND:
                raise
            note(
                f"there is no Organization {owner!r}, or it is not yours to see; "
                "`catalyst get organizations` lists yours"
            )
            return False
    return True
