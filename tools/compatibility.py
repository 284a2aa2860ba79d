"""The rule of change for a released message: it only gains optional fields; nothing disappears.

Used by `tools/snapshots.py` and by `tests/contract/`. Works on JSON Schemas alone, so that it
judges what was published and not how the code is written.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

Json = dict[str, Any]

_WORDS = frozenset({"title", "description", "examples", "$schema", "$defs", "properties"})
"""Keys that are compared otherwise, or that are text for a person."""

_VALUES = frozenset({"default", "const", "enum"})
"""Keys that hold plain values, in which no key is a text for a person."""


def differences(released: Json, current: Json) -> tuple[str, ...]:
    """Return every way in which `current` breaks who reads or writes by `released`.

    Each is a sentence that begins with the JSON path of the place. Empty means compatible: equal,
    apart from texts and new optional fields.
    """
    return tuple(_compare(released, current, _Documents(released, current), "$"))


def missing(released: Iterable[str], current: Iterable[str]) -> tuple[str, ...]:
    """Return the names of released messages that no longer exist, sorted."""
    return tuple(sorted(set(released) - set(current)))


class _Documents:
    """Both documents, to look references up, and the pairs that are being compared already."""

    def __init__(self, released: Json, current: Json) -> None:
        self.released = released
        self.current = current
        self.open: set[tuple[str, str]] = set()


def _compare(old: Any, new: Any, documents: _Documents, path: str) -> Iterator[str]:
    if isinstance(old, dict) and isinstance(new, dict):
        if "$ref" in old and "$ref" in new:
            yield from _compare_references(old["$ref"], new["$ref"], documents, path)
        else:
            yield from _compare_objects(old, new, documents, path)
    elif isinstance(old, list) and isinstance(new, list):
        if len(old) != len(new):
            yield f"{path}: has {len(new)} entries, released are {len(old)}"
        for index, (one, other) in enumerate(zip(old, new, strict=False)):
            yield from _compare(one, other, documents, f"{path}[{index}]")
    elif old != new or type(old) is not type(new):
        yield f"{path}: is {new!r}, released is {old!r}"


def _compare_references(old: str, new: str, documents: _Documents, path: str) -> Iterator[str]:
    # The name of a definition is not on the wire; what it says is. A definition that refers to
    # itself is compared once.
    if (old, new) in documents.open:
        return
    documents.open.add((old, new))
    yield from _compare(
        _resolve(documents.released, old), _resolve(documents.current, new), documents, path
    )
    documents.open.discard((old, new))


def _compare_objects(old: Json, new: Json, documents: _Documents, path: str) -> Iterator[str]:
    for key in sorted((old.keys() | new.keys()) - _WORDS):
        if key == "required":
            yield from _compare_required(old.get(key, []), new.get(key, []), path)
        elif key == "discriminator":
            yield from _compare_discriminators(old.get(key), new.get(key), path)
        elif key not in new:
            yield f"{path}.{key}: is gone"
        elif key not in old:
            yield f"{path}.{key}: is new"
        elif key in _VALUES:
            if old[key] != new[key]:
                yield f"{path}.{key}: is {new[key]!r}, released is {old[key]!r}"
        else:
            yield from _compare(old[key], new[key], documents, f"{path}.{key}")
    fields: Mapping[str, Any] = new.get("properties", {})
    for name, field in old.get("properties", {}).items():
        place = f"{path}.properties.{name}"
        if name not in fields:
            yield f"{place}: the field is gone"
        else:
            yield from _compare(field, fields[name], documents, place)


def _compare_required(old: list[str], new: list[str], path: str) -> Iterator[str]:
    for name in sorted(set(new) - set(old)):
        yield f"{path}.required: {name!r} must be given now"
    for name in sorted(set(old) - set(new)):
        yield f"{path}.required: {name!r} may be left out now"


def _compare_discriminators(old: Json | None, new: Json | None, path: str) -> Iterator[str]:
    # The mapping names definitions; the constants in those definitions are compared themselves.
    before = (old or {}).get("propertyName"), sorted((old or {}).get("mapping", {}))
    after = (new or {}).get("propertyName"), sorted((new or {}).get("mapping", {}))
    if before != after:
        yield f"{path}.discriminator: is {after!r}, released is {before!r}"


def _resolve(document: Json, reference: str) -> Any:
    node: Any = document
    for step in reference.removeprefix("#/").split("/"):
        node = node[step]
    return node
