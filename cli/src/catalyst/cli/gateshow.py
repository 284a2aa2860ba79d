"""What stands between a plan and its beginning, one fact a line."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from catalyst.cli.ages import left
from catalyst.contracts.roles import PLATFORM_ROLES
from catalyst.contracts.tables.role import ORG_ADMIN, ORG_DEVELOPER, OWNER_ROLES

Found = Mapping[str, Any]
ANYONE: Final = "anyone but the author"
"""What a person calls the team without a name."""
SCARCE: Final = "without security-officers too few can give it"
_WITHIN: Final = {
    ORG_ADMIN: "owners and admins of the Organization",
    ORG_DEVELOPER: "developers of the Organization",
}


def lines(gates: Found, change: str, owner: str, hash_: str, doc: Found | None) -> Iterator[str]:
    """Yield what the gate asks for: how many, of whom, who may not, where it stands, what to type.

    Args:
        gates: As a plan has them.
        change: The change that carries out the plan; empty: not known.
        owner: Whose it is.
        hash_: The plan's hash.
        doc: The row of the change, once the plan was applied and if it is shown.
    """
    for one in gates["approvals"]:
        team, quorum = one["team"], one["quorum"]
        yield f"approvals    {quorum} of {team or ANYONE}"
        yield f"who may      {_who(team)}"
        yield "who may not  whoever applies the plan: an author's own approval never counts"
        if team in gates["impossible"]:
            yield "enough       no: it can never be given; see what stands in the way"
        elif team in gates.get("officers", ()):
            yield f"enough       no: {SCARCE}"
        yield f"stands at    {_standing(team, quorum, doc)}"
    if gates["approvals"] and change:
        yield f"to approve   `catalyst approve {change} --org {owner} --hash {hash_}`"
    opening = gates["opening"]
    if not opening["open"]:
        coming = opening.get("next")
        opens = f"opens {left(coming)}" if coming else "it does not open within 400 days"
        yield f"window       closed now: {opens}"
    elif closes := opening.get("closes"):
        yield f"window       open until {left(closes)}"


def _who(team: str) -> str:
    """Return who may approve for a team, as the policy names it."""
    role = OWNER_ROLES.get(team, team)
    if not team:
        return "owners, admins and developers of the Organization, and security-officers"
    if role in PLATFORM_ROLES:
        return f"whoever is {role}"
    return _WITHIN.get(role, f"{team}, if the Organization lists them or as security-officers")


def _standing(team: str, quorum: int, doc: Found | None) -> str:
    if doc is None:
        return f"0 of {quorum}: they are asked for once the plan is applied"
    given = [one["email"] or one["by"] for one in doc["approved"] if team in one["teams"]]
    missing = [one["quorum"] for one in doc["missing"] if one["team"] == team]
    count = quorum - sum(missing) if doc["status"] == "waiting" else len(given)
    return f"{count} of {quorum}" + (f": {', '.join(given)}" if given else "")
