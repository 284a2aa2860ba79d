"""The row of an Environment."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final

import msgspec

from catalyst.contracts import environment_v1 as env
from catalyst.contracts.blocked import Link
from catalyst.contracts.message import Event
from catalyst.contracts.subjects import Ref, RowKey, escape
from catalyst.projector.views import health
from catalyst.projector.views.application_document import application_key
from catalyst.projector.views.deletion import (
    Deletion,
    News,
    environment_key,
    heard,
    links,
    organization_key,
    told_by,
)
from catalyst.projector.views.health import Cluster
from catalyst.projector.views.tally import NOTHING, Part, Rollup, Tally
from catalyst.projector.views.view import At, Fold, Git, Look, Related, View


class EnvironmentDocument(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What is shown of an Environment."""

    name: str
    organization: str
    env_type: str
    label: str
    placement: str
    regions: tuple[env.Region, ...]
    policy: str | None
    applications: tuple[str, ...]
    branch: str
    subject_prefix: str
    """Begins the subjects of the facts that are observed in it."""
    git: Git | None
    created: datetime
    deletion: Deletion | None = None
    """The last change that was to delete it, alone or with its Organization; null: none was."""
    blocked_by: tuple[Link, ...] = ()
    """While that goes on: how far it is, and who can do something about it."""
    health: Rollup = NOTHING
    """As bad as the worst of its Applications."""
    cluster: Cluster | None = None
    """Who first told anything of it; null: no cluster ever has."""

    def admits(self, application: str) -> bool:
        """Return whether an Application is among those it has admitted, which stand by name."""
        at = bisect_left(self.applications, application)
        return self.applications[at : at + 1] == (application,)


Doc = EnvironmentDocument


def key(ref: Ref) -> RowKey:
    """Return the key of an Environment's row."""
    return environment_key(ref.organization or "", ref.id)


def _created(_doc: Doc | None, event: env.EnvironmentCreated, at: At) -> Doc:
    return Doc(
        name=event.environment,
        organization=event.organization,
        env_type=event.env_type,
        label=event.label,
        placement=event.placement,
        regions=event.regions,
        policy=event.policy,
        applications=(),
        branch=event.branch,
        subject_prefix=f"ws.{escape(event.environment)}.",
        git=None,
        created=at.time,
    )


def _updated(doc: Doc, event: env.EnvironmentUpdated, _at: At) -> Doc:
    return msgspec.structs.replace(doc, placement=event.placement, regions=event.regions)


def _policy_attached(doc: Doc, event: env.PolicyAttached, _at: At) -> Doc:
    return msgspec.structs.replace(doc, policy=event.policy)


def _admitted(doc: Doc, event: env.ApplicationAdmitted, _at: At) -> Doc:
    names = tuple(sorted({*doc.applications, event.application}))
    return msgspec.structs.replace(doc, applications=names)


def _released(doc: Doc, event: env.ApplicationReleased, _at: At) -> Doc:
    names = tuple(name for name in doc.applications if name != event.application)
    return msgspec.structs.replace(doc, applications=names)


def _committed(doc: Doc, event: env.ManifestCommitted, _at: At) -> Doc:
    git = Git(commit=event.commit, path=event.path, event_seq=event.event_seq)
    return msgspec.structs.replace(doc, git=git)


def _hears(doc: Doc, news: News) -> Doc:
    found = heard(doc.deletion, news)
    if found is doc.deletion:
        return doc
    return msgspec.structs.replace(doc, deletion=found, blocked_by=links(news))


def _beside(doc: Doc, look: Look, tally: Tally) -> Doc:
    def found(name: str) -> Part | None:
        return health.part_of(look(application_key(doc.organization, name)), doc.name)

    tally.of(doc.applications, found)
    return msgspec.structs.replace(
        doc, health=health.worst(tally), cluster=health.heard(doc.cluster, tally)
    )


def _adds(doc: Doc) -> Iterable[tuple[RowKey, str, Part | None]]:
    part = Part(health.of_part(doc.name, doc.health))
    return ((organization_key(doc.organization), doc.name, part),)


def _bare(doc: Doc) -> Doc:
    return msgspec.structs.replace(doc, health=NOTHING, cluster=None)


def _again(before: Doc | None, after: Doc | None) -> bool:
    return before is None or after is None or before.applications is not after.applications


def _touches(before: Doc | None, after: Doc | None, look: Look) -> Iterable[RowKey]:
    """Yield its Organization, and the Applications that are told whether it has a cluster."""
    doc = after or before
    if doc is None:
        return
    now = None if after is None else health.of_part(doc.name, after.health)
    if before is None or after is None or before.health != after.health:
        place = organization_key(doc.organization)
        owner = look(place)
        if owner is not None and health.matters(owner.health, doc.name, now):
            yield place
    old, new = _told(before), _told(after)
    if old == new:
        return
    names = (set(old[1]) ^ set(new[1])) if old[0] == new[0] else {*old[1], *new[1]}
    for name in sorted(names):
        yield application_key(doc.organization, name)


def _told(doc: Doc | None) -> tuple[str, tuple[str, ...]]:
    """Return who tells something of the Environment, and to which Applications."""
    if doc is None or doc.cluster is None:
        return "", ()
    return doc.cluster.source, doc.applications


def _deleted(_doc: Doc, _event: env.EnvironmentDeleted, _at: At) -> None:
    return None


def _labels(doc: Doc) -> Mapping[str, str]:
    return {
        "openova.io/organization": doc.organization,
        "openova.io/environment": doc.name,
        "openova.io/env-type": doc.env_type,
    }


_FOLDS: Final[dict[type[Event], Fold]] = {
    env.EnvironmentCreated: _created,
    env.EnvironmentUpdated: _updated,
    env.PolicyAttached: _policy_attached,
    env.ApplicationAdmitted: _admitted,
    env.ApplicationReleased: _released,
    env.ManifestCommitted: _committed,
    env.EnvironmentDeleted: _deleted,
}

ENVIRONMENT: Final[View[Any]] = View(
    kind="environment",
    plural="environments",
    service="environment",
    aggregate="environment",
    document=EnvironmentDocument,
    key=key,
    folds=_FOLDS,
    creates=env.EnvironmentCreated,
    hears=_hears,
    told_by=lambda doc: told_by(doc.organization, doc.deletion),
    related=Related(
        make=_beside, whole=True, bare=_bare, adds=_adds, again=_again, touches=_touches
    ),
    labels=_labels,
)
