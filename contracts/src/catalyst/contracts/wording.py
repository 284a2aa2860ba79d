"""What is wrong with a value, said in words that name what is allowed; the same at every door.

A constrained type says once what it takes: the description of its `msgspec.Meta` is a phrase that
can follow "must be", and the first of its examples is shown behind it. JSON Schemas hold both, and
sentences are made from them, so a person never reads a pattern. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any, Final

from msgspec import inspect

_PLAIN: Final[Mapping[str, str]] = {
    "required": "is missing",
    "unknown-field": "is not a field that is known here",
}
_VAGUE: Final[Mapping[str, str]] = {
    "pattern": "is not written as it must be",
    "length": "is too short or too long",
    "range": "is too small or too large",
    "enum": "is none of the values that are allowed",
}
"""For a place whose type says nothing of itself."""
_NOUNS: Final[Mapping[type, str]] = {
    inspect.StrType: "text",
    inspect.IntType: "a whole number",
    inspect.FloatType: "a number",
    inspect.BoolType: "true or false",
    inspect.DateTimeType: "a time with its zone, such as 2026-01-31T12:00:00Z",
    inspect.VarTupleType: "a list",
    inspect.ListType: "a list",
    inspect.DictType: "an object",
    inspect.StructType: "an object",
    inspect.RawType: "an object",
    inspect.NoneType: "null",
}


def sentence(rule: str, shape: Any, pointer: str, tree: Any = None) -> str:
    """Return what is wrong at a place, such as `must be a port from 1 to 65535`.

    Args:
        rule: The broken rule, by the name that `codec` gives it.
        shape: The type of the whole; None if it is not known.
        pointer: JSON pointer of the place, from the whole.
        tree: The whole as plain JSON values; it tells which alternative of a union is meant.
    """
    if rule in _PLAIN:
        return _PLAIN[rule]
    steps = [step.replace("~1", "/").replace("~0", "~") for step in pointer.split("/")[1:]]
    kind = None if shape is None else _found(_looked_into(shape), steps, tree)
    core = _core(kind)
    if isinstance(core, inspect.LiteralType):
        return f"must be one of {', '.join(sorted(map(repr, core.values)))}"
    if rule not in _VAGUE:
        if isinstance(core, inspect.UnionType):
            return "must be an object"
        noun = _NOUNS.get(type(core))
        return f"must be {noun}" if noun else "is not of the right type"
    said = phrase(kind)
    return f"must be {said}" if said else _VAGUE[rule]


@cache
def _looked_into(shape: Any) -> Any:
    """Return what `msgspec` knows of a type; to look takes longer than everything else here."""
    return inspect.type_info(shape)


def phrase(kind: Any) -> str:
    """Return what a type, as `msgspec.inspect` gives it, says of itself; empty if it says nothing.

    Such as "3 to 32 lower-case letters; for example `acme`".
    """
    kind = _sole(kind)
    said = (kind.extra_json_schema or {}) if isinstance(kind, inspect.Metadata) else {}
    about = str(said.get("description", ""))
    examples = said.get("examples", ())
    return f"{about}; for example `{examples[0]}`" if about and examples else about


def _sole(kind: Any) -> Any:
    """Return the one type besides null of a union; everything else as it is."""
    if not isinstance(kind, inspect.UnionType):
        return kind
    others = _members(kind)
    return others[0] if len(others) == 1 else kind


def _core(kind: Any) -> Any:
    """Return a type without null beside it and without what it says of itself."""
    kind = _sole(kind)
    return kind.type if isinstance(kind, inspect.Metadata) else kind


def _members(kind: inspect.UnionType) -> list[Any]:
    return [item for item in kind.types if not isinstance(item, inspect.NoneType)]


def _found(kind: Any, steps: Iterable[str], tree: Any) -> Any:
    """Return the type at a place, None if there is none."""
    here = tree
    for step in steps:
        kind = _inner(_core(kind), step, here)
        here = _value(here, step)
    return kind


def _value(here: Any, step: str) -> Any:
    if isinstance(here, dict):
        return here.get(step)
    if isinstance(here, list) and step.isdecimal() and int(step) < len(here):
        return here[int(step)]
    return None


def _inner(kind: Any, step: str, here: Any) -> Any:
    if isinstance(kind, inspect.UnionType):
        return _of_union(kind, step, here)
    if isinstance(kind, inspect.StructType):
        if step == kind.tag_field:
            return inspect.LiteralType((kind.tag,))
        return next((field.type for field in kind.fields if field.encode_name == step), None)
    if isinstance(kind, inspect.DictType):
        return kind.value_type
    return kind.item_type if isinstance(kind, inspect.VarTupleType | inspect.ListType) else None


def _of_union(kind: inspect.UnionType, step: str, here: Any) -> Any:
    """Return the type of a field of the alternative that the value's tag names.

    A value that names none, or is not known, is taken for the first one that has the field.
    """
    members = [item for item in _members(kind) if isinstance(item, inspect.StructType)]
    if members and all(item.tag_field == step for item in members):
        return inspect.LiteralType(tuple(item.tag for item in members))
    if isinstance(here, dict):
        named = [item for item in members if here.get(item.tag_field) == item.tag]
        members = named or members
    inner = (_inner(item, step, here) for item in members)
    return next((item for item in inner if item is not None), None)
