"""Applications that a configuration names, in fields with the hint `application-ref`. Pure.

They are needed as dependencies are: what names one waits for it, and it does not go before. In a
lock each stands among the dependencies, under the pointer of its field, which no alias looks like.
"""

from __future__ import annotations

from typing import Any

import msgspec

from catalyst.blueprints import configschema
from catalyst.blueprints.document import canonical
from catalyst.blueprints.findings import pointer
from catalyst.blueprints.merging import merged
from catalyst.contracts.message import FieldError
from catalyst.contracts.provisioning_values_v1 import Desired, Locked, PlanRequest
from catalyst.contracts.rejection import Rejected
from catalyst.provisioning.domain import circles
from catalyst.provisioning.domain.facts import Facts
from catalyst.provisioning.domain.owning import aliases
from catalyst.provisioning.domain.place import check_values
from catalyst.provisioning.domain.writing_plan import kept_values, wanted_values

replace = msgspec.structs.replace


def named(
    request: PlanRequest, facts: Facts, lock: tuple[Locked, ...], base: Desired | None
) -> tuple[Locked, ...]:
    """Return the lock with what the values of each Application name.

    Args:
        request: What was asked for.
        facts: With the contents of the lock.
        lock: As the catalogue found it.
        base: What the target begins from.
    """
    found = []
    for item in lock:
        values = _values(request, facts, item, base)
        if values is None:
            found.append(item)
            continue
        names = {at: name for at, name, _ in _wanted(facts, item, values)}
        found.append(replace(item, dependencies={**aliases(item.dependencies), **names}))
    return tuple(found)


def check(
    request: PlanRequest, facts: Facts, lock: tuple[Locked, ...], base: Desired | None
) -> None:
    """Refuse values that name what is not there, is something else, or needs what names it.

    And whatever else makes an Application wait for itself.

    Args:
        request: What was asked for.
        facts: With the Applications of the lock, and all that these may need.
        lock: With what the values name, and whole.
        base: What the target begins from.

    Raises:
        Rejected: `values-invalid`, with an error at each field; `dependency-cycle`.
    """
    errors = [
        FieldError(pointer=f"{_top(item)}{at}", rule="values-invalid", message=reason)
        for item in lock
        if (values := _values(request, facts, item, base)) is not None
        for at, name, blueprint in _wanted(facts, item, values)
        if (reason := _refusal(facts, lock, item, name, blueprint))
    ]
    if errors:
        errors += _refused(request, facts, lock, base)
        raise Rejected("values-invalid", errors[0].message, errors)
    circles.require_none(facts, lock)


def _refused(
    request: PlanRequest, facts: Facts, lock: tuple[Locked, ...], base: Desired | None
) -> list[FieldError]:
    """Return what else is wrong with the values that were chosen, so that all is told at once."""
    found: list[FieldError] = []
    for item in lock:
        values = _values(request, facts, item, base)
        if values is None:
            continue
        try:
            check_values(facts.contents[item.digest], values, _top(item))
        except Rejected as rejected:
            found += rejected.errors
    return found


def _top(item: Locked) -> str:
    return "/request/values" if item.role == "target" else f"/lock/{item.application}"


def _values(
    request: PlanRequest, facts: Facts, item: Locked, base: Desired | None
) -> dict[str, Any] | None:
    """Return what a person chose for an Application that is written; None: nothing yet."""
    if item.role == "target":
        return wanted_values(request, base)
    old = facts.expected(item.application, item.environment)
    if item.role != "upgraded" or old is None:
        return None
    return kept_values(request, facts, item, old)


def _wanted(facts: Facts, item: Locked, values: dict[str, Any]) -> list[tuple[str, str, str]]:
    blueprint = facts.contents[item.digest].blueprint
    found = configschema.references(blueprint.schema, merged(blueprint.values, values))
    return [(pointer(path), name, canonical(kind) if kind else "") for path, name, kind in found]


def _refusal(
    facts: Facts, lock: tuple[Locked, ...], item: Locked, name: str, blueprint: str
) -> str:
    beside = {one.application: one for one in lock if one.written}
    there = beside.get(name) or facts.expected(name, item.environment)
    if name == item.application:
        return f"{name} cannot need itself"
    if there is None:
        return f"no Application {name!r} runs in {item.environment}"
    if blueprint and there.blueprint != blueprint:
        return f"{name} is a copy of {there.blueprint}, and one of {blueprint} is needed"
    if circles.way(facts, lock, item, name):
        return f"{name} needs {item.application} itself"
    return ""
