"""What the row of a change holds, and what it says itself of what it waits for."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

from catalyst.contracts import blocked
from catalyst.contracts.blocked import Link
from catalyst.contracts.prices_v1 import Quote
from catalyst.contracts.provisioning_values_v1 import (
    Approvals,
    Locked,
    PlanRequest,
    Source,
    Step,
)
from catalyst.contracts.subjects import Ref, RowKey


class StepDocument(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """How far one step is."""

    step: Step
    status: Literal["pending", "running", "done", "failed", "undoing", "undone"] = "pending"
    attempt: int = 0
    deadline: datetime | None = None
    """Until when the running attempt may take."""
    applications: tuple[str, ...] = ()
    """Those that are through it, while others are not yet."""
    reason: str = ""
    """Why the last attempt failed, or what keeps the one in progress."""
    detail: str = ""
    """What was made."""
    source: Source | None = None
    """Who saw what it waited for; null: nobody, or it waits for nothing to be seen."""
    began: datetime | None = None
    """When the last attempt at it began; null: none has."""
    since: datetime | None = None
    """Since when it stands as it does: status, attempt, reason, detail and source; null: it has not
    begun."""
    cause: str = ""
    """What keeps it, in the words of what it comes down to; empty: it is not in progress."""


class ApprovalDocument(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Somebody's approval."""

    by: str
    email: str
    teams: tuple[str, ...]
    comment: str
    time: datetime


class ChangeDocument(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What is shown of a change."""

    change: str
    organization: str
    environment: str
    """Where; empty for a whole Organization."""
    environments: tuple[str, ...] = ()
    """Every Environment that it is about."""
    request: PlanRequest
    hash: str
    author: str
    author_email: str
    status: Literal["waiting", "running", "undoing", "completed", "failed", "cancelled", "rejected"]
    since: datetime | None = None
    """Since when the status is this one."""
    percent: int
    """100 only when every step is done."""
    steps: tuple[StepDocument, ...]
    reason: str
    """Why it gave up."""
    waits_for: tuple[str, ...]
    """What it waits for before it begins: `queue`, `approvals`, `window`."""
    behind: tuple[str, ...]
    """The changes before it."""
    opens: datetime | None
    """When changes may happen again; null: now, or nobody knows."""
    approvals: tuple[Approvals, ...]
    """What is asked for."""
    missing: tuple[Approvals, ...]
    """What of it is missing."""
    officers: tuple[str, ...] = ()
    """The teams of that for which too few in the Organization can approve: security-officers have
    to."""
    approved: tuple[ApprovalDocument, ...]
    lock: tuple[Locked, ...]
    quote: Quote | None
    """What it costs; null if nothing is bought."""
    commits: dict[str, dict[str, str]]
    """The commit on the branch of each Environment, by Application."""
    undone: tuple[str, ...]
    """Steps that were taken back, in that order."""
    left: tuple[str, ...]
    """What could not be taken back, for a person."""
    blocked_by: tuple[Link, ...] = ()
    """What it waits for now, through whatever that waits for, down to the cause; empty once it is
    over."""
    opened: datetime
    finished: datetime | None


def key(ref: Ref) -> RowKey:
    """Return the key of a change's row."""
    return change_key(ref.organization, ref.id)


def change_key(organization: str | None, change: str) -> RowKey:
    """Return the key of the row of a change with this id."""
    return RowKey(organization, None, "change", None, change)


def concerned(doc: ChangeDocument) -> set[str]:
    """Return the Environments that it is about."""
    found = {*doc.environments, *(item.environment for item in doc.lock)}
    return found | {doc.environment} if doc.environment else found


def in_progress(doc: ChangeDocument) -> StepDocument | None:
    """Return the step that is being done or taken back now."""
    return next((one for one in doc.steps if one.status in {"running", "undoing"}), None)


def own_links(doc: ChangeDocument) -> tuple[Link, ...]:
    """Return what it waits for, as far as its own events tell."""
    if doc.finished is not None:
        return ()
    # An attempt that failed is followed by the next one, or by taking back, in the same decision.
    step = in_progress(doc)
    left: tuple[str, ...] = ()
    if step is not None:
        names = dict.fromkeys(item.application for item in doc.lock if item.written)
        left = tuple(name for name in names if name not in step.applications)
    return blocked.of_change(
        doc.change,
        doc.environment,
        waits_for=doc.waits_for,  # type: ignore[arg-type]  # as the event says them
        behind=doc.behind,
        missing=doc.missing,
        officers=doc.officers,
        opens=doc.opens,
        step=step.step if step is not None else None,
        undo=step is not None and step.status == "undoing",
        applications=left,
        reason=step.reason if step is not None else "",
    )
