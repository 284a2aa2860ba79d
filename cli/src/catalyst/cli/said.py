"""What a person is told of a change behind the outcome: what it waits for, and what to type."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from catalyst.cli import owned, planned
from catalyst.cli.ages import ago
from catalyst.cli.exits import Failure
from catalyst.cli.gateshow import ANYONE, SCARCE
from catalyst.cli.output import note
from catalyst.cli.planshow import write_lines
from catalyst.cli.target import Target, reads, run
from catalyst.client.errors import ClientError, Problem
from catalyst.client.rows import Row
from catalyst.contracts.message import Outcome
from catalyst.contracts.tables.role import BUILDERS, OWNER_ROLES

Doc = Mapping[str, Any]
_BEGUN: Final = "provisioning.change-begun.v1"
_OVER: Final = "change-over"
_INPUT: Final = "application:"
_TO_PLAN_AGAIN: Final = frozenset({"plan-stale", "plan-expired"})
_DONE: Final = {
    "install": "installed",
    "configure": "configured",
    "upgrade": "upgraded",
    "rollback": "rolled back",
    "uninstall": "removed",
    "delete-environment": "removed with its Environment",
    "delete-organization": "removed with its Organization",
}
_OFFICER: Final = "a security-officer"


async def row(
    target: Target, change: str, owner: str, found: Outcome | None = None
) -> dict[str, Any] | None:
    """Return the change's document, not older than an outcome; None if it is not shown."""
    found_row = await shown(target, change, owner, found)
    if found_row is None:
        return None
    doc: dict[str, Any] = msgspec.to_builtins(found_row.doc)
    return doc


async def shown(
    target: Target, change: str, owner: str, found: Outcome | None = None
) -> Row | None:
    """Return the change's row, not older than an outcome; None if it is not shown."""
    if not target.http:
        return None
    seq = found.seq if found is not None else None
    log = found.log or None if found is not None else None
    try:
        async with reads(target) as door:
            row_, _ = await door.get("changes", change, min_seq=seq, log=log, organization=owner)
    except Problem as problem:
        if problem.status != owned.NOT_FOUND:
            raise
        return None
    return row_


def approve(change: str, owner: str, hash_: str) -> str:
    """Return the command that approves the plan of a change, whole: so it can be no other one."""
    return f"`catalyst approve {change} --org {owner} --hash {hash_}`"


def after_apply(target: Target, kept: planned.Kept, text: str, found: Outcome) -> None:
    """Say which change it is, what it waits for, and what goes on from here."""
    doc = _now(target, kept.change, kept.organization, found)
    how = f", now {doc['status']}" if doc is not None else ""
    write_lines([f"applied as {kept.change}{how}"])
    if doc is not None and doc["status"] == "waiting":
        waiting(kept, text, doc)
    else:
        note(f"`catalyst apply {text} --watch` follows it")


def waiting(kept: planned.Kept, text: str, doc: Doc) -> None:
    """Say what a change waits for that was applied, and what to type."""
    change, place = kept.change, f"--org {kept.organization}"
    note(f"it waits: {_waits(doc)}")
    approving(doc)
    note(
        f"`catalyst apply {text} --watch` follows it, "
        f"`catalyst cancel {change} {place} --reason WHY` stops it"
    )


def waits_for_approvals(doc: Doc) -> bool:
    """Return whether a change has not begun because approvals are missing."""
    return doc["status"] == "waiting" and "approvals" in doc["waits_for"]


def approving(doc: Doc) -> None:
    """Say what to type for the approvals that a change waits for, if it waits for any."""
    if not waits_for_approvals(doc):
        return
    teams = [one["team"] for one in doc["missing"]]
    scarce = set(doc.get("officers", ()))
    place = f"{doc['change']} --org {doc['organization']}"
    give = approve(doc["change"], doc["organization"], doc["hash"])
    if not scarce.issuperset(teams):
        note(f"{give} of somebody else gives an approval")
    for team in (one for one in teams if one in scarce):
        who = "of another who may, or of a security-officer,"
        note(f"{give} {who} gives one of {team or ANYONE}: {SCARCE}")
    note(f"`catalyst plan show {place} --diff` shows its files, risks and price")


def after_approval(target: Target, change: str, owner: str, found: Outcome) -> None:
    """Say that somebody approved, how many approvals are there, and what comes next."""
    first = f"you approved {change}" if found.events else f"you had approved {change} already"
    became = found.result or {}
    doc = _now(target, change, owner, found)
    if became.get("reason"):
        write_lines([f"{first}, and it is not carried out: {became['reason']}"])
        if doc is not None:
            note(f"`catalyst plan {as_asked(doc['request'], owner)}` plans it again")
        return
    if doc is None:
        begun = _BEGUN in found.events
        write_lines([f"{first}{'; with that it begins' if begun else '; it does not begin yet'}"])
        return
    count = len(doc["approved"])
    there = f"{count} approval{'' if count == 1 else 's'} there"
    waits = _waits(doc)
    now = f"it waits: {waits}" if waits else f"it is {doc['status']}"
    write_lines([f"{first}: {there}; {'' if doc['missing'] else 'none is missing, '}{now}"])
    note(f"`catalyst get changes {change} --org {owner} --watch` follows it")


def after_end(target: Target, change: str, owner: str, found: Outcome) -> None:
    """Say what becomes of a change that was stopped."""
    doc = _now(target, change, owner, found)
    if doc is None:
        write_lines([f"{change} is stopped"])
        return
    if doc["finished"] is None:
        write_lines([f"{change} stops: what it has done is taken back, step by step"])
        note(f"`catalyst get changes {change} --org {owner} --watch` follows it")
    elif doc["undone"] or doc["left"]:
        write_lines(
            [f"{change} is {doc['status']}; taken back: {', '.join(doc['undone']) or 'nothing'}"]
        )
        for text in doc["left"]:
            write_lines([f"  left: {text}"])
    else:
        write_lines([f"{change} is {doc['status']}; nothing of it was done"])


def ended(target: Target, change: str, owner: str, found: Outcome) -> str:
    """Return how a change ended of which something was asked that is over; else nothing."""
    if found.code != _OVER:
        return ""
    try:
        doc = run(row(target, change, owner))
    except ClientError:
        doc = None
    if doc is None or doc["finished"] is None:
        return ""
    # Why it was stopped says already that it was.
    why = doc["reason"] if doc["reason"].startswith(doc["status"]) else ""
    how = why or ": ".join(filter(None, (doc["status"], doc["reason"])))
    return f"{how}, {ago(doc['finished'])}"


def anew(target: Target, kept: planned.Kept, found: Outcome) -> str:
    """Return how to plan again what was not applied because its plan is stale or too old.

    Of a stale one it says as well what became of its Applications.
    """
    if found.code not in _TO_PLAN_AGAIN:
        return ""
    told = []
    for error in found.errors:
        name, _, env = error.pointer.rpartition("/")[2].removeprefix(_INPUT).partition("@")
        if error.pointer.startswith(f"/data/inputs/{_INPUT}") and env:
            told.append(_became(target, kept.organization, name, env))
    now = f"`catalyst plan {again(kept)}` says what it would do as things are now"
    return "; ".join(filter(None, (*told, now)))


def again(kept: planned.Kept) -> str:
    """Return the words that make a plan anew, but for its values and what else was chosen."""
    return as_asked(kept.plan["request"], kept.organization)


def as_asked(asked: Doc, owner: str) -> str:
    """Return the words that ask for a plan, but for values and what else was chosen."""
    place = f"--org {owner}"
    match asked["action"]:
        case "delete-organization":
            return f"delete-organization {owner}"
        case "delete-environment":
            return f"delete-environment {asked['environment']} {place}"
        case "install":
            what = f"install {asked['blueprint']} --as {asked['application']}"
        case action:
            what = f"{action} {asked['application']}"
    return f"{what} --env {asked['environment']} {place}"


def _became(target: Target, owner: str, name: str, env: str) -> str:
    """Return what was done last to an Application in an Environment, as far as it is shown."""
    try:
        changes = owned.docs(target, "changes", owner)
    except ClientError:
        return ""
    mine = [
        doc
        for doc in changes
        if doc["status"] in {"waiting", "running", "completed"}
        and any((one["application"], one["environment"]) == (name, env) for one in doc["lock"])
    ]
    if not mine:
        return ""
    last = max(mine, key=lambda doc: doc["opened"])
    action, about = last["request"]["action"], last["request"]["application"]
    what = f"{name} was {_DONE[action]}" if about == name else f"{name} was changed with {about}"
    how = "" if last["status"] == "completed" else f", which is {last['status']}"
    return f"{what} last by {last['change']}{how}"


def who_else(target: Target, change: str, owner: str) -> str:
    """Return who can approve what its author cannot."""
    missing = owned.no_such(f"change {change!r}")
    try:
        doc = owned.row(target, "changes", change, owner, missing)
        people = owned.row(target, "organizations", owner, owner, missing)["owners"]
    except (ClientError, Failure):
        return f"somebody else can: `catalyst approve {change} --org {owner}`"
    author = doc["author_email"].lower()
    teams = [one["team"] for one in doc["missing"] or doc["approvals"]]
    who = " and ".join(dict.fromkeys(_members(team, people, author) for team in teams))
    return f"{who or 'somebody else'} can: {approve(change, owner, doc['hash'])}"


def _members(team: str, people: list[dict[str, Any]], author: str) -> str:
    """Return who may approve for a team; it is named itself where the Organization lists none."""
    role = OWNER_ROLES.get(team, team)
    if team and role not in OWNER_ROLES.values():
        return team
    emails = [
        one["email"]
        for one in people
        if one["email"].lower() != author
        and (OWNER_ROLES[one["role"]] == role if team else OWNER_ROLES[one["role"]] in BUILDERS)
    ]
    # Whoever has a role of the platform is on no list of an Organization.
    return " or ".join([*emails, _OFFICER] if not team else emails or [team])


def _now(target: Target, change: str, owner: str, found: Outcome) -> dict[str, Any] | None:
    """Return the change as it is after an outcome; that it was decided, was said already."""
    try:
        doc = run(row(target, change, owner, found))
    except ClientError as error:
        note(f"how {change} is now is not known: {error}")
        return None
    if doc is None:
        note(f"how {change} is now is not shown to you")
    return doc


def _waits(doc: Doc) -> str:
    if doc["status"] != "waiting":
        return ""
    return ", ".join(link["message"] for link in doc["blocked_by"]) or "its turn"
