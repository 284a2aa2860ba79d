"""What a month may cost, what it costs so far, and which parts of that were told of."""

from __future__ import annotations

from typing import Any

import msgspec

from catalyst.chassis import clock
from catalyst.cli import ages, owned
from catalyst.cli.planshow import amount
from catalyst.cli.target import Target
from catalyst.client.errors import ClientError, Problem


class Spent(msgspec.Struct, frozen=True, kw_only=True):
    """What the running month costs so far."""

    month: str
    amounts: dict[str, int] | None
    """By currency, in minor units; None: that is not known, or not shown to who asks."""
    unknown: str
    """Why it is not known; empty: it is, or it is not shown."""
    alerts: list[dict[str, Any]] | None
    """What was told of that; None: that is not known, or not shown to who asks."""
    unseen: str
    """Why the alerts are not known, as above."""


def so_far(target: Target, owner: str) -> Spent:
    """Return what the running month of an Organization costs, and what was told of that."""
    month = f"{clock.now():%Y-%m}"
    amounts, unknown = _spent(target, month, owner)
    alerts, unseen = _alerts(target, month, owner)
    return Spent(month=month, amounts=amounts, unknown=unknown, alerts=alerts, unseen=unseen)


def lines(target: Target, account: dict[str, Any], owner: str) -> list[str]:
    """Return each spend limit of an account with how near to it the running month is."""
    return told(account, so_far(target, owner)) if account.get("spend_limits") else []


def told(account: dict[str, Any], spent: Spent) -> list[str]:
    """Return the same, of what is known already."""
    held = [hold["amount"] for hold in account["holds"]]
    found = []
    for limit in account["spend_limits"]:
        currency = limit["currency"]
        line = f"a month may cost {amount(limit)}"
        if spent.amounts is not None:
            minor = spent.amounts.get(currency, 0)
            line += f"; {spent.month} costs {amount({**limit, 'minor': minor})} so far"
            minor += sum(one["minor"] for one in held if one["currency"] == currency)
            if minor >= limit["minor"]:
                line += ", so nothing more can be ordered in it; use that comes is counted"
        found.append(line)
        for one in spent.alerts or ():
            if one["limit"] == limit:
                when = f"{ages.moment(one['since']):%F %H:%M} UTC"
                text = f"{amount(one['spent'])} of {amount(one['limit'])} was spent"
                found.append(f"  {one['percent']} % were reached at {when}: {text}")
    if spent.unknown:
        found.append(f"what {spent.month} costs so far is not known: {spent.unknown}")
    if spent.unseen:
        found.append(f"what was told of that is not known: {spent.unseen}")
    return found


def _spent(target: Target, month: str, owner: str) -> tuple[dict[str, int] | None, str]:
    """Return what a month costs so far, by currency; None and maybe why, where nobody can say."""
    try:
        running = owned.answer(target, "billing", "open-money", {}, owner)["running"]
    except ClientError as error:
        return None, _why(error)
    (found,) = [one for one in running if one["month"] == month] or [{"amounts": ()}]
    if found.get("problem"):
        return None, str(found["problem"])
    return {one["total"]["currency"]: one["total"]["minor"] for one in found["amounts"]}, ""


def _alerts(target: Target, month: str, owner: str) -> tuple[list[dict[str, Any]] | None, str]:
    """Return what was told of a month, or why that is not known."""
    try:
        shown = owned.docs(target, "usage", owner)
    except ClientError as error:
        return None, _why(error)
    return [alert for doc in shown if doc["month"] == month for alert in doc["alerts"]], ""


def _why(error: ClientError) -> str:
    """Return why something is not known; nothing to whom it is not shown."""
    hidden = isinstance(error, Problem) and error.status in owned.HIDDEN
    return "" if hidden else str(error)
