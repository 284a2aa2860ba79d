"""The row of a Blueprint: its card, its versions, and what became of each."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, Literal

import msgspec

from catalyst.contracts import blueprint_v1 as bp1
from catalyst.contracts.blocked import Link
from catalyst.contracts.blocked_blueprint import of_version
from catalyst.contracts.message import Event
from catalyst.contracts.subjects import Ref, RowKey
from catalyst.projector.views.view import At, Fold, View

LINKS_MAX: Final = 20
"""Links that are shown; the versions say the rest."""

_replace = msgspec.structs.replace


class Yank(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Why a version must not be installed any more."""

    reason: str
    security: bool
    at: datetime


class VersionRow(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What is shown of a version."""

    version: str
    status: Literal["pending", "published", "yanked"]
    digest: str
    size: int
    source: str
    revision: str
    folder: str
    missing: tuple[bp1.Missing, ...]
    """What it waits for."""
    cycle: tuple[str, ...]
    """Blueprints that need each other, so that it never is published."""
    yank: Yank | None
    registered: datetime
    published: datetime | None


class BlueprintDocument(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What is shown of a Blueprint."""

    name: str
    origin: str
    organization: str | None
    status: Literal["pending", "published", "deprecated", "withdrawn"]
    reason: str
    """Why it is deprecated or withdrawn."""
    replacement: str
    newest: str
    """The newest version; card and visibility are its."""
    card: dict[str, Any]
    visibility: str
    versions: tuple[VersionRow, ...]
    """In the order in which they were registered."""
    created: datetime
    blocked_by: tuple[Link, ...] = ()
    """Why versions of it wait, the newest of them first."""


Doc = BlueprintDocument


def key(ref: Ref) -> RowKey:
    """Return the key of a Blueprint's row."""
    return RowKey(ref.organization, None, "blueprint", None, ref.id)


def _rank(version: str) -> tuple[list[int], bool, str]:
    """Return what orders versions well enough to say which is the newest."""
    numbers, _, pre = version.partition("-")
    return [int(part) for part in numbers.split(".")], not pre, pre


def _registered(doc: Doc | None, event: bp1.VersionRegistered, at: At) -> Doc:
    row = VersionRow(
        version=event.version,
        status="pending",
        digest=event.digest,
        size=event.size,
        source=event.source,
        revision=event.revision,
        folder=event.folder,
        missing=event.missing,
        cycle=(),
        yank=None,
        registered=at.time,
        published=None,
    )
    if doc is None:
        doc = Doc(
            name=event.name,
            origin=event.origin,
            organization=at.ref.organization,
            status="pending",
            reason="",
            replacement="",
            newest="",
            card={},
            visibility="listed",
            versions=(),
            created=at.time,
        )
    doc = _waiting(_replace(doc, versions=(*doc.versions, row)))
    if doc.newest and _rank(event.version) < _rank(doc.newest):
        return doc
    return _replace(
        doc,
        newest=event.version,
        card=event.spec.get("card") or {},
        visibility=str(event.spec.get("visibility", "listed")),
    )


def _with(doc: Doc, version: str, **changes: Any) -> Doc:
    versions = tuple(
        _replace(row, **changes) if row.version == version else row for row in doc.versions
    )
    return _waiting(_replace(doc, versions=versions))


def _waiting(doc: Doc) -> Doc:
    links = [
        link
        for row in reversed(doc.versions)
        if row.status == "pending"
        for link in of_version(doc.name, row.version, row.missing, row.cycle, row.registered)
    ]
    return _replace(doc, blocked_by=tuple(links[:LINKS_MAX]))


def _published(doc: Doc, event: bp1.VersionPublished, at: At) -> Doc:
    doc = _replace(doc, status="published") if doc.status == "pending" else doc
    changes = {"published": at.time, "missing": (), "cycle": ()}
    yanked = any(row.version == event.version and row.yank for row in doc.versions)
    return _with(doc, event.version, status="yanked" if yanked else "published", **changes)


def _awaits(doc: Doc, event: bp1.VersionAwaits, _at: At) -> Doc:
    return _with(doc, event.version, missing=event.missing, cycle=event.cycle)


def _yanked(doc: Doc, event: bp1.VersionYanked, at: At) -> Doc:
    yank = Yank(reason=event.reason, security=event.security, at=at.time)
    return _with(doc, event.version, status="yanked", yank=yank)


def _deprecated(doc: Doc, event: bp1.BlueprintDeprecated, _at: At) -> Doc:
    return _replace(
        doc, status="deprecated", reason=event.reason, replacement=event.replacement or ""
    )


def _withdrawn(doc: Doc, event: bp1.BlueprintWithdrawn, _at: At) -> Doc:
    return _replace(doc, status="withdrawn", reason=event.reason)


def _labels(doc: Doc) -> Mapping[str, str]:
    owner = {} if doc.organization is None else {"openova.io/organization": doc.organization}
    return {**owner, "openova.io/blueprint": doc.name, "openova.io/origin": doc.origin}


_FOLDS: Final[dict[type[Event], Fold]] = {
    bp1.VersionRegistered: _registered,
    bp1.VersionPublished: _published,
    bp1.VersionAwaits: _awaits,
    bp1.VersionYanked: _yanked,
    bp1.BlueprintDeprecated: _deprecated,
    bp1.BlueprintWithdrawn: _withdrawn,
}

BLUEPRINT: Final[View[Any]] = View(
    kind="blueprint",
    plural="blueprints",
    service="blueprint",
    aggregate="blueprint",
    document=BlueprintDocument,
    key=key,
    folds=_FOLDS,
    creates=bp1.VersionRegistered,
    ignores=frozenset({bp1.DependentsWoken}),
    labels=_labels,
)
