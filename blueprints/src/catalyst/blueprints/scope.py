"""What expressions see."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final

import msgspec

from catalyst.blueprints.expressions import Variables

NAMESPACE_MAX: Final = 63
"""Characters of a namespace's name."""


class Neighbour(msgspec.Struct, frozen=True, kw_only=True):
    """An Application that this one depends on."""

    name: str
    namespace: str
    host: str
    """Where it answers: the output `host` of its Blueprint, else its service's name."""


class ApplicationScope(msgspec.Struct, frozen=True, kw_only=True):
    """The Application that is rendered."""

    name: str
    namespace: str
    environment: str
    organization: str
    change: str = ""
    """Id of the change. It differs each time: in a manifest it makes each change a difference."""
    dependencies: dict[str, Neighbour] = {}
    """By alias; one that is not wanted is not there."""


class EnvironmentScope(msgspec.Struct, frozen=True, kw_only=True):
    """Where it runs."""

    name: str
    type: str
    organization: str
    regions: tuple[str, ...] = ()
    """Names of its host clusters."""
    secrets: str
    """Where its secrets stand in the store, without a `/` at its end."""
    namespace_suffix: str = ""
    """What follows an Application's name in the name of its namespace; mostly nothing."""


class Scope(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that expressions see."""

    config: dict[str, Any]
    """With every default filled in (`configschema.effective`)."""
    application: ApplicationScope
    environment: EnvironmentScope

    def variables(self) -> Variables:
        """Return the names and values for evaluations."""
        return Variables(msgspec.to_builtins(self))


def suffix(organization: str, environment: str) -> str:
    """Return an Environment's name within its Organization: its type, or label and type."""
    return environment.removeprefix(f"{organization}-")


def environment(
    organization: str, name: str, env_type: str, clusters: Sequence[str]
) -> EnvironmentScope:
    """Return an Environment, apart from every other that may share a cluster with it.

    In a cluster of its own type, the Environment without a label has namespaces named like its
    Applications. All others, with a label or in a cluster of another type, add to the name what no
    Application's name contains.
    """
    own = suffix(organization, name)
    home = all(re.search(f"-{env_type}(-[^-]+)?$", cluster) for cluster in clusters)
    return EnvironmentScope(
        name=name,
        type=env_type,
        organization=organization,
        regions=tuple(clusters),
        secrets=f"org/{organization}/env/{own}",
        namespace_suffix="" if own == env_type and home else f"--{own}",
    )


KNOWN: dict[str, frozenset[str]] = {
    "application": frozenset(ApplicationScope.__struct_fields__),
    "environment": frozenset(EnvironmentScope.__struct_fields__),
}
"""The fields below each root but `config`, which the Blueprint's schema names."""
NEIGHBOUR = frozenset(Neighbour.__struct_fields__)
