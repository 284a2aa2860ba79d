"""What the row of an Application holds, and what it says itself of why it does not move.

Four marks of each place where it runs, each with what it rests on, the revision that was seen, and
since when it is so. How old it is, the reader reckons from that.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

import msgspec

from catalyst.contracts.blocked import Link
from catalyst.contracts.blocked_application import NEVER_SEEN, NO_CLUSTER, of_application
from catalyst.contracts.provisioning_values_v1 import Desired, Evidence, as_seen
from catalyst.contracts.subjects import Ref, RowKey

replace = msgspec.structs.replace


class Mark(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One thing that is said of an Application in an Environment, and what it rests on."""

    status: str
    reason: str = ""
    """One word that says why."""
    message: str = ""
    """The same for a person."""
    revision: str = ""
    """The revision that was seen; empty: none."""
    evidence: tuple[Evidence, ...] = ()
    """What was seen, the worst first."""
    source: str = ""
    """Who saw it: `cluster` or `simulator`; empty: nobody."""
    as_of: datetime | None = None
    """When the newest of it was seen; null: never."""
    stale_since: datetime | None = None
    """When it was seen last, if nothing has been heard for too long."""
    since: datetime | None = None
    """Since when the status is this one."""
    seen: str = ""
    """The status of the revision that was seen, where it is `pending` that another one is to run;
    else empty."""


class Ground(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One thing that a mark rests on of which no cluster tells."""

    kind: str
    """`step`, `approval`, `window` or `change`."""
    name: str
    """Which step, whose approval, the window of which Environment, or which change."""
    status: str
    """How it is: as a step is, `given` or `missing`, `closed`, `ahead`."""
    message: str = ""
    """The same for a person."""
    since: datetime | None = None
    """Since when; null: unknown."""


class Flight(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The change that works on it."""

    change: str
    action: str
    since: datetime
    revision: str = ""
    """The revision that runs while it works, as far as one was seen; empty: none."""
    evidence: tuple[Ground, ...] = ()
    """The steps that it has begun, the newest first."""


class Gate(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What the next change waits for."""

    open: bool = True
    change: str = ""
    """The first change that waits; empty: none."""
    waits_for: tuple[str, ...] = ()
    since: datetime | None = None
    revision: str = ""
    """The revision that runs while it waits, as far as one was seen; empty: none."""
    evidence: tuple[Ground, ...] = ()
    """What it waits for, thing by thing, and what of it is there already."""


class Committed(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What stands in Git."""

    revision: str
    repository: str
    branch: str
    commit: str
    time: datetime


class BindingDocument(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An Application in one Environment."""

    environment: str
    desired: Desired | None
    """What is to run; null: nothing."""
    committed: Committed | None
    applied: Mark
    """Whether what is desired is what runs: `current`, `pending`, `failed`, `unknown`."""
    health: Mark
    """`healthy`, `progressing`, `degraded`, `missing` or `unknown`."""
    change: Flight | None
    """The change in flight; null: none."""
    gate: Gate
    dependents: tuple[str, ...]
    """Applications of the same Environment that need this one."""
    cluster: str = ""
    """Who has ever said anything of the Environment: `cluster` or `simulator`; empty: nobody."""
    blocked_by: tuple[Link, ...] = ()
    """Why it is not as it is to be, through the changes that work on it or wait to, down to the
    cause; empty if it is as it is to be, and none works or waits."""


class Waiting(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A change in the queue."""

    change: str
    environment: str
    action: str
    waits_for: tuple[str, ...]
    taken: bool
    since: datetime


class ApplicationDocument(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What is shown of an Application."""

    name: str
    organization: str
    archived: bool
    """Whether its repository takes no commits any more: it runs nowhere."""
    bindings: tuple[BindingDocument, ...]
    """By Environment."""
    queue: tuple[Waiting, ...]
    """Changes that want it, oldest first."""
    created: datetime


def key(ref: Ref) -> RowKey:
    """Return the key of an Application's row."""
    return application_key(ref.organization, ref.id)


def application_key(organization: str | None, name: str) -> RowKey:
    """Return the key of the row of an Application with this name."""
    return RowKey(organization, None, "application", None, name)


def unseen(cluster: str) -> Mark:
    """Return the mark of what was never seen, where somebody told of the Environment or nobody."""
    if not cluster:
        message = "no cluster of its Environment has ever said anything"
        return Mark(status="unknown", reason=NO_CLUSTER, message=message)
    message = as_seen("the cluster of its Environment has said nothing of it yet", cluster)
    return Mark(status="unknown", reason=NEVER_SEEN, message=message)


NEVER: Final = unseen("")


def own_links(doc: ApplicationDocument, binding: BindingDocument) -> tuple[Link, ...]:
    """Return why it is not as it is to be in one place, as far as its own events tell."""
    health = binding.health
    here = [item for item in doc.queue if item.environment == binding.environment]
    return of_application(
        doc.name,
        binding.environment,
        wanted=binding.desired is not None,
        change=binding.change.change if binding.change is not None else "",
        waiting=[(item.change, item.waits_for) for item in here if not item.taken],  # type: ignore[misc]  # as the event says them
        committed=binding.committed is not None,
        seen=health.as_of is not None,
        stale_since=health.stale_since,
        as_of=health.as_of,
        applied=binding.applied.status,  # type: ignore[arg-type]  # as the event says it
        health=health.status,  # type: ignore[arg-type]
        evidence=health.evidence,
        source=health.source,
        cluster=binding.cluster,
    )
