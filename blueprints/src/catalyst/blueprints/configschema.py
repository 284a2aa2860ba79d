"""What a Blueprint's `configSchema` may say, and what a configuration says under it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, Final

from catalyst.blueprints import words
from catalyst.blueprints.findings import Path, Violation, spelled
from catalyst.blueprints.merging import copied
from catalyst.blueprints.metaschema import LISTS, MAPS, walk

MAX_BYTES: Final = 64 * 1024
"""Of a schema, and of the values under one, as JSON."""
MAX_DEPTH: Final = 16
SECRET: Final = re.compile(
    r"secret:(?P<name>[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?)/(?P<key>[A-Za-z0-9._-]{1,253})"
)
"""How a value says where a secret stands."""


def beyond(value: Any, what: str) -> list[Violation]:
    """Return why a schema, or what is given under one, is too much to look at."""
    try:
        size = len(json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass"))
        depth = _depth(value)
    except (TypeError, ValueError, RecursionError):
        return [_violation((), "limit", f"{what} is no JSON", "use texts, numbers, lists, maps")]
    if size > MAX_BYTES:
        return [_violation((), "limit", f"{what} has more than {MAX_BYTES} bytes", "ask for less")]
    if depth > MAX_DEPTH * 2:
        return [_violation((), "limit", f"{what} is nested too deeply", "flatten it")]
    return []


def _depth(value: Any) -> int:
    if isinstance(value, dict | list):
        inner = value.values() if isinstance(value, dict) else value
        return 1 + max((_depth(one) for one in inner), default=0)
    return 0


def validate(schema: dict[str, Any], values: Any) -> list[Violation]:
    """Return everything that is wrong with values, defaults not filled in; empty if all is well."""
    return beyond(values, "the configuration") or refused(schema, values)


def refused(schema: dict[str, Any], values: Any) -> list[Violation]:
    """Return what is wrong with values of whatever size."""
    found = words.violations(words.validator(schema), schema, values)
    for path, part, value in _placed(schema, values):
        hint = part.get("x-catalyst-ui-hint")
        if hint == "password" and isinstance(value, str) and value and not SECRET.fullmatch(value):
            message = (
                f"{spelled(path) or 'the value'} must say where the secret stands, not what it is"
            )
            fix = "write secret:<name>/<key>"
            found.append(_violation(path, "secret-reference", message, fix))
    return list(dict.fromkeys(found))


def validate_update(
    schema: dict[str, Any],
    before: dict[str, Any],
    after: dict[str, Any],
    earlier: dict[str, Any] | None = None,
) -> list[Violation]:
    """Return what is wrong with new values of an Application that runs with others.

    Args:
        schema: Of the version that shall run.
        before: The values so far.
        after: The values that shall be.
        earlier: The schema of the version that runs, whose defaults hold until now; the same one,
            if it is not given. A field that it does not have may have any value.
    """
    found = validate(schema, after)
    earlier = schema if earlier is None else earlier
    old, new = effective(earlier, before), effective(schema, after)
    known = {field_path(path) for path, _ in walk(earlier)}
    for path in immutable(schema):
        was, wanted = _at(old, path), _at(new, path)
        if was != wanted and path in known:
            message = f"{spelled(path)} cannot change after the install"
            fix = "keep the value, or install a new Application"
            found.append(_violation(path, "immutable", message, fix))
    return found


def immutable(schema: dict[str, Any]) -> list[Path]:
    """Return the paths of the fields that cannot change after the install."""
    found = {field_path(path) for path, part in walk(schema) if part.get("x-catalyst-immutable")}
    return sorted(found)


def field_path(path: Path) -> Path:
    """Return the path of a field from the path of its schema."""
    return tuple(name for keyword, name in steps(path) if keyword == "properties" and name)


def steps(path: Path) -> Iterator[tuple[str, str]]:
    """Return the keywords on the way to a schema, each with the name behind it, if it has one.

    A field may be called like a keyword, so the steps are told apart by their place.
    """
    rest = iter(map(str, path))
    for keyword in rest:
        yield keyword, next(rest, "") if keyword in MAPS or keyword in LISTS else ""


def references(schema: dict[str, Any], values: dict[str, Any]) -> list[tuple[Path, str, str]]:
    """Return the Applications that values name: where, which, and of which Blueprint it has to be.

    The Blueprint is as the schema writes it, and empty where any will do. Defaults are filled in.
    """
    found = {
        (path, value, (part.get("x-catalyst-ui-filter") or {}).get("blueprint", ""))
        for path, part, value in _placed(schema, effective(schema, values))
        if part.get("x-catalyst-ui-hint") == "application-ref" and value and isinstance(value, str)
    }
    return sorted(found)


def _at(values: Any, path: Path) -> Any:
    for step in path:
        if not isinstance(values, dict) or step not in values:
            return None
        values = values[step]
    return values


def effective(schema: dict[str, Any], values: dict[str, Any]) -> dict[str, Any]:
    """Return the values with every default filled in, nested ones too.

    A map that is missing is made if something in it has a default. Of alternatives (`oneOf`,
    `anyOf`), the first that fits what is there gives its defaults.
    """
    return _filled_map(schema, copied(values), 0)


def _filled(schema: dict[str, Any], value: Any, depth: int) -> Any:
    if depth > MAX_DEPTH:
        return value
    match value:
        case dict():
            return _filled_map(schema, value, depth)
        case list():
            items = schema.get("items")
            if not isinstance(items, dict):
                return value
            return [_filled(items, one, depth + 1) for one in value]
        case bool():
            return value
        case int() | float():
            return _number(schema, value)
        case _:
            return value


def _filled_map(schema: dict[str, Any], value: dict[str, Any], depth: int) -> dict[str, Any]:
    properties = schema.get("properties") or {}
    for name, part in properties.items():
        if name in value:
            value[name] = _filled(part, value[name], depth + 1)
        elif (made := _made(part, depth + 1)) is not _NOTHING:
            value[name] = made
    extra = schema.get("additionalProperties")
    if isinstance(extra, dict):
        for name in value.keys() - properties.keys():
            value[name] = _filled(extra, value[name], depth + 1)
    for further in applying(schema, value):
        value = _filled_map(further, value, depth + 1) if depth < MAX_DEPTH else value
    return value


_NOTHING: Final = object()


def _made(part: dict[str, Any], depth: int) -> Any:
    """Return what stands where nothing is given; `_NOTHING` if nothing does."""
    if "default" in part:
        return _filled(part, copied(part["default"]), depth)
    if part.get("type") == "object":
        return _filled(part, {}, depth) or _NOTHING
    return _NOTHING


def _number(schema: dict[str, Any], value: float) -> float:
    """Return a number in the kind that the schema names, so that expressions can rely on it."""
    match schema.get("type"):
        case "number":
            return float(value)
        case "integer" if int(value) == value:
            return int(value)
        case _:
            return value


def applying(schema: dict[str, Any], value: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Return the further schemas that hold for this value."""
    yield from schema.get("allOf") or ()
    for keyword in ("oneOf", "anyOf"):
        fitting = (one for one in schema.get(keyword) or () if holds(one, value))
        first = next(fitting, None)
        if first is not None:
            yield first
    if "if" in schema:
        chosen = schema.get("then" if holds(schema["if"], value) else "else")
        if isinstance(chosen, dict):
            yield chosen
    for keyword in ("dependentSchemas", "dependencies"):
        for name, part in (schema.get(keyword) or {}).items():
            if name in value and isinstance(part, dict):
                yield part


def holds(schema: dict[str, Any], value: Any) -> bool:
    """Return whether a schema that `check` found well, or one in it, refuses nothing of a value."""
    return words.validator(schema).is_valid(value)


def _placed(
    schema: dict[str, Any], value: Any, path: Path = ()
) -> Iterator[tuple[Path, dict[str, Any], Any]]:
    """Return each value with a schema that speaks of it."""
    yield path, schema, value
    for inner in _aside(schema):
        yield from _placed(inner, value, path)
    if isinstance(value, dict):
        properties = schema.get("properties") or {}
        extra = schema.get("additionalProperties")
        for name, inner in value.items():
            part = properties.get(name, extra)
            if isinstance(part, dict):
                yield from _placed(part, inner, (*path, name))
    elif isinstance(value, list) and isinstance(schema.get("items"), dict):
        for index, inner in enumerate(value):
            yield from _placed(schema["items"], inner, (*path, index))


def _aside(schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Return the schemas in a schema that may speak of the same value."""
    for keyword in LISTS:
        yield from schema.get(keyword) or ()
    for keyword in ("then", "else"):
        if isinstance(schema.get(keyword), dict):
            yield schema[keyword]
    for keyword in ("dependentSchemas", "dependencies"):
        for inner in (schema.get(keyword) or {}).values():
            if isinstance(inner, dict):
                yield inner


def _violation(path: Path, rule: str, message: str, fix: str) -> Violation:
    return Violation(path=path, rule=rule, message=message, fix=fix)
