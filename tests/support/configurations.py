"""Configurations that a `configSchema` takes: odd ones at random, and one for each choice."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

from hypothesis import strategies as st

from catalyst.blueprints.merging import copied, merge

_SECRETS: Final = ["secret:keys/password", "secret:a/b", f"secret:{'n' * 253}/{'K' * 253}"]
_LABELS: Final = st.from_regex(
    r"[a-zA-Z0-9]([a-zA-Z0-9-]{0,30}[a-zA-Z0-9])?", fullmatch=True
).filter(lambda label: label[2:4] != "--")
"""Two hyphens in the third place say that it is written in another way, which few are."""
_HOSTS: Final = st.one_of(
    st.sampled_from(["a", "WWW.Example.COM", f"{'x' * 63}.example", "xn--bcher-kva.example"]),
    st.lists(_LABELS, min_size=1, max_size=4)
    .map(".".join)
    .filter(lambda host: not host.rpartition(".")[2].isdigit()),
)
_FORMATS: Final[dict[str, st.SearchStrategy[str]]] = {
    "hostname": _HOSTS,
    "ipv4": st.ip_addresses(v=4).map(str),
    "email": st.sampled_from(["a@b.example", "first.last+tag@mail.example.com"]),
    "uri": st.sampled_from(["https://example.com", "http://u:p@h.example:8080/a%20b?c=d&e='f'#g"]),
}
_ODD: Final = [
    "$(HOME)",
    "${HOME}",
    '"',
    "'",
    "\\",
    "${{ x }}",
    "{{ .x }}",
    "#",
    ": ",
    "مرحبا",
    "- ",
]
_TEXT: Final = st.one_of(
    st.sampled_from(_ODD), st.text(st.characters(exclude_categories=["Cs", "Cc"]))
)


def configurations(schema: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Return maps that fit the schema of an object, edges more often than the rest."""
    return _object(schema).map(lambda value: _completed(schema, value))


def _object(schema: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    branches: list[dict[str, Any]] = schema.get("oneOf") or [{}]
    found = [_properties(schema, branch) for branch in branches]
    if "then" in schema:
        found.append(_properties(schema, schema["if"], schema["then"]))
    return st.one_of(found)


def _properties(*schemas: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    parts: dict[str, Any] = {}
    for one in schemas:
        for name, part in (one.get("properties") or {}).items():
            parts[name] = {**parts.get(name, {}), **part}
    names = {name for one in schemas for name in one.get("required") or ()}
    # An alternative is chosen by its constant, so that it is there.
    names |= {name for name, part in parts.items() if "const" in part}
    return st.fixed_dictionaries(
        {name: _value(parts[name]) for name in parts if name in names},
        optional={name: _value(part) for name, part in parts.items() if name not in names},
    )


def _completed(schema: dict[str, Any], value: dict[str, Any]) -> dict[str, Any]:
    """Return the value without fields that ask for others which are missing."""
    for one in (schema, *(schema.get("oneOf") or ())):
        for name, wanted in (one.get("dependencies") or {}).items():
            if name in value and not value.keys() >= set(wanted):
                value = {key: inner for key, inner in value.items() if key != name}
    return value


def _value(schema: dict[str, Any]) -> st.SearchStrategy[Any]:
    if "const" in schema:
        return st.just(schema["const"])
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    if "anyOf" in schema:
        return st.one_of([_value({**schema, **one, "anyOf": []}) for one in schema["anyOf"]])
    match schema["type"]:
        case "object":
            return configurations(schema)
        case "array":
            return st.lists(
                _value(schema["items"]),
                max_size=min(schema.get("maxItems", 5), 5),
                unique=schema.get("uniqueItems", False),
            )
        case "boolean":
            return st.booleans()
        case "integer":
            low, high = schema["minimum"], schema["maximum"]
            return st.one_of(st.sampled_from([low, high]), st.integers(low, high))
        case "number":
            low, high = schema["minimum"], schema["maximum"]
            return st.one_of(st.sampled_from([low, high]), st.floats(low, high))
        case _:
            return _text(schema)


def _text(schema: dict[str, Any]) -> st.SearchStrategy[str]:
    if schema.get("x-catalyst-ui-hint") == "password":
        empty = [] if "pattern" in schema else [""]
        return st.sampled_from([*empty, *_SECRETS])
    low, high = schema.get("minLength", 0), schema.get("maxLength", 500)
    fits = lambda text: low <= len(text) <= high  # noqa: E731
    if "format" in schema:
        shaped = re.compile(schema.get("pattern", ""))
        return _FORMATS[schema["format"]].filter(fits).filter(shaped.search)
    if "pattern" in schema:
        found = st.from_regex(schema["pattern"].removesuffix("$") + r"\Z", fullmatch=True)
        return found.filter(fits)
    return st.one_of(_TEXT.filter(fits), st.just("é" * high))


def sample(schema: dict[str, Any]) -> dict[str, Any]:
    """Return what a person must give, after the examples."""
    return {name: _example(schema["properties"][name]) for name in schema.get("required") or ()}


def _example(schema: dict[str, Any]) -> Any:
    for keyword in ("const", "default"):
        if keyword in schema:
            return schema[keyword]
    if schema.get("examples"):
        return schema["examples"][0]
    if schema.get("x-catalyst-ui-hint") == "application-ref":
        return "other"
    raise AssertionError(schema)


def choices(schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Return a configuration for each choice that changes what is made.

    That is each value of each enum, both sides of each switch, each alternative, each field given.
    """
    given = sample(schema)
    yield given
    for choice in _choices(schema):
        yield merge(given, choice)


def _choices(schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for name, part in (schema.get("properties") or {}).items():
        for value in _options(part):
            yield {name: value}
    if "then" in schema:
        chosen = {name: part["const"] for name, part in schema["if"]["properties"].items()}
        yield chosen
        for inner in _choices(schema["then"]):
            yield {**chosen, **inner}


def _options(part: dict[str, Any]) -> Iterator[Any]:
    if "oneOf" in part:
        for branch in part["oneOf"]:
            yield from _alternative(branch)
    elif part.get("type") == "object":
        yield from _choices(part)
    else:
        yield from _simple(part)


def _simple(part: dict[str, Any]) -> list[Any]:
    if part.get("type") == "boolean":
        return [True, False]
    if part.get("type") == "array":
        return [[_filled(part["items"])]]
    if part.get("x-catalyst-ui-hint") == "password":
        return ["secret:keys/password"]
    edges = [part[edge] for edge in ("minimum", "maximum") if edge in part]
    found: list[Any] = part.get("enum") or edges or part.get("examples") or []
    return found


def _alternative(branch: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Return an alternative with what it needs, then with the fields that come in pairs too."""
    parts = branch["properties"]
    needed = {*(branch.get("required") or ()), *(name for name in parts if "const" in parts[name])}
    bare = {name: _example(parts[name]) for name in needed}
    yield bare
    paired = branch.get("dependencies") or ()
    if paired:
        texts = {name: (parts[name].get("examples") or ["somebody"])[0] for name in paired}
        yield {**bare, **texts}


def _filled(items: dict[str, Any]) -> Any:
    if items["type"] != "object":
        return items.get("examples", ["sample"])[0]
    return {
        name: part.get("examples", ["sample"])[0]
        for name, part in copied(items["properties"]).items()
        if name in items["required"]
    }
