"""Defaults that are filled in: which hold, what they make, and how much of that is enough."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

import jsonschema_rs

from catalyst.blueprints import words
from catalyst.blueprints.findings import Path
from catalyst.blueprints.merging import copied, counted
from catalyst.blueprints.metaschema import LISTS, walk

MAX_FILLED: Final = 100_000
"""Steps of filling in: where more are needed, the schema or the values are refused.

A step is a value that is made, a value that a default, or the kind of a number, may stand in, and
a schema that is asked whether it holds for one. Of the values that are given there are fewer than
this, with each schema that speaks of one: `configschema.MAX_EFFORT` bounds them. So whoever lacks
nothing is not refused. To compile what is asked may take as many steps again.
"""
_PATTERN: Final = 100
"""What a pattern costs to compile, in schemas without one."""
_NOTHING: Final = object()
_DEPENDENT: Final = ("dependentSchemas", "dependencies")
_APPLYING: Final = frozenset({*LISTS, *_DEPENDENT, "if"})
"""What of a schema `applying` reads: most have nothing of it."""
_HOLDING: Final = frozenset({*_APPLYING, "properties", "additionalProperties", "items"})
"""Where schemas stand in a schema that may fill in or change something."""


def compiling(schema: dict[str, Any]) -> int:
    """Return what it takes to compile a schema: a pattern takes as much as many words."""
    return sum(_PATTERN if "pattern" in part else 1 for _, part in walk(schema))


class Filling:
    """Defaults that are filled in, until it is enough; as deep as the schema goes."""

    def __init__(self) -> None:
        self._left = MAX_FILLED
        self._asking = MAX_FILLED
        self._asked: set[int] = set()
        self._compiled: dict[int, jsonschema_rs.Draft202012Validator] = {}
        self._parts: dict[int, _Part] = {}
        self._kept: dict[int, tuple[Any, int]] = {}
        """What stands where nothing is given, by the schema: the same wherever it speaks. And the
        steps that it takes to put it there once more."""
        self._empty: dict[int, tuple[dict[str, Any], int] | None] = {}
        """What an empty map becomes, in the same way; None: known for one, not yet for the next."""
        self._sizes: dict[int, int] = {}
        self.stopped: tuple[Path, dict[str, Any]] | None = None
        """At which value it was enough, and which schema would have filled it in; None: never."""

    def map(self, schema: dict[str, Any], value: dict[str, Any], path: Path) -> dict[str, Any]:
        """Return a map with every default in it; it is changed for that."""
        part = self._part(schema)
        if not self._goes_on(part.further_count, schema, path):
            return value
        for name in part.names(value) if value else ():
            inner = part.changing.get(name, part.extra)
            if inner is not None:
                value[name] = self._value(inner, value[name], (*path, name))
        for name, inner in list(part.making.items()):
            if name in value:
                continue
            made = self._made(inner, path, name)
            if made is not _NOTHING:
                value[name] = made
            elif self.stopped is None:
                del part.making[name]  # It never does.
        if part.further:
            held = self._holding(path)
            for further in applying(part.further, value, held):
                value = self.map(further, value, path)
        return value

    def ask_all(self, schema: dict[str, Any]) -> None:
        """Count what it takes to compile whatever values of this schema may have to be held to."""
        for path, inner in walk(schema):
            for one in self._part(inner).asked():
                self._may_ask(one, path)

    def _part(self, schema: dict[str, Any]) -> _Part:
        if id(schema) not in self._parts:
            self._parts[id(schema)] = _Part(schema, self._part)
        return self._parts[id(schema)]

    def _goes_on(self, steps: int, schema: dict[str, Any], path: Path) -> bool:
        self._left -= steps
        if self._left < 0:
            self._stop(schema, path)
        return self.stopped is None

    def _may_ask(self, schema: dict[str, Any], path: Path) -> bool:
        if id(schema) not in self._asked:
            self._asked.add(id(schema))
            self._asking -= compiling(schema)
            if self._asking < 0:
                self._stop(schema, path)
        return self.stopped is None

    def _stop(self, schema: dict[str, Any], path: Path) -> None:
        if self.stopped is None:
            self.stopped = path, schema

    def _holding(self, path: Path) -> Callable[[dict[str, Any], Any], bool]:
        """Return what tells the same as `holds`; each schema is compiled once."""

        def held(schema: dict[str, Any], value: Any) -> bool:
            if not self._may_ask(schema, path):
                return False
            if id(schema) not in self._compiled:
                self._compiled[id(schema)] = words.validator(schema)
            return self._compiled[id(schema)].is_valid(value)

        return held

    def _value(self, schema: dict[str, Any], value: Any, path: Path) -> Any:
        part = self._part(schema)
        if not part.changes or not self._goes_on(1, schema, path):
            return value
        match value:
            case dict():
                return self.map(schema, value, path) if value else self._filled(schema, path)
            case list() if part.items is not None:
                return self._entries(part.items, value, path)
            case bool():
                return value
            case int() | float():
                return _number(schema, value)
            case _:
                return value

    def _entries(self, schema: dict[str, Any], entries: list[Any], path: Path) -> list[Any]:
        """Return a list with every entry filled in; it is changed for that."""
        for at, one in enumerate(entries):
            known = None if one or not isinstance(one, dict) else self._empty.get(id(schema))
            if known is not None and known[1] < self._left and self.stopped is None:
                self._left -= known[1] + 1  # As `_value` does, at once.
                entries[at] = copied(known[0])
            else:
                entries[at] = self._value(schema, one, (*path, at))
        return entries

    def _filled(self, schema: dict[str, Any], path: Path) -> dict[str, Any]:
        """Return what an empty map becomes.

        The first one finds out what stands in each field, what is asked and what comes to nothing.
        From the second on all of them take the same steps, and become the same.
        """
        known = self._empty.get(id(schema))
        if known is not None and known[1] <= self._left and self.stopped is None:
            self._left -= known[1]
            return dict(copied(known[0]))
        before = self._left
        made = self.map(schema, {}, path)
        if self.stopped is None:
            again = id(schema) in self._empty
            self._empty[id(schema)] = (copied(made), before - self._left) if again else None
        return made

    def _made(self, schema: dict[str, Any], path: Path, name: str) -> Any:
        """Return what stands where nothing is given; `_NOTHING` if nothing does."""
        kept = self._kept.get(id(schema))
        if kept is not None and kept[1] <= self._left and self.stopped is None:
            self._left -= kept[1]
            return _copied(kept[0])
        path = (*path, name)
        if kept is not None:
            self._goes_on(kept[1], schema, path)
            return _NOTHING
        if "default" in schema:
            if not self._goes_on(counted(schema["default"], self._sizes), schema, path):
                return _NOTHING
            made = self._value(schema, copied(schema["default"]), path)
        else:
            made = self._value(schema, {}, path) or _NOTHING
        if self.stopped is None:
            steps = 0 if made is _NOTHING else counted(made, {})
            self._kept[id(schema)] = _copied(made), steps
        return made


class _Part:
    """What a schema, or one in it, may fill in or change; all else of it is left out."""

    def __init__(self, schema: dict[str, Any], part: Callable[[dict[str, Any]], _Part]) -> None:
        self.changes: bool
        """Whether a value may not stay as it is given."""
        self.makes: bool
        """Whether something may come to stand in an empty map."""
        number = schema.get("type") in ("number", "integer")
        if _HOLDING.isdisjoint(schema):  # Most are of a single value.
            self.changing, self.making, self.further = {}, {}, {}
            self.extra = self.items = None
            self._fixed, self.further_count = set(), 0
            self.changes, self.makes = number, False
            return
        properties: dict[str, dict[str, Any]] = schema.get("properties") or {}
        self.changing = {name: one for name, one in properties.items() if part(one).changes}
        """The fields that may not stay as they are given."""
        self.making = {
            name: one
            for name, one in properties.items()
            if "default" in one or (one.get("type") == "object" and part(one).makes)
        }
        """The fields that may stand there though nothing is given."""
        self._fixed = properties.keys() - self.changing.keys()
        self.extra = _changing(schema.get("additionalProperties"), part)
        """Of any other field."""
        self.items = _changing(schema.get("items"), part)
        self.further = _further(schema, part)
        """What `applying` has to look at."""
        self.further_count = sum(
            len(inner) if keyword in LISTS or keyword in _DEPENDENT else keyword == "if"
            for keyword, inner in self.further.items()
        )
        """Schemas that hold for the same value, or are asked whether they do."""
        beside = [one for keyword in LISTS for one in self.further.get(keyword, ())]
        beside += [self.further[one] for one in ("then", "else") if one in self.further]
        self.makes = bool(self.making) or any(part(one).makes for one in beside)
        known = (self.changing, self.making, self.extra, self.items, self.further)
        self.changes = number or any(one for one in known)

    def names(self, value: dict[str, Any]) -> list[str]:
        """Return the fields of a map that may not stay as they are."""
        if self.extra is not None:
            return [name for name in value if name not in self._fixed]
        if len(value) < len(self.changing):
            return [name for name in value if name in self.changing]
        return [name for name in self.changing if name in value]

    def asked(self) -> Iterator[dict[str, Any]]:
        """Return the schemas that are asked whether they hold."""
        for keyword in ("oneOf", "anyOf"):
            yield from self.further.get(keyword, ())
        if "if" in self.further:
            yield self.further["if"]


def _copied(made: Any) -> Any:
    return made if made is _NOTHING else copied(made)


def _changing(inner: Any, part: Callable[[dict[str, Any]], _Part]) -> dict[str, Any] | None:
    return inner if isinstance(inner, dict) and part(inner).changes else None


def _further(schema: dict[str, Any], part: Callable[[dict[str, Any]], _Part]) -> dict[str, Any]:
    """Return the words that `applying` reads, where what they bring may change something."""
    found: dict[str, Any] = {}
    if _APPLYING.isdisjoint(schema):
        return found
    every = [one for one in schema.get("allOf") or () if part(one).changes]
    if every:
        found["allOf"] = every
    for keyword in ("oneOf", "anyOf"):
        choices = schema.get(keyword) or ()
        # Which is the first that fits, the others have a say in.
        if any(part(one).changes for one in choices):
            found[keyword] = choices
    chosen = {one: schema[one] for one in ("then", "else") if _changing(schema.get(one), part)}
    if "if" in schema and chosen:
        found |= {"if": schema["if"], **chosen}
    for keyword in _DEPENDENT:
        held = schema.get(keyword) or {}
        dependent = {name: one for name, one in held.items() if _changing(one, part)}
        if dependent:
            found[keyword] = dependent
    return found


def _number(schema: dict[str, Any], value: float) -> float:
    """Return a number in the kind that the schema names, so that expressions can rely on it."""
    match schema.get("type"):
        case "number":
            return float(value)
        case "integer" if int(value) == value:
            return int(value)
        case _:
            return value


def applying(
    schema: dict[str, Any],
    value: dict[str, Any],
    held: Callable[[dict[str, Any], Any], bool] | None = None,
) -> Iterator[dict[str, Any]]:
    """Return the further schemas that hold for this value; `held` says it instead of `holds`."""
    held = held or holds
    yield from schema.get("allOf") or ()
    for keyword in ("oneOf", "anyOf"):
        fitting = (one for one in schema.get(keyword) or () if held(one, value))
        first = next(fitting, None)
        if first is not None:
            yield first
    if "if" in schema:
        chosen = schema.get("then" if held(schema["if"], value) else "else")
        if isinstance(chosen, dict):
            yield chosen
    for keyword in _DEPENDENT:
        for name, part in (schema.get(keyword) or {}).items():
            if name in value and isinstance(part, dict):
                yield part


def holds(schema: dict[str, Any], value: Any) -> bool:
    """Return whether a schema that `check` found well, or one in it, refuses nothing of a value."""
    return words.validator(schema).is_valid(value)
