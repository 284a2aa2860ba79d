"""Values for what a person has to give, as a schema takes them: guesses, for a trial."""

from __future__ import annotations

from typing import Any, Final

from catalyst.blueprints import words
from catalyst.blueprints.configschema import MAX_DEPTH, effective, fits
from catalyst.blueprints.filling import applying, holds
from catalyst.blueprints.merging import copied
from catalyst.blueprints.source import walk

_TEXTS: Final = (
    "sample", "sample.example", "sample@sample.example", "https://sample.example", "sample-1", "1",
    "Sample1", "/", "1Gi", "1h", "12:00", "2026-01-01", "10.0.0.1", "10.0.0.0/8", "*",
)  # fmt: skip
MOST: Final = 1000
"""Values of a guess: a list of lists may ask for any number."""


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
        count = part.get("minItems", 0)
        return [one] * count if count * sum(1 for _ in walk(one)) <= MOST else []
    tried = [*(part.get("enum") or ()), *(part.get("examples") or ()), *guesses(part, kind)]
    compiled = words.validator(part)
    return copied(next((one for one in tried if fits(part, one, compiled)), None))


def guesses(part: dict[str, Any], kind: str) -> list[Any]:
    """Return values of a kind, of which a schema may take some."""
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
