"""Who belongs to a team of an EnvironmentPolicy: a role, a word of the owners list, or addresses.

An empty name is anyone. Any other name that is none of these has no members.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Final

from catalyst.contracts.roles import OWNER_ROLES, ROLES, matched

_BETWEEN: Final = re.compile(r"[\s,;]+")
_EMAIL: Final = re.compile(r"[^@\s]+@[^@\s]+")


def addresses(team: str) -> frozenset[str]:
    """Return the e-mail addresses that a team consists of, in small letters."""
    return frozenset(matched(part) for part in _BETWEEN.split(team) if _EMAIL.fullmatch(part))


def is_member(team: str, roles: Collection[str], email: str) -> bool:
    """Return whether somebody belongs to a team; `email` is their proven address, or empty."""
    if not team:
        return True
    if team in ROLES:
        return team in roles
    if team in OWNER_ROLES:
        return OWNER_ROLES[team] in roles
    return matched(email) in addresses(team)
