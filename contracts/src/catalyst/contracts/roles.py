"""Who may do what: one table, used by every door and by the worker itself."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final

from catalyst.contracts.registry import COMMANDS, SERVICES, TABLES
from catalyst.contracts.rejection import Rejected
from catalyst.contracts.tables.environment import HOME, IN_GIT
from catalyst.contracts.tables.role import (
    BILLING_ADMIN,
    ORG_ADMIN,
    ORG_DEVELOPER,
    ORG_VIEWER,
    OWNER_ROLES,
    PLATFORM_ROLES,
    ROLES,
    SECURITY_OFFICER,
    SOVEREIGN,
    SOVEREIGN_ADMIN,
)

__all__ = [
    "BILLING_ADMIN",
    "COMMAND_ROLES",
    "HOME",
    "IN_GIT",
    "ORG_ADMIN",
    "ORG_DEVELOPER",
    "ORG_VIEWER",
    "OWNER_ROLES",
    "PLATFORM_ROLES",
    "READS_EVERYWHERE",
    "READS_OWN",
    "READS_PLATFORM",
    "ROLES",
    "SECURITY_OFFICER",
    "SERVICE_COMMANDS",
    "SERVICE_GIT",
    "SERVICE_READS",
    "SOVEREIGN_ADMIN",
    "commands_of",
    "denied",
    "in_git",
    "matched",
    "may_read",
    "may_read_platform",
    "may_send",
    "refused",
    "service_asks",
    "service_git",
    "service_reads",
]

COMMAND_ROLES: Final[Mapping[str, frozenset[str]]] = {
    **{
        f"{table.service}.{verb}": allowed
        for table in TABLES
        for verb, allowed in table.command_roles.items()
    },
    **{f"{name}.{verb}.v1": SOVEREIGN for name in SERVICES for verb in ("retry", "drop")},
}
"""Roles that may send a command; what else must hold, its rule checks."""

SERVICE_COMMANDS: Final[Mapping[str, frozenset[str]]] = {
    **{
        f"{table.service}.{verb}": allowed
        for table in TABLES
        for verb, allowed in table.service_commands.items()
    },
    **{f"{name}.take-answer.v1": frozenset(SERVICES) for name in SERVICES},
}
"""Services that may send a command which no person sends."""


def _merged(parts: Iterable[Mapping[str, frozenset[str]]]) -> Mapping[str, frozenset[str]]:
    found: dict[str, frozenset[str]] = {}
    for part in parts:
        for name, kinds in part.items():
            found[name] = found.get(name, frozenset()) | kinds
    return found


READS_EVERYWHERE: Final = _merged(table.reads_everywhere for table in TABLES)
"""Kinds of rows that a platform role reads in every Organization; nothing below them."""

READS_PLATFORM: Final = _merged(table.reads_platform for table in TABLES)
"""Kinds of rows that a platform role reads where no Organization owns them."""

READS_OWN: Final = _merged(table.reads_own for table in TABLES)
"""Kinds of rows that a role of an Organization reads in that Organization."""

SERVICE_READS: Final = _merged(table.service_reads for table in TABLES)
"""Kinds whose events, outcomes, chains and dead letters a service is shown, in every Organization.

What it sent itself it always sees. A service that is not listed has no business with any."""

SERVICE_GIT: Final[Mapping[str, frozenset[str]]] = {
    "environment": frozenset({"clone", "push"}),
    "blueprint": frozenset({"clone"}),
    "provisioning": frozenset({"clone", "push", "create"}),
}
"""What a service may do with every Organization's repositories: the home, and its Applications'."""


def may_send(type_: str, roles: Iterable[str], service: str | None = None) -> bool:
    """Return whether someone with these roles, or this service, may send a command."""
    if service is not None:
        return service in SERVICE_COMMANDS.get(type_, frozenset())
    return not COMMAND_ROLES.get(type_, frozenset()).isdisjoint(roles)


def denied(type_: str) -> Rejected:
    """Return the refusal of a command: what somebody wanted, and which roles it takes."""
    allowed = COMMAND_ROLES.get(type_)
    if not allowed:
        return Rejected("forbidden", f"{type_} is sent by services alone")
    what = re.split(r"[.;](?: |$)", COMMANDS[type_].summary)[0]
    return refused(f"{what[:1].lower()}{what[1:]}", allowed)


def refused(wanted: str, allowed: Iterable[str]) -> Rejected:
    """Return the refusal of what somebody wanted, as after `to`, with the roles that it takes."""
    named = [role for role in ROLES if role in allowed]
    takes = "the role" if len(named) == 1 else "one of the roles"
    told = f": it takes {takes} {', '.join(named)}" if named else ""
    return Rejected("forbidden", f"your roles do not allow you to {wanted}{told}")


def may_read(kind: str, platform_roles: Iterable[str], own_roles: Iterable[str]) -> bool:
    """Return whether a row of `kind` may be shown.

    Args:
        kind: The row's kind.
        platform_roles: Roles from the token; they hold everywhere.
        own_roles: Roles that the reader has in the row's Organization.
    """
    everywhere = any(kind in READS_EVERYWHERE.get(role, frozenset()) for role in platform_roles)
    return everywhere or any(kind in READS_OWN.get(role, frozenset()) for role in own_roles)


def may_read_platform(kind: str, platform_roles: Iterable[str]) -> bool:
    """Return whether a row of `kind` that no Organization owns may be shown."""
    return may_read(kind, platform_roles, ()) or any(
        kind in READS_PLATFORM.get(role, frozenset()) for role in platform_roles
    )


def matched(email: str) -> str:
    """Return an e-mail address as people are matched by it: without regard to case.

    A letter that is no ASCII and whose small form is (the Kelvin sign, for one, is `k` then) stays
    as it is: else whoever has such an address would be somebody else.
    """
    if email.isascii():
        return email.lower()
    return "".join(
        [low if (low := one.lower()).isascii() == one.isascii() else one for one in email]
    )


def in_git(repository: str) -> tuple[str, ...]:
    """Return the kinds that a repository tells of: all of them are read by whoever clones it."""
    return IN_GIT if repository == HOME else (*IN_GIT, "application")


def service_reads(service: str, kind: str) -> bool:
    """Return whether a service is shown what happens to aggregates of `kind`."""
    return kind in SERVICE_READS.get(service, frozenset())


def service_asks(service: str, other: str) -> bool:
    """Return whether a service may ask another one's queries: those in its table, and its own."""
    return service == other or any(
        other in table.asks for table in TABLES if table.service == service
    )


def service_git(service: str, action: str) -> bool:
    """Return whether a service may `clone` (fetch, too), `push`, or `create` by pushing."""
    return action in SERVICE_GIT.get(service, frozenset())


def commands_of(role: str) -> tuple[str, ...]:
    """Return the types of the commands that a role may send, in the registry's order."""
    return tuple(type_ for type_ in COMMANDS if role in COMMAND_ROLES.get(type_, frozenset()))
