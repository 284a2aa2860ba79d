"""Why something does not move: the chain from a change to its root cause.

One pure function for each thing; `blocked_application` has those of Applications. Rows, queries and
the page show what comes out, so that all say the same. The last link is the cause as far as it is
known there. A link whose kind is among those that `blocked_chain` follows names the row whose own
links go on from it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Final

from catalyst.contracts.message import Part
from catalyst.contracts.provisioning_values_v1 import (
    Approvals,
    Gate,
    Step,
)


class Link(Part, frozen=True, kw_only=True):
    """One thing that waits, or is the reason."""

    kind: str
    """What it is: `change`, `application`, `approval`, `window`, `service`, `git`, `cluster`,
    `blueprint`, `source`, `organization`, `onboarding`, `environment`, `policy`, `account`, `host`,
    or the kind of an object in a cluster."""
    name: str
    """Its name."""
    code: str
    """One word that says why; it stays the same from version to version."""
    message: str
    """The same for a person."""
    since: datetime | None = None
    """Since when it is so; null: unknown."""
    who: str
    """Who can do something about it."""
    what_to_do: str
    """What."""
    depth: int = 0
    """How many rows lead to it: 0 keeps the row itself, 1 what that names, and so on."""


def own(links: Iterable[Link]) -> tuple[Link, ...]:
    """Return of a chain what a row says itself, without what the rows say that it leads to."""
    return tuple(link for link in links if not link.depth)


_ASKED: Final[Mapping[Step, tuple[str, str]]] = {
    "admit": ("environment", "the Environment admits the Application"),
    "hold": ("billing", "the credit is held"),
    "capture": ("billing", "the credit is taken"),
    "release": ("environment", "the Environment lets the Application go"),
    "settle": ("billing", "the subscription is ended"),
    "delete": ("environment", "the Environment is deleted"),
}


def of_change(
    name: str,
    environment: str,
    *,
    waits_for: Sequence[Gate] = (),
    behind: Sequence[str] = (),
    missing: Sequence[Approvals] = (),
    officers: Sequence[str] = (),
    opens: datetime | None = None,
    step: Step | None = None,
    undo: bool = False,
    applications: Sequence[str] = (),
    reason: str = "",
) -> tuple[Link, ...]:
    """Return what a change waits for; nothing if it is over.

    Args:
        name: The change.
        environment: Where; empty for a whole Organization.
        waits_for: What keeps it from beginning.
        behind: The changes before it, oldest first.
        missing: Approvals that are missing.
        officers: Teams for which too few in the Organization can approve.
        opens: When changes may happen again.
        step: The step in progress.
        undo: Whether that is being taken back.
        applications: What of the step is not done yet.
        reason: Why the last attempt at it failed.
    """
    found: list[Link] = []
    if "queue" in waits_for and behind:
        found.append(_queued(name, behind))
    if "approvals" in waits_for:
        found += [_approval(name, item, officers) for item in missing]
    if "window" in waits_for:
        found.append(_window(environment, opens))
    if step is not None:
        found += _stepping(name, environment, step, applications, reason, undo=undo)
    return tuple(found)


def _queued(name: str, behind: Sequence[str]) -> Link:
    others = f" and {len(behind) - 1} more" if len(behind) > 1 else ""
    return Link(
        kind="change",
        name=behind[0],
        code="queued",
        message=f"{name} is queued behind {behind[0]}{others} on the same Application",
        who="whoever started the change before it",
        what_to_do="wait for it, or cancel one of the two",
    )


def _approval(change: str, item: Approvals, officers: Sequence[str]) -> Link:
    team = item.team or "anyone but the author"
    word = "approval" if item.quorum == 1 else "approvals"
    scarce = item.team in officers
    end = "; without security-officers too few can give it" if scarce else ""
    return Link(
        kind="approval",
        name=team,
        code="approval-missing",
        message=f"{item.quorum} {word} of {team} missing for {change}{end}",
        who=f"{team}, and security-officers" if scarce else team,
        what_to_do="look at the plan and approve or reject the change",
    )


def _window(environment: str, opens: datetime | None) -> Link:
    until = (
        "no opening is in sight" if opens is None else f"closed until {opens:%Y-%m-%d %H:%M} UTC"
    )
    return Link(
        kind="window",
        name=environment,
        code="window-closed",
        message=f"the change window of {environment} is shut: {until}",
        who="whoever keeps the EnvironmentPolicy",
        what_to_do="wait for the opening, or change the policy",
    )


def _stepping(
    name: str,
    environment: str,
    step: Step,
    applications: Sequence[str],
    reason: str,
    *,
    undo: bool,
) -> list[Link]:
    before = f"; the last attempt failed: {reason}" if reason else ""
    if step in _ASKED:
        service, words = _ASKED[step]
        back = "to take back that " if undo else "until "
        return [
            Link(
                kind="service",
                name=service,
                code="answer-awaited",
                message=f"{name} waits for the answer of {service}, {back}{words}{before}",
                who="whoever runs Catalyst",
                what_to_do=f"look whether {service} runs: `catalyst doctor`",
            )
        ]
    if step == "observe" or (step == "unprotect" and not undo):
        return [
            Link(
                kind="application",
                name=item,
                code="not-seen",
                message=f"{name} waits until what was committed is seen in {environment}{before}",
                who="whoever owns the Application",
                what_to_do=f"look at what keeps {item} from it",
            )
            for item in applications
        ]
    return [
        Link(
            kind="git",
            name=item,
            code="git-unavailable" if reason else "git-under-way",
            message=f"the repository of {item} is being written{before}",
            who="whoever runs Catalyst",
            what_to_do="wait; if it lasts, look whether the environment-controller runs",
        )
        for item in applications
    ]
