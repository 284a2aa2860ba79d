"""Whether somebody whose roles show only a part would be shown rows, if there were any."""

from __future__ import annotations

from itertools import chain
from typing import Any

from catalyst.cli.kinds import ALL, singular
from catalyst.cli.target import Target, reads
from catalyst.contracts.roles import may_read, may_read_platform


async def shows(target: Target, kinds: str, owner: str | None) -> bool:
    """Return whether rows of these kinds would be shown if there were any; the first decides.

    Without an owner, those of whatever Organization is the asker's own, or of the platform.
    """
    session = await _session(target)
    platform, own = session["roles"], session["organizations"]
    roles = own.get(owner, ()) if owner else [*chain.from_iterable(own.values())]
    first = kinds.partition(",")[0]
    if first == ALL:
        return bool(platform or roles)
    kind = singular(first)
    return may_read(kind, platform, roles) or (not owner and may_read_platform(kind, platform))


async def _session(target: Target) -> dict[str, Any]:
    async with reads(target) as door:
        found: dict[str, Any] = await door.read("/v1/session")
        return found
