"""What authors should do and may leave: rules for objects that run, told as warnings."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

from catalyst.blueprints.findings import Finding, Path, Severity, found_at
from catalyst.blueprints.manifests import CONDITION, Manifests
from catalyst.blueprints.source import Document, walk

SECRET_NAME: Final = re.compile(
    r"(password|passwd|secret|token|api_?key|private_?key|credential)s?$", re.IGNORECASE
)
_DIGEST: Final = re.compile(r"@sha256:[0-9a-f]{64}$")
_MOVING: Final = frozenset({"latest", "stable", "main", "master", "edge", "nightly", "dev"})
PODS: Final[dict[str, Path]] = {
    "Pod": ("spec",),
    "Deployment": ("spec", "template", "spec"),
    "StatefulSet": ("spec", "template", "spec"),
    "DaemonSet": ("spec", "template", "spec"),
    "ReplicaSet": ("spec", "template", "spec"),
    "ReplicationController": ("spec", "template", "spec"),
    "PodTemplate": ("template", "spec"),
    "Job": ("spec", "template", "spec"),
    "CronJob": ("spec", "jobTemplate", "spec", "template", "spec"),
}
_SERVING: Final = frozenset({"Deployment", "StatefulSet", "DaemonSet", "ReplicaSet"})


def advise(manifests: Manifests) -> Iterator[Finding]:
    """Return a warning for each thing that an author of a good Blueprint would not leave."""
    runs: Document | None = None
    guarded = False
    for manifest in manifests.files:
        for source in manifest.objects:
            kind = source.value["kind"]
            guarded = guarded or kind == "NetworkPolicy"
            yield from _secrets(source)
            yield from _conditions(source)
            path = PODS.get(kind)
            if path is not None:
                runs = runs or source
                yield from _labels(source, path)
                yield from _pod(source, path)
    if runs is not None and not guarded:
        message = "no NetworkPolicy says who may reach it, so everybody may"
        yield _warn(runs, (), "advice.network-policy", message, "add a NetworkPolicy")


def _conditions(source: Document) -> Iterator[Finding]:
    for path, _ in walk(source.value):
        if path[-len(CONDITION) :] == CONDITION and path != CONDITION:
            message = "only an object as a whole has a condition: here it decides nothing"
            fix = "put the annotation at the object's own metadata"
            yield _warn(source, path, "advice.condition", message, fix)


def _labels(source: Document, path: Path) -> Iterator[Finding]:
    at = (*path[:-1], "metadata", "labels")
    found = found_at(source.value, at)
    if not isinstance(found, dict) or "app.kubernetes.io/component" not in found:
        message = "the label app.kubernetes.io/component is missing: nobody sees which part this is"
        yield _warn(source, at, "advice.labels", message, "add it, such as `server`")


def _pod(source: Document, path: Path) -> Iterator[Finding]:
    pod = found_at(source.value, path)
    if isinstance(pod, str):
        return
    if not isinstance(pod, dict) or not pod.get("containers"):
        message = "it runs no container: nothing is at `containers`"
        fix = "name a container with its image, or correct the name of the field"
        yield _warn(source, (*path, "containers"), "advice.containers", message, fix)
        return
    kind = source.value["kind"]
    non_root = found_at(pod, ("securityContext", "runAsNonRoot"))
    user = found_at(pod, ("securityContext", "runAsUser"))
    for group in ("containers", "initContainers"):
        entries = pod.get(group)
        for index, container in enumerate(entries if isinstance(entries, list) else ()):
            if not isinstance(container, dict):
                continue
            at = (*path, group, index)
            own = found_at(container, ("securityContext", "runAsNonRoot"))
            by = found_at(container, ("securityContext", "runAsUser"))
            if not (non_root if own is None else own) or (user if by is None else by) == 0:
                message = "the container may run as root"
                fix = "set securityContext.runAsNonRoot: true, and a runAsUser that is not 0"
                yield _warn(source, at, "advice.non-root", message, fix)
            yield from _image(source, container, at)
            yield from _resources(source, container, at)
            yield from _environment(source, container, at)
            if group == "containers" and kind in _SERVING:
                yield from _probes(source, container, at)


def _probes(source: Document, container: dict[str, Any], at: Path) -> Iterator[Finding]:
    for probe in ("readinessProbe", "livenessProbe"):
        if probe not in container:
            message = f"the container has no {probe}"
            fix = f"add a {probe}, so that what does not answer is seen"
            yield _warn(source, at, "advice.probes", message, fix)


def _resources(source: Document, container: dict[str, Any], at: Path) -> Iterator[Finding]:
    if isinstance(container.get("resources"), str):
        return
    for wanted in (("requests", "cpu"), ("requests", "memory"), ("limits", "memory")):
        if found_at(container, ("resources", *wanted)) is None:
            name = ".".join(wanted)
            message = f"the container has no resources.{name}"
            yield _warn(source, at, "advice.resources", message, f"set resources.{name}")


def _image(source: Document, container: dict[str, Any], at: Path) -> Iterator[Finding]:
    image = container.get("image")
    path = (*at, "image")
    if not isinstance(image, str):
        yield _warn(source, at, "advice.image", "the container has no image", "name an image")
        return
    if "${{" in image or _DIGEST.search(image):
        return
    tag = image.rpartition("/")[2].partition(":")[2]
    if not tag or tag in _MOVING:
        message = f"the image {image} is not pinned: it may be another one tomorrow"
        yield _warn(source, path, "advice.image", message, "name a version, or a digest")


def _environment(source: Document, container: dict[str, Any], at: Path) -> Iterator[Finding]:
    entries = container.get("env")
    for index, entry in enumerate(entries if isinstance(entries, list) else ()):
        if not isinstance(entry, dict):
            continue
        name, value = entry.get("name"), entry.get("value")
        if isinstance(name, str) and SECRET_NAME.search(name) and value not in (None, ""):
            message = f"{name} looks like a secret, and its value stands in the open"
            fix = "use valueFrom.secretKeyRef"
            yield _warn(source, (*at, "env", index, "value"), "advice.secret", message, fix)


def _secrets(source: Document) -> Iterator[Finding]:
    if source.value["kind"] != "Secret":
        return
    for field in ("data", "stringData"):
        entries = source.value.get(field)
        for name, value in (entries if isinstance(entries, dict) else {}).items():
            if value not in (None, ""):
                message = f"the secret {name} stands in the open"
                fix = "use an ExternalSecret, or name a Secret that is there"
                yield _warn(source, (field, name), "advice.secret", message, fix)


def _warn(source: Document, path: Path, rule: str, message: str, fix: str) -> Finding:
    return source.finding(path, rule, message, fix, severity=Severity.WARNING)
