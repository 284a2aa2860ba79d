"""What a Blueprint's `configSchema` may say, and what a configuration says under it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from itertools import chain
from typing import Any, Final

import jsonschema_rs

from catalyst.blueprints import words
from catalyst.blueprints.filling import MAX_FILLED, Filling
from catalyst.blueprints.findings import Path, Violation, found_at, spelled
from catalyst.blueprints.merging import HOLDERS, copied, counted
from catalyst.blueprints.metaschema import LISTS, MAPS, walk

MAX_BYTES: Final = 64 * 1024
"""Of a schema, and of the values under one, as JSON."""
MAX_DEPTH: Final = 16
MAX_EFFORT: Final = 1_000_000
"""Of holding values against a schema: what a library may have to say of them, and how much of them
it shows with that. A default in each entry of a list in another stands for billions."""
_SAID: Final = 16
"""What saying something costs besides what is shown with it, in values."""
_NAMING: Final = frozenset({"required", "dependentRequired", "dependencies"})
"""Words of a schema that refuse something for each name that they give."""
_ASIDE: Final = frozenset({*LISTS, "then", "else", "dependentSchemas", "dependencies"})
"""Words of a schema with schemas that may speak of the same value: most have none of them."""
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
    """Return how many holders stand in each other."""
    depth, level = 0, [value]
    while holders := [one for one in level if isinstance(one, HOLDERS)]:
        inner = (one.values() if isinstance(one, dict) else one for one in holders)
        depth, level = depth + 1, [*chain.from_iterable(inner)]
    return depth


def validate(
    schema: dict[str, Any], values: Any, own: dict[str, Any] | None = None
) -> list[Violation]:
    """Return everything that is wrong with values, defaults not filled in; empty if all is well.

    Args:
        schema: Of a version.
        values: Everything that stands over its defaults.
        own: What of them the version gives itself.
    """
    too_much = beyond(values, "the configuration")
    return too_much or [*refused(schema, values), *unfilled(schema, values, own)]


def refused(
    schema: dict[str, Any],
    values: Any,
    compiled: jsonschema_rs.Draft202012Validator | None = None,
) -> list[Violation]:
    """Return what is wrong with values of whatever size; `compiled` is the same schema."""
    if effort(schema, values) > MAX_EFFORT:
        message = "these values are too many for such a schema"
        return [_violation((), "limit", message, "give fewer, or ask for less")]
    found = words.violations(compiled or words.validator(schema), schema, values)
    return list(dict.fromkeys([*found, *_open_secrets(schema, values)]))


def fits(schema: dict[str, Any], value: Any, compiled: jsonschema_rs.Draft202012Validator) -> bool:
    """Return whether nothing is refused of a value, without telling why."""
    return compiled.is_valid(value) and not any(_open_secrets(schema, value))


def _open_secrets(schema: dict[str, Any], values: Any) -> Iterator[Violation]:
    if not any(_is_secret(part) for _, part in walk(schema)):
        return
    for path, part, value in _placed(schema, values):
        if _is_secret(part) and isinstance(value, str) and value and not SECRET.fullmatch(value):
            message = (
                f"{spelled(path) or 'the value'} must say where the secret stands, not what it is"
            )
            fix = "write secret:<name>/<key>"
            yield _violation(path, "secret-reference", message, fix)


def _is_secret(part: dict[str, Any]) -> bool:
    return bool(part.get("x-catalyst-ui-hint") == "password")


def effort(schema: dict[str, Any], values: Any) -> int:
    """Return what it takes to tell what is wrong with values; counted until it is too much."""
    total = 0
    for steps_ in _weighed(schema, values):
        total += steps_
        if total > MAX_EFFORT:
            break
    return total


def _weighed(schema: dict[str, Any], value: Any) -> Iterator[int]:
    """Return what each value takes with a schema that speaks of it.

    Entries of a list that hold no others are weighed together: they all take the same.
    """
    sizes: dict[int, int] = {}
    weights = _Weights()
    left = [(schema, value)]
    while left:
        part, value = left.pop()
        if not value or not isinstance(value, HOLDERS):
            yield weights.alone(part)
            continue
        rules, (fields, others, items, aside) = weights.of(part)
        yield (_SAID + counted(value, sizes)) * rules
        if isinstance(value, dict):
            for name in value if fields or others is not None else ():
                inner = fields.get(name, others)
                if isinstance(inner, dict):
                    left.append((inner, value[name]))
        elif items is not None:
            full = [one for one in value if one and isinstance(one, HOLDERS)]
            if len(full) < len(value):
                yield weights.alone(items) * (len(value) - len(full))
            left += [(items, one) for one in full]
        left += [(inner, value) for inner in aside]


class _Weights:
    """What schemas take of a value; each is looked at once."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[int, _Inside]] = {}
        self._alone: dict[int, int] = {}

    def of(self, part: dict[str, Any]) -> tuple[int, _Inside]:
        """Return how much a schema can refuse, and the schemas in it."""
        found = self._known.get(id(part))
        if found is None:
            found = self._known[id(part)] = _rules(part), _inside(part)
        return found

    def alone(self, part: dict[str, Any]) -> int:
        """Return what it takes with all in it that speak of the same, if nothing stands in that."""
        found = self._alone.get(id(part))
        if found is None:
            rules, (_, _, _, aside) = self.of(part)
            found = self._alone[id(part)] = (_SAID + 1) * rules + sum(map(self.alone, aside))
        return found


def _rules(part: dict[str, Any]) -> int:
    """Return how much a schema can refuse of one value, but for the schemas in it."""
    if _NAMING.isdisjoint(part):
        return 1
    named = [part.get("required"), *(part.get("dependentRequired") or {}).values()]
    named += (part.get("dependencies") or {}).values()
    return 1 + sum(len(one) for one in named if isinstance(one, list))


def validate_update(
    schema: dict[str, Any],
    before: dict[str, Any],
    after: dict[str, Any],
    earlier: dict[str, Any] | None = None,
    own: dict[str, Any] | None = None,
) -> list[Violation]:
    """Return what is wrong with new values of an Application that runs with others.

    Args:
        schema: Of the version that shall run.
        before: The values so far.
        after: The values that shall be.
        earlier: The schema of the version that runs, whose defaults hold until now; the same one,
            if it is not given. A field that it does not have may have any value.
        own: What of the new values the version that shall run gives itself.
    """
    found = validate(schema, after, own)
    kept = immutable(schema)
    if not kept:
        return found
    earlier = schema if earlier is None else earlier
    old, new = effective(earlier, before), effective(schema, after)
    known = {field_path(path) for path, _ in walk(earlier)}
    for path in kept:
        was, wanted = found_at(old, path), found_at(new, path)
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


def effective(schema: dict[str, Any], values: dict[str, Any]) -> dict[str, Any]:
    """Return the values with every default filled in, nested ones too.

    A map that is missing is made if something in it has a default. Of alternatives (`oneOf`,
    `anyOf`), the first that fits what is there gives its defaults. After `MAX_FILLED` steps nothing
    more is filled in: `unfilled` tells of it.
    """
    return filled(schema, values)[0]


def unfilled(
    schema: dict[str, Any], values: Any, own: dict[str, Any] | None = None
) -> list[Violation]:
    """Return that not every default can be filled in, and at which value; empty if all are.

    Where it is too much with the version's `own` values alone, no value that is given is blamed.
    """
    found = filled(schema, values)[1] if isinstance(values, dict) else []
    if found and filled(schema, own or {})[1]:
        message = f"the defaults of this version take more than {MAX_FILLED} steps to fill in"
        fix = "choose another version: no values are of help"
        return [_violation((), "limit", message, fix)]
    return found


def filled(
    schema: dict[str, Any], values: dict[str, Any]
) -> tuple[dict[str, Any], list[Violation]]:
    """Return what `effective` does, and why that is not all, at the value where it ends."""
    filling = Filling()
    made = filling.map(schema, copied(values), ())
    if filling.stopped is None:
        return made, []
    message = f"the defaults for the values up to here take more than {MAX_FILLED} steps to fill in"
    return made, [_violation(filling.stopped[0], "limit", message, "give fewer values")]


def unfillable(schema: dict[str, Any]) -> list[Violation]:
    """Return that the defaults of a schema are too many though nothing is given.

    So if it takes too much to choose among them, whatever is. The path leads into the schema.
    """
    filling = Filling()
    filling.map(schema, {}, ())
    filling.ask_all(schema)
    if filling.stopped is None:
        return []
    part = filling.stopped[1]
    at = next((path for path, one in walk(schema) if one is part), ())
    message = f"the defaults up to here take more than {MAX_FILLED} steps to fill in"
    return [_violation(at, "limit", message, "let fewer be there by default")]


def _placed(
    schema: dict[str, Any], value: Any, path: Path = ()
) -> Iterator[tuple[Path, dict[str, Any], Any]]:
    """Return each value with a schema that speaks of it; what stands in one is looked up once."""
    known: dict[int, _Inside] = {}
    left = [(path, schema, value)]
    while left:
        placed = left.pop()
        yield placed
        path, schema, value = placed
        inside = known.get(id(schema))
        if inside is None:
            inside = known[id(schema)] = _inside(schema)
        fields, others, items, aside = inside
        if isinstance(value, dict):
            for name in reversed(value) if fields or others is not None else ():
                part = fields.get(name, others)
                if isinstance(part, dict):
                    left.append(((*path, name), part, value[name]))
        elif items is not None and isinstance(value, list):
            left += [((*path, at), items, value[at]) for at in range(len(value) - 1, -1, -1)]
        if aside:
            left += [(path, inner, value) for inner in aside]


_Inside = tuple[dict[str, Any], Any, Any, list[dict[str, Any]]]
"""The schemas in a schema: of fields by name, of other fields, of entries, of the same value."""


def _inside(schema: dict[str, Any]) -> _Inside:
    others, items = (
        one if isinstance(one, dict) else None
        for one in (schema.get("additionalProperties"), schema.get("items"))
    )
    aside = [] if _ASIDE.isdisjoint(schema) else list(_aside(schema))[::-1]
    return schema.get("properties") or {}, others, items, aside


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
