"""Why something does not move: the chain from a change or an Application to its root cause.

One pure function for each; rows, queries and the page show what comes out, so that all say the
same. The last link is the cause as far as it is known there. A link whose kind is among those that
`blocked_chain` follows names the row whose own links go on from it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Final

import msgspec

from catalyst.contracts.message import Part
from catalyst.contracts.provisioning_values_v1 import (
    Applied,
    Approvals,
    Evidence,
    Gate,
    Health,
    Step,
    as_seen,
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


# ---- an Application in an Environment

NO_CLUSTER: Final = "no-cluster"
"""Why nothing was ever seen: no cluster of the Environment has ever said anything."""
NEVER_SEEN: Final = "never-seen"
"""Likewise: one has, and nothing of this Application."""
NOTHING_RUNS: Final = "nothing-runs"
"""Why an Environment or an Organization is neither well nor ill."""
DEPENDENCY: Final = "dependency-not-ready"
"""Code of the link from an Application that Flux does not apply to the one that it waits for."""
_CLUSTER: Final = "whoever runs the cluster"
_OWNER: Final = "whoever owns the Application"
_NAMED: Final = re.compile(r"dependency '([^'/]+)/([^']+)'")
"""How Flux names what it waits for: its namespace, which is called as the Organization, and it."""
_CAUSES: Final[Mapping[str, tuple[str, str, str]]] = {
    **dict.fromkeys(
        ("ImagePullBackOff", "ErrImagePull", "ErrImageNeverPull", "InvalidImageName"),
        ("image-not-pulled", _OWNER, "correct the image, or give the cluster access to it"),
    ),
    "CrashLoopBackOff": ("crash-loop", _OWNER, "read its log, correct the values, apply again"),
    "Restarted": ("restarted", _OWNER, "wait a minute; if it ends again, read its log"),
    "Unschedulable": ("no-room", _CLUSTER, "add a node, or ask for less in the values"),
    "DependencyNotReady": (DEPENDENCY, _OWNER, "look at what the Application depends on"),
    "Suspended": ("suspended", _CLUSTER, "let Flux go on with it: `flux resume`"),
    "ReconciliationFailed": ("drift", _CLUSTER, "take the change by hand back"),
    **dict.fromkeys(
        ("CreateContainerConfigError", "CreateContainerError"),
        ("configuration-wrong", _OWNER, "make the secret or the configuration that it names"),
    ),
    "BuildFailed": ("build-failed", _OWNER, "correct the values, or report the Blueprint"),
    "NotSeen": ("no-cluster", _CLUSTER, "connect the cluster of this region"),
    "Silent": ("silent", _CLUSTER, "look whether the cluster and its observer run"),
}


def of_application(
    name: str,
    environment: str,
    *,
    wanted: bool,
    change: str = "",
    waiting: Sequence[tuple[str, Sequence[Gate]]] = (),
    committed: bool = True,
    seen: bool = False,
    stale_since: datetime | None = None,
    as_of: datetime | None = None,
    applied: Applied = "unknown",
    health: Health = "unknown",
    evidence: Sequence[Evidence] = (),
    source: str | None = None,
    cluster: str = "",
) -> tuple[Link, ...]:
    """Return why an Application is not as it is to be, and which changes of it wait; else nothing.

    Args:
        name: The Application.
        environment: Where it runs, or is to.
        wanted: Whether something is to run there.
        change: The change that works on it, before it is committed; empty: none.
        waiting: The changes that are to work on it, oldest first, each with what it waits for.
        committed: Whether anything of it was ever committed: before that nothing can be seen.
        seen: Whether anything was ever seen of it.
        stale_since: When it was seen last, if that is too long ago.
        as_of: When the newest of it was seen.
        applied: Whether what was committed is what runs.
        health: How it is.
        evidence: What was seen, the worst first.
        source: Who saw it.
        cluster: Who has ever said anything of the Environment; empty: nobody.
    """
    ahead = tuple(_waiting(name, one, gates) for one, gates in waiting)
    if not wanted and (not seen or health == "missing"):
        return ahead
    if not seen:
        links = () if not change else (_worked_on(name, change),)
        if links and not committed:
            return (*links, *ahead)
        return (*links, _unseen(name, environment, cluster), *ahead)
    bad = [item for item in evidence if item.status != "healthy"]
    found: tuple[Link, ...]
    if stale_since is not None:
        found = (_silent(name, environment, stale_since),)
    elif wanted and applied == "current" and health == "healthy":
        found = ()
    elif bad:
        found = tuple(_object(item, as_of, environment) for item in reversed(bad[:5]))
    else:
        why = "another revision was seen" if wanted else "it is being removed"
        found = (_pending(name, environment, why),)
    replace = msgspec.structs.replace
    told = (replace(link, message=as_seen(link.message, source)) for link in found)
    return (*told, *ahead)


_GATES: Final[Mapping[Gate, str]] = {
    "queue": "those before it",
    "approvals": "approvals",
    "window": "its change window",
}


def _waiting(name: str, change: str, gates: Sequence[Gate]) -> Link:
    what = " and ".join(_GATES[one] for one in gates) or "its turn"
    return Link(
        kind="change",
        name=change,
        code="change-waiting",  # `blocked_chain.BEHIND`
        message=f"{change} is to change {name}, and waits for {what}",
        who="whoever it waits for",
        what_to_do="look at what the change waits for",
    )


def _worked_on(name: str, change: str) -> Link:
    return Link(
        kind="change",
        name=change,
        code="change-in-flight",
        message=f"{change} works on {name}",
        who="whoever started the change",
        what_to_do="wait for it",
    )


def _unseen(name: str, environment: str, cluster: str) -> Link:
    if cluster:
        return Link(
            kind="cluster",
            name=environment,
            code=NEVER_SEEN,
            message=as_seen(
                f"the cluster of {environment} has said nothing of {name} yet", cluster
            ),
            who=_CLUSTER,
            what_to_do="wait; if it lasts, look at Flux",
        )
    return Link(
        kind="cluster",
        name=environment,
        code=NO_CLUSTER,
        message=f"nothing was ever seen of {name}: no cluster of {environment} says anything",
        who=_CLUSTER,
        what_to_do=(
            "connect the cluster; to try things out, end this and start it as before, with"
            " `--simulate-cluster`"
        ),
    )


def _silent(name: str, environment: str, since: datetime) -> Link:
    return Link(
        kind="cluster",
        name=environment,
        code="silent",
        message=f"nothing has been heard of {name} for too long; what was known is stale",
        since=since,
        who=_CLUSTER,
        what_to_do="look whether the cluster and its observer run",
    )


def _pending(name: str, environment: str, why: str) -> Link:
    return Link(
        kind="cluster",
        name=environment,
        code="pending",
        message=f"the cluster has not taken over what was committed of {name}: {why}",
        who=_CLUSTER,
        what_to_do="wait; if it lasts, look at Flux",
    )


def _object(item: Evidence, since: datetime | None, environment: str) -> Link:
    code, who, todo = _CAUSES.get(
        item.reason, (_code(item), _OWNER, f"look at the {item.kind} in the cluster")
    )
    needed = _needed(item, environment) if code == DEPENDENCY else ""
    return Link(
        kind="application" if needed else item.kind,
        name=needed or item.name,
        code=code,
        message=item.message or item.reason or f"it is {item.status}",
        since=since,
        who=who,
        what_to_do=todo,
    )


def _needed(item: Evidence, environment: str) -> str:
    """Return the Application that Flux says it waits for; empty: it names none of ours."""
    named = _NAMED.search(item.message)
    organization, name = named.groups() if named is not None else ("", "")
    label = environment.removeprefix(f"{organization}-")
    end = f"--{label}" if "-" in label else f"-{label}"
    return name.removesuffix(end) if name.endswith(end) and label != environment else ""


def _code(item: Evidence) -> str:
    return "under-way" if item.status == "progressing" else "unwell"
