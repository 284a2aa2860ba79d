"""What differs between two versions of a Blueprint."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

import msgspec

from catalyst.blueprints.document import Blueprint, Dependency
from catalyst.blueprints.findings import Path
from catalyst.blueprints.metaschema import ORDER, walk
from catalyst.blueprints.package import Package

What = Literal["added", "removed", "changed"]


class FieldChange(msgspec.Struct, frozen=True, kw_only=True):
    """A field of the configuration that is not what it was."""

    what: What
    path: str
    """As people write it: `postgres.mode`; of a list's entries: `hosts[]`."""
    keywords: tuple[str, ...] = ()
    """What changed about it, such as `default` or `maximum`."""
    before: dict[str, Any] = {}
    """Of these keywords, where there was one."""
    after: dict[str, Any] = {}


class DependencyChange(msgspec.Struct, frozen=True, kw_only=True):
    """A dependency that is not what it was."""

    what: What
    name: str
    """Its alias."""
    keywords: tuple[str, ...] = ()
    """What changed about it: `blueprint`, `version`, `when` or `values`."""
    before: dict[str, Any] = {}
    """Of these keywords, where there was one; `version` is a range."""
    after: dict[str, Any] = {}


class NameChange(msgspec.Struct, frozen=True, kw_only=True):
    """A file that is not what it was."""

    what: What
    name: str


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that differs."""

    fields: tuple[FieldChange, ...]
    dependencies: tuple[DependencyChange, ...]
    """By alias."""
    files: tuple[NameChange, ...]

    @property
    def defaults(self) -> tuple[FieldChange, ...]:
        """The fields whose default changed: what an upgrade changes although nobody asked."""
        return tuple(one for one in self.fields if "default" in one.keywords)


def compare(
    old: Blueprint,
    new: Blueprint,
    old_package: Package | None = None,
    new_package: Package | None = None,
) -> Comparison:
    """Return what differs; files only if both packages are given."""
    before = old_package.files if old_package and new_package else {}
    after = new_package.files if old_package and new_package else {}
    return Comparison(
        fields=_fields(_flat(old.schema), _flat(new.schema)),
        dependencies=_dependencies(_by_alias(old.depends), _by_alias(new.depends)),
        files=_names(before, after),
    )


Said = dict[str, dict[str, Any]]
"""What is said of each thing, by its name and by keyword."""


def _by_alias(depends: tuple[Dependency, ...]) -> Said:
    """Return what is said of each dependency; what is always so is not said."""
    return {
        one.alias: {
            "blueprint": one.blueprint,
            "version": one.version,
            **({"when": one.when} if one.when else {}),
            **({"values": one.values} if one.values else {}),
        }
        for one in depends
    }


def _dependencies(before: Said, after: Said) -> tuple[DependencyChange, ...]:
    return tuple(
        DependencyChange(what=what, name=name, keywords=keywords, before=was, after=now)
        for what, name, keywords, was, now in _changes(before, after)
    )


def _names(before: dict[str, Any], after: dict[str, Any]) -> tuple[NameChange, ...]:
    return tuple(
        NameChange(what=_what(name in before, name in after), name=name)
        for name in sorted(before.keys() | after.keys())
        if before.get(name) != after.get(name)
    )


def _what(was: bool, is_: bool) -> What:  # noqa: FBT001 - two facts, not settings
    if was and is_:
        return "changed"
    return "removed" if was else "added"


_HOLDERS = frozenset(
    {
        "properties", "items", "allOf", "anyOf", "oneOf", "additionalProperties", "if", "then",
        "else", "dependentSchemas", "propertyNames",
    }
)  # fmt: skip


def _flat(schema: dict[str, Any]) -> Said:
    """Return what is said of each field, by its name; alternatives are told apart by their number.

    `required` is said of the field, not of what holds it. The place of a field in a form is left
    out: one that comes between others moves all that follow.
    """
    flat: Said = {}
    for path, part in walk(schema):
        name = _named(path)
        said = flat.setdefault(name, {})
        for keyword, value in part.items():
            if keyword == "required":
                for inner in value:
                    flat.setdefault(f"{name}.{inner}".removeprefix("."), {})["required"] = True
            elif keyword == ORDER:
                continue
            elif keyword not in _HOLDERS or not isinstance(value, dict | list):
                said[keyword] = value
    flat.pop("", None)
    return flat


def _named(path: Path) -> str:
    text = ""
    steps = list(path)
    while steps:
        step = steps.pop(0)
        if step == "properties":
            text += f".{steps.pop(0)}"
        elif step == "items":
            text += "[]"
        elif step in {"additionalProperties", "propertyNames"}:
            text += ".*"
        elif step in {"dependentSchemas", "dependencies"}:
            text += f"(with {steps.pop(0)})"
        elif step in {"oneOf", "anyOf", "allOf"}:
            number = steps.pop(0)
            text += "" if step == "allOf" else f"({int(number) + 1})"
        else:
            text += f"({step})"
    return text.removeprefix(".")


def _fields(before: Said, after: Said) -> tuple[FieldChange, ...]:
    return tuple(
        FieldChange(what=what, path=path, keywords=keywords, before=was, after=now)
        for what, path, keywords, was, now in _changes(before, after)
    )


def _changes(
    before: Said, after: Said
) -> Iterator[tuple[What, str, tuple[str, ...], dict[str, Any], dict[str, Any]]]:
    """Yield what is not what it was, with the keywords that differ, and both values of these."""
    for name in sorted(before.keys() | after.keys()):
        was, now = before.get(name), after.get(name)
        if was == now:
            continue
        old, new = was or {}, now or {}
        changed = tuple(
            keyword
            for keyword in sorted(old.keys() | new.keys())
            if old.get(keyword) != new.get(keyword) or (keyword in old) != (keyword in new)
        )
        yield (
            _what(was is not None, now is not None),
            name,
            changed,
            {keyword: old[keyword] for keyword in changed if keyword in old},
            {keyword: new[keyword] for keyword in changed if keyword in new},
        )
