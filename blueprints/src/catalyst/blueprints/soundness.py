"""What is wrong with a `configSchema`: all of it at once, and what is left of it without that.

What has a wrong form is taken out, and the rest is looked at like any other schema. It refuses no
value that the whole one would take, so that nothing is told that only follows from something else.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from typing import Any, Final

import jsonschema_rs
import msgspec

from catalyst.blueprints import words
from catalyst.blueprints.configschema import (
    MAX_EFFORT,
    beyond,
    effort,
    field_path,
    fits,
    refused,
    steps,
    unfillable,
)
from catalyst.blueprints.filling import compiling
from catalyst.blueprints.findings import Path, Violation, found_at
from catalyst.blueprints.merging import copied
from catalyst.blueprints.metaschema import LISTS, MAPS, META, SINGLE, walk

MAX_SCHEMAS: Final = 500
MAX_TURNS: Final = 10
"""How often something may be left that has a wrong form: each time, a hundred are taken out."""

_COMPILED_META: Final = words.validator(META)
_KEYWORDS: Final = frozenset(META["$defs"]["schema"]["properties"])
_BOUNDS: Final = (
    ("minimum", "maximum"),
    ("exclusiveMinimum", "maximum"),
    ("minimum", "exclusiveMaximum"),
    ("exclusiveMinimum", "exclusiveMaximum"),
    ("minLength", "maxLength"),
    ("minItems", "maxItems"),
    ("minProperties", "maxProperties"),
)
_SHORTEST_SECRET: Final = len("secret:a/b")
_HOLDING: Final = frozenset({*MAPS, *LISTS, *SINGLE})
"""Where schemas stand in a schema."""
_CHOOSING: Final = frozenset({"not", "if", "oneOf"})
"""Of these, less in them can refuse more."""


class Looked(msgspec.Struct, frozen=True, kw_only=True):
    """A schema, looked at."""

    found: tuple[Violation, ...]
    """Everything that is wrong; paths lead into the schema."""
    rest: dict[str, Any]
    """The schema without that."""
    fields: frozenset[Path]
    """The fields that something is wrong with: with what has no path, something is at the top that
    any field may depend on."""
    open: frozenset[Path]
    """The fields of which nobody knows what is in them."""

    def doubts(self, path: Path) -> bool:
        """Return whether something is wrong with a field, with one in it, or around it."""
        return any(path[: len(one)] == one[: len(path)] for one in self.fields)

    def opens(self, path: Path) -> bool:
        """Return whether a field may be there that the schema without its faults does not know."""
        return any(path[: len(one)] == one for one in self.open)


class _Lost(msgspec.Struct, frozen=True):
    """What was taken out."""

    part: Path
    """The schema that it stood in."""
    keyword: str
    """Which it was; of a name that nobody knows, the one that is meant, or nothing."""
    held: bool
    """Whether fields may have stood in it."""


def check(schema: Any) -> list[Violation]:
    """Return everything that is wrong with a schema; paths lead into the schema."""
    return list(looked_at(schema).found)


def looked_at(schema: Any) -> Looked:
    """Return what is wrong with a schema, and what is left of it."""
    nothing: dict[str, Any] = {"type": "object"}
    too_much = beyond(schema, "the schema")
    found = too_much or words.violations(_COMPILED_META, META, schema)
    if too_much or not isinstance(schema, dict):
        return _looked(found, nothing, [_Lost((), "", held=True)])
    rest = copied(schema)
    lost: list[_Lost] = []
    wrongs = found
    for _ in range(MAX_TURNS):
        if not wrongs:
            break
        lost += [_taken_out(rest, one.path) for one in wrongs]
        wrongs = words.violations(_COMPILED_META, META, rest)
        more = [one for one in wrongs if one not in found]
        found = [*found, *more[: max(words.MAX_VIOLATIONS - len(found), 0)]]
    if wrongs:
        limit = _violation((), "limit", "too much has a wrong form", "correct what is told first")
        return _looked([*found, limit], nothing, [_Lost((), "", held=True)])
    parts = list(walk(rest))
    if len(parts) > MAX_SCHEMAS:
        limit = _violation((), "limit", f"more than {MAX_SCHEMAS} schemas", "ask for less")
        return _looked([*found, limit], nothing, [_Lost((), "", held=True)])
    found = [*found, *(further := list(_checked(rest, parts, lost)))]
    lost += [_taken_out(rest, path) for one in further for path in _blamed(one)]
    found = [*found, *(further := _check_defaults(rest))]
    lost += [_taken_out(rest, one.path) for one in further]
    found = [*found, *(further := unfillable(rest))]
    lost += [_Lost((), "", held=True) for _ in further]
    return _looked(found, rest, lost)


def _looked(found: list[Violation], rest: dict[str, Any], lost: list[_Lost]) -> Looked:
    open_ = frozenset(field_path(one.part) for one in lost if one.held)
    fields = {field_path(one.path) for one in found} - {()} | open_
    return Looked(found=tuple(found), rest=rest, fields=frozenset(fields), open=open_)


def _blamed(one: Violation) -> list[Path]:
    """Return what a value is not to be measured by: of two bounds, both."""
    *part, keyword = one.path
    if one.rule == "bounds":
        return [one.path, *((*part, high) for low, high in _BOUNDS if low == keyword)]
    return [one.path]


def _taken_out(schema: dict[str, Any], path: Path) -> _Lost:
    """Take out of a schema what stands at a path, so that it refuses less than before."""
    holder: Any = schema
    part: Path = ()
    rest = path
    while rest:
        keyword = str(rest[0])
        length = 2 if keyword in MAPS or keyword in LISTS else 1
        inner = found_at(holder, rest[:length], _NOTHING)
        if keyword in _CHOOSING or len(rest) < length or keyword not in _HOLDING:
            return _without(holder, part, keyword)
        if len(rest) == length or not isinstance(inner, dict):
            if length == 1:
                return _without(holder, part, keyword)
            if inner is not _NOTHING:
                holder[keyword][rest[1]] = {}
            return _Lost((*part, *rest[:length]), "", held=True)
        holder, part, rest = inner, (*part, *rest[:length]), rest[length:]
    return _Lost(part, "", held=True)


_NOTHING: Final = object()


def _without(holder: dict[str, Any], part: Path, keyword: str) -> _Lost:
    """Take a keyword out, and what would refuse more without it."""
    held = holder.pop(keyword, None)
    meant = keyword
    if keyword not in _KEYWORDS:
        meant = next(iter(difflib.get_close_matches(keyword, _KEYWORDS, n=1)), "")
    fields = isinstance(held, dict | list) and (meant == "" or meant in _HOLDING)
    if fields:
        holder.pop("additionalProperties", None)
    if keyword == "if":
        holder.pop("then", None)
        holder.pop("else", None)
    return _Lost(part, meant, held=fields or meant in _HOLDING)


# ---- rules


def _checked(
    rest: dict[str, Any], parts: list[tuple[Path, dict[str, Any]]], lost: list[_Lost]
) -> Iterator[Violation]:
    """Return what is wrong with a schema of the right form, but what follows from what it lost."""
    unsure = {(one.part, one.keyword) for one in lost}
    if rest.get("type") != "object" and ((), "type") not in unsure:
        yield _violation(("type",), "root", "the top must be of type object", "type: object")
    patterns = {part["pattern"] for _, part in parts if "pattern" in part}
    untaken = {one for one in patterns if not _is_taken(one)}
    for path, part in parts:
        if part.get("pattern") in untaken:
            message = f"the pattern {part['pattern']} is not taken"
            fix = "correct it; there is no look-around, no back-reference and no huge repetition"
            yield _violation((*path, "pattern"), "pattern", message, fix)
        yield from _check_bounds(path, part)
        yield from _check_required(path, part)
        yield from _check_hints(path, part, {word for at, word in unsure if at == path})


def _is_taken(pattern: str) -> bool:
    try:
        words.validator({"pattern": pattern})
    except (jsonschema_rs.ValidationError, ValueError):
        return False
    return True


def _check_bounds(path: Path, part: dict[str, Any]) -> Iterator[Violation]:
    for low, high in _BOUNDS:
        if low not in part or high not in part:
            continue
        if part[low] > part[high] or (part[low] == part[high] and "exclusive" in f"{low} {high}"):
            message = f"nothing fits between {low} {part[low]} and {high} {part[high]}"
            yield _violation((*path, low), "bounds", message, "swap them, or move one")


def _check_required(path: Path, part: dict[str, Any]) -> Iterator[Violation]:
    if part.get("additionalProperties") is not False:
        return
    for index, name in enumerate(part.get("required") or ()):
        if name not in (part.get("properties") or {}):
            message = f"{name} is required, and additionalProperties does not let it be there"
            fix = f"describe {name} under properties, or do not require it"
            yield _violation((*path, "required", index), "required", message, fix)


def _check_hints(path: Path, part: dict[str, Any], lost: set[str]) -> Iterator[Violation]:
    hint = part.get("x-catalyst-ui-hint")
    if hint is not None and part.get("type") != "string" and "type" not in lost:
        message = f"the hint {hint} belongs to a text"
        yield _violation((*path, "x-catalyst-ui-hint"), "hint", message, "type: string")
    if hint == "password" and part.get("maxLength", _SHORTEST_SECRET) < _SHORTEST_SECRET:
        message = "no place of a secret, such as secret:a/b, is so short"
        yield _violation((*path, "maxLength"), "hint", message, "leave maxLength out")
    unfiltered = hint != "application-ref" and "x-catalyst-ui-hint" not in lost
    if "x-catalyst-ui-filter" in part and unfiltered:
        message = "only an application-ref is filtered"
        fix = "add x-catalyst-ui-hint: application-ref, or leave the filter out"
        yield _violation((*path, "x-catalyst-ui-filter"), "hint", message, fix)
    inside_list = any(
        keyword in {"items", "oneOf", "anyOf", "not", "if"} for keyword, _ in steps(path)
    )
    if part.get("x-catalyst-immutable") and inside_list:
        message = "an entry of a list or an alternative cannot be immutable by itself"
        fix = "mark the field that holds it"
        yield _violation((*path, "x-catalyst-immutable"), "immutable", message, fix)


def _check_defaults(schema: dict[str, Any]) -> list[Violation]:
    try:
        words.validator(schema)
    except (jsonschema_rs.ValidationError, ValueError) as error:
        message = f"the schema cannot be used: {str(error).splitlines()[0]}"
        return [_violation((), "schema", message, "correct it")]
    found: list[Violation] = []
    spent = 0
    for path, part in walk(schema):
        if not {"enum", "const", "default"} & part.keys():
            continue
        spent += compiling(part) + (effort(part, part["default"]) if "default" in part else 0)
        if spent > MAX_EFFORT:
            message = (
                "there is too much to hold against itself: defaults, and what they are held to"
            )
            return [*found, _violation((), "limit", message, "ask for less")]
        compiled = words.validator(part)
        if part.get("enum") and not any(fits(part, one, compiled) for one in part["enum"]):
            message = "none of these values fits the rest of the schema"
            found.append(_violation((*path, "enum"), "enum", message, "look at type and bounds"))
        if "const" in part and not fits(part, part["const"], compiled):
            message = "the value does not fit the rest of the schema"
            found.append(_violation((*path, "const"), "const", message, "look at type and bounds"))
        if "default" not in part:
            continue
        for wrong in refused(part, part["default"], compiled):
            message = f"the default does not fit its own schema: {wrong.message}"
            at = (*path, "default", *wrong.path)
            found.append(_violation(at, "default", message, "change the default or the schema"))
    return found


def _violation(path: Path, rule: str, message: str, fix: str) -> Violation:
    return Violation(path=path, rule=rule, message=message, fix=fix)
