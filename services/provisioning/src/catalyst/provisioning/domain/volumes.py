"""What Flux may do with the data of an Application: kept unless somebody gives it up. Pure.

Flux deletes what stood in its last inventory and is gone from Git, unless the object *as it stands
in the cluster* says `kustomize.toolkit.fluxcd.io/prune: disabled`; the same holds where its
Kustomization goes. So the word has to be there before the commit that takes the object away: every
commit carries it, from the first one on. Whoever gives data up commits the files without it first,
and takes them away once that was seen applied.

A volume that a StatefulSet makes from its templates is in no inventory: Kubernetes itself decides,
by the retention policy of the StatefulSet. The templates themselves must never change.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

PRUNE: Final = "kustomize.toolkit.fluxcd.io/prune"
DISABLED: Final = "disabled"
CLAIM: Final = "PersistentVolumeClaim"
SET: Final = "StatefulSet"
HOLDERS: Final = frozenset({CLAIM, "Namespace"})
"""What must not go for the data to stay: with a namespace goes all that is in it."""
WORKLOADS: Final = frozenset({"DaemonSet", "Deployment", SET})
"""What keeps containers running."""


def kept(made: dict[str, Any]) -> dict[str, Any]:
    """Return an object of a Blueprint so that its data outlives it."""
    if made.get("kind") in HOLDERS:
        return _annotated(made, DISABLED)
    return _retained(made, "Retain")


def given_up(made: dict[str, Any]) -> dict[str, Any]:
    """Return an object of a Blueprint so that its data goes with it."""
    if made.get("kind") in HOLDERS:
        return _annotated(made, None)
    return _retained(made, "Delete")


def names(objects: Iterable[dict[str, Any]]) -> tuple[str, ...]:
    """Return the volumes of an Application, sorted.

    Each is the name of a claim; what a StatefulSet makes of a template is
    `<template>-<set>-*`, for each of its replicas.
    """
    found: set[str] = set()
    for one in objects:
        if one.get("kind") == CLAIM:
            found.add(str(one["metadata"]["name"]))
        for template in _templates(one):
            found.add(f"{template}-{one['metadata']['name']}-*")
    return tuple(sorted(found))


def workloads(objects: Iterable[dict[str, Any]]) -> tuple[str, ...]:
    """Return what runs the containers of an Application, sorted, each as `<kind>/<name>`."""
    return tuple(
        sorted(
            f"{one['kind']}/{one['metadata']['name']}"
            for one in objects
            if one.get("kind") in WORKLOADS
        )
    )


def _annotated(made: dict[str, Any], word: str | None) -> dict[str, Any]:
    metadata = made["metadata"]
    given = metadata.get("annotations")
    annotations = {**given} if isinstance(given, dict) else {}
    annotations.pop(PRUNE, None)
    if word is not None:
        annotations[PRUNE] = word
    rest = {name: value for name, value in metadata.items() if name != "annotations"}
    return {**made, "metadata": {**rest, "annotations": annotations} if annotations else rest}


def _retained(made: dict[str, Any], word: str) -> dict[str, Any]:
    if not _templates(made):
        return made
    given = made["spec"].get("persistentVolumeClaimRetentionPolicy")
    policy = {**(given if isinstance(given, dict) else {}), "whenDeleted": word}
    return {**made, "spec": {**made["spec"], "persistentVolumeClaimRetentionPolicy": policy}}


def _templates(made: dict[str, Any]) -> tuple[str, ...]:
    spec = made.get("spec")
    if made.get("kind") != SET or not isinstance(spec, dict):
        return ()
    found = spec.get("volumeClaimTemplates")
    items = found if isinstance(found, list) else []
    return tuple(str(item["metadata"]["name"]) for item in items)
