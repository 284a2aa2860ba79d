"""An Organization as services see it that keep something for it: is it there.

Its fold and its refusals, from its public events alone.
"""

from __future__ import annotations

from typing import Final, Literal

import msgspec

from catalyst.contracts import environment_v1 as env1
from catalyst.contracts.decision import Context
from catalyst.contracts.message import Event
from catalyst.contracts.rejection import Rejected
from catalyst.contracts.subjects import Ref

SERVICE: Final = "environment"
AGGREGATE: Final = "organization"


class Owner(msgspec.Struct, frozen=True, kw_only=True):
    """An Organization."""

    phase: Literal["absent", "there", "suspended", "deleted"] = "absent"


def owner_ref(organization: str) -> Ref:
    """Return the Organization with this slug."""
    return Ref(organization, SERVICE, AGGREGATE, organization)


def owners(ref: Ref) -> tuple[Ref, ...]:
    """Return what has to be read to know whether an aggregate's owner is there."""
    return () if ref.organization is None else (owner_ref(ref.organization),)


def evolve(state: Owner, event: Event) -> Owner:
    """Fold one fact into the state; total."""
    match event:
        case env1.OrganizationCreated() | env1.OrganizationResumed():
            return Owner(phase="there")
        case env1.OrganizationSuspended():
            return Owner(phase="suspended")
        case env1.OrganizationDeleted():
            return Owner(phase="deleted")
        case _:
            return state


def gone(context: Context) -> bool:
    """Return whether the aggregate's Organization was deleted."""
    organization = context.ref.organization
    if organization is None:
        return False
    found: Owner = context.reads[owner_ref(organization)]
    return found.phase == "deleted"


def require_owner(context: Context) -> None:
    """Refuse a command for an Organization that is not there, or suspended.

    Raises:
        Rejected: `organization-not-found`, `organization-deleted` or `organization-suspended`.
    """
    organization = context.ref.organization
    if organization is None:
        return
    found: Owner = context.reads[owner_ref(organization)]
    if found.phase == "absent":
        raise Rejected("organization-not-found", f"there is no Organization {organization!r}")
    if found.phase == "deleted":
        raise Rejected("organization-deleted", f"the Organization {organization!r} is deleted")
    if found.phase == "suspended":
        raise Rejected("organization-suspended", f"the Organization {organization!r} is suspended")
