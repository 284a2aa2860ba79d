"""What reaches beyond an Application's namespace: its node, rights in the cluster, all hosts.

Whoever runs the platform may want that; of an Organization's own source it is refused. A pod may
say what the strictest of Kubernetes' Pod Security Standards (restricted, of 1.36) lets it say, and
to run as root, against which `advice` speaks. Pods that an operator makes of its own kinds are not
looked into.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from catalyst.blueprints.advice import PODS
from catalyst.blueprints.findings import Finding, Path, Severity
from catalyst.blueprints.hosts import is_whole
from catalyst.blueprints.manifests import Manifests

_HOST: Final = ("hostNetwork", "hostPID", "hostIPC")
_GROUPS: Final = ("containers", "initContainers", "ephemeralContainers")
_HARMLESS: Final = ("NET_BIND_SERVICE",)
_VOLUMES: Final = frozenset(
    {
        "configMap",
        "csi",
        "downwardAPI",
        "emptyDir",
        "ephemeral",
        "image",
        "persistentVolumeClaim",
        "projected",
        "secret",
    }
)
"""Kinds of volumes that are the namespace's own, or made through a claim in it."""
_SYSCTLS: Final = (
    "kernel.shm_rmid_forced",
    "net.ipv4.ip_local_port_range",
    "net.ipv4.ip_local_reserved_ports",
    "net.ipv4.ip_unprivileged_port_start",
    "net.ipv4.ping_group_range",
    "net.ipv4.tcp_fin_timeout",
    "net.ipv4.tcp_keepalive_intvl",
    "net.ipv4.tcp_keepalive_probes",
    "net.ipv4.tcp_keepalive_time",
    "net.ipv4.tcp_rmem",
    "net.ipv4.tcp_syncookies",
    "net.ipv4.tcp_wmem",
)
"""Settings of the kernel that each pod has for itself."""
_CONFINED: Final = (None, "RuntimeDefault", "Localhost")
_LABELS: Final = (
    None,
    "",
    "container_t",
    "container_init_t",
    "container_kvm_t",
    "container_engine_t",
)
_PARTS: Final[Mapping[str, tuple[str, Mapping[str, Sequence[Any]]]]] = {
    "windowsOptions": (
        "hostProcess runs it on the node itself",
        {"hostProcess": (None, False)},
    ),
    "seccompProfile": ("it may call all that its node's kernel has", {"type": _CONFINED}),
    "appArmorProfile": ("nothing confines it on its node", {"type": _CONFINED}),
    "seLinuxOptions": (
        "it gets rights on its node that containers do not have",
        {"type": _LABELS, "user": (None, ""), "role": (None, "")},
    ),
}
"""Parts of a security context: what is wrong with other values of a field than these."""
_APPARMOR: Final = "container.apparmor.security.beta.kubernetes.io/"
"""What annotations begin with that say what `appArmorProfile` says."""
_ROUTES: Final = frozenset(
    {"GRPCRoute", "Gateway", "HTTPRoute", "Ingress", "IngressRoute", "IngressRouteTCP", "TLSRoute"}
)
"""What answers under public hosts."""
_NAMING: Final[Mapping[str, tuple[str, str]]] = {
    "Gateway": ("listeners", "hostname"),
    "Ingress": ("rules", "host"),
    "IngressRoute": ("routes", "match"),
    "IngressRouteTCP": ("routes", "match"),
}
"""What lists what answers, and the field of each that says under which host; else `hostnames`."""
_SNIPPET: Final = re.compile(r"nginx\.(ingress\.kubernetes\.io|org)/[a-z-]*snippets?")
"""Annotations that write into what serves everybody's hosts."""
_EVERY: Final = "it answers under every host that nobody else has; name its hosts"
_PROBES: Final = ("livenessProbe", "readinessProbe", "startupProbe")


def powers(manifests: Manifests, severity: Severity) -> Iterator[Finding]:
    """Return a finding for each thing that reaches beyond the namespace."""
    for manifest in manifests.files:
        for source in manifest.objects:
            for path, message in _found(source.value):
                fix = "do without it; an Organization's own source may not hold it"
                yield source.finding(path, "powers", message, fix, severity=severity)


def reach(objects: Iterable[dict[str, Any]]) -> frozenset[tuple[str, str, Path, str]]:
    """Return what rendered objects reach beyond the namespace: of which one, where, and how."""
    return frozenset(
        (one["kind"], one["metadata"]["name"], path, message)
        for one in objects
        for path, message in _found(one)
    )


def _found(value: dict[str, Any]) -> Iterator[tuple[Path, str]]:
    kind = value["kind"]
    if kind == "RoleBinding":
        yield from _binding(value)
    elif kind in PODS:
        yield from _pod(value, PODS[kind])
    elif kind in _ROUTES:
        yield from opened(value)


def opened(value: dict[str, Any]) -> Iterator[tuple[Path, str]]:
    """Return where an object answers under hosts that it does not name, and how."""
    kind = value["kind"]
    if kind not in _ROUTES:
        return
    for at, notes in _maps(value.get("metadata") or {}, ("annotations",), ("metadata",)):
        if notes is None:
            yield _unknown(at)
        for name in filter(_SNIPPET.fullmatch, map(str, notes or ())):
            yield (*at, name), "this writes into the configuration of what serves others as well"
    for at, spec in _maps(value, ("spec",), ()):
        yield from [_unknown(at)] if spec is None else _routed(kind, spec, at)


def _routed(kind: str, spec: dict[str, Any], path: Path) -> Iterator[tuple[Path, str]]:
    if kind not in _NAMING:
        yield from () if spec.get("hostnames") else [(path, _EVERY)]
        return
    if spec.get("defaultBackend") is not None:
        yield (*path, "defaultBackend"), _EVERY
    listed, key = _NAMING[kind]
    for at, one in _entries(spec, listed, path):
        if one is None:
            yield _unknown(at)
            continue
        said = one.get(key)
        names = is_whole(str(said)) if key == "match" else bool(said)
        yield from () if names else [((*at, key) if said else at, _EVERY)]


def _binding(value: dict[str, Any]) -> Iterator[tuple[Path, str]]:
    role = value.get("roleRef")
    if not isinstance(role, dict) or role.get("kind") != "Role":
        named = isinstance(role, dict) and role.get("kind") == "ClusterRole"
        if not (named and role and role.get("name") == "view"):
            yield ("roleRef",), "this gives rights that no Role of this package lists"


def _pod(value: dict[str, Any], path: Path) -> Iterator[tuple[Path, str]]:
    above: Any = value
    for length, step in enumerate(path[:-1], 1):
        above = above.get(step)
        if isinstance(above, str):
            yield _unknown(path[:length])
        if not isinstance(above, dict):
            return
    for at, metadata in _maps(above, ("metadata",), path[:-1]):
        yield from [_unknown(at)] if metadata is None else _annotated(metadata, at)
    for at, pod in _maps(above, path[-1:], path[:-1]):
        yield from [_unknown(at)] if pod is None else _inside(pod, at)


def _annotated(metadata: dict[str, Any], path: Path) -> Iterator[tuple[Path, str]]:
    for at, found in _maps(metadata, ("annotations",), path):
        if found is None:
            yield _unknown(at)
        for name, value in (found or {}).items():
            confined = value in (None, "runtime/default") or str(value).startswith("localhost/")
            if str(name).startswith(_APPARMOR) and not confined:
                yield (*at, name), "nothing confines it on its node"


def _inside(pod: dict[str, Any], path: Path) -> Iterator[tuple[Path, str]]:
    for name in _HOST:
        if _on(pod.get(name)):
            yield (*path, name), f"{name} gives the pod what belongs to its node"
    for at, context in _maps(pod, ("securityContext",), path):
        yield from [_unknown(at)] if context is None else _process(context, at)
        for place, one in _entries(context or {}, "sysctls", at):
            if one is None:
                yield _unknown(place)
            elif one.get("name") not in _SYSCTLS:
                yield (*place, "name"), f"{one.get('name')} is set for the whole node"
    for at, volume in _entries(pod, "volumes", path):
        yield from [_unknown(at)] if volume is None else _volume(volume, at)
    for group in _GROUPS:
        for at, container in _entries(pod, group, path):
            yield from [_unknown(at)] if container is None else _container(container, at)


def _volume(volume: dict[str, Any], path: Path) -> Iterator[tuple[Path, str]]:
    for name, source in volume.items():
        if name == "hostPath" and source is not None:
            yield (*path, name), "hostPath opens the disk of the node"
        elif name not in {"name", *_VOLUMES} and source is not None:
            yield (*path, name), f"a volume of the kind {name} is not one of the namespace"


def _process(context: dict[str, Any], path: Path) -> Iterator[tuple[Path, str]]:
    """Look into the security context of a pod or a container for what both may say."""
    for at, part in _maps(context, _PARTS, path):
        message, fields = _PARTS[str(at[-1])]
        if part is None:
            yield _unknown(at)
            continue
        for name, allowed in fields.items():
            if part.get(name) not in allowed:
                yield (*at, name), message


def _container(container: dict[str, Any], path: Path) -> Iterator[tuple[Path, str]]:
    for place, port in _entries(container, "ports", path):
        if port is None:
            yield _unknown(place)
        elif port.get("hostPort"):
            yield (*place, "hostPort"), "hostPort takes a port of the node"
    yield from _asking(container, path)
    for at, context in _maps(container, ("securityContext",), path):
        yield from [_unknown(at)] if context is None else _confined(context, at)


def _confined(context: dict[str, Any], path: Path) -> Iterator[tuple[Path, str]]:
    """Look into the security context of a container."""
    yield from _process(context, path)
    if _on(context.get("privileged")):
        yield (*path, "privileged"), "a privileged container is its node's administrator"
    if _on(context.get("allowPrivilegeEscalation")):
        message = "it may get rights that it was not started with"
        yield (*path, "allowPrivilegeEscalation"), message
    if context.get("procMount") not in (None, "Default"):
        yield (*path, "procMount"), "it sees what /proc hides of its node"
    for at, capabilities in _maps(context, ("capabilities",), path):
        if capabilities is None:
            yield _unknown(at)
            continue
        added = capabilities.get("add")
        for one in added if isinstance(added, list) else [added] if added else ():
            if one not in _HARMLESS:
                yield (*at, "add"), f"{one} is more than an Application needs"


def _asking(container: dict[str, Any], path: Path) -> Iterator[tuple[Path, str]]:
    """Look for another host than the pod that the node is to ask: it asks from where it stands."""
    handlers = [*_maps(container, _PROBES, path)]
    for at, hooks in _maps(container, ("lifecycle",), path):
        handlers += [(at, None)] if hooks is None else _maps(hooks, ("postStart", "preStop"), at)
    for at, handler in handlers:
        if handler is None:
            yield _unknown(at)
        for place, action in _maps(handler or {}, ("httpGet", "tcpSocket"), at):
            if action is None:
                yield _unknown(place)
            elif action.get("host") not in (None, ""):
                yield (*place, "host"), "the node would ask this host, from where it stands itself"


def _maps(
    holder: dict[Any, Any], names: Iterable[str | int], path: Path
) -> Iterator[tuple[Path, dict[str, Any] | None]]:
    """Return the maps that have these names; None for what an expression makes."""
    for name in names:
        found = holder.get(name)
        if isinstance(found, dict | str):
            yield (*path, name), found if isinstance(found, dict) else None


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
