"""An Environment of several regions: each has a cluster that speaks for itself, and the worst wins.

Objects of one name in two clusters are two objects. A cluster from which nothing is heard is
`unknown`, and so nothing is healthy, or applied, before all of them say so. Pure.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Final, TypeVar, get_args

import msgspec

from catalyst.contracts.provisioning_values_v1 import Applied, Evidence
from catalyst.provisioning.domain.application import CLUSTER, Binding
from catalyst.provisioning.domain.seen import KUSTOMIZATION, Fact

NOT_SEEN: Final = "NotSeen"
SILENT: Final = "Silent"

_ORDER: Final[dict[Applied, int]] = {word: at for at, word in enumerate(get_args(Applied))}

T = TypeVar("T")
replace = msgspec.structs.replace


def ours(
    binding: Binding, kept: Iterable[Evidence], found: Iterable[tuple[Fact, T]]
) -> tuple[list[Evidence], list[tuple[Fact, T]]]:
    """Return what counts of what is kept and of what comes.

    With one region it does not matter what its cluster is called: the Environment may have moved.
    With several, nothing counts beside their clusters once one of these is heard.
    """
    own = [item for item in kept if item.kind != CLUSTER]
    told = list(found)
    if not binding.clusters:
        there = [(replace(fact, evidence=_plain(fact.evidence)), one) for fact, one in told]
        return [_plain(item) for item in own], there
    heard = {item.cluster for item in own} | {fact.evidence.cluster for fact, _ in told}
    if heard.isdisjoint(binding.clusters):
        return own, told
    return (
        [item for item in own if item.cluster in binding.clusters],
        [(fact, one) for fact, one in told if fact.evidence.cluster in binding.clusters],
    )


def _plain(item: Evidence) -> Evidence:
    return replace(item, cluster="", applied=None, commit="") if item.cluster else item


def not_seen(binding: Binding, found: Collection[Evidence]) -> list[Evidence]:
    """Return what stands for each cluster in which nothing is seen of what is to run there."""
    if binding.desired is None:
        return []
    heard = {item.cluster for item in found}
    return [
        Evidence(
            kind=CLUSTER,
            name=cluster,
            cluster=cluster,
            status="unknown",
            reason=NOT_SEEN,
            message=f"nothing is seen of it in {cluster}",
        )
        for cluster in binding.clusters
        if cluster not in heard
    ]


def are_heard(binding: Binding) -> bool:
    """Return whether each of several clusters has said which commit it applied."""
    seen = binding.observed
    flux = {item.cluster for item in seen.evidence if item.kind == KUSTOMIZATION} if seen else set()
    return flux.issuperset(binding.clusters)


def together(binding: Binding, found: Collection[Evidence]) -> tuple[Applied, str]:
    """Return how far all clusters are, and the commit that all of them applied; empty: no one.

    What is to run nowhere is not missed where nothing of it is left.
    """
    heard = {item.cluster for item in found}
    wanted = [item for item in binding.clusters if binding.desired is not None or item in heard]
    flux = {item.cluster: item for item in found if item.kind == KUSTOMIZATION}
    commits = {flux[cluster].commit if cluster in flux else "" for cluster in wanted}
    marks = [_applied(flux.get(cluster)) for cluster in wanted]
    applied: Applied = max(marks, key=_ORDER.__getitem__, default="unknown")
    if len(commits) == 1:
        return applied, commits.pop()
    known = binding.committed.commits if binding.committed is not None else ()
    if commits and commits.issubset(known):
        # Others share its branch: all of these have what is to run here.
        return applied, min(commits, key=known.index)
    return ("pending" if applied == "current" else applied), ""


def _applied(item: Evidence | None) -> Applied:
    if item is None or item.status == "unknown":
        return "unknown"
    return item.applied or "unknown"


def silenced(found: Iterable[Evidence], cluster: str, since: datetime) -> list[Evidence]:
    """Return what was seen, and of one cluster that it is not known any more.

    What it did not tell again when it spoke meanwhile is silent for longer.
    """
    return [
        replace(
            item,
            status="unknown",
            reason=SILENT,
            message=f"nothing has been heard from {cluster} for too long",
            silent_since=item.silent_since or since,
        )
        if item.cluster == cluster
        else item
        for item in found
    ]
