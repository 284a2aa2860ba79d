"""The gate before a change: approvals and change windows. One function for plan, change and view.

A team of an EnvironmentPolicy is one of: the name of a role (`org-admin`, `org-developer`,
`security-officer`, …), a word of the owners list (`owner`, `admin`, `developer`), or e-mail
addresses with commas or spaces between them. Any other name has no members: nobody could ever give
its approval, so a change that asks for it is not begun at all. An empty name is anyone but the
author, who counts for no team: neither under the same name nor under the same e-mail address.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Final

import msgspec

from catalyst.contracts.decision import Actor
from catalyst.contracts.provisioning_values_v1 import Approvals
from catalyst.contracts.tables.role import OWNER_ROLES, ROLES
from catalyst.provisioning.domain import windows
from catalyst.provisioning.domain.foreign import Policy
from catalyst.provisioning.domain.windows import Opening

_BETWEEN: Final = re.compile(r"[\s,;]+")
_EMAIL: Final = re.compile(r"[^@\s]+@[^@\s]+")


class Approved(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody's approval."""

    by: str
    email: str
    teams: tuple[str, ...]
    """The teams that it counts for."""


class Gates(msgspec.Struct, frozen=True, kw_only=True):
    """What stands between a plan and its beginning."""

    approvals: tuple[Approvals, ...] = ()
    """What a policy asks for."""
    impossible: tuple[str, ...] = ()
    """Teams that nobody belongs to."""
    opening: Opening = Opening(open=True)


def gates(policy: Policy | None, now: datetime) -> Gates:
    """Return what a policy asks for, and whether its windows are open at `now`."""
    if policy is None or not policy.exists:
        return Gates()
    asked = tuple(
        Approvals(team=item.team, quorum=item.quorum) for item in policy.approvals if item.quorum
    )
    return Gates(
        approvals=asked,
        impossible=tuple(item.team for item in asked if not can_be_given(item)),
        opening=windows.opening(policy.windows, now),
    )


def can_be_given(asked: Approvals) -> bool:
    """Return whether a team can have as many members as are asked for."""
    if not asked.team or asked.team in ROLES or asked.team in OWNER_ROLES:
        return True
    return asked.quorum <= len(_addresses(asked.team))


def _addresses(team: str) -> frozenset[str]:
    parts = [part for part in _BETWEEN.split(team) if part]
    return frozenset(part.lower() for part in parts if _EMAIL.fullmatch(part))


def is_member(team: str, who: Actor) -> bool:
    """Return whether an approver belongs to a team; only proven e-mail addresses count."""
    if not team:
        return True
    if team in ROLES:
        return team in who.roles
    if team in OWNER_ROLES:
        return OWNER_ROLES[team] in who.roles
    return bool(who.email) and who.email.lower() in _addresses(team)


def is_author(who: Actor, author: str, author_email: str) -> bool:
    """Return whether an approver is the author, under whichever of both names."""
    same = bool(who.email) and who.email.lower() == author_email.lower()
    return who.name == author or same


def counts_for(asked: Sequence[Approvals], who: Actor) -> tuple[str, ...]:
    """Return the teams that an approval counts for."""
    return tuple(item.team for item in asked if is_member(item.team, who))


def missing(asked: Sequence[Approvals], given: Sequence[Approved]) -> tuple[Approvals, ...]:
    """Return what is still missing, with how many approvals; a person counts once for a team."""
    left = []
    for item in asked:
        people = {(one.email or one.by).lower() for one in given if item.team in one.teams}
        if len(people) < item.quorum:
            left.append(Approvals(team=item.team, quorum=item.quorum - len(people)))
    return tuple(left)
