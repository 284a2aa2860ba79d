"""A package rendered once before anybody installs it, so that its author hears what fails."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import msgspec

from catalyst.blueprints import dependencies, rendering
from catalyst.blueprints.configschema import MAX_DEPTH, applying, effective, holds, validate
from catalyst.blueprints.dependencies import Undecided
from catalyst.blueprints.document import Blueprint
from catalyst.blueprints.findings import Finding, Severity
from catalyst.blueprints.manifests import Manifests
from catalyst.blueprints.merging import copied
from catalyst.blueprints.scope import ApplicationScope, Neighbour, Scope, environment
from catalyst.blueprints.source import Document

_TEXTS: Final = (
    "sample", "sample.example", "sample@sample.example", "https://sample.example", "sample-1", "1",
    "Sample1", "/", "1Gi", "1h", "12:00", "2026-01-01", "10.0.0.1", "10.0.0.0/8", "*",
)  # fmt: skip


def findings(made: Manifests | None, blueprint: Blueprint, source: Document) -> Iterator[Finding]:
    """Return what fails with the defaults, or with a guess for what a person has to give.

    A guess may be what the author did not think of, so what fails with it is a warning.
    """
    config = rendering.configuration(blueprint, {})
    guessed = bool(validate(blueprint.schema, config))
    if guessed:
        config = rendering.configuration(blueprint, sampled(blueprint.schema, config))
        if validate(blueprint.schema, config):
            return
    for one in _failing(made, blueprint, source, config):
        yield msgspec.structs.replace(one, severity=Severity.WARNING) if guessed else one


def _failing(
    made: Manifests | None, blueprint: Blueprint, source: Document, config: dict[str, Any]
) -> Iterator[Finding]:
    try:
        dependencies.wanted(blueprint, _scope(config, {}))
    except Undecided as error:
        index = [one.alias for one in blueprint.depends].index(error.alias)
        fix = "look at the types, and ask has(…) for what may be missing"
        yield source.finding(("spec", "depends", index), "render.depends", error.reason, fix)
    scope = _scope(
        config,
        {
            one.alias: Neighbour(name=one.alias, namespace=one.alias, host=one.alias)
            for one in blueprint.depends
        },
    )
    try:
        if made is not None:
            rendering.made_of(made, blueprint, scope)
    except rendering.RenderError as error:
        yield from error.findings
    try:
        rendering.outputs(blueprint, scope)
    except ValueError as error:
        yield source.finding(("spec", "outputs"), "render.outputs", str(error), "look at the types")


def _scope(config: dict[str, Any], found: dict[str, Neighbour]) -> Scope:
    return Scope(
        config=config,
        application=ApplicationScope(
            name="sample",
            namespace="sample",
            environment="sample-prod",
            organization="sample",
            dependencies=found,
        ),
        environment=environment("sample", "sample-prod", "prod", ("hz-fsn-rtz-prod",)),
    )


def sampled(schema: dict[str, Any], values: dict[str, Any]) -> dict[str, Any]:
    """Return the values with a guess for each field that is required and not there."""
    return _completed(schema, effective(schema, values), {}, 0)


def _completed(
    schema: dict[str, Any], value: dict[str, Any], outer: dict[str, Any], depth: int
) -> dict[str, Any]:
    if depth > MAX_DEPTH:
        return value
    made: set[str] = set()
    known = {**outer, **(schema.get("properties") or {})}
    for name in schema.get("required") or ():
        if name not in value:
            value[name] = _example(known.get(name, {}), depth + 1)
            made.add(name)
    for name, part in (schema.get("properties") or {}).items():
        if name not in made and isinstance(value.get(name), dict):
            _completed(part, value[name], {}, depth + 1)
    for further in applying(schema, value):
        _completed(further, value, known, depth + 1)
    for keyword in ("oneOf", "anyOf"):
        choices = schema.get(keyword) or ()
        if choices and not any(holds(one, value) for one in choices):
            _completed(choices[0], value, known, depth + 1)
    return value


def _example(part: dict[str, Any], depth: int) -> Any:
    for keyword in ("default", "const"):
        if keyword in part:
            return copied(part[keyword])
    kind = part.get("type", "string")
    kind = kind[0] if isinstance(kind, list) else kind
    if kind == "object":
        return _completed(part, {}, {}, depth)
    if kind == "array":
        one = _example(part.get("items") or {}, depth + 1) if depth < MAX_DEPTH else None
        return [one] * part.get("minItems", 0)
    guesses = [*(part.get("enum") or ()), *(part.get("examples") or ()), *_guesses(part, kind)]
    return copied(next((one for one in guesses if not validate(part, one)), None))


def _guesses(part: dict[str, Any], kind: str) -> list[Any]:
    match kind:
        case "string":
            padded = "a" * min(part.get("minLength", 0), 1000)
            return [*_TEXTS, "secret:sample/value", padded]
        case "integer" | "number":
            low = part.get("minimum", part.get("exclusiveMinimum", 0) + 1)
            step = part.get("multipleOf", 1)
            return [low, part.get("maximum", 0), -(-low // step) * step]
        case "boolean":
            return [False, True]
        case _:
            return []
