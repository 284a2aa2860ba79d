"""The `spec` of a document as it travels in an event: one spelling of its dependencies."""

from __future__ import annotations

from typing import Any

import msgspec

from catalyst.blueprints.circles import Need
from catalyst.blueprints.document import MAX_SPEC, Blueprint
from catalyst.contracts.rejection import Rejected


def needs(blueprint: Blueprint) -> tuple[Need, ...]:
    """Return what a Blueprint depends on, those with a condition too."""
    return tuple(one.need for one in blueprint.depends)


def travelling(blueprint: Blueprint) -> dict[str, Any]:
    """Return the document's `spec` with every dependency written out.

    Raises:
        Rejected: `spec-too-large`.
    """
    spec = dict(blueprint.spec)
    if "depends" in spec:
        spec["depends"] = [_written(one) for one in blueprint.depends]
    size = len(msgspec.json.encode(spec))
    if size > MAX_SPEC:
        message = f"the document of {blueprint.name} {blueprint.version} has {size} bytes, and at "
        raise Rejected("spec-too-large", f"{message}most {MAX_SPEC} are taken")
    return spec


def _written(one: Any) -> dict[str, Any]:
    found: dict[str, Any] = {
        "blueprint": one.blueprint,
        "version": one.version,
        "alias": one.alias,
    }
    if one.when:
        found["when"] = one.when
    if one.values:
        found["values"] = one.values
    return found
