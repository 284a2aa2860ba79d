"""What expressions see."""

from __future__ import annotations

from typing import Any

import msgspec


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


class Scope(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that expressions see."""

    config: dict[str, Any]
    """With every default filled in (`configschema.effective`)."""
    application: ApplicationScope
    environment: EnvironmentScope

    def variables(self) -> dict[str, Any]:
        """Return the names and values for an evaluation."""
        plain: dict[str, Any] = msgspec.to_builtins(self)
        return plain


KNOWN: dict[str, frozenset[str]] = {
    "application": frozenset(ApplicationScope.__struct_fields__),
    "environment": frozenset(EnvironmentScope.__struct_fields__),
}
"""The fields below each root but `config`, which the Blueprint's schema names."""
NEIGHBOUR = frozenset(Neighbour.__struct_fields__)
