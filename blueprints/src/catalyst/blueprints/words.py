"""Refusals of a JSON Schema, in words for people."""

from __future__ import annotations

import difflib
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

import jsonschema_rs

from catalyst.blueprints.findings import Path, Violation, found_at, spelled

PATTERNS: Final = jsonschema_rs.RegexOptions(size_limit=256 * 1024, dfa_size_limit=1024 * 1024)
"""A linear engine without look-around and back-references; what a pattern becomes is limited."""
MAX_VIOLATIONS: Final = 100

_TYPES: Final = {
    "string": "a text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "object": "a map",
    "array": "a list",
}
_FORMATS: Final = {
    "hostname": "a host name, such as www.example.com",
    "email": "an e-mail address",
    "uri": "an address, such as https://example.com",
    "uuid": "a UUID",
    "date": "a date, such as 2026-01-31",
    "date-time": "a moment, such as 2026-01-31T12:00:00Z",
    "time": "a time of day, such as 12:00:00Z",
    "duration": "a length of time, such as PT5M",
    "ipv4": "an IPv4 address",
    "ipv6": "an IPv6 address",
    "json-pointer": "a JSON pointer",
}
FORMATS: Final = frozenset(_FORMATS)
"""The formats that are checked; no other is taken."""


def validator(schema: dict[str, Any]) -> jsonschema_rs.Draft202012Validator:
    """Return the compiled schema; it fetches nothing.

    Raises:
        jsonschema_rs.ValidationError: If it is no schema, or a pattern is beyond the limits.
        jsonschema_rs.ReferencingError: If a reference leads nowhere.
    """
    return jsonschema_rs.Draft202012Validator(
        schema, validate_formats=True, pattern_options=PATTERNS, offline=True
    )


def violations(
    compiled: jsonschema_rs.Draft202012Validator, schema: dict[str, Any], value: Any
) -> list[Violation]:
    """Return everything that the schema refuses about a value, at most 100 refusals."""
    found: list[Violation] = []
    alike: Counter[tuple[tuple[str | int, ...], str]] = Counter()
    for error in compiled.iter_errors(value):
        # Of names that the library spells alike, with the same in them, each is told of.
        spelled_alike = tuple(error.instance_path), error.message
        found.extend(_told(error, schema, value, alike[spelled_alike]))
        alike[spelled_alike] += 1
        if len(found) >= MAX_VIOLATIONS:
            break
    unique = {(one.path, one.rule, one.message): one for one in found}
    return sorted(unique.values(), key=_place)


def _place(one: Violation) -> tuple[list[str], bool, str]:
    """Return where a refusal stands: by field, and a wrong type before what follows from it."""
    return [str(step) for step in one.path], one.rule != "type", one.rule


def _told(
    error: jsonschema_rs.ValidationError, schema: dict[str, Any], value: Any, before: int = 0
) -> Iterator[Violation]:
    path = _where(error, value, before)
    kind = error.kind
    name = kind.name
    given = kind.as_dict()
    match name:
        case "required" if "property" in given:
            wanted = str(given["property"])
            message = f"{spelled((*path, wanted))} is missing"
            yield _violation((*path, wanted), name, message, f"add {wanted}")
        case "additionalProperties":
            known = _known(schema, error.schema_path)
            for unexpected in given["unexpected"]:
                yield unknown((*path, unexpected), name, known)
        case "falseSchema":
            # No field is described: the library names the first that is there by its value alone.
            for unexpected in found_at(value, path, ()):
                yield unknown((*path, unexpected), "additionalProperties", ())
        case "anyOf" | "oneOf":
            yield from _alternatives(error, schema, value)
        case _:
            yield _violation(path, name, f"{_subject(path)} {_said(name, given)}", "")


def unknown(path: Path, rule: str, known: Iterable[str]) -> Violation:
    """Return that nobody knows a field, with the nearest name that is known."""
    name = str(path[-1])
    near = difflib.get_close_matches(name, list(known), n=1)
    fix = f"do you mean {near[0]}?" if near else f"leave {name} out"
    return _violation(path, rule, f"there is no field {spelled(path)}", fix)


def _alternatives(
    error: jsonschema_rs.ValidationError, schema: dict[str, Any], value: Any
) -> Iterator[Violation]:
    """Return what the alternative that fits best lacks, if one is clearly meant."""
    path, given, name = _where(error, value), error.instance_path, error.kind.name
    branches = [list(branch) for branch in getattr(error.kind, "context", ())]
    if any(not branch for branch in branches):
        yield _violation(path, name, f"{_subject(path)} fits more than one alternative", "")
        return
    # An alternative that fails at its type, or at the field that names it, was not meant.
    meant = [
        branch
        for branch in branches
        if not any(
            (inner.kind.name == "type" and inner.instance_path == given)
            or (inner.kind.name in {"const", "enum"} and len(inner.instance_path) <= len(given) + 1)
            for inner in branch
        )
    ]
    if len(meant) == 1:
        for inner in meant[0]:
            yield from _told(inner, schema, value)
        return
    every = (one for branch in branches for inner in branch for one in _told(inner, schema, value))
    texts = list(dict.fromkeys(one.message for one in every))
    message = f"{_subject(path)} fits none of the alternatives: {'; or '.join(texts[:5])}"
    yield _violation(path, name, message, "")


def _said(name: str, given: dict[str, Any]) -> str:  # noqa: C901 - one line for each keyword
    limit = given.get("limit")
    match name:
        case "type":
            return f"must be {' or '.join(_TYPES.get(t, t) for t in given['types'])}"
        case "enum":
            return f"must be one of {', '.join(_short(option) for option in given['options'])}"
        case "const":
            return f"must be {_short(given['expected_value'])}"
        case "minimum":
            return f"must be at least {limit}"
        case "maximum":
            return f"must be at most {limit}"
        case "exclusiveMinimum":
            return f"must be more than {limit}"
        case "exclusiveMaximum":
            return f"must be less than {limit}"
        case "minLength":
            return "must not be empty" if limit == 1 else f"must have at least {limit} characters"
        case "maxLength":
            return f"must have at most {limit} character{'' if limit == 1 else 's'}"
        case "minItems" | "minProperties":
            return f"must have at least {limit} entries" if limit != 1 else "must have an entry"
        case "maxItems" | "maxProperties":
            return f"must have at most {limit} entr{'y' if limit == 1 else 'ies'}"
        case "uniqueItems":
            return "holds the same entry twice"
        case "pattern":
            return f"must match the pattern {given['pattern']}"
        case "format":
            return f"must be {_FORMATS.get(given['format'], given['format'])}"
        case "multipleOf":
            return f"must be a multiple of {given['multiple_of']}"
        case "propertyNames":
            return f"holds a name that is not taken: {_short(str(given['error']).splitlines()[0])}"
        case "not":
            return "is what the schema rules out"
        case _:
            return f"is refused by {name}"


def _violation(path: Path, rule: str, message: str, fix: str) -> Violation:
    return Violation(path=path, rule=rule, message=message, fix=fix)


def _subject(path: Path) -> str:
    return spelled(path) or "the value"


def _short(value: Any) -> str:
    text = value if isinstance(value, str) and value else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else f"{text[:57]}…"


def _known(schema: dict[str, Any], at: list[str | int]) -> list[str]:
    """Return the names of the properties beside the keyword that refused."""
    held = [one for _, one in _meant(schema, at[:-1]) if isinstance(one, dict) and at[-1] in one]
    return list(held[0].get("properties", ())) if held else []


def _where(error: jsonschema_rs.ValidationError, value: Any, before: int = 0) -> Path:
    """Return the path to what is refused; if the library's may lead to several, to one of them.

    `before` so many of the same have led to others.
    """
    found = list(_meant(value, error.instance_path))
    if len(found) > 1:
        given = error.instance
        # Of a map of which no field is described, it gives what stands in it.
        inside = error.kind.name == "falseSchema"
        fitting = [
            (at, held)
            for at, held in found
            if (isinstance(held, dict) and given in held.values() if inside else held == given)
        ]
        found = fitting or found
    return found[before % len(found)][0]


def _meant(value: Any, steps: Sequence[str | int], at: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Yield all that a path of the library may lead to, and where it is.

    It leaves out a name that is empty, and makes a number of a name that reads as one.
    """
    if not steps:
        yield at, value
    if isinstance(value, dict):
        for name in _named(value, steps[0]) if steps else ():
            yield from _meant(value[name], steps[1:], (*at, name))
        if "" in value:
            yield from _meant(value[""], steps, (*at, ""))
    elif steps and isinstance(value, list) and isinstance(steps[0], int) and steps[0] < len(value):
        yield from _meant(value[steps[0]], steps[1:], (*at, steps[0]))


def _named(value: dict[str, Any], step: str | int) -> list[str]:
    """Return the names that the library spells so."""
    if isinstance(step, str):
        return [step] if step in value else []
    bare = str(step).lstrip("0")
    digits = ((name, name.removeprefix("+")) for name in value)
    return [
        name for name, one in digits if one.isascii() and one.isdigit() and one.lstrip("0") == bare
    ]
