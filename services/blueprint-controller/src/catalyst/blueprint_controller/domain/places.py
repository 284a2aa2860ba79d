"""Where sources and Blueprints stand, and who may change them."""

from __future__ import annotations

from typing import Final

from catalyst.contracts.decision import Context
from catalyst.contracts.rejection import Rejected
from catalyst.contracts.subjects import Ref
from catalyst.contracts.tables.role import ORG_ADMIN, SOVEREIGN_ADMIN

SERVICE: Final = "blueprint"
SOURCE: Final = "source"
BLUEPRINT: Final = "blueprint"

PLATFORM_ORIGINS: Final = ("public", "sovereign")
"""Of Blueprints that no Organization owns."""


def source_ref(organization: str | None, name: str) -> Ref:
    """Return a source; without an Organization, one of the platform's."""
    return Ref(organization, SERVICE, SOURCE, name)


def blueprint_ref(organization: str | None, origin: str, name: str) -> Ref:
    """Return a Blueprint by its origin and its name with `bp-`."""
    return Ref(organization, SERVICE, BLUEPRINT, f"{origin}-{name}")


def candidates(organization: str | None, name: str) -> tuple[Ref, ...]:
    """Return every Blueprint that a dependency with this name may mean, seen from an owner."""
    shared = tuple(blueprint_ref(None, origin, name) for origin in PLATFORM_ORIGINS)
    if organization is None:
        return shared
    return (blueprint_ref(organization, "private", name), *shared)


def require_keeper(context: Context, *more: str) -> None:
    """Let through who looks after the Blueprints of the command's owner.

    A sovereign-admin looks after the platform's, an org-admin after its Organization's alone.

    Args:
        context: Of the command.
        more: Roles that may do this with the platform's Blueprints as well.

    Raises:
        Rejected: `forbidden`.
    """
    if context.ref.organization is None:
        if context.actor.roles.isdisjoint({SOVEREIGN_ADMIN, *more}):
            raise Rejected("forbidden", "the platform's Blueprints are a sovereign-admin's")
    elif ORG_ADMIN not in context.actor.roles:
        raise Rejected("forbidden", "an Organization's own Blueprints are its org-admins'")


def require_self(context: Context) -> None:
    """Let through this service alone.

    Raises:
        Rejected: `forbidden`.
    """
    if context.actor.service != SERVICE:
        raise Rejected("forbidden", f"only the service {SERVICE!r} sends this")
