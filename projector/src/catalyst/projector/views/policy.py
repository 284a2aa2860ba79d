"""The row of an EnvironmentPolicy."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, Literal

import msgspec

from catalyst.contracts import environment_v1 as env1
from catalyst.contracts import environment_v2 as env2
from catalyst.contracts.message import Event
from catalyst.contracts.subjects import Ref, RowKey
from catalyst.projector.views.view import At, Fold, Git, View


class PolicyDocument(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What is shown of a policy: its whole content in one spelling."""

    name: str
    organization: str
    approvals: tuple[env1.Approval, ...]
    soak_minutes: int
    source_environment: str
    required_score: int | None
    severity: str
    windows: tuple[env1.Window, ...]
    weights: dict[str, env1.Weight]
    modes: dict[str, Literal["permissive", "enforcing"]]
    environments: tuple[str, ...]
    """Environments that may be put under it; empty for all."""
    applications_max: int | None = None
    """How many Applications may stand in each of them; null for no limit."""
    git: Git | None
    created: datetime


Doc = PolicyDocument


def key(ref: Ref) -> RowKey:
    """Return the key of a policy's row."""
    return RowKey(ref.organization, None, "policy", None, ref.id)


def _defined(doc: Doc | None, event: env2.PolicyDefined, at: At) -> Doc:
    return Doc(
        name=event.policy,
        organization=at.ref.organization or "",
        approvals=event.approvals,
        soak_minutes=event.soak_minutes,
        source_environment=event.source_environment,
        required_score=event.required_score,
        severity=event.severity,
        windows=event.windows,
        weights=event.weights,
        modes=event.modes,
        environments=event.environments,
        applications_max=event.applications_max,
        git=None if doc is None else doc.git,
        created=at.time if doc is None else doc.created,
    )


def _committed(doc: Doc, event: env1.ManifestCommitted, _at: At) -> Doc:
    git = Git(commit=event.commit, path=event.path, event_seq=event.event_seq)
    return msgspec.structs.replace(doc, git=git)


def _deleted(_doc: Doc, _event: env1.PolicyDeleted, _at: At) -> None:
    return None


def _labels(doc: Doc) -> Mapping[str, str]:
    return {"openova.io/organization": doc.organization}


_FOLDS: Final[dict[type[Event], Fold]] = {
    env2.PolicyDefined: _defined,
    env1.ManifestCommitted: _committed,
    env1.PolicyDeleted: _deleted,
}

POLICY: Final[View[Any]] = View(
    kind="policy",
    plural="policies",
    service="environment",
    aggregate="policy",
    document=PolicyDocument,
    key=key,
    folds=_FOLDS,
    creates=env2.PolicyDefined,
    labels=_labels,
)
