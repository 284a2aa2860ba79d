"""One Application in one Environment with what it runs with: what files and values are made of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from catalyst.blueprints import dependencies, rendering
from catalyst.blueprints.configschema import effective, validate, validate_update
from catalyst.blueprints.document import Blueprint
from catalyst.blueprints.merging import merged
from catalyst.blueprints.package import Package
from catalyst.blueprints.scope import (
    ApplicationScope,
    EnvironmentScope,
    Neighbour,
    Scope,
    environment,
)
from catalyst.contracts.message import FieldError
from catalyst.contracts.provisioning_values_v1 import Desired
from catalyst.contracts.rejection import Rejected
from catalyst.provisioning.domain.foreign import Environment

VALUES: Final = "/request/values"
"""Where the values of the target stand in what is asked for."""


class Content(msgspec.Struct, frozen=True, eq=False):
    """A version of a Blueprint, as it was read: the same as none that was read apart from it."""

    blueprint: Blueprint
    package: Package


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """Where an Application runs, and what it runs with."""

    organization: str
    application: str
    name: str
    """Of the Environment."""
    environment: Environment
    desired: Desired
    hosts: Mapping[str, str] = {}
    """Where each Application that it depends on answers, by its name; the name itself, if not."""

    @property
    def around(self) -> EnvironmentScope:
        """The Environment, as expressions see it."""
        clusters = [region.host_cluster for region in self.environment.regions]
        return environment(self.organization, self.name, self.environment.env_type, clusters)

    def namespace(self, application: str) -> str:
        """Return the namespace of an Application of the same Environment."""
        return application + self.around.namespace_suffix

    def scope(self, blueprint: Blueprint) -> Scope:
        """Return what expressions of its Blueprint see.

        The change is left out on purpose: what it writes must not differ from change to change.
        """
        around = self.around
        near = {
            alias: Neighbour(
                name=name,
                namespace=name + around.namespace_suffix,
                host=self.hosts.get(name, name),
            )
            for alias, name in self.desired.dependencies.items()
        }
        values = merged(blueprint.values, self.desired.values)
        return Scope(
            config=effective(blueprint.schema, values),
            application=ApplicationScope(
                name=self.application,
                namespace=self.application + around.namespace_suffix,
                environment=self.name,
                organization=self.organization,
                dependencies=near,
            ),
            environment=around,
        )


def host_of(place: Place, blueprint: Blueprint) -> str:
    """Return where an Application answers: the output `host` of its Blueprint, else its name."""
    if "host" not in blueprint.outputs:
        return place.application
    found = rendering.outputs(blueprint, place.scope(blueprint)).get("host")
    return found if isinstance(found, str) else place.application


def check_values(
    content: Content,
    values: dict[str, Any],
    pointer: str,
    before: tuple[Content, dict[str, Any]] | None = None,
) -> None:
    """Refuse values that the Blueprint does not take, all that is wrong with them at once.

    Args:
        content: Of the version that shall run.
        values: What a person chose.
        pointer: Where the values stand.
        before: What runs until now, with which values; None: nothing that has to be kept.

    Raises:
        Rejected: `values-invalid`, or `value-immutable` if that is all.
    """
    blueprint = content.blueprint
    after = merged(blueprint.values, values)
    if before is None:
        found = validate(blueprint.schema, after, blueprint.values)
    else:
        old, had = before
        was = merged(old.blueprint.values, had)
        found = validate_update(
            blueprint.schema, was, after, old.blueprint.schema, own=blueprint.values
        )
    if not found:
        return
    errors = [
        FieldError(
            pointer=f"{pointer}{item.pointer}",
            rule="value-immutable" if item.rule == "immutable" else "values-invalid",
            message=item.told,
        )
        for item in found
    ]
    fixed = all(error.rule == "value-immutable" for error in errors)
    code = "value-immutable" if fixed else "values-invalid"
    raise Rejected(code, errors[0].message, errors)


def values_for_dependencies(place: Place, content: Content) -> dict[str, dict[str, Any]]:
    """Return the values that an Application gives to what it depends on, by alias.

    Raises:
        Rejected: `values-invalid` if a condition has no result for these values; at the fields that
            the schema refuses, if it does.
    """
    try:
        found = dependencies.wanted(content.blueprint, place.scope(content.blueprint))
    except dependencies.Undecided as error:
        check_values(content, place.desired.values, VALUES)
        raise Rejected("values-invalid", str(error), pointer=VALUES) from error
    return {item.alias: item.values for item in found}
