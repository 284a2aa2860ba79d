"""The form of a Blueprint's configuration, with what an Organization can choose from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from catalyst.blueprints.document import Blueprint
from catalyst.blueprints.findings import found_at
from catalyst.blueprints.form import Field, fields
from catalyst.catalog_svc.domain.placed import Application
from catalyst.contracts.provisioning_values_v1 import Desired


class Present(msgspec.Struct, frozen=True, kw_only=True):
    """An Application in an Environment."""

    application: str
    environment: str
    desired: Desired
    """What is to run there."""


def present(applications: Mapping[str, Application]) -> tuple[Present, ...]:
    """Return what runs, by name and Environment."""
    return tuple(
        Present(application=name, environment=environment, desired=desired)
        for name, application in sorted(applications.items())
        for environment, desired in sorted(application.running.items())
    )


class Option(msgspec.Struct, frozen=True, kw_only=True):
    """An Application that can be chosen."""

    application: str
    environment: str
    blueprint: str
    version: str


class FormField(msgspec.Struct, frozen=True, kw_only=True):
    """A field, with what is there."""

    field: Field
    value: Any = None
    """What is set now, if it is; for something new the default."""
    locked: bool = False
    """True if it can no longer be changed."""
    options: tuple[Option, ...] = ()
    """For a field that names an Application: those that there are."""


class Form(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that a person is asked, in order."""

    blueprint: str
    version: str
    title: str
    fields: tuple[FormField, ...]


def form(
    blueprint: Blueprint,
    runs: tuple[Present, ...],
    environment: str = "",
    application: str = "",
) -> Form:
    """Return the form for something new, or for an Application that runs.

    Args:
        blueprint: The version whose configuration is asked for.
        runs: All that the Organization runs.
        environment: Where it runs or shall run; empty: not known yet.
        application: The Application; empty: something new.
    """
    running = next(
        (one for one in runs if (one.environment, one.application) == (environment, application)),
        None,
    )
    values = running.desired.values if running is not None else None
    asked = []
    for field in fields(blueprint.schema):
        value = field.default if values is None else found_at(values, field.path, field.default)
        asked.append(
            FormField(
                field=field,
                value=value,
                locked=field.immutable and running is not None,
                options=_options(field, runs, environment, application),
            )
        )
    return Form(
        blueprint=blueprint.name,
        version=blueprint.version,
        title=blueprint.title,
        fields=tuple(asked),
    )


def _options(
    field: Field, runs: tuple[Present, ...], environment: str, application: str
) -> tuple[Option, ...]:
    """Return what may be chosen; an Application is not offered to itself."""
    picker = field.picker
    if picker is None:
        return ()
    return tuple(
        Option(
            application=one.application,
            environment=one.environment,
            blueprint=one.desired.blueprint,
            version=one.desired.version,
        )
        for one in runs
        if picker.blueprint in {"", one.desired.blueprint}
        and not (picker.current_environment and environment not in {"", one.environment})
        and (one.environment, one.application) != (environment, application)
    )
