"""The row of an Organization."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, Literal

import msgspec

from catalyst.contracts import environment_v1 as env
from catalyst.contracts.blocked import Link
from catalyst.contracts.blocked_environment import (
    DELETED,
    FAILED,
    ONBOARDED,
    of_failed,
    of_onboarded,
    of_suspended,
)
from catalyst.contracts.message import Event
from catalyst.contracts.subjects import Ref, RowKey
from catalyst.projector.views.deletion import (
    Deletion,
    News,
    environment_key,
    heard,
    links,
    organization_key,
    told_by,
)
from catalyst.projector.views.health import of_part, worst
from catalyst.projector.views.tally import NOTHING, Part, Rollup, Tally
from catalyst.projector.views.view import At, Fold, Git, Look, Related, View


class Suspension(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Since when, and why, changes below the Organization are refused."""

    since: datetime
    reason: str


class Failure(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Where its onboarding ended."""

    step: str
    reason: str


class OrganizationDocument(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What is shown of an Organization."""

    slug: str
    display_name: str
    kind: str
    tier: str
    billing_mode: str
    sovereign_ref: str
    parent_org: str | None
    default_environment_type: str
    owners: tuple[env.Owner, ...]
    identity: env.Identity | None
    public_front: env.PublicFront | None
    plan_slug: str | None
    policy_delegated: bool
    phase: Literal["onboarding", "ready", "failed"]
    failure: Failure | None
    suspended: Suspension | None
    environments: tuple[str, ...]
    policies: tuple[str, ...]
    children: tuple[str, ...]
    """Slugs of the Organizations below it; while there are any, it is not deleted."""
    git: Git | None
    created: datetime
    deletion: Deletion | None = None
    """The last change that was to delete it; null: none was."""
    blocked_by: tuple[Link, ...] = ()
    """Why it is not ready, may not change, or still is there while it is being deleted."""
    health: Rollup = NOTHING
    """As bad as the worst of its Environments; one in which nothing runs is no part of it."""


Doc = OrganizationDocument


def key(ref: Ref) -> RowKey:
    """Return the key of an Organization's row."""
    return organization_key(ref.id)


def _created(_doc: Doc | None, event: env.OrganizationCreated, at: At) -> Doc:
    return Doc(
        slug=event.slug,
        display_name=event.display_name,
        kind=event.kind,
        tier=event.tier,
        billing_mode=event.billing_mode,
        sovereign_ref=event.sovereign_ref,
        parent_org=event.parent_org,
        default_environment_type=event.default_environment_type,
        owners=event.owners,
        identity=event.identity,
        public_front=event.public_front,
        plan_slug=event.plan_slug,
        policy_delegated=event.policy_delegated,
        phase="onboarding",
        failure=None,
        suspended=None,
        environments=(),
        policies=(),
        children=(),
        git=None,
        created=at.time,
    )


def _updated(doc: Doc, event: env.OrganizationUpdated, _at: At) -> Doc:
    return msgspec.structs.replace(
        doc,
        display_name=event.display_name,
        tier=event.tier,
        billing_mode=event.billing_mode,
        default_environment_type=event.default_environment_type,
        identity=event.identity,
        public_front=event.public_front,
        plan_slug=event.plan_slug,
        policy_delegated=event.policy_delegated,
    )


def _suspended(doc: Doc, event: env.OrganizationSuspended, at: At) -> Doc:
    return msgspec.structs.replace(doc, suspended=Suspension(since=at.time, reason=event.reason))


def _resumed(doc: Doc, _event: env.OrganizationResumed, _at: At) -> Doc:
    return msgspec.structs.replace(doc, suspended=None)


def _owners_changed(doc: Doc, event: env.OwnersChanged, _at: At) -> Doc:
    return msgspec.structs.replace(doc, owners=event.owners)


def _ready(doc: Doc, _event: env.OrganizationReady, _at: At) -> Doc:
    return msgspec.structs.replace(doc, phase="ready", failure=None)


def _failed(doc: Doc, event: env.OrganizationFailed, _at: At) -> Doc:
    failure = Failure(step=event.step, reason=event.reason)
    return msgspec.structs.replace(doc, phase="failed", failure=failure)


def _restarted(doc: Doc, _event: env.OnboardingRestarted, _at: At) -> Doc:
    return msgspec.structs.replace(doc, phase="onboarding", failure=None)


def _environment_added(doc: Doc, event: env.EnvironmentAdded, _at: At) -> Doc:
    names = tuple(sorted({*doc.environments, event.environment}))
    return msgspec.structs.replace(doc, environments=names)


def _environment_removed(doc: Doc, event: env.EnvironmentRemoved, _at: At) -> Doc:
    names = tuple(name for name in doc.environments if name != event.environment)
    return msgspec.structs.replace(doc, environments=names)


def _policy_added(doc: Doc, event: env.PolicyAdded, _at: At) -> Doc:
    return msgspec.structs.replace(doc, policies=tuple(sorted({*doc.policies, event.policy})))


def _child_admitted(doc: Doc, event: env.ChildAdmitted, _at: At) -> Doc:
    return msgspec.structs.replace(doc, children=tuple(sorted({*doc.children, event.child})))


def _child_released(doc: Doc, event: env.ChildReleased, _at: At) -> Doc:
    slugs = tuple(slug for slug in doc.children if slug != event.child)
    return msgspec.structs.replace(doc, children=slugs)


def _committed(doc: Doc, event: env.ManifestCommitted, _at: At) -> Doc:
    git = Git(commit=event.commit, path=event.path, event_seq=event.event_seq)
    return msgspec.structs.replace(doc, git=git)


def _deleted(_doc: Doc, _event: env.OrganizationDeleted, _at: At) -> None:
    return None


def _takes_along(doc: Doc, _event: Event) -> Iterable[RowKey]:
    """Policies, Environments and the onboarding have no life of their own."""
    yield RowKey(doc.slug, None, "onboarding", None, doc.slug)
    for name in doc.environments:
        yield RowKey(doc.slug, name, "environment", None, name)
    for name in doc.policies:
        yield RowKey(doc.slug, None, "policy", None, name)


def _hears(doc: Doc, news: News) -> Doc:
    found = heard(doc.deletion, news)
    if found is doc.deletion:
        return doc
    own = tuple(one for one in doc.blocked_by if one.code != DELETED)
    return msgspec.structs.replace(doc, deletion=found, blocked_by=(*own, *links(news)))


def _explained(fold: Fold) -> Fold:
    """Return the fold with why it does not move, each reason since it first stood there."""

    def explained(doc: Doc | None, event: Event, at: At) -> Doc | None:
        made: Doc | None = fold(doc, event, at)
        if made is None:
            return None
        if doc is not None and _stands(doc, made):
            return made
        found = _blocked(made, () if doc is None else doc.blocked_by, at.time)
        return made if found == made.blocked_by else msgspec.structs.replace(made, blocked_by=found)

    return explained


def _stands(before: Doc, made: Doc) -> bool:
    """Whether nothing that a reason is made of has changed."""
    return (
        made.phase == before.phase
        and made.failure is before.failure
        and made.suspended is before.suspended
    )


def _blocked(doc: Doc, before: Sequence[Link], now: datetime) -> tuple[Link, ...]:
    """Return its own reasons, each since it first stood there, and then what was heard of it.

    What did not change is not made anew: every event of every Organization comes by here.
    """
    found: list[Link] = []
    onboarded = failed = None
    heard_of: list[Link] = []
    for link in before:
        code = link.code
        if code == ONBOARDED:
            onboarded = link
        elif code == FAILED:
            failed = link
        elif code == DELETED:
            heard_of.append(link)
    if doc.phase == "onboarding":
        found.append(onboarded or of_onboarded(doc.slug, now))
    if doc.failure is not None:
        since = now if failed is None else failed.since
        found.append(of_failed(doc.slug, doc.failure.step, doc.failure.reason, since))
    if doc.suspended is not None:
        found.append(of_suspended(doc.slug, doc.suspended.reason, doc.suspended.since))
    return (*found, *heard_of)


def _beside(doc: Doc, look: Look, tally: Tally) -> Doc:
    def found(name: str) -> Part | None:
        part = look(environment_key(doc.slug, name))
        return None if part is None else Part(of_part(name, part.health))

    tally.of(doc.environments, found)
    return msgspec.structs.replace(doc, health=worst(tally))


def _bare(doc: Doc) -> Doc:
    return msgspec.structs.replace(doc, health=NOTHING)


def _again(before: Doc | None, after: Doc | None) -> bool:
    if before is None or after is None:
        return after is not None and bool(after.environments)
    return before.environments is not after.environments


def _labels(doc: Doc) -> Mapping[str, str]:
    return {
        "openova.io/organization": doc.slug,
        "openova.io/sovereign": doc.sovereign_ref,
        "openova.io/kind": doc.kind,
        "openova.io/tier": doc.tier,
    }


_PLAIN: Final[dict[type[Event], Fold]] = {
    env.OrganizationCreated: _created,
    env.OrganizationUpdated: _updated,
    env.OrganizationSuspended: _suspended,
    env.OrganizationResumed: _resumed,
    env.OwnersChanged: _owners_changed,
    env.OrganizationReady: _ready,
    env.OrganizationFailed: _failed,
    env.OnboardingRestarted: _restarted,
    env.EnvironmentAdded: _environment_added,
    env.EnvironmentRemoved: _environment_removed,
    env.PolicyAdded: _policy_added,
    env.ChildAdmitted: _child_admitted,
    env.ChildReleased: _child_released,
    env.ManifestCommitted: _committed,
    env.OrganizationDeleted: _deleted,
}

_FOLDS: Final[dict[type[Event], Fold]] = {shape: _explained(fold) for shape, fold in _PLAIN.items()}

ORGANIZATION: Final[View[Any]] = View(
    kind="organization",
    plural="organizations",
    service="environment",
    aggregate="organization",
    document=OrganizationDocument,
    key=key,
    folds=_FOLDS,
    creates=env.OrganizationCreated,
    takes_along=_takes_along,
    hears=_hears,
    told_by=lambda doc: told_by(doc.slug, doc.deletion),
    related=Related(make=_beside, whole=True, bare=_bare, again=_again),
    labels=_labels,
)
