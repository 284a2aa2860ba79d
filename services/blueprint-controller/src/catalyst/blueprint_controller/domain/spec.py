"""The `spec` of a document as it travels in an event.

Its dependencies have one spelling, and its fields their order: an event sorts its maps.
"""

from __future__ import annotations

from typing import Any

import msgspec

from catalyst.blueprints.circles import Need
from catalyst.blueprints.document import MAX_SPEC, Blueprint
from catalyst.blueprints.form import in_written_order
from catalyst.contracts.rejection import Rejected


def needs(blueprint: Blueprint) -> tuple[Need, ...]:
    """Return what a Blueprint depends on, those with a condition too."""
    return tuple(one.need for one in blueprint.depends)


def travelling(blueprint: Blueprint) -> dict[str, Any]:
    """Return the document's `spec` with every dependency, and the order of its fields, written out.

    An order that would be too much for an event is left out: the fields are sorted by name then.

    Raises:
        Rejected: `spec-too-large`.
    """
    spec = dict(blueprint.spec)
    if "depends" in spec:
        spec["depends"] = [_written(one) for one in blueprint.depends]
    size = len(msgspec.json.encode(spec))
    if isinstance(schema := spec.get("configSchema"), dict):
        ordered = {**spec, "configSchema": in_written_order(schema)}
        if len(msgspec.json.encode(ordered)) <= MAX_SPEC:
            return ordered
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
