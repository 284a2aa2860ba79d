"""The row of an Organization's onboarding: its steps, as they go."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, Literal

import msgspec

from catalyst.contracts import environment_v1 as env
from catalyst.contracts.blocked import Link
from catalyst.contracts.blocked_environment import of_onboarding
from catalyst.contracts.message import Event
from catalyst.contracts.subjects import Ref, RowKey
from catalyst.projector.views.reasons import explained
from catalyst.projector.views.view import At, Fold, View


class StepStatus(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """How far one step is."""

    step: str
    status: Literal["pending", "running", "done", "failed"] = "pending"
    attempt: int = 0
    deadline: datetime | None = None
    """Until when the running attempt may take."""
    reason: str = ""
    """Why the last attempt failed."""
    detail: str = ""
    """What was made."""


class OnboardingDocument(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What is shown of an onboarding."""

    organization: str
    status: Literal["running", "completed", "undoing", "failed"]
    run: int
    """Counted from 1; a restart begins the next one. Everything below is of this run, apart from
    steps that an earlier one did for good."""
    steps: tuple[StepStatus, ...]
    reason: str
    """Why it was given up."""
    deadline: datetime | None
    """Until when taking back may take."""
    undone: tuple[str, ...]
    started: datetime
    finished: datetime | None
    blocked_by: tuple[Link, ...] = ()
    """What it waits for, or where it failed; empty once it is complete."""


Doc = OnboardingDocument


def key(ref: Ref) -> RowKey:
    """Return the key of an onboarding's row."""
    return RowKey(ref.organization, None, "onboarding", None, ref.id)


def _with(doc: Doc, step: str, **changes: Any) -> Doc:
    """Return the document with one of its steps changed."""
    steps = tuple(
        msgspec.structs.replace(item, **changes) if item.step == step else item
        for item in doc.steps
    )
    return msgspec.structs.replace(doc, steps=steps)


def _started(doc: Doc | None, event: env.OnboardingStarted, at: At) -> Doc:
    kept = {item.step: item for item in doc.steps if item.step in event.done} if doc else {}
    return Doc(
        organization=event.slug,
        status="running",
        run=event.run,
        steps=tuple(kept.get(step) or StepStatus(step=step) for step in event.steps),
        reason="",
        deadline=None,
        undone=(),
        started=at.time,
        finished=None,
    )


def _step_started(doc: Doc, event: env.StepStarted, _at: At) -> Doc:
    return _with(doc, event.step, status="running", attempt=event.attempt, deadline=event.deadline)


def _step_completed(doc: Doc, event: env.StepCompleted, _at: At) -> Doc:
    return _with(doc, event.step, status="done", deadline=None, reason="", detail=event.detail)


def _step_failed(doc: Doc, event: env.StepFailed, _at: At) -> Doc:
    return _with(
        doc,
        event.step,
        status="failed",
        attempt=event.attempt,
        deadline=None,
        reason=event.reason,
    )


def _completed(doc: Doc, _event: env.OnboardingCompleted, at: At) -> Doc:
    return msgspec.structs.replace(doc, status="completed", finished=at.time)


def _undoing(doc: Doc, event: env.CompensationStarted, _at: At) -> Doc:
    return msgspec.structs.replace(
        doc, status="undoing", reason=event.reason, deadline=event.deadline
    )


def _failed(doc: Doc, event: env.OnboardingFailed, at: At) -> Doc:
    return msgspec.structs.replace(
        doc,
        status="failed",
        reason=event.reason,
        undone=event.undone,
        deadline=None,
        finished=at.time,
    )


def _blocked(doc: Doc) -> tuple[Link, ...]:
    # What is behind is done; an attempt that failed is followed by the next one, or by taking back.
    at = next((one for one in doc.steps if one.status in {"running", "failed"}), None)
    return of_onboarding(
        doc.organization,
        doc.status,
        step=at.step if at is not None else "",
        attempt=at.attempt if at is not None else 0,
        problem=at.reason if at is not None else "",
        reason=doc.reason,
    )


def _labels(doc: Doc) -> Mapping[str, str]:
    return {"openova.io/organization": doc.organization}


_PLAIN: Final[dict[type[Event], Fold]] = {
    env.OnboardingStarted: _started,
    env.StepStarted: _step_started,
    env.StepCompleted: _step_completed,
    env.StepFailed: _step_failed,
    env.OnboardingCompleted: _completed,
    env.CompensationStarted: _undoing,
    env.OnboardingFailed: _failed,
}

_FOLDS: Final[dict[type[Event], Fold]] = {
    shape: explained(fold, _blocked) for shape, fold in _PLAIN.items()
}

ONBOARDING: Final[View[Any]] = View(
    kind="onboarding",
    plural="onboardings",
    service="environment",
    aggregate="onboarding",
    document=OnboardingDocument,
    key=key,
    folds=_FOLDS,
    creates=env.OnboardingStarted,
    labels=_labels,
)
