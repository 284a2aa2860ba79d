"""The row of a change: what was asked for, its steps as they go, and what it waits for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec

from catalyst.contracts import provisioning_v1 as pro
from catalyst.contracts.message import Event
from catalyst.contracts.provisioning_values_v1 import SIMULATOR, progress, without
from catalyst.contracts.subjects import RowKey
from catalyst.projector.views import provisioning_chain
from catalyst.projector.views.change_document import (
    ApprovalDocument,
    ChangeDocument,
    StepDocument,
    concerned,
    in_progress,
    key,
    own_links,
)
from catalyst.projector.views.deletion import Deletion, News, environment_key, organization_key
from catalyst.projector.views.reasons import explained
from catalyst.projector.views.view import At, Fold, View

replace = msgspec.structs.replace


Doc = ChangeDocument


def _opened(_doc: Doc | None, event: pro.ChangeOpened, at: At) -> Doc:
    return Doc(
        change=at.ref.id,
        organization=at.ref.organization or "",
        environment=event.environment,
        environments=tuple(sorted(event.branches)),
        request=event.request,
        hash=event.hash,
        author=event.author,
        author_email=event.author_email,
        status="waiting",
        percent=0,
        steps=tuple(StepDocument(step=step) for step in event.steps),
        reason="",
        waits_for=(),
        behind=(),
        opens=None,
        approvals=event.approvals,
        missing=event.approvals,
        approved=(),
        lock=event.lock,
        quote=event.quote,
        commits={},
        undone=(),
        left=(),
        opened=at.time,
        finished=None,
    )


def _with(doc: Doc, step: str, **changes: Any) -> Doc:
    """Return the document with one of its steps changed, and how far it is."""
    steps = tuple(replace(one, **changes) if one.step == step else one for one in doc.steps)
    done = tuple(one.step for one in steps if one.status == "done")
    found = progress(tuple(one.step for one in steps), done, None)
    kept = doc.status == "undoing" or doc.finished is not None
    return replace(doc, steps=steps, percent=doc.percent if kept else found.percent)


def _held_back(doc: Doc, event: pro.ChangeHeldBack, _at: At) -> Doc:
    return replace(
        doc,
        waits_for=event.waits_for,
        behind=event.behind,
        missing=event.approvals,
        officers=event.officers,
        opens=event.opens,
    )


def _approved(doc: Doc, event: pro.ChangeApproved, at: At) -> Doc:
    one = ApprovalDocument(
        by=event.by, email=event.email, teams=event.teams, comment=event.comment, time=at.time
    )
    return replace(doc, approved=(*doc.approved, one))


def _rejected(doc: Doc, _event: pro.ChangeRejected, _at: At) -> Doc:
    return replace(doc, status="rejected")


def _begun(doc: Doc, _event: pro.ChangeBegun, _at: At) -> Doc:
    changes: dict[str, Any] = {"missing": (), "officers": ()}
    return replace(doc, status="running", waits_for=(), behind=(), opens=None, **changes)


def _started(doc: Doc, event: pro.ChangeStepStarted, at: At) -> Doc:
    first = event.attempt == 1
    changes: dict[str, Any] = {"applications": ()} if first else {}
    return _with(
        doc,
        event.step,
        status="undoing" if event.undo else "running",
        attempt=event.attempt,
        deadline=event.deadline,
        began=at.time,
        **changes,
    )


def _progressed(doc: Doc, event: pro.ChangeStepProgressed, _at: At) -> Doc:
    if event.command:
        return doc
    if event.commits:
        doc = replace(doc, commits={**doc.commits, event.application: event.commits})
    step = next((one for one in doc.steps if one.step == event.step), None)
    through = tuple(sorted({*(step.applications if step else ()), event.application}))
    # What rests on the simulator for one Application rests on it.
    before = step.source if step else None
    source = before if before == SIMULATOR else event.source or before
    return _with(doc, event.step, applications=through, detail=event.detail, source=source)


def _completed(doc: Doc, event: pro.ChangeStepCompleted, _at: At) -> Doc:
    changes: dict[str, Any] = {"detail": event.detail} if event.detail else {}
    status = "undone" if event.undo else "done"
    if doc.finished is not None:
        # It was left, and is taken back after all.
        undone = (*doc.undone, event.step)
        doc = replace(doc, undone=undone, left=without(doc.left, event.step))
    return _with(doc, event.step, status=status, deadline=None, reason="", **changes)


def _failed(doc: Doc, event: pro.ChangeStepFailed, _at: At) -> Doc:
    if doc.finished is not None:
        return replace(doc, left=(*doc.left, f"{event.step}: {event.reason}"))
    return _with(
        doc,
        event.step,
        status="failed",
        attempt=event.attempt,
        deadline=None,
        reason=event.reason,
    )


def _delayed(doc: Doc, event: pro.ChangeStepDelayed, _at: At) -> Doc:
    return _with(doc, event.step, reason=event.reason)


def _compensating(doc: Doc, event: pro.CompensationBegun, _at: At) -> Doc:
    doc = _with(doc, event.step, status="failed", deadline=None, reason=event.reason)
    return replace(doc, status="undoing", reason=event.reason)


def _ended(doc: Doc, _event: pro.ChangeCompleted, at: At) -> Doc:
    return replace(doc, status="completed", finished=at.time)


def _gave_up(doc: Doc, event: pro.ChangeFailed, at: At) -> Doc:
    status = "cancelled" if event.cancelled else "failed"
    return replace(
        doc,
        status=doc.status if doc.status == "rejected" else status,
        reason=event.reason,
        waits_for=(),
        behind=(),
        officers=(),
        opens=None,
        undone=event.undone,
        left=event.left,
        finished=at.time,
    )


def _tells(doc: Doc) -> Iterable[tuple[RowKey, News]]:
    """Yield what is told to the row of what a change deletes, and of what goes along."""
    match doc.request.action:
        case "delete-environment":
            what, places = doc.environment, [environment_key(doc.organization, doc.environment)]
        case "delete-organization":
            what, places = doc.organization, [organization_key(doc.organization)]
            places += [environment_key(doc.organization, name) for name in doc.environments]
        case _:
            return
    now = in_progress(doc)
    step = now.step if now is not None else ""
    deletion = Deletion(
        change=doc.change, status=doc.status, opened=doc.opened, finished=doc.finished
    )
    first = doc.blocked_by[0] if doc.blocked_by else None
    news = News(
        deletion=deletion,
        what=what,
        step=step,
        waits_for=doc.waits_for,
        first=first,
    )
    for place in places:
        yield place, news


def _labels(doc: Doc) -> Mapping[str, str]:
    found = {"openova.io/organization": doc.organization}
    if doc.environment:
        found["openova.io/environment"] = doc.environment
    if doc.request.application is not None:
        found["openova.io/application"] = doc.request.application
    return found


_PLAIN: Final[dict[type[Event], Fold]] = {
    pro.ChangeOpened: _opened,
    pro.ChangeHeldBack: _held_back,
    pro.ChangeApproved: _approved,
    pro.ChangeRejected: _rejected,
    pro.ChangeBegun: _begun,
    pro.ChangeStepStarted: _started,
    pro.ChangeStepProgressed: _progressed,
    pro.ChangeStepCompleted: _completed,
    pro.ChangeStepFailed: _failed,
    pro.ChangeStepDelayed: _delayed,
    pro.CompensationBegun: _compensating,
    pro.ChangeCompleted: _ended,
    pro.ChangeFailed: _gave_up,
}


def _timed(fold: Fold) -> Fold:
    """Return the fold with since when the change and each of its steps stand as they do."""

    def timed(doc: Doc | None, event: Event, at: At) -> Doc | None:
        made: Doc | None = fold(doc, event, at)
        if made is None:
            return None
        if doc is None:
            return replace(made, since=at.time)
        # Steps are neither added nor put in another order.
        steps = tuple(
            new if new is old or _standing(new) == _standing(old) else replace(new, since=at.time)
            for old, new in zip(doc.steps, made.steps, strict=True)
        )
        since = doc.since if made.status == doc.status else at.time
        return replace(made, steps=steps, since=since)

    return timed


def _standing(step: StepDocument) -> tuple[object, ...]:
    return step.status, step.attempt, step.reason, step.detail, step.source


_FOLDS: Final[dict[type[Event], Fold]] = {
    shape: explained(_timed(fold), own_links) for shape, fold in _PLAIN.items()
}

CHANGE: Final[View[Any]] = View(
    kind="change",
    plural="changes",
    service="provisioning",
    aggregate="change",
    document=ChangeDocument,
    key=key,
    folds=_FOLDS,
    creates=pro.ChangeOpened,
    tells=_tells,
    environments=concerned,
    labels=_labels,
    related=provisioning_chain.CHANGE,
)
