"""The owners of an Organization: who they are and that somebody always remains."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from catalyst.contracts.environment_v1 import Owner
from catalyst.environment_controller.domain.findings import Findings

OWNERS: Final = "/data/owners"

_LOCAL_MAX: Final = 64
"""Octets before the `@`: RFC 5321, 4.5.3.1.1."""
_LOCAL: Final = re.compile(r"[^\s@.\"(),:;<>\[\]\\]+(\.[^\s@.\"(),:;<>\[\]\\]+)*")
_LABEL: Final = r"(?!-)(?:[^\W_]|-){1,63}(?<!-)"
_DOMAIN: Final = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")


def email_valid(email: str) -> bool:
    """Return whether an address has a deliverable shape; quoted forms and literals are refused.

    Of single labels only `localhost` passes, for whoever runs Catalyst on a machine of their own.
    """
    local, at, domain = email.rpartition("@")
    return bool(
        at
        and len(local.encode()) <= _LOCAL_MAX
        and _LOCAL.fullmatch(local)
        and ("." in domain or domain == "localhost")
        and _DOMAIN.fullmatch(domain)
    )


def check_owners(owners: Sequence[Owner], found: Findings) -> None:
    """Note every address that is wrong or listed twice, and a list without an owner.

    Addresses are compared without regard to case: people are matched by them at sign-in.
    """
    seen: dict[str, int] = {}
    for index, owner in enumerate(owners):
        pointer = f"{OWNERS}/{index}/email"
        if not email_valid(owner.email):
            found.add("owner-email-invalid", pointer, f"{owner.email!r} is not an e-mail address")
        first = seen.setdefault(owner.email.casefold(), index)
        if first != index:
            found.add("owner-duplicate", pointer, f"{owner.email!r} is listed already, at {first}")
    if not any(owner.role == "owner" for owner in owners):
        found.add("owner-required", OWNERS, "at least one entry must have the role 'owner'")
