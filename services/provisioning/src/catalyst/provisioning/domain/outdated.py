"""Versions of an Organization that would not be registered today, though they were before. Pure.

Rules come after versions. What breaks one of today stays where it runs, and is put nowhere anew:
neither as what was asked for nor as what comes with it, and by no way back either. To write the
same version again keeps it going, so that is refused as well, but for a configuration by which less
of it reaches beyond its namespace: to refuse that would leave things worse than they could be.
"""

from __future__ import annotations

from typing import Final

from catalyst.blueprints.powers import reach
from catalyst.contracts.provisioning_v1 import ChangeOpened
from catalyst.contracts.provisioning_values_v1 import Locked, PlanRequest
from catalyst.contracts.rejection import Rejected
from catalyst.provisioning.domain.facts import Facts
from catalyst.provisioning.domain.rendered import Standing

CODE: Final = "version-refused"


def refuse(request: PlanRequest, facts: Facts, item: Locked) -> None:
    """Refuse to bring a version where another one runs, or nothing.

    Raises:
        Rejected: `version-refused`, at what asks for it.
    """
    reason = of(facts, item)
    if reason:
        message = f"{item.application}: {reason}"
        raise Rejected(CODE, message, pointer=_pointer(request, item))


def refuse_the_same(
    request: PlanRequest, facts: Facts, item: Locked, before: Standing, after: Standing
) -> None:
    """Refuse to write a version again that runs; before and after are what it makes.

    Raises:
        Rejected: `version-refused`, with what to do instead.
    """
    reason = of(facts, item)
    less = request.action == "configure" and reach(after.objects) < reach(before.objects)
    if reason and not less:
        name = item.application
        message = (
            f"{name} stays as it runs: {reason}; upgrade {name} to a version without that,"
            f" with its new values if it needs any, or uninstall it"
        )
        raise Rejected(CODE, message, pointer=_pointer(request, item))


def brought(opened: ChangeOpened) -> tuple[Locked, ...]:
    """Return what of an Organization's own a change brings where something else ran, or nothing."""
    if opened.request.action not in {"install", "upgrade", "rollback"}:
        return ()
    return tuple(item for item in opened.lock if item.written and item.origin == "private")


def of(facts: Facts, item: Locked) -> str:
    """Return that a registration would refuse a version today, and why; empty: it would not."""
    return words(item, facts.refused.get(item.digest, "")) if item.origin == "private" else ""


def words(item: Locked, reason: str) -> str:
    """Return that a version would not be registered for a reason; empty: there is none."""
    what = f"{item.blueprint} {item.version}"
    return f"{what} would not be registered any more: {reason}" if reason else ""


def _pointer(request: PlanRequest, item: Locked) -> str:
    if item.role != "target":
        return f"/lock/{item.application}"
    match request.action:
        case "rollback":
            return "/request/revision"
        case "configure":
            return "/request/application"
        case _:
            return "/request/version"
