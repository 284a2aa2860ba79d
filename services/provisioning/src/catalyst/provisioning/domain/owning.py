"""Whether a copy of a dependency was asked for as one's own, or is shared. Pure.

What was asked for is written down with the revision, so that no name has to tell. A mark goes with
the copy: whatever change comes later, it stays as long as the same copy is used, and whoever comes
back to a copy after an uninstall has it as before.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from catalyst.contracts.provisioning_values_v1 import Desired, Locked, PlanRequest

NEW: Final = "new"
"""What stands for an alias where a copy of its own is asked for."""

Used = Mapping[str, bool | None]
"""By copy whether it is its user's own; None: nobody wrote that down."""


def aliases(dependencies: Mapping[str, str]) -> dict[str, str]:
    """Return the dependencies that a Blueprint declares, without those that its values name."""
    return {alias: name for alias, name in dependencies.items() if not alias.startswith("/")}


def used(desired: Desired) -> dict[str, bool | None]:
    """Return the marks of the copies that are used, under whatever alias."""
    found: dict[str, bool | None] = {}
    for alias, copy in aliases(desired.dependencies).items():
        mark = desired.own.get(alias)
        if copy not in found or found[copy] is False or mark:
            found[copy] = mark
    return found


def marks(request: PlanRequest, item: Locked, before: Used) -> dict[str, bool]:
    """Return by alias whether its copy is the Application's own.

    An alias is left out if the copy was used already when nobody wrote that down.

    Args:
        request: What was asked for; its choices are the target's.
        item: An Application that is written, with what it is to use.
        before: What it used until now, or last; for a way back, what comes back.
    """
    chosen = request.dependencies if item.role == "target" else {}
    found: dict[str, bool] = {}
    for alias, copy in sorted(aliases(item.dependencies).items()):
        mark = True if chosen.get(alias) == NEW else before.get(copy, False)
        if mark is not None:
            found[alias] = mark
    return found
