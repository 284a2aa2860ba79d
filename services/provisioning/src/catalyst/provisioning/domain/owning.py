"""Whether a copy of a dependency was asked for as one's own, or is shared. Pure.

What was asked for is written down with the revision, so that no name has to tell. A mark goes with
the copy: whatever change comes later, it stays as long as the same copy is used.
"""

from __future__ import annotations

from typing import Final

from catalyst.contracts.provisioning_values_v1 import Desired, Locked, PlanRequest
from catalyst.provisioning.domain.place import aliases

NEW: Final = "new"
"""What stands for an alias where a copy of its own is asked for."""


def marks(request: PlanRequest, item: Locked, before: Desired | None) -> dict[str, bool]:
    """Return by alias whether its copy is the Application's own.

    An alias is left out if the copy was used already when nobody wrote that down.

    Args:
        request: What was asked for; its choices are the target's.
        item: An Application that is written, with what it is to use.
        before: The revision that it begins from; for a way back, the one that comes back.
    """
    chosen = request.dependencies if item.role == "target" else {}
    found: dict[str, bool] = {}
    for alias, copy in sorted(aliases(item.dependencies).items()):
        mark = True if chosen.get(alias) == NEW else _kept(copy, before)
        if mark is not None:
            found[alias] = mark
    return found


def _kept(copy: str, before: Desired | None) -> bool | None:
    """Return the mark of a copy under whatever alias it was used; None: it was, and has none."""
    if before is None:
        return False
    used = aliases(before.dependencies)
    had = [before.own.get(alias) for alias, other in used.items() if other == copy]
    if True in had:
        return True
    return None if None in had else False
