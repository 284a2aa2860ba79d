"""`catalyst approvals`: what waits for whoever asks, across Organizations and Environments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final, Literal

import typer

from catalyst.cli import owned, said
from catalyst.cli.ages import lasting
from catalyst.cli.output import Format, Table, note, show
from catalyst.cli.planshow import amount
from catalyst.cli.target import (
    ContextOption,
    OutputOption,
    SeenOrgOption,
    TokenOption,
    UrlOption,
    reads,
    resolve,
    run,
)
from catalyst.contracts.roles import COMMAND_ROLES, matched
from catalyst.contracts.teams import is_member

Doc = Mapping[str, Any]
Stands = Literal["decides", "author", "approved", ""]
_YOU: Final[Mapping[str, str]] = {
    "decides": "approve or reject",
    "author": "it is yours: somebody else has to",
    "approved": "you approved it",
}
_ABLE: Final = COMMAND_ROLES["provisioning.approve-change.v1"]


def list_(
    *,
    org: SeenOrgOption = None,
    every: Annotated[
        bool,
        typer.Option("--all", help="Also your own, and what you approved: they wait for others."),
    ] = False,
    output: OutputOption = Format.TABLE,
    context: ContextOption = None,
    url: UrlOption = None,
    token: TokenOption = None,
) -> None:
    """List the changes that wait for your approval, the oldest first.

    Example:
      catalyst approvals list
    """
    target = resolve(context, url, token)

    async def who() -> dict[str, Any]:
        async with reads(target) as door:
            found: dict[str, Any] = await door.read("/v1/session")
            return found

    session = run(who())
    docs = owned.docs(target, "changes", org)
    if not docs and org:
        owned.require(target, org)
    docs = [doc for doc in docs if said.waits_for_approvals(doc)]
    docs.sort(key=lambda doc: str(doc["opened"]))
    known = [(doc, stands) for doc in docs if (stands := standing(session, doc))]
    found = [item for item in known if every or item[1] == "decides"]
    result = [{"you": stands, "change": doc} for doc, stands in found]
    show(result, output, lambda: _table(found))
    if output is Format.TABLE:
        _offer(found)
        _beside([stands for _, stands in known if not every], org)


def standing(session: Doc, doc: Doc) -> Stands:
    """Return how somebody stands to a change that waits for approvals; empty: it is not theirs.

    Whoever asked for it approves nothing of it, under whichever of both names.
    """
    email = matched(session.get("email") or "") if session.get("email_verified") else ""
    own = session["organizations"].get(doc["organization"], ())
    roles = frozenset((*session["roles"], *own))
    if doc["author"] == session["actor"] or (email and matched(doc["author_email"]) == email):
        return "author"
    teams = {one["team"] for one in doc["approvals"] if is_member(one["team"], roles, email)}
    if _ABLE.isdisjoint(roles) or not teams:
        return ""
    given = {
        team
        for one in doc["approved"]
        if one["by"] == session["actor"] or (email and matched(one["email"]) == email)
        for team in one["teams"]
    }
    return "approved" if given and teams <= given else "decides"


def _table(found: Sequence[tuple[Doc, Stands]]) -> None:
    if not found:
        return
    table = Table("CHANGE", "ORG", "WHAT", "ASKED BY", "WAITS", "DUE NOW", "MISSING", "YOU")
    for doc, stands in found:
        asked = doc["request"]
        about = asked["application"] or asked["environment"] or doc["organization"]
        where = f" in {asked['environment']}" if asked["application"] else ""
        table.add(
            doc["change"],
            doc["organization"],
            f"{asked['action']} {about}{where}",
            doc["author_email"] or doc["author"],
            lasting(doc["opened"]),
            amount(doc["quote"]["due"]) if doc["quote"] else None,
            [f"{one['quorum']} of {one['team'] or 'anyone else'}" for one in doc["missing"]],
            _YOU[stands],
        )
    table.write()


def _offer(found: Sequence[tuple[Doc, Stands]]) -> None:
    """Say what to type for the first that can be decided."""
    first = next((doc for doc, stands in found if stands == "decides"), None)
    if first is None:
        note("nothing waits for your approval")
        return
    place = f"{first['change']} --org {first['organization']}"
    note(f"`catalyst plan show {place} --diff` shows what it does, file by file")
    note(f"`catalyst approve {place} --hash {first['hash']}` approves exactly that plan")
    note(f"`catalyst reject {place} --hash {first['hash']} --reason WHY` refuses it")


def _beside(known: Sequence[Stands], org: str | None) -> None:
    """Say how much waits for others of what somebody asked for or approved: it is not listed."""
    asked, approved = known.count("author"), known.count("approved")
    if not asked and not approved:
        return
    parts = [
        f"{count} that you {did}" for count, did in ((asked, "asked for"), (approved, "approved"))
    ]
    told = " and ".join(part for part in parts if not part.startswith("0 "))
    one = asked + approved == 1
    within = f" --org {org}" if org else ""
    note(
        f"{told} {'waits' if one else 'wait'} for somebody else's approval: "
        f"`catalyst approvals list --all{within}` shows {'it' if one else 'them'}"
    )
