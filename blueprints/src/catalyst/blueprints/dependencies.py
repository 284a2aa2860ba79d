"""Which other Blueprints a configuration needs, and with which configuration."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from catalyst.blueprints import templates
from catalyst.blueprints.document import Blueprint, Dependency
from catalyst.blueprints.expressions import BadExpression, EvaluationError
from catalyst.blueprints.scope import Scope


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """A Blueprint that is needed."""

    blueprint: str
    version: str
    """A range."""
    alias: str
    values: dict[str, Any]
    """Configuration for it, expressions evaluated."""


class Undecided(Exception):
    """A condition or a value has no result for this configuration."""

    def __init__(self, alias: str, reason: str) -> None:
        """Name the dependency and what went wrong."""
        super().__init__(f"{alias}: {reason}")
        self.alias = alias
        self.reason = reason


def wanted(blueprint: Blueprint, scope: Scope) -> tuple[Wanted, ...]:
    """Return what is needed, in the order of the document.

    Raises:
        Undecided: If a condition gives neither true nor false, or an expression has no result.
    """
    variables = scope.variables()
    return tuple(
        Wanted(
            blueprint=one.blueprint,
            version=one.version,
            alias=one.alias,
            values=_values(one, variables),
        )
        for one in blueprint.depends
        if holds(one, variables)
    )


def holds(dependency: Dependency, variables: Mapping[str, Any]) -> bool:
    """Return whether one is needed.

    Raises:
        Undecided: If its condition gives neither true nor false.
    """
    if not dependency.when:
        return True
    try:
        result = templates.condition(dependency.when).evaluate(variables)
    except (BadExpression, EvaluationError) as error:
        raise Undecided(dependency.alias, str(error)) from error
    if not isinstance(result, bool):
        raise Undecided(dependency.alias, "the condition gives neither true nor false")
    return result


def _values(dependency: Dependency, variables: Mapping[str, Any]) -> dict[str, Any]:
    try:
        found: dict[str, Any] = evaluated(dependency.values, variables)
    except (BadExpression, EvaluationError) as error:
        raise Undecided(dependency.alias, str(error)) from error
    return found


def evaluated(value: Any, variables: Mapping[str, Any]) -> Any:
    """Return a value with every expression in it evaluated; null leaves out.

    Raises:
        BadExpression: If an expression is not taken.
        EvaluationError: If one has no result.
    """
    if isinstance(value, str):
        return templates.parse(value, old=True).evaluate(variables)
    if isinstance(value, dict):
        made = {name: evaluated(inner, variables) for name, inner in value.items()}
        return {name: inner for name, inner in made.items() if inner is not None}
    if isinstance(value, list):
        return [one for inner in value if (one := evaluated(inner, variables)) is not None]
    return value
