"""The gate before a change: approvals and change windows. One function for plan, change and view.

A team of an EnvironmentPolicy is one of: the name of a role (`org-admin`, `org-developer`,
`security-officer`, …), a word of the owners list (`owner`, `admin`, `developer`), or e-mail
addresses with commas or spaces between them. Any other name has no members. An empty name is anyone
but the author, who counts for no team: neither under the same name nor under the same e-mail
address.

Approvals are given by who may change things in the Organization, as its owners list says, and by
security-officers, whom a token names and no list. So it is known beforehand where too few people
can ever approve; a change that asks for that is not begun at all. Where security-officers alone
could still give what lacks, that is told.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Final

import msgspec

from catalyst.contracts import teams
from catalyst.contracts.decision import Actor
from catalyst.contracts.environment_v1 import Owner
from catalyst.contracts.provisioning_values_v1 import Approvals
from catalyst.contracts.roles import matched
from catalyst.contracts.tables.role import BUILDERS, OWNER_ROLES, PLATFORM_ROLES
from catalyst.provisioning.domain import windows
from catalyst.provisioning.domain.foreign import Policy
from catalyst.provisioning.domain.windows import Opening

_LISTED: Final = frozenset(OWNER_ROLES.values())
"""Roles that the owners list gives."""

People = Mapping[str, str]
"""Role of each whom an Organization's owners list names, by e-mail address in small letters."""


def people(owners: Iterable[Owner]) -> People:
    """Return who has which role, as an owners list says."""
    return {matched(one.email): OWNER_ROLES[one.role] for one in owners}


class Approved(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody's approval."""

    by: str
    email: str
    teams: tuple[str, ...]
    """The teams that it counts for."""
    officer: bool = False
    """Whether who gave it was a security-officer, who may approve without being on a list."""


class Gates(msgspec.Struct, frozen=True, kw_only=True):
    """What stands between a plan and its beginning."""

    approvals: tuple[Approvals, ...] = ()
    """What a policy asks for."""
    impossible: tuple[str, ...] = ()
    """Teams of which too few can approve, whatever happens."""
    officers: tuple[str, ...] = ()
    """Teams of which too few in the Organization can: security-officers have to."""
    opening: Opening = Opening(open=True)
    unchecked: tuple[str, ...] = ()
    """What a policy asks for that nothing checks yet, in words."""


def gates(policy: Policy | None, now: datetime, found: People, author: str) -> Gates:
    """Return what a policy asks for, who can give it, and whether its windows are open at `now`.

    Args:
        policy: The policy; None: there is none.
        now: The time.
        found: Who is of the Organization.
        author: E-mail address of who wants the change; empty: not known.
    """
    if policy is None:
        return Gates()
    asked = tuple(
        Approvals(team=item.team, quorum=item.quorum) for item in policy.approvals if item.quorum
    )
    return Gates(
        approvals=asked,
        impossible=tuple(item.team for item in too_few(asked, found, author)),
        officers=officers(asked, found, author),
        opening=windows.opening(policy.windows, now),
        unchecked=tuple(_unchecked(policy)),
    )


def _unchecked(policy: Policy) -> Iterator[str]:
    if policy.soak_minutes:
        hours, minutes = divmod(policy.soak_minutes, 60)
        time = f"{hours} h {minutes} min" if minutes else f"{hours} h"
        time = time if hours else f"{minutes} min"
        yield f"the policy asks that a change runs {time} elsewhere first: not checked yet"
    if policy.required_score is not None:
        score = policy.required_score
        yield f"the policy asks for a compliance score of {score}: not checked yet"


def officers(
    asked: Sequence[Approvals], found: People, author: str, given: Sequence[Approved] = ()
) -> tuple[str, ...]:
    """Return the teams of which too few in the Organization can approve: security-officers have to.

    Those of which too few can whatever happens are not among them.

    Args:
        asked: How many approvals are asked for; with `given`, how many of them are missing.
        found: Who is of the Organization.
        author: E-mail address of who wants the change.
        given: The approvals that are there: whoever gave one gives no second one.
    """
    emails = {matched(one.email) for one in given}
    free = {email: role for email, role in found.items() if email not in emails}
    lacking = too_few(asked, free, author)
    scarce = (item for item in asked if item.quorum > _inside(item.team, free, author))
    return tuple(item.team for item in scarce if item not in lacking)


def too_few(asked: Sequence[Approvals], found: People, author: str) -> tuple[Approvals, ...]:
    """Return what can never be given, because too few others than the author can approve."""
    return tuple(item for item in asked if not _can_be_given(item, found, author))


def _can_be_given(asked: Approvals, found: People, author: str) -> bool:
    """Return whether it can be, if everybody is a security-officer of whom that may be so."""
    team = OWNER_ROLES.get(asked.team, asked.team)
    if not team or team in PLATFORM_ROLES:
        return True
    if team in _LISTED:
        names = {email for email, role in found.items() if role == team}
    else:
        names = set(teams.addresses(team))
    return asked.quorum <= len(names - {matched(author)})


def _inside(name: str, found: People, author: str) -> float:
    """Return how many others than the author can approve for a team without a platform's role."""
    team = OWNER_ROLES.get(name, name)
    if team in PLATFORM_ROLES:
        return float("inf")
    others = {e: role for e, role in found.items() if role in BUILDERS and e != matched(author)}
    if team in _LISTED:
        return sum(role == team for role in others.values())
    return len(others.keys() & teams.addresses(team)) if team else len(others)


def words(asked: Approvals) -> str:
    """Return why an approval can never be given."""
    return (
        f"the policy asks for {asked.quorum} of the team {asked.team!r}, which has too few members"
        " besides the author: a team is a role, such as org-admin, or e-mail addresses with commas"
        " between them"
    )


def is_member(team: str, who: Actor) -> bool:
    """Return whether an approver belongs to a team; only proven e-mail addresses count."""
    return teams.is_member(team, who.roles, who.email)


def is_author(who: Actor, author: str, author_email: str) -> bool:
    """Return whether an approver is the author, under whichever of both names."""
    same = bool(who.email) and matched(who.email) == matched(author_email)
    return who.name == author or same


def counts_for(asked: Sequence[Approvals], who: Actor) -> tuple[str, ...]:
    """Return the teams that an approval counts for."""
    return tuple(item.team for item in asked if is_member(item.team, who))


def missing(
    asked: Sequence[Approvals], given: Sequence[Approved], found: People
) -> tuple[Approvals, ...]:
    """Return what is still missing, with how many approvals; a person counts once for a team.

    And only as long as they could still give it: whoever was removed meanwhile no longer counts.
    """
    left = []
    for item in asked:
        names = {matched(one.email or one.by) for one in given if _stands(one, item.team, found)}
        if len(names) < item.quorum:
            left.append(Approvals(team=item.team, quorum=item.quorum - len(names)))
    return tuple(left)


def _stands(one: Approved, name: str, found: People) -> bool:
    role = found.get(matched(one.email), "")
    if name not in one.teams or not (one.officer or role in BUILDERS):
        return False
    team = OWNER_ROLES.get(name, name)
    return team not in _LISTED or team == role


def same(one: Approved, who: Actor) -> bool:
    """Return whether an approval is somebody's own, under whichever of both names."""
    return is_author(who, one.by, one.email)
