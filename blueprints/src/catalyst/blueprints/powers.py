"""What reaches beyond an Application's namespace: its node, and rights in the cluster.

Whoever runs the platform may want that; of an Organization's own source it is refused. Pods that an
operator makes of its own kinds are not looked into.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from catalyst.blueprints.advice import PODS
from catalyst.blueprints.findings import Finding, Path, Severity
from catalyst.blueprints.manifests import Manifests

_HOST: Final = ("hostNetwork", "hostPID", "hostIPC")
_GROUPS: Final = ("containers", "initContainers", "ephemeralContainers")
_HARMLESS: Final = ("NET_BIND_SERVICE",)


def powers(manifests: Manifests, severity: Severity) -> Iterator[Finding]:
    """Return a finding for each thing that reaches beyond the namespace."""
    for manifest in manifests.files:
        for source in manifest.objects:
            kind = source.value["kind"]
            found = _pod(source.value, PODS[kind]) if kind in PODS else ()
            for path, message in _binding(source.value) if kind == "RoleBinding" else found:
                fix = "do without it; an Organization's own source may not hold it"
                yield source.finding(path, "powers", message, fix, severity=severity)


def _binding(value: dict[str, Any]) -> Iterator[tuple[Path, str]]:
    role = value.get("roleRef")
    if not isinstance(role, dict) or role.get("kind") != "Role":
        named = isinstance(role, dict) and role.get("kind") == "ClusterRole"
        if not (named and role and role.get("name") == "view"):
            yield ("roleRef",), "this gives rights that no Role of this package lists"


def _pod(value: dict[str, Any], path: Path) -> Iterator[tuple[Path, str]]:
    pod: Any = value
    for length, step in enumerate(path, 1):
        pod = pod.get(step)
        if isinstance(pod, str):
            yield _unknown(path[:length])
        if not isinstance(pod, dict):
            return
    yield from _inside(pod, path)


def _inside(pod: dict[str, Any], path: Path) -> Iterator[tuple[Path, str]]:
    for name in _HOST:
        if _on(pod.get(name)):
            yield (*path, name), f"{name} gives the pod what belongs to its node"
    yield from _process(pod, path)
    for at, volume in _entries(pod, "volumes", path):
        if volume is None:
            yield _unknown(at)
        elif volume.get("hostPath") is not None:
            yield (*at, "hostPath"), "hostPath opens the disk of the node"
    for group in _GROUPS:
        for at, container in _entries(pod, group, path):
            if container is None:
                yield _unknown(at)
            else:
                yield from _container(container, at)


def _process(holder: dict[str, Any], path: Path) -> Iterator[tuple[Path, str]]:
    """Look into the security context of a pod or a container for what both may say."""
    at: Path = (*path, "securityContext")
    context = holder.get("securityContext")
    if isinstance(context, str):
        yield _unknown(at)
    windows = context.get("windowsOptions") if isinstance(context, dict) else None
    if isinstance(windows, str):
        yield _unknown((*at, "windowsOptions"))
    if isinstance(windows, dict) and _on(windows.get("hostProcess")):
        message = "hostProcess runs it on the node itself"
        yield (*at, "windowsOptions", "hostProcess"), message


def _container(container: dict[str, Any], path: Path) -> Iterator[tuple[Path, str]]:
    yield from _process(container, path)
    for place, port in _entries(container, "ports", path):
        if port is None:
            yield _unknown(place)
        elif port.get("hostPort"):
            yield (*place, "hostPort"), "hostPort takes a port of the node"
    at: Path = (*path, "securityContext")
    context = container.get("securityContext")
    if not isinstance(context, dict):
        return
    if _on(context.get("privileged")):
        yield (*at, "privileged"), "a privileged container is its node's administrator"
    capabilities = context.get("capabilities")
    if isinstance(capabilities, str):
        yield _unknown((*at, "capabilities"))
    added = capabilities.get("add") if isinstance(capabilities, dict) else None
    for one in added if isinstance(added, list) else [added] if added else ():
        if one not in _HARMLESS:
            yield (*at, "capabilities", "add"), f"{one} is more than an Application needs"


def _entries(
    holder: dict[str, Any], name: str, path: Path
) -> Iterator[tuple[Path, dict[str, Any] | None]]:
    """Return the maps of a list; None for what an expression makes."""
    listed = holder.get(name)
    if isinstance(listed, str):
        yield (*path, name), None
    for index, one in enumerate(listed if isinstance(listed, list) else ()):
        if isinstance(one, dict | str):
            yield (*path, name, index), one if isinstance(one, dict) else None


def _on(value: Any) -> bool:
    """Return whether a switch is on, or could be."""
    return value is not None and value is not False


def _unknown(path: Path) -> tuple[Path, str]:
    return path, "what this expression makes is not known before it runs; write its fields out"
