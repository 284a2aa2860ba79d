"""What an observer of a cluster publishes on `FACTS`: one look at one object, as a watch gives it.

The subject is `ws.<environment>.k8s.<kind>.<namespace>.<name>`, of a Kustomization of Flux
`ws.<environment>.flux.<name>`, each token escaped. Labels of the object (`openova.io/organization`,
`…/application`, `…/environment`) say whose it is.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from catalyst.contracts.message import UtcTime
from catalyst.contracts.provisioning_values_v1 import Source


class FactMessage(msgspec.Struct, frozen=True, kw_only=True):
    """A fact: an object of a cluster, as it was seen; fields that are not named are passed over."""

    type: Literal["ADDED", "MODIFIED", "DELETED"]
    """What became of the object."""
    object: dict[str, Any]
    """The whole object, as the API of Kubernetes shows it: kind, metadata, spec and status."""
    source: Source = "cluster"
    """Who saw it; what is simulated counts only where no real cluster was ever heard."""
    time: UtcTime | None = None
    """When it was seen; null: when it came."""
    cluster: str = ""
    """In which cluster it was seen, where an Environment has several; empty: there is one."""
