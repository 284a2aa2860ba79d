"""Words that no Organization or public host may take, each with its reason.

The union of the documented lists and of the holes between them: a slug becomes a Git owner, a
namespace on every host cluster, an account of the broker and a DNS label.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from catalyst.contracts import permissions
from catalyst.environment_controller.domain import places


def _words(reason: str, words: str | Iterable[str]) -> dict[str, str]:
    return dict.fromkeys(words.split() if isinstance(words, str) else words, reason)


_PLATFORM: Final = _words(
    "names a part of the platform",
    (
        "system flux crossplane catalyst gitea openbao vault keycloak harbor k8s cilium spire"
        " sealed-secrets nats nats-jetstream powerdns cert-manager kyverno falco grafana loki"
        " mimir tempo alloy trivy velero vpa reloader litmus langfuse coraza seaweedfs sigstore"
        " opentelemetry syft-grype cnpg valkey redis"
    ),
)
_MEMBERS: Final = _words(
    "names a part of the platform",
    (name for user in permissions.MEMBERS for name in (user, permissions.member(user))),
)
"""An Organization of that name would hear on the broker what is answered to the member."""
_CODES: Final = _words("is a provider's name or code", places.PROVIDERS) | _words(
    "is a provider's name or code", places.SHORT.values()
)
_REGIONS: Final = _words("is a region's code", (r for rs in places.REGIONS.values() for r in rs))
_BLOCKS: Final = _words("is a building block's code", places.BLOCKS)
_ENVIRONMENT_TYPES: Final = _words(
    "is an environment type", (*places.BRANCHES, "production", "staging", "development")
)
_GIT_OWNERS: Final = _words(
    "is an owner that the Git server keeps for itself",
    (
        "catalog catalog-sovereign admin api user explore assets attachments avatar avatars"
        " repo-avatars captcha ghost gitea-actions issues login metrics milestones notifications"
        " org pulls repo v2"
    ),
)
_NAMESPACES: Final = _words(
    "is a namespace of every host cluster",
    (
        "default flux-system cert-manager openova-system catalyst-system crossplane-system"
        " cnpg-system vcluster external-dns external-secrets monitoring ingress-nginx"
    ),
)
_SUBDOMAINS: Final = _words(
    "is a host name of the platform",
    (
        "api admin console gitea harbor keycloak www mail smtp imap vpn openova catalyst docs"
        " status app system openbao vault flux k8s"
    ),
)

HOST_ONLY: Final = frozenset({"openova"})
"""Reserved as a public host only: the platform's own company is an Organization like any other,
and the first of the documented scenarios."""

SLUGS: Final[Mapping[str, str]] = {
    word: reason
    for word, reason in (
        _SUBDOMAINS
        | _NAMESPACES
        | _GIT_OWNERS
        | _PLATFORM
        | _MEMBERS
        | _REGIONS
        | _BLOCKS
        | _CODES
        | _ENVIRONMENT_TYPES
    ).items()
    if word not in HOST_ONLY
}
"""Slug → why it is reserved."""

SLUG_PREFIXES: Final[Mapping[str, str]] = {
    "kube-": "begins like a namespace of Kubernetes",
    "catalyst-": "begins like a namespace of the control plane",
}
SLUG_SUFFIXES: Final[Mapping[str, str]] = {
    "-dmz": "ends like the DMZ cluster of another Organization",
}

SUBDOMAINS: Final[Mapping[str, str]] = _SUBDOMAINS
"""Label of a public host → why it is reserved."""


def slug(word: str) -> str | None:
    """Return why a slug is reserved, or None if it is free to be taken."""
    reason = SLUGS.get(word)
    if reason is not None:
        return reason
    for prefix, why in SLUG_PREFIXES.items():
        if word.startswith(prefix):
            return why
    for suffix, why in SLUG_SUFFIXES.items():
        if word.endswith(suffix):
            return why
    return None
