"""Names that no Application may take: plans refuse them, and so does the Environment."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from catalyst.contracts.tables.environment import HOME

_REPOSITORY: Final = "is a repository of the infrastructure"
_NAMESPACE: Final = "is a namespace of every cluster"

APPLICATIONS: Final[Mapping[str, str]] = {
    **dict.fromkeys(("shared-blueprints", "iac", "catalyst-tenant", HOME), _REPOSITORY),
    **dict.fromkeys(("default", "flux-system"), _NAMESPACE),
}
"""Application → why it is reserved; `{organization}-environment` and `kube-*` are as well."""


def why_reserved(name: str, organization: str) -> str | None:
    """Return why an Application's name is reserved, or None if it is free to be taken."""
    if name == f"{organization}-environment":
        return _REPOSITORY
    if name.startswith("kube-"):
        return "begins like a namespace of Kubernetes"
    return APPLICATIONS.get(name)
