"""Which fields a schema knows, for whatever reads them by their path."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from catalyst.blueprints.metaschema import LISTS


class _Place(msgspec.Struct, frozen=True):
    """A value, by what is said of it."""

    inner: dict[str, list[dict[str, Any]]]
    """By its name, every schema of a field in it."""
    described: bool
    """Whether anything names its fields."""
    open: bool
    """Whether it may have fields of any name, with a schema for them or expressly."""


class Fields:
    """The fields of a schema of the right form; each schema in it is looked at once."""

    def __init__(self, schema: dict[str, Any]) -> None:
        """Nothing is looked at yet."""
        self._schema = schema
        self._places: dict[tuple[str, ...], _Place] = {}

    def missing(self, steps: Sequence[str]) -> str:
        """Return the first field on the way that the schema does not know; empty: all are known."""
        parts = [self._schema]
        for index, step in enumerate(steps):
            place = self._place(tuple(steps[:index]), parts)
            if place.open:
                return ""
            if step not in place.inner:
                unknown = place.described or not index
                return "config." + ".".join(steps[: index + 1]) if unknown else ""
            parts = place.inner[step]
        return ""

    def _place(self, path: tuple[str, ...], parts: list[dict[str, Any]]) -> _Place:
        if path not in self._places:
            self._places[path] = _place(parts)
        return self._places[path]


def _place(parts: list[dict[str, Any]]) -> _Place:
    inner: dict[str, list[dict[str, Any]]] = {}
    described = open_ = False
    for part in (one for outer in parts for one in same_value(outer)):
        named = part.get("properties")
        described = described or named is not None
        open_ = open_ or part.get("additionalProperties") not in (None, False)
        for name, one in (named or {}).items():
            inner.setdefault(name, []).append(one)
    return _Place(inner, described, open_)


def same_value(schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield a schema and every schema in it that speaks of the same value."""
    yield schema
    for keyword in LISTS:
        for one in schema.get(keyword) or ():
            yield from same_value(one)
    for keyword in ("if", "then", "else"):
        if isinstance(schema.get(keyword), dict):
            yield from same_value(schema[keyword])
    for keyword in ("dependentSchemas", "dependencies"):
        for one in (schema.get(keyword) or {}).values():
            if isinstance(one, dict):
                yield from same_value(one)
