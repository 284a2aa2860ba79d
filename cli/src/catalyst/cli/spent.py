"""What a month may cost, what it costs so far, and which parts of that were told of."""

from __future__ import annotations

from typing import Any, Final

from catalyst.chassis import clock
from catalyst.cli import ages, owned
from catalyst.cli.planshow import amount
from catalyst.cli.target import Target
from catalyst.client.errors import ClientError, Problem

_FORBIDDEN: Final = 403


def lines(target: Target, account: dict[str, Any], owner: str) -> list[str]:
    """Return each spend limit of an account with how near to it the running month is."""
    limits = account.get("spend_limits", ())
    if not limits:
        return []
    month = f"{clock.now():%Y-%m}"
    spent, unknown = _spent(target, month, owner)
    alerts, unseen = _alerts(target, month, owner)
    held = [hold["amount"] for hold in account["holds"]]
    found = []
    for limit in limits:
        currency = limit["currency"]
        line = f"a month may cost {amount(limit)}"
        if spent is not None:
            minor = spent.get(currency, 0)
            line += f"; {month} costs {amount({**limit, 'minor': minor})} so far"
            minor += sum(one["minor"] for one in held if one["currency"] == currency)
            if minor >= limit["minor"]:
                line += ", so nothing more can be ordered in it; use that comes is counted"
        found.append(line)
        for one in alerts:
            if one["limit"] == limit:
                when = f"{ages.moment(one['since']):%F %H:%M} UTC"
                told = f"{amount(one['spent'])} of {amount(one['limit'])} was spent"
                found.append(f"  {one['percent']} % were reached at {when}: {told}")
    if unknown:
        found.append(f"what {month} costs so far is not known: {unknown}")
    if unseen:
        found.append(f"what was told of that is not known: {unseen}")
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


def _alerts(target: Target, month: str, owner: str) -> tuple[list[dict[str, Any]], str]:
    """Return what was told of a month, or why that is not known."""
    try:
        shown = owned.docs(target, "usage", owner)
    except ClientError as error:
        return [], _why(error)
    return [alert for doc in shown if doc["month"] == month for alert in doc["alerts"]], ""


def _why(error: ClientError) -> str:
    """Return why something is not known; nothing to whom it is not shown."""
    hidden = isinstance(error, Problem) and error.status in {_FORBIDDEN, owned.NOT_FOUND}
    return "" if hidden else str(error)
