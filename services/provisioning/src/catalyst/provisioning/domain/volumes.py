"""What Flux may do with the data of an Application: kept unless somebody gives it up. Pure.

Flux deletes what stood in its last inventory and is gone from Git, unless the object *as it stands
in the cluster* says `kustomize.toolkit.fluxcd.io/prune: disabled`; the same holds where its
Kustomization goes. So the word has to be there before the commit that takes the object away: every
commit carries it, from the first one on. Whoever gives data up commits the files without it first,
and takes them away once that was seen applied.

With the data stay the passwords and keys that were made for it: made anew, they would open nothing.
An ExternalSecret that generates is kept with its Secret, and a PushSecret with what it wrote to the
store, so that what comes back under the same name finds both.

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
GENERATES: Final = "ExternalSecret"
PUSHES: Final = "PushSecret"
KEEPERS: Final = {GENERATES: GENERATES, PUSHES: PUSHES, "Secret": GENERATES}
"""What keeps passwords that cannot be made again, each with the kind that it goes with."""
PLACES: Final = frozenset({CLAIM, "Namespace"})
"""What must not go for the data to stay: with a namespace goes all that is in it."""
HOLDERS: Final = PLACES | frozenset(KEEPERS)
"""What may be left in a cluster of an Application whose data is kept."""
WORKLOADS: Final = frozenset({"DaemonSet", "Deployment", SET})
"""What keeps containers running."""


def kept(made: dict[str, Any]) -> dict[str, Any]:
    """Return an object of a Blueprint so that its data outlives it."""
    if _holds(made):
        return _annotated(made, DISABLED)
    return _retained(made, "Retain")


def given_up(made: dict[str, Any]) -> dict[str, Any]:
    """Return an object of a Blueprint so that its data goes with it."""
    if _holds(made):
        return _annotated(made, None)
    return _retained(made, "Delete")


def names(objects: Iterable[dict[str, Any]]) -> tuple[str, ...]:
    """Return what holds data of an Application, sorted.

    Each is the name of a claim; what a StatefulSet makes of a template is
    `<template>-<set>-*`, for each of its replicas. What keeps its passwords is `<kind>/<name>`.
    """
    found: set[str] = set()
    for one in objects:
        if one.get("kind") == CLAIM:
            found.add(str(one["metadata"]["name"]))
        if _secret(one):
            found.add(f"{one['kind']}/{one['metadata']['name']}")
        for template in _templates(one):
            found.add(f"{template}-{one['metadata']['name']}-*")
    return tuple(sorted(found))


def claims(objects: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the objects that are claims of volumes."""
    return [one for one in objects if one.get("kind") == CLAIM]


def in_words(names: Iterable[str]) -> tuple[str, ...]:
    """Return what `names` gave as a person reads it, volumes first; an Application follows."""
    claims, secrets = [], []
    for name in names:
        before, slash, after = name.partition("/")
        if slash:
            secrets.append(f"credentials {after}: made for")
        else:
            claims.append(f"volume {before}: data of")
    return tuple(dict.fromkeys([*claims, *secrets]))


def workloads(objects: Iterable[dict[str, Any]]) -> tuple[str, ...]:
    """Return what runs the containers of an Application, sorted, each as `<kind>/<name>`."""
    return tuple(
        sorted(
            f"{one['kind']}/{one['metadata']['name']}"
            for one in objects
            if one.get("kind") in WORKLOADS
        )
    )


def _holds(made: dict[str, Any]) -> bool:
    return made.get("kind") in PLACES or _secret(made)


def _secret(made: dict[str, Any]) -> bool:
    """Return whether a password that cannot be made again goes with an object."""
    if made.get("kind") == PUSHES:
        return True
    spec = made.get("spec")
    found = spec.get("dataFrom") if made.get("kind") == GENERATES and isinstance(spec, dict) else ()
    sources = [
        one.get("sourceRef")
        for one in (found if isinstance(found, list) else ())
        if isinstance(one, dict)
    ]
    return any(isinstance(one, dict) and "generatorRef" in one for one in sources)


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
