"""Which objects a package may hold: what stays in a namespace, and does not steer its applier.

A kind that nobody knows could belong to the whole cluster, so kinds are listed that may be there,
and not those that may not.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from catalyst.blueprints.findings import Finding, Path
from catalyst.blueprints.source import Document

CLUSTER_SCOPED: Final = frozenset(
    {
        "APIService", "CertificateSigningRequest", "ClusterIssuer", "ClusterPolicy", "ClusterRole",
        "ClusterRoleBinding", "ClusterSecretStore", "CSIDriver", "CSINode",
        "CustomResourceDefinition", "FlowSchema", "IngressClass", "MutatingWebhookConfiguration",
        "Namespace", "Node", "PersistentVolume", "PriorityClass", "PriorityLevelConfiguration",
        "RuntimeClass", "StorageClass", "ValidatingAdmissionPolicy",
        "ValidatingAdmissionPolicyBinding", "ValidatingWebhookConfiguration", "VolumeAttachment",
    }
)  # fmt: skip
"""Told in words of their own; whatever else is not in `NAMESPACED` is refused as well."""
NAMESPACED: Final[dict[str, frozenset[str]]] = {
    group: frozenset(kinds.split())
    for group, kinds in {
        "": "ConfigMap Endpoints LimitRange PersistentVolumeClaim Pod PodTemplate "
        "ReplicationController ResourceQuota Secret Service ServiceAccount",
        "apps": "DaemonSet Deployment ReplicaSet StatefulSet",
        "autoscaling": "HorizontalPodAutoscaler",
        "autoscaling.k8s.io": "VerticalPodAutoscaler",
        "batch": "CronJob Job",
        "cert-manager.io": "Certificate Issuer",
        "cilium.io": "CiliumNetworkPolicy",
        "coordination.k8s.io": "Lease",
        "discovery.k8s.io": "EndpointSlice",
        "external-secrets.io": "ExternalSecret PushSecret SecretStore",
        "gateway.networking.k8s.io": "GRPCRoute Gateway HTTPRoute TCPRoute TLSRoute UDPRoute",
        "generators.external-secrets.io": "Password SSHKey UUID",
        "k8s.mariadb.com": "Backup Database Grant MariaDB User",
        "keda.sh": "ScaledJob ScaledObject TriggerAuthentication",
        "monitoring.coreos.com": "PodMonitor Probe PrometheusRule ServiceMonitor",
        "networking.k8s.io": "Ingress NetworkPolicy",
        "policy": "PodDisruptionBudget",
        "postgresql.cnpg.io": "Backup Cluster Database Pooler ScheduledBackup",
        "rbac.authorization.k8s.io": "Role RoleBinding",
        "snapshot.storage.k8s.io": "VolumeSnapshot",
        "traefik.io": "IngressRoute Middleware",
    }.items()
}
"""The kinds that a namespace holds, by their group; the core group has no name."""

_APPLIERS: Final = (".fluxcd.io", "argoproj.io")
"""Groups of objects that make others apply what stands elsewhere: nobody looked at that here, and
whoever applies it may do more than an Application may."""
_STEERING: Final = frozenset(
    f"kustomize.toolkit.fluxcd.io/{word}" for word in ("force", "prune", "reconcile", "ssa")
)
_BUILDING: Final = ("config.kubernetes.io/", "internal.config.kubernetes.io/", "kustomize.config.")


def check(source: Document) -> Iterator[Finding]:
    """Return why an object may not be there; it has an apiVersion and a kind."""
    value = source.value
    kind = value["kind"]
    group = value["apiVersion"].rpartition("/")[0]
    at: Path = ("kind",)
    if kind.endswith("List") or "items" in value:
        at = at if kind.endswith("List") else ("items",)
        message = "a list of objects is not taken"
        yield source.finding(at, "manifests.object", message, "separate the objects with ---")
    elif kind in CLUSTER_SCOPED:
        message = f"a {kind} belongs to the whole cluster, and an Application has its namespace"
        fix = "leave it to the platform, or use the kind that a namespace holds"
        yield source.finding(at, "manifests.cluster-scoped", message, fix)
    elif group.endswith(_APPLIERS):
        message = f"a {kind} makes the cluster apply what stands elsewhere"
        fix = "put the objects themselves into the manifests"
        yield source.finding(at, "manifests.elsewhere", message, fix)
    elif kind not in NAMESPACED.get(group, ()):
        message = f"{kind} of {value['apiVersion']} is no kind that is known to stay in a namespace"
        fix = "correct apiVersion and kind, or ask who runs the platform for it"
        yield source.finding(at, "manifests.unknown-kind", message, fix)
    yield from steering(source, value["metadata"])


def steering(source: Document, metadata: dict[str, Any]) -> Iterator[Finding]:
    """Return what in an object's metadata would keep it from being applied or taken away."""
    for name in ("finalizers", "ownerReferences"):
        if metadata.get(name):
            message = f"with {name}, the object could stay, or go, without its Application"
            at: Path = ("metadata", name)
            yield source.finding(at, "manifests.steering", message, f"leave {name} out")
    for name in ("annotations", "labels"):
        given = metadata.get(name)
        for key in given if isinstance(given, dict) else ():
            if key in _STEERING or key.startswith(_BUILDING):
                message = f"{key} changes how the object is applied, which is not the author's"
                at = ("metadata", name, key)
                yield source.finding(at, "manifests.steering", message, "leave it out")
