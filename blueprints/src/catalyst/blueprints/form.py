"""A `configSchema` as the fields of a form, for whatever shows forms."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

import msgspec

from catalyst.blueprints.document import canonical

Widget = Literal[
    "text", "textarea", "number", "switch", "select", "list", "group", "map", "password", "domain",
    "application",
]  # fmt: skip


class Picker(msgspec.Struct, frozen=True, kw_only=True):
    """Which Applications may be chosen."""

    blueprint: str = ""
    """With `bp-`; empty: of any Blueprint."""
    current_environment: bool = False


class Condition(msgspec.Struct, frozen=True, kw_only=True):
    """A field is shown only while another one has one of these values."""

    path: tuple[str, ...]
    values: tuple[Any, ...] = ()
    """Empty: while the other one is given at all."""


class Field(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One field; a group comes before what is in it."""

    path: tuple[str, ...]
    title: str
    type: str
    widget: Widget
    description: str = ""
    required: bool = False
    default: Any = None
    """None if there is none."""
    enum: tuple[Any, ...] = ()
    minimum: float | int | None = None
    maximum: float | int | None = None
    max_length: int | None = None
    pattern: str = ""
    format: str = ""
    items: str = ""
    """Of a list: the type of its entries."""
    immutable: bool = False
    """Cannot change after the install."""
    picker: Picker | None = None
    shown_when: tuple[Condition, ...] = ()
    """All of them."""


def fields(schema: dict[str, Any]) -> tuple[Field, ...]:
    """Return the fields in the order of the form: by `x-catalyst-ui-order`, then as written.

    Fields that stand in one alternative only (`oneOf`, `anyOf`, `if`, `dependencies`) come behind
    the others of their group, each with the condition under which it is shown.
    """
    found: dict[tuple[str, ...], Field] = {}
    for field in _fields(schema, (), (), immutable=False):
        known = found.get(field.path)
        if known is None or (known.shown_when and not field.shown_when):
            found[field.path] = field
    return tuple(found.values())


def _fields(
    schema: dict[str, Any],
    above: tuple[str, ...],
    shown: tuple[Condition, ...],
    *,
    immutable: bool,
) -> Iterator[Field]:
    properties = schema.get("properties") or {}
    required = set(schema.get("required") or ())
    order = {name: at for at, name in enumerate(properties)}
    last = 1 + max((_order(part, 0) for part in properties.values()), default=0)
    names = sorted(properties, key=lambda name: (_order(properties[name], last), order[name]))
    for name in names:
        part = properties[name]
        if _discriminates(part) and shown:
            continue  # it is why the others are shown
        path = (*above, name)
        fixed = immutable or bool(part.get("x-catalyst-immutable"))
        yield _field(part, path, shown, required=name in required, immutable=fixed)
        if _type(part) == "object":
            yield from _fields(part, path, shown, immutable=fixed)
    for inner in schema.get("allOf") or ():
        yield from _fields(inner, above, shown, immutable=immutable)
    for inner, conditions in _conditional(schema, above):
        yield from _fields(inner, above, (*shown, *conditions), immutable=immutable)


def _conditional(
    schema: dict[str, Any], above: tuple[str, ...]
) -> Iterator[tuple[dict[str, Any], tuple[Condition, ...]]]:
    for keyword in ("oneOf", "anyOf"):
        for inner in schema.get(keyword) or ():
            yield inner, _conditions(inner, above)
    if "if" in schema and isinstance(schema.get("then"), dict):
        yield schema["then"], _conditions(schema["if"], above)
    for keyword in ("dependentSchemas", "dependencies"):
        for name, inner in (schema.get(keyword) or {}).items():
            if isinstance(inner, dict):
                yield inner, (Condition(path=(*above, name)),)


def _conditions(schema: dict[str, Any], above: tuple[str, ...]) -> tuple[Condition, ...]:
    """Return what a schema asks of its fields by `const` or `enum`."""
    return tuple(
        Condition(path=(*above, name), values=_values(part))
        for name, part in (schema.get("properties") or {}).items()
        if _discriminates(part)
    )


def _discriminates(part: dict[str, Any]) -> bool:
    return "const" in part or ("enum" in part and "type" not in part)


def _values(part: dict[str, Any]) -> tuple[Any, ...]:
    return (part["const"],) if "const" in part else tuple(part["enum"])


def _order(part: dict[str, Any], without: int) -> int:
    found: int = part.get("x-catalyst-ui-order", without)
    return found


def _type(part: dict[str, Any]) -> str:
    kind = part.get("type")
    if isinstance(kind, list):
        kind = next((one for one in kind if one != "null"), "string")
    if kind is None:
        return "object" if "properties" in part else "string"
    return str(kind)


def _field(
    part: dict[str, Any],
    path: tuple[str, ...],
    shown: tuple[Condition, ...],
    *,
    required: bool,
    immutable: bool,
) -> Field:
    kind = _type(part)
    items = part.get("items")
    return Field(
        path=path,
        title=part.get("title") or path[-1],
        type=kind,
        widget=_widget(part, kind),
        description=part.get("description", ""),
        required=required,
        default=part.get("default"),
        enum=tuple(part.get("enum") or ()),
        minimum=part.get("minimum"),
        maximum=part.get("maximum"),
        max_length=part.get("maxLength"),
        pattern=part.get("pattern", ""),
        format=part.get("format", ""),
        items=_type(items) if isinstance(items, dict) else "",
        immutable=immutable,
        picker=_picker(part),
        shown_when=shown,
    )


def _widget(part: dict[str, Any], kind: str) -> Widget:
    hints: dict[str, Widget] = {
        "password": "password",
        "domain-picker": "domain",
        "application-ref": "application",
    }
    hint = part.get("x-catalyst-ui-hint")
    if hint in hints:
        return hints[hint]
    if "enum" in part:
        return "select"
    kinds: dict[str, Widget] = {
        "integer": "number",
        "number": "number",
        "boolean": "switch",
        "array": "list",
        "object": "group" if part.get("properties") else "map",
    }
    if kind == "string" and part.get("maxLength", 0) > 200:
        return "textarea"
    return kinds.get(kind, "text")


def _picker(part: dict[str, Any]) -> Picker | None:
    if part.get("x-catalyst-ui-hint") != "application-ref":
        return None
    given = part.get("x-catalyst-ui-filter") or {}
    name = given.get("blueprint", "")
    return Picker(
        blueprint=canonical(name) if name else "",
        current_environment=given.get("environment") == "current",
    )
