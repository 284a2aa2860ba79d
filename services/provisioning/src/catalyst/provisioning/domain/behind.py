"""What is behind each thing that stands in a plan's way: who can do something about it, and what.

Links to changes, Applications, Organizations and onboardings lead on in their rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from catalyst.contracts.blocked import Link
from catalyst.contracts.blocked_environment import FAILED
from catalyst.contracts.money_v1 import Money

_OWNER: Final = "an owner of the Organization"
_KEEPER: Final = "whoever keeps the EnvironmentPolicy"
_AUTHOR: Final = "whoever started the change"


def failed(organization: str) -> Link:
    """Return that an Organization could not be onboarded."""
    return Link(
        kind="onboarding",
        name=organization,
        code=FAILED,
        message=f"the onboarding of {organization} has failed",
        who=_OWNER,
        what_to_do="look at why it failed, then restart the onboarding",
    )


def deleted_by(environment: str, change: str) -> Link:
    """Return that a change deletes an Environment."""
    return Link(
        kind="change",
        name=change,
        code="environment-going",
        message=f"{change} deletes {environment}",
        who=_AUTHOR,
        what_to_do="wait for it, or cancel it as long as that is possible; then plan again",
    )


def too_little_credit(organization: str, due: str, elsewhere: Iterable[Money]) -> Link:
    """Return that an account does not cover what is due; `elsewhere` it has other currencies."""
    ways = [f"{one} with `--currency {one.currency}`" for one in elsewhere]
    otherwise = f"buy it in another currency ({' or '.join(ways)}), " if ways else ""
    return Link(
        kind="account",
        name=organization,
        code="credit-insufficient",
        message=f"the account of {organization} has less than {due} that is free",
        who=f"{_OWNER}, or a billing-admin",
        what_to_do=f"{otherwise}redeem a voucher (`catalyst voucher redeem`), or let a payment be "
        "recorded",
    )


def spend_limit(organization: str, reason: str) -> Link:
    """Return that an account may not spend more this month."""
    return Link(
        kind="account",
        name=organization,
        code="spend-limit-reached",
        message=reason,
        who=_OWNER,
        what_to_do="raise the spend limit (`catalyst billing limit spend`), or wait for the next "
        "month",
    )


def full(policy: str, environment: str, limit: int, held: Iterable[str]) -> tuple[Link, ...]:
    """Return that there is no room in an Environment, and whose room is only held."""
    rule = Link(
        kind="policy",
        name=policy,
        code="quota-exceeded",
        message=f"{policy} lets {limit} Applications stand in {environment}",
        who=_KEEPER,
        what_to_do="uninstall something, or let the policy allow more",
    )
    return (
        rule,
        *(
            Link(
                kind="application",
                name=name,
                code="room-held",
                message=f"room is held for {name} until the change that brings it is over",
                who=_AUTHOR,
                what_to_do="wait for it; if it is taken back, the room is free again",
            )
            for name in sorted(held)
        ),
    )


def approvals(team: str, policies: Sequence[str]) -> Link:
    """Return that an approval can be given by nobody."""
    named = ", ".join(policies)
    return Link(
        kind="approval",
        name=team,
        code="approvals-impossible",
        message=f"too few besides the author are in {team}, as {named or 'the policy'} asks",
        who=f"{_KEEPER}, or {_OWNER}",
        what_to_do=f"give others a role that is in {team}, or ask for another team",
    )


def host(name: str, message: str) -> Link:
    """Return that a public host is not to be had."""
    return Link(
        kind="host",
        name=name,
        code="host-taken",
        message=message,
        who=_AUTHOR,
        what_to_do="choose another host, or let whoever has it give it up first",
    )


def unsettled(change: str, message: str) -> Link:
    """Return that a change may leave what is needed, or whoever needs it, otherwise."""
    return Link(
        kind="change",
        name=change,
        code="dependency-unsettled",
        message=message,
        who=_AUTHOR,
        what_to_do="wait for it, or cancel it as long as that is possible; then plan again",
    )


def needed(dependent: str, name: str) -> Link:
    """Return that an Application needs what would go."""
    return Link(
        kind="application",
        name=dependent,
        code="application-needed",
        message=f"{dependent} needs {name}",
        who="whoever owns the Application",
        what_to_do=f"uninstall {dependent} first, or let it use another than {name}",
    )
