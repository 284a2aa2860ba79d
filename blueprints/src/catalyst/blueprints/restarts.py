"""Whether what a pod has read from its configuration is read again once that changes: as advice.

A cluster restarts pods if their own template changes, not if a ConfigMap or a Secret does. Another
version of the Blueprint is another label of each pod, so what no configuration changes is left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final

import msgspec

from catalyst.blueprints.advice import PODS
from catalyst.blueprints.expressions import Expression
from catalyst.blueprints.findings import Finding, Path, Severity, found_at
from catalyst.blueprints.manifests import Manifests, expressions
from catalyst.blueprints.source import Document, walk

_RUNNING: Final = frozenset({"Deployment", "StatefulSet", "DaemonSet", "ReplicaSet"})
_CHANGING: Final[dict[Path, str]] = {
    ("config",): "catalyst.openova.io/configuration: ${{ json(config) }}",
    ("application", "dependencies"): (
        "catalyst.openova.io/dependencies: ${{ json(application.dependencies) }}"
    ),
}
"""What expressions read that changes while an Application runs, with the annotation that restarts
pods with it."""
_NAMED: Final = {
    ("configMap", "name"): "ConfigMap",
    ("configMapRef", "name"): "ConfigMap",
    ("configMapKeyRef", "name"): "ConfigMap",
    ("secret", "secretName"): "Secret",
    ("secret", "name"): "Secret",
    ("secretRef", "name"): "Secret",
    ("secretKeyRef", "name"): "Secret",
}
"""How pods name what they read, by the last two steps to the name."""


class _Held(msgspec.Struct, frozen=True):
    """What the Blueprint writes into a ConfigMap or a Secret."""

    kind: str
    name: str
    """As written, expressions included."""
    written: tuple[Expression, ...]


def advise(manifests: Manifests) -> Iterator[Finding]:
    """Return a warning for each thing that a pod reads once, and that a change writes anew."""
    objects = [source for manifest in manifests.files for source in manifest.objects]
    held = {(one.kind, one.name): one for one in _held(objects)}
    for source in objects:
        kind = source.value["kind"]
        if kind not in _RUNNING:
            continue
        path: Path = PODS[kind][:-1]
        template = found_at(source.value, path)
        own = _read(source, template, path)
        told: set[tuple[str, str]] = set()
        for at, found in _names(template, path):
            one = held.get(found)
            missed = _missed(one.written, own) if one is not None else ()
            if missed and found not in told:
                told.add(found)
                message = (
                    f"a change of {'.'.join(missed)} is written into the {found[0]}, and nothing"
                    f" restarts the pods of the {kind}, which have read it before"
                )
                annotation = next(text for root, text in _CHANGING.items() if _within(missed, root))
                fix = f"add the annotation `{annotation}` to the metadata of the pods' template"
                rule, warning = "advice.restart", Severity.WARNING
                yield source.finding(at, rule, message, fix, severity=warning)


def _held(objects: Iterable[Document]) -> Iterator[_Held]:
    for source in objects:
        value, kind = source.value, source.value["kind"]
        name = value["metadata"]["name"]
        if kind in {"ConfigMap", "Secret"} and value.get("immutable") is not True:
            parts = [(field, value.get(field)) for field in ("data", "stringData", "binaryData")]
            found = [one for field, part in parts for one in _read(source, part, (field,))]
            yield _Held(kind, name, tuple(found))
        elif (
            kind == "ExternalSecret" and found_at(value, ("spec", "refreshPolicy")) != "CreatedOnce"
        ):
            target = found_at(value, ("spec", "target", "name"))
            written = _read(source, value.get("spec"), ("spec",))
            yield _Held("Secret", target if isinstance(target, str) else name, tuple(written))


def _read(source: Document, part: Any, at: Path) -> list[Expression]:
    """Return the expressions of a part of a document, without those that are bad."""
    if part is None:
        return []
    placed, _ = expressions(source, value=part, at=at)
    return [one.expression for one in placed]


def _names(template: Any, at: Path) -> Iterator[tuple[Path, tuple[str, str]]]:
    """Yield where pods name what they read, with its kind and name."""
    for path, value in walk(template, at):
        steps = tuple(step for step in path[-2:] if isinstance(step, str))
        kind = _NAMED.get(steps) if len(steps) == 2 else None
        if kind is not None and isinstance(value, str):
            yield path, (kind, value)


def _missed(written: Iterable[Expression], own: Iterable[Expression]) -> tuple[str, ...]:
    """Return the first value that is written, and whose change changes no template; empty: none."""
    sources = {one.source.strip() for one in own}
    whole = {
        _changing(reference.path)
        for one in own
        for reference in one.references
        if one.source.strip() in {name := ".".join(reference.path), f"json({name})"}
    }
    for one in written:
        if one.source.strip() in sources:
            continue
        for path in (reference.path for reference in one.references):
            changes = any(_within(path, root) for root in _CHANGING)
            if changes and not any(_within(path, known) for known in whole):
                return path
    return ()


def _changing(path: tuple[str, ...]) -> tuple[str, ...]:
    """Return what changes with a value: name, namespace and host of a dependency do together."""
    return path[:3] if path[:2] == ("application", "dependencies") else path


def _within(path: tuple[str, ...], root: Path) -> bool:
    return path[: len(root)] == root
