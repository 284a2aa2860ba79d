"""Organizations that stand below another one, their parent, which knows them until they go.

A child is named by its own record (`parent_org`), but a decision writes below one Organization
only. So the child's onboarding asks the parent (`admit-child`), and is ready after a yes alone; the
child's end, its deletion or an onboarding that failed, lets the parent know (`release-child`).

Both rules look at the child itself, guarded, and never at which message came first: nothing that is
gone or failed is admitted, however late it is asked, and nothing that stands is released.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from catalyst.contracts import environment_v1 as env1
from catalyst.contracts.decision import Context, Decision, Send, emit
from catalyst.contracts.rejection import Rejected
from catalyst.contracts.subjects import Ref
from catalyst.environment_controller.domain.manifest import require_service
from catalyst.environment_controller.domain.organization import (
    SERVICE,
    Organization,
    ref_of,
    require_changeable,
    require_existing,
)

_REFUSALS: Final[Mapping[str, str]] = {
    "organization-not-found": "does not exist",
    "organization-deleted": "is deleted",
    "organization-suspended": "is suspended",
    "organization-failed": "is not ready, because its own onboarding failed",
}


def ask(parent: str, child: str) -> Send:
    """Return the question whether `child` may stand below `parent`."""
    return Send(ref=ref_of(parent), command=env1.AdmitChild(child=child))


def refusal(parent: str, code: str) -> str | None:
    """Return why a parent says no, for the child's people; None if asking again may help.

    The parent's own words are not told: they may be meant for its people alone.
    """
    why = _REFUSALS.get(code)
    return None if why is None else f"the Organization {parent!r} above it {why}"


def reads_child(
    _state: Organization, command: env1.AdmitChild | env1.ReleaseChild, _ref: Ref
) -> Sequence[Ref]:
    """Name the child, whose own state says what is true."""
    return (ref_of(command.child),)


def admit(state: Organization, command: env1.AdmitChild, context: Context) -> Decision:
    """Let an Organization stand below this one; again changes nothing.

    One that is ready was there before anybody asked: it is noted, whatever state the parent is in.

    Raises:
        Rejected: `forbidden`, `not-a-child`, or why nothing may change.
    """
    require_service(context, SERVICE)
    slug = context.ref.id
    if command.child in state.children:
        return Decision()
    require_existing(state, slug)
    child = _stands(command.child, context)
    if child is None or child.parent_org != slug:
        raise Rejected(
            "not-a-child",
            f"no Organization {command.child!r} stands below {slug!r}, or is about to",
            pointer="/data/child",
        )
    if child.phase != "ready":
        require_changeable(state, slug)
    return emit(env1.ChildAdmitted(slug=slug, child=command.child))


def release(state: Organization, command: env1.ReleaseChild, context: Context) -> Decision:
    """Let go of an Organization that is deleted or failed.

    Nothing happens if it was not admitted, or stands again, because its onboarding was restarted.

    Raises:
        Rejected: `forbidden`.
    """
    require_service(context, SERVICE)
    if command.child not in state.children or _stands(command.child, context) is not None:
        return Decision()
    return emit(env1.ChildReleased(slug=context.ref.id, child=command.child))


def _stands(slug: str, context: Context) -> Organization | None:
    """Return the Organization if it is ready, or becomes so; no Organization is below itself."""
    if slug == context.ref.id:
        return None
    child: Organization = context.reads[ref_of(slug)]
    return child if child.phase in {"onboarding", "ready"} else None
