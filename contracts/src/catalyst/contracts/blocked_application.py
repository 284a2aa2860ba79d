"""Why an Application is not as it is to be: the chain from it to what a cluster says. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

import msgspec

from catalyst.contracts.blocked import Link
from catalyst.contracts.provisioning_values_v1 import (
    SIMULATOR,
    Applied,
    Evidence,
    Gate,
    Health,
    as_seen,
)

NO_CLUSTER: Final = "no-cluster"
"""Why nothing was ever seen: no cluster of the Environment has ever said anything."""
NEVER_SEEN: Final = "never-seen"
"""Likewise: one has, and nothing of this Application."""
NOTHING_RUNS: Final = "nothing-runs"
"""Why an Environment or an Organization is neither well nor ill."""
DEPENDENCY: Final = "dependency-not-ready"
"""Code of the link from an Application that Flux does not apply to the one that it waits for."""
SILENT: Final = "silent"
"""Code of what was seen, and has not been for too long."""
PENDING: Final = "pending"
"""Code of what was committed, and is not what runs yet."""
_SAID: Final = frozenset({NEVER_SEEN, PENDING, SILENT})
"""Codes of what a cluster is to say, or to say again."""
_WAIT: Final = "wait; if it lasts, look at Flux"
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
    "Silent": (SILENT, _CLUSTER, "look whether the cluster and its observer run"),
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
    return (*(_as_seen(link, source) for link in found), *ahead)


def _as_seen(link: Link, source: str | None) -> Link:
    """Return what a cluster told, so that a reader knows whom to look at where none is real."""
    if source != SIMULATOR:
        return link
    message = as_seen(link.message, source)
    if link.code not in _SAID:
        return msgspec.structs.replace(link, message=message)
    todo = "look whether the simulated cluster runs: `catalyst doctor`"
    if link.code != SILENT:
        todo = f"wait; if it lasts, {todo}"
    return msgspec.structs.replace(
        link, message=message, who="whoever runs Catalyst", what_to_do=todo
    )


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
        link = Link(
            kind="cluster",
            name=environment,
            code=NEVER_SEEN,
            message=f"the cluster of {environment} has said nothing of {name} yet",
            who=_CLUSTER,
            what_to_do=_WAIT,
        )
        return _as_seen(link, cluster)
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
        code=SILENT,
        message=f"nothing has been heard of {name} for too long; what was known is stale",
        since=since,
        who=_CLUSTER,
        what_to_do="look whether the cluster and its observer run",
    )


def _pending(name: str, environment: str, why: str) -> Link:
    return Link(
        kind="cluster",
        name=environment,
        code=PENDING,
        message=f"the cluster has not taken over what was committed of {name}: {why}",
        who=_CLUSTER,
        what_to_do=_WAIT,
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
