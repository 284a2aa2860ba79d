"""The row of an Application: for each Environment what is to run, and four marks beside it.

Applied, health, change and gate are said apart, each with what it rests on: the revision it was
seen on, the evidence, and when that was. How old it is, the reader reckons from that time. What was
never seen, or not for long, is not healthy.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

import msgspec

from catalyst.contracts import application_v1 as app
from catalyst.contracts.blocked import own
from catalyst.contracts.blocked_chain import kept
from catalyst.contracts.message import Event
from catalyst.contracts.provisioning_values_v1 import Evidence
from catalyst.projector.views import provisioning_chain
from catalyst.projector.views.application_document import (
    NEVER,
    ApplicationDocument,
    BindingDocument,
    Committed,
    Flight,
    Gate,
    Mark,
    Waiting,
    key,
    own_links,
)
from catalyst.projector.views.view import At, Fold, View

replace = msgspec.structs.replace


Doc = ApplicationDocument
_FLUX: Final = "Kustomization"


def _empty(environment: str) -> BindingDocument:
    return BindingDocument(
        environment=environment,
        desired=None,
        committed=None,
        applied=NEVER,
        health=NEVER,
        change=None,
        gate=Gate(),
        dependents=(),
    )


def _is_empty(one: BindingDocument) -> bool:
    """Return whether nothing is to be said of an Application in an Environment."""
    there = one.desired or one.committed or one.change or one.dependents or one.health.as_of
    return not there and one.gate.open


def _binding(doc: Doc, environment: str) -> BindingDocument:
    return next(
        (one for one in doc.bindings if one.environment == environment), _empty(environment)
    )


def _with(doc: Doc, binding: BindingDocument) -> Doc:
    """Return the document with one binding replaced, marks made anew from the queue."""
    others = [one for one in doc.bindings if one.environment != binding.environment]
    found = sorted([*others, _marked(doc, binding)], key=lambda one: one.environment)
    return replace(doc, bindings=tuple(found))


def _marked(doc: Doc, binding: BindingDocument) -> BindingDocument:
    here = [item for item in doc.queue if item.environment == binding.environment]
    taken = next((item for item in here if item.taken), None)
    waits = next((item for item in here if not item.taken), None)
    flight = None
    if taken is not None:
        flight = Flight(change=taken.change, action=taken.action, since=taken.since)
    gate = Gate()
    if waits is not None:
        gate = Gate(open=False, change=waits.change, waits_for=waits.waits_for, since=waits.since)
    return replace(binding, change=flight, gate=gate)


def _queued(doc: Doc, queue: tuple[Waiting, ...], environment: str) -> Doc | None:
    """Return the document with another queue; None if nothing is left to be shown."""
    doc = replace(doc, queue=queue)
    return _left_over(_with(doc, _binding(doc, environment)))


def _left_over(doc: Doc) -> Doc | None:
    """Return the document without what nothing speaks of any more; None if that is all."""
    bound = tuple(one for one in doc.bindings if not _is_empty(one))
    if not bound and not doc.queue and not doc.archived:
        return None
    return replace(doc, bindings=bound)


def _waiting(doc: Doc | None, event: app.ChangeWaiting, at: At) -> Doc | None:
    if doc is None:
        doc = Doc(
            name=at.ref.id,
            organization=at.ref.organization or "",
            archived=False,
            bindings=(),
            queue=(),
            created=at.time,
        )
    same = (event.change, event.environment)
    if any((item.change, item.environment) == same for item in doc.queue):
        queue = tuple(
            replace(item, waits_for=event.gates)
            if (item.change, item.environment) == same
            else item
            for item in doc.queue
        )
    else:
        entry = Waiting(
            change=event.change,
            environment=event.environment,
            action=event.action,
            waits_for=event.gates,
            taken=False,
            since=at.time,
        )
        queue = (*doc.queue, entry)
    return _queued(doc, queue, event.environment)


def _taken(doc: Doc, event: app.ChangeTaken, at: At) -> Doc | None:
    same = (event.change, event.environment)
    queue = tuple(
        replace(item, taken=True, waits_for=(), since=at.time)
        if (item.change, item.environment) == same
        else item
        for item in doc.queue
    )
    return _queued(doc, queue, event.environment)


def _left(doc: Doc, event: app.ChangeLeft, _at: At) -> Doc | None:
    same = (event.change, event.environment)
    queue = tuple(item for item in doc.queue if (item.change, item.environment) != same)
    return _queued(doc, queue, event.environment)


def _desired(doc: Doc, event: app.DesiredSet, _at: At) -> Doc:
    binding = replace(_binding(doc, event.environment), desired=event.desired)
    doc = replace(doc, archived=doc.archived and event.desired is None)
    return _with(doc, replace(binding, applied=_applied(binding, binding.applied)))


def _applied(binding: BindingDocument, mark: Mark) -> Mark:
    """Return the mark of what is applied: what was seen of another revision is pending.

    What is to run may be again what it was, with nothing new seen: then what was seen counts.
    """
    desired = binding.desired
    seen = _of_revision(mark, mark.seen) if mark.seen else mark
    if desired is None or seen.revision == desired.change or seen.status == "unknown":
        return seen
    message = f"{desired.change} is to run, and {seen.revision or 'nothing'} was seen"
    return replace(
        seen, status="pending", reason="another-revision", message=message, seen=seen.status
    )


def _of_revision(mark: Mark, status: str) -> Mark:
    """Return the mark of how far the revision that was seen is applied, from its evidence."""
    first = mark.evidence[0] if status == "failed" and mark.evidence else None
    reason, message = ("", "") if first is None else (first.reason, first.message)
    return replace(mark, status=status, reason=reason, message=message, seen="")


def _dependents(doc: Doc, event: app.DependentAdded, _at: At) -> Doc:
    binding = _binding(doc, event.environment)
    names = tuple(sorted({*binding.dependents, event.dependent}))
    return _with(doc, replace(binding, dependents=names))


def _independent(doc: Doc, event: app.DependentRemoved, _at: At) -> Doc | None:
    binding = _binding(doc, event.environment)
    names = tuple(name for name in binding.dependents if name != event.dependent)
    return _left_over(_with(doc, replace(binding, dependents=names)))


def _committed(doc: Doc, event: app.RevisionCommitted, at: At) -> Doc:
    committed = Committed(
        revision=event.change,
        repository=event.repository,
        branch=event.branch,
        commit=event.commit,
        time=at.time,
    )
    return _with(doc, replace(_binding(doc, event.environment), committed=committed))


def _observed(doc: Doc, event: app.ApplicationObserved, _at: At) -> Doc:
    binding = _binding(doc, event.environment)
    seen = Mark(
        status=event.applied,
        revision=event.revision,
        evidence=_of_applied(event.evidence),
        source=event.source,
        as_of=event.observed_at,
    )
    health = Mark(
        status=event.health,
        reason=event.reason,
        message=event.message,
        revision=event.revision,
        evidence=event.evidence,
        source=event.source,
        as_of=event.observed_at,
    )
    return _with(
        doc,
        replace(binding, applied=_applied(binding, _of_revision(seen, seen.status)), health=health),
    )


def _of_applied(found: tuple[Evidence, ...]) -> tuple[Evidence, ...]:
    """Return of what was seen what tells whether it was applied: Flux takes over what is in Git."""
    return tuple(one for one in found if one.kind == _FLUX or one.applied is not None)


def _silent(doc: Doc, event: app.ApplicationSilent, _at: At) -> Doc:
    binding = _binding(doc, event.environment)

    def stale(mark: Mark) -> Mark:
        message = "nothing has been heard of it for too long"
        return replace(
            mark,
            status="unknown",
            reason="stale",
            message=message,
            stale_since=event.since,
            seen="",
        )

    return _with(
        doc, replace(binding, applied=stale(binding.applied), health=stale(binding.health))
    )


def _removed(doc: Doc, event: app.ApplicationRemoved, _at: At) -> Doc:
    left = tuple(one for one in doc.bindings if one.environment != event.environment)
    return replace(doc, bindings=left)


def _archived(doc: Doc, _event: app.RepositoryArchived, _at: At) -> Doc:
    return replace(doc, archived=True)


def _explained(fold: Fold) -> Fold:
    """Return the fold with why each binding is not as it is to be; a reason keeps its time."""

    def explained(doc: Doc | None, event: Event, at: At) -> Doc | None:
        made: Doc | None = fold(doc, event, at)
        if made is None:
            return None
        before = {one.environment: one for one in doc.bindings} if doc else {}
        return replace(
            made,
            bindings=tuple(
                _since(made, one, before.get(one.environment), at.time) for one in made.bindings
            ),
        )

    return explained


def _since(
    doc: Doc, one: BindingDocument, before: BindingDocument | None, now: datetime
) -> BindingDocument:
    """Return a place with its reasons, and since when each of them and of its marks is so."""
    links = own(before.blocked_by) if before is not None else ()
    return replace(
        one,
        applied=_lasting(one.applied, before.applied if before is not None else None, now),
        health=_lasting(one.health, before.health if before is not None else None, now),
        blocked_by=kept(own_links(doc, one), links, now),
    )


def _lasting(mark: Mark, before: Mark | None, now: datetime) -> Mark:
    same = before is not None and before.status == mark.status
    since = (before.since if same and before is not None else None) or now
    return mark if mark.since == since else replace(mark, since=since)


def _labels(doc: Doc) -> Mapping[str, str]:
    return {"openova.io/organization": doc.organization, "openova.io/application": doc.name}


def _environments(doc: Doc) -> tuple[str, ...]:
    return tuple(one.environment for one in doc.bindings)


_PLAIN: Final[dict[type[Event], Fold]] = {
    app.ChangeWaiting: _waiting,
    app.ChangeTaken: _taken,
    app.ChangeLeft: _left,
    app.DesiredSet: _desired,
    app.DependentAdded: _dependents,
    app.DependentRemoved: _independent,
    app.RevisionCommitted: _committed,
    app.ApplicationObserved: _observed,
    app.ApplicationSilent: _silent,
    app.ApplicationRemoved: _removed,
    app.RepositoryArchived: _archived,
}

_FOLDS: Final[dict[type[Event], Fold]] = {shape: _explained(fold) for shape, fold in _PLAIN.items()}

APPLICATION: Final[View[Any]] = View(
    kind="application",
    plural="applications",
    service="provisioning",
    aggregate="application",
    document=ApplicationDocument,
    key=key,
    folds=_FOLDS,
    creates=app.ChangeWaiting,
    environments=_environments,
    labels=_labels,
    related=provisioning_chain.APPLICATION,
)
