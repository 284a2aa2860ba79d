"""The row of a source of Blueprints: when it was read, what cannot be taken, what is gone."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, Literal

import msgspec

from catalyst.contracts import blueprint_v1 as bp1
from catalyst.contracts.blocked import Link
from catalyst.contracts.blocked_blueprint import of_source
from catalyst.contracts.message import Event
from catalyst.contracts.subjects import Ref, RowKey
from catalyst.projector.views.view import At, Fold, View

LISTED_MAX: Final = 100
"""Entries of each list that are shown; the numbers beside them count all."""
FINDINGS_MAX: Final = 20
"""Findings of one package that are shown."""

_replace = msgspec.structs.replace


class Unregistered(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A good package that was not registered."""

    blueprint: str
    version: str
    code: str
    """Why, such as `version-immutable`."""


class SyncError(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Why the source cannot be read."""

    code: str
    message: str
    since: datetime
    failures: int


class SourceDocument(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What is shown of a source."""

    name: str
    organization: str | None
    kind: str
    location: str
    branch: str
    folder: str
    origin: str
    interval: str
    status: Literal["reading", "ready", "failing"]
    run: int
    revision: str
    """What was read last to its end: a commit, or a fingerprint."""
    read: datetime | None
    """When that was."""
    next: datetime | None
    """When it is read again."""
    error: SyncError | None
    versions: int
    """Good packages in it."""
    bad: int
    """Packages in it that cannot be taken."""
    refused: tuple[bp1.Refused, ...]
    """Of those, with what is wrong with each."""
    advised: tuple[bp1.Found, ...]
    """Good packages with something that their authors should look at."""
    unregistered: tuple[Unregistered, ...]
    gone: tuple[bp1.Gone, ...]
    """Versions that it held and holds no longer; they stay registered."""
    listed: int
    """Number of the reading that the lists are of."""
    added: datetime
    blocked_by: tuple[Link, ...] = ()
    """Why it is not read."""


Doc = SourceDocument


def key(ref: Ref) -> RowKey:
    """Return the key of a source's row."""
    return RowKey(ref.organization, None, "source", None, ref.id)


def _added(doc: Doc | None, event: bp1.SourceAdded, at: At) -> Doc:
    if doc is not None:
        return _replace(
            doc,
            kind=event.kind,
            location=event.location,
            branch=event.branch,
            folder=event.folder,
            origin=event.origin,
            interval=event.interval,
        )
    return Doc(
        name=event.name,
        organization=at.ref.organization,
        kind=event.kind,
        location=event.location,
        branch=event.branch,
        folder=event.folder,
        origin=event.origin,
        interval=event.interval,
        status="reading",
        run=0,
        revision="",
        read=None,
        next=None,
        error=None,
        versions=0,
        bad=0,
        refused=(),
        advised=(),
        unregistered=(),
        gone=(),
        listed=0,
        added=at.time,
    )


def _removed(_doc: Doc, _event: bp1.SourceRemoved, _at: At) -> None:
    return None


def _started(doc: Doc, event: bp1.SyncStarted, _at: At) -> Doc:
    return _replace(doc, status="reading", run=event.run, next=None)


def _found(doc: Doc, event: bp1.VersionsFound, _at: At) -> Doc:
    if event.run != doc.listed:
        doc = _replace(doc, listed=event.run, refused=(), advised=())
    refused = tuple(_replace(one, findings=one.findings[:FINDINGS_MAX]) for one in event.refused)
    advised = tuple(one for one in event.found if one.findings)
    asked = {(one.blueprint, one.version) for one in event.asked.values()}
    there = {(one.blueprint, one.version) for one in event.found}
    return _replace(
        doc,
        refused=(*doc.refused, *refused)[:LISTED_MAX],
        advised=(*doc.advised, *advised)[:LISTED_MAX],
        unregistered=tuple(
            one for one in doc.unregistered if (one.blueprint, one.version) not in asked
        ),
        gone=tuple(one for one in doc.gone if (one.blueprint, one.version) not in there),
    )


def _completed(doc: Doc, event: bp1.SyncCompleted, at: At) -> Doc:
    lost = {(one.blueprint, one.version) for one in event.gone}
    return _replace(
        doc,
        status="ready",
        revision=event.revision,
        read=at.time,
        next=event.next_at,
        error=None,
        blocked_by=(),
        versions=event.versions,
        bad=event.refused,
        unregistered=tuple(
            one for one in doc.unregistered if (one.blueprint, one.version) not in lost
        ),
        gone=(*event.gone, *doc.gone)[:LISTED_MAX],
    )


def _failed(doc: Doc, event: bp1.SyncFailed, at: At) -> Doc:
    error = SyncError(
        code=event.code,
        message=event.message,
        since=at.time if doc.error is None else doc.error.since,
        failures=event.failures,
    )
    why = of_source(doc.name, error.code, error.message, error.failures, error.since)
    return _replace(doc, status="failing", next=event.next_at, error=error, blocked_by=why)


def _unregistered(doc: Doc, event: bp1.RegistrationRefused, _at: At) -> Doc:
    one = Unregistered(blueprint=event.blueprint, version=event.version, code=event.code)
    others = tuple(
        other
        for other in doc.unregistered
        if (other.blueprint, other.version) != (one.blueprint, one.version)
    )
    return _replace(doc, unregistered=(*others, one)[-LISTED_MAX:])


def _labels(doc: Doc) -> Mapping[str, str]:
    owner = {} if doc.organization is None else {"openova.io/organization": doc.organization}
    return {**owner, "openova.io/origin": doc.origin}


_FOLDS: Final[dict[type[Event], Fold]] = {
    bp1.SourceAdded: _added,
    bp1.SourceRemoved: _removed,
    bp1.SyncStarted: _started,
    bp1.VersionsFound: _found,
    bp1.SyncCompleted: _completed,
    bp1.SyncFailed: _failed,
    bp1.RegistrationRefused: _unregistered,
}

SOURCE: Final[View[Any]] = View(
    kind="source",
    plural="sources",
    service="blueprint",
    aggregate="source",
    document=SourceDocument,
    key=key,
    folds=_FOLDS,
    creates=bp1.SourceAdded,
    labels=_labels,
)
