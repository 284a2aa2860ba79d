"""The six roles, and which of them stand where."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

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

SOVEREIGN: Final = frozenset({SOVEREIGN_ADMIN})
ADMINS: Final = SOVEREIGN | {ORG_ADMIN}
BUILDERS: Final = frozenset({ORG_ADMIN, ORG_DEVELOPER})
"""Who installs and changes what runs in an Organization; a sovereign-admin does not see inside."""
MEMBERS: Final = BUILDERS | {ORG_VIEWER}
"""Everyone whom an Organization's owners list names."""
