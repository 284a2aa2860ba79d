"""Who may do what: one table, used by every door and by the worker itself."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from catalyst.contracts.registry import COMMANDS

SOVEREIGN_ADMIN: Final = "sovereign-admin"
ORG_ADMIN: Final = "org-admin"
ORG_DEVELOPER: Final = "org-developer"
ORG_VIEWER: Final = "org-viewer"
SECURITY_OFFICER: Final = "security-officer"
BILLING_ADMIN: Final = "billing-admin"

ROLES: Final = (
    SOVEREIGN_ADMIN,
    ORG_ADMIN,
    ORG_DEVELOPER,
    ORG_VIEWER,
    SECURITY_OFFICER,
    BILLING_ADMIN,
)
PLATFORM_ROLES: Final = frozenset({SOVEREIGN_ADMIN, SECURITY_OFFICER, BILLING_ADMIN})
"""Roles that a token may carry. The others come from an Organization's owners alone."""

OWNER_ROLES: Final[Mapping[str, str]] = {
    "owner": ORG_ADMIN,
    "admin": ORG_ADMIN,
    "developer": ORG_DEVELOPER,
    "viewer": ORG_VIEWER,
}
"""What an entry in an Organization's owners list means."""

_ADMINS: Final = frozenset({SOVEREIGN_ADMIN, ORG_ADMIN})
_SOVEREIGN: Final = frozenset({SOVEREIGN_ADMIN})
_POLICY: Final = frozenset({SOVEREIGN_ADMIN, SECURITY_OFFICER})

COMMAND_ROLES: Final[Mapping[str, frozenset[str]]] = {
    "environment.create-organization.v1": _SOVEREIGN,
    "environment.update-organization.v1": _ADMINS,
    "environment.suspend-organization.v1": _SOVEREIGN,
    "environment.resume-organization.v1": _SOVEREIGN,
    "environment.change-owners.v1": _ADMINS,
    "environment.apply-organization-deletion.v1": _SOVEREIGN,
    "environment.create-environment.v1": _ADMINS,
    "environment.update-environment.v1": _ADMINS,
    "environment.apply-environment-deletion.v1": _ADMINS,
    "environment.attach-policy.v1": _POLICY | {ORG_ADMIN},
    "environment.define-policy.v1": _POLICY | {ORG_ADMIN},
    "environment.update-policy.v1": _POLICY | {ORG_ADMIN},
    "environment.retry.v1": _SOVEREIGN,
    "environment.drop.v1": _SOVEREIGN,
}
"""Roles that may send a command. An org-admin edits policies only where the Organization's
`policy_delegated` says so: the rule itself checks that."""

SERVICE_COMMANDS: Final[Mapping[str, frozenset[str]]] = {
    "environment.complete-onboarding.v1": frozenset({"environment"}),
    "environment.fail-onboarding.v1": frozenset({"environment"}),
    "environment.record-commit.v1": frozenset({"environment"}),
    "environment.report-step.v1": frozenset({"environment"}),
    "environment.take-answer.v1": frozenset({"environment", "provisioning", "billing"}),
    "environment.admit-application.v1": frozenset({"provisioning"}),
    "environment.release-application.v1": frozenset({"provisioning"}),
}
"""Services that may send a command which no person sends."""

_TOP_KINDS: Final = frozenset({"organization", "environment", "policy", "onboarding"})

READS_EVERYWHERE: Final[Mapping[str, frozenset[str]]] = {
    SOVEREIGN_ADMIN: _TOP_KINDS,
    SECURITY_OFFICER: _TOP_KINDS,
    BILLING_ADMIN: frozenset({"organization"}),
}
"""Kinds of rows that a platform role reads in every Organization; nothing below them."""

READS_OWN: Final[Mapping[str, frozenset[str]]] = {
    ORG_ADMIN: _TOP_KINDS,
    ORG_DEVELOPER: _TOP_KINDS,
    ORG_VIEWER: _TOP_KINDS,
}
"""Kinds of rows that a role of an Organization reads in that Organization."""


IN_GIT: Final = ("organization", "environment", "policy")
"""Kinds whose manifests an Organization's repository holds: who clones it reads all of them."""

SERVICE_READS: Final[Mapping[str, frozenset[str]]] = {
    "environment": _TOP_KINDS,
    "provisioning": frozenset(IN_GIT),
    "billing": frozenset({"organization"}),
}
"""Kinds whose events, outcomes, chains and dead letters a service is shown, in every Organization.

What it sent itself it always sees. A service that is not listed has no business with any."""

SERVICE_GIT: Final[Mapping[str, frozenset[str]]] = {
    "environment": frozenset({"clone", "push"}),
    "provisioning": frozenset({"clone", "push"}),
}
"""What a service may do with every Organization's repositories: the home, and its Applications'."""


def may_send(type_: str, roles: Iterable[str], service: str | None = None) -> bool:
    """Return whether someone with these roles, or this service, may send a command."""
    if service is not None:
        return service in SERVICE_COMMANDS.get(type_, frozenset())
    return not COMMAND_ROLES.get(type_, frozenset()).isdisjoint(roles)


def may_read(kind: str, platform_roles: Iterable[str], own_roles: Iterable[str]) -> bool:
    """Return whether a row of `kind` may be shown.

    Args:
        kind: The row's kind.
        platform_roles: Roles from the token; they hold everywhere.
        own_roles: Roles that the reader has in the row's Organization.
    """
    everywhere = any(kind in READS_EVERYWHERE.get(role, frozenset()) for role in platform_roles)
    return everywhere or any(kind in READS_OWN.get(role, frozenset()) for role in own_roles)


def service_reads(service: str, kind: str) -> bool:
    """Return whether a service is shown what happens to aggregates of `kind`."""
    return kind in SERVICE_READS.get(service, frozenset())


def service_git(service: str, action: str) -> bool:
    """Return whether a service may `clone` (fetch, too) or `push`."""
    return action in SERVICE_GIT.get(service, frozenset())


def commands_of(role: str) -> tuple[str, ...]:
    """Return the types of the commands that a role may send, in the registry's order."""
    return tuple(type_ for type_ in COMMANDS if role in COMMAND_ROLES.get(type_, frozenset()))
