"""Which values of a field decide otherwise on a dependency, so that both ways can be tried."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, Final

import msgspec

from catalyst.blueprints import dependencies, templates
from catalyst.blueprints.dependencies import Undecided
from catalyst.blueprints.document import Dependency
from catalyst.blueprints.expressions import BadExpression
from catalyst.blueprints.fields import same_value
from catalyst.blueprints.guessing import guesses
from catalyst.blueprints.merging import merged
from catalyst.blueprints.scope import Scope

VALUES: Final = 50
"""Values of a field that are tried."""
TURNS: Final = 3
"""Values that would do, of which a schema may refuse the first ones."""

_PLAINEST: Final[Mapping[str, tuple[Any, ...]]] = {
    "string": ("",),
    "integer": (0, 1),
    "number": (0, 1),
}
"""What a condition often asks for, though a guess would be another."""


def decided(dependency: Dependency, variables: Mapping[str, Any]) -> bool | None:
    """Return whether a dependency is needed; None: that cannot be decided."""
    try:
        return dependencies.holds(dependency, variables)
    except Undecided:
        return None


def turns(
    dependency: Dependency, schema: dict[str, Any], scope: Scope
) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield a few fields, each with a value that decides otherwise on a dependency.

    Args:
        dependency: Of which a configuration may decide whether it is needed.
        schema: Of the configuration.
        scope: With the configuration that is to be turned.
    """
    try:
        reads = templates.condition(dependency.when).references if dependency.when else ()
    except BadExpression:
        return
    now = decided(dependency, scope.variables())
    if now is None:
        return
    yield from islice(_turning(dependency, schema, scope, [one.path for one in reads], now), TURNS)


def _turning(
    dependency: Dependency,
    schema: dict[str, Any],
    scope: Scope,
    reads: Sequence[tuple[str, ...]],
    now: bool,  # noqa: FBT001 - what is decided
) -> Iterator[tuple[tuple[str, ...], Any]]:
    for root, *steps in dict.fromkeys(reads):
        field = tuple(steps)
        for value in islice(_values(schema, field), VALUES) if root == "config" else ():
            config = merged(scope.config, nested(field, value))
            turned = msgspec.structs.replace(scope, config=config)
            if decided(dependency, turned.variables()) is (not now):
                yield field, value


def nested(field: Sequence[str], value: Any) -> dict[str, Any]:
    """Return a configuration that holds one field."""
    for name in reversed(field):
        value = {name: value}
    made: dict[str, Any] = value
    return made


def _values(schema: dict[str, Any], field: Sequence[str]) -> Iterator[Any]:
    """Yield what a field may hold, as far as its schema says it or it can be guessed."""
    if not field:
        return
    parts = list(same_value(schema))
    for name in field:
        held = [(part.get("properties") or {}).get(name) for part in parts]
        parts = [one for part in held if isinstance(part, dict) for one in same_value(part)]
    for part in parts:
        yield from part.get("enum") or ()
        yield from (part[keyword] for keyword in ("const", "default") if keyword in part)
        yield from part.get("examples") or ()
    for part in parts:
        kind = part.get("type", "")
        kind = kind[0] if isinstance(kind, list) else kind
        yield from _PLAINEST.get(kind, ())
        yield from guesses(part, kind)
