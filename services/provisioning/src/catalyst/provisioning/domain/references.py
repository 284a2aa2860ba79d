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
from catalyst.provisioning.domain.facts import Facts
from catalyst.provisioning.domain.place import aliases
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

    And whatever else makes an Application wait for itself: Flux would apply none of a circle.

    Args:
        request: What was asked for.
        facts: With the Applications of the lock, and all that these need.
        lock: With what the values name.
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
        raise Rejected("values-invalid", errors[0].message, errors)
    for item in lock:
        _require_no_circle(facts, lock, item)


def _require_no_circle(facts: Facts, lock: tuple[Locked, ...], item: Locked) -> None:
    """Refuse what an Application comes to need that needs it; a circle that stands may stay.

    Raises:
        Rejected: `dependency-cycle`.
    """
    old = facts.expected(item.application, item.environment)
    had = set(old.dependencies.values()) if old is not None else set()
    for alias, name in sorted(aliases(item.dependencies).items()) if item.written else ():
        way = () if name in had else _way(facts, lock, item, name)
        if way:
            message = (
                f"{item.application} would wait for itself: {' → '.join((item.application, *way))};"
                f" let it use another one as {alias}"
            )
            raise Rejected("dependency-cycle", message)


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
    if _way(facts, lock, item, name):
        return f"{name} needs {item.application} itself"
    return ""


def _way(facts: Facts, lock: tuple[Locked, ...], item: Locked, name: str) -> tuple[str, ...]:
    """Return the shortest way from an Application through what it needs to one; empty: none."""
    own = {one.application: one.dependencies for one in lock}
    ways: dict[str, tuple[str, ...]] = {name: (name,)}
    queue = [name]
    for one in queue:
        there = facts.expected(one, item.environment)
        near = own.get(one, there.dependencies if there is not None else {})
        for other in sorted(near.values()):
            if other == item.application:
                return (*ways[one], other)
            if other not in ways:
                ways[other] = (*ways[one], other)
                queue.append(other)
    return ()
