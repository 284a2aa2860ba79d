"""A `configSchema` as the fields of a form, for whatever shows forms."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

import msgspec

from catalyst.blueprints.document import canonical
from catalyst.blueprints.merging import copied
from catalyst.blueprints.metaschema import ORDER, walk

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
    inside: tuple[Field, ...] = ()
    """Of a list of maps: what is in each, by its path from there."""
    immutable: bool = False
    """Cannot change after the install."""
    picker: Picker | None = None
    shown_when: tuple[Condition, ...] = ()
    """All of them."""
    required_when: tuple[tuple[Condition, ...], ...] = ()
    """It has to be given while all conditions of one of these hold."""


Found = dict[tuple[str, ...], Field]
"""Fields by their path, in the order of the form."""


def fields(schema: dict[str, Any]) -> tuple[Field, ...]:
    """Return the fields in the order of the form: by `x-catalyst-ui-order`, then as written.

    Fields that stand in one alternative only (`oneOf`, `anyOf`, `if`, `dependencies`) come behind
    the others of their group, each with the condition under which it is shown. What has to be
    given and is described nowhere comes last.
    """
    found: Found = {}
    for field in _fields(schema, (), (), found, immutable=False):
        known = found.get(field.path)
        if known is None or (known.shown_when and not field.shown_when):
            found[field.path] = field
    deciding = set(_deciding(schema))
    for path, conditions, sure in _needs(schema, (), (), found, sure=True):
        if path in found or path not in deciding:
            found[path] = _needed(found.get(path), path, conditions, sure=sure)
    return tuple(found.values())


def in_written_order(schema: dict[str, Any]) -> dict[str, Any]:
    """Return the schema with the order of its fields said by `x-catalyst-ui-order`.

    For what keeps no order of a map, as an event does: the form comes out of it as it was written.
    """
    made: dict[str, Any] = copied(schema)
    for _, part in walk(made):
        held = part.get("properties")
        properties = held if isinstance(held, dict) else {}
        inside = {name: one for name, one in properties.items() if isinstance(one, dict)}
        behind = [name for name, one in inside.items() if ORDER not in one]
        if behind != sorted(behind):
            last = _last(inside)
            for at, name in enumerate(behind):
                inside[name][ORDER] = last + at
    return made


def _last(properties: dict[str, Any]) -> int:
    """Return the place of the fields that name none: behind those that do."""
    return 1 + max((_order(part, 0) for part in properties.values()), default=0)


def _fields(
    schema: dict[str, Any],
    above: tuple[str, ...],
    shown: tuple[Condition, ...],
    found: Found,
    *,
    immutable: bool,
) -> Iterator[Field]:
    properties = schema.get("properties") or {}
    required = set(schema.get("required") or ())
    order = {name: at for at, name in enumerate(properties)}
    last = _last(properties)
    names = sorted(properties, key=lambda name: (_order(properties[name], last), order[name]))
    for name in names:
        part = properties[name]
        if _discriminates(part) and shown:
            continue  # it is why the others are shown
        path = (*above, name)
        fixed = immutable or bool(part.get("x-catalyst-immutable"))
        yield _field(part, path, shown, required=name in required, immutable=fixed)
        if _type(part) == "object":
            yield from _fields(part, path, shown, found, immutable=fixed)
    for inner in schema.get("allOf") or ():
        yield from _fields(inner, above, shown, found, immutable=immutable)
    for inner, conditions, _ in _conditional(schema, above, found):
        yield from _fields(inner, above, (*shown, *conditions), found, immutable=immutable)


Branch = tuple[dict[str, Any], tuple[Condition, ...], bool]
"""A schema that holds under conditions, and whether it holds exactly under these."""


def _conditional(schema: dict[str, Any], above: tuple[str, ...], found: Found) -> Iterator[Branch]:
    for keyword in ("oneOf", "anyOf"):
        for inner in schema.get(keyword) or ():
            conditions = _conditions(inner, above)
            yield inner, conditions, bool(conditions)
    if isinstance(schema.get("if"), dict):
        conditions, whole = _asked(schema["if"], above)
        if isinstance(schema.get("then"), dict):
            yield schema["then"], conditions, whole
        if isinstance(schema.get("else"), dict):
            yield schema["else"], *_otherwise(conditions, found, whole=whole)
    for keyword in ("dependentSchemas", "dependencies"):
        for name, inner in (schema.get(keyword) or {}).items():
            if isinstance(inner, dict):
                yield inner, (Condition(path=(*above, name)),), True


def _asked(schema: dict[str, Any], above: tuple[str, ...]) -> tuple[tuple[Condition, ...], bool]:
    """Return what an `if` asks of fields, and whether it asks for nothing else."""
    conditions: list[Condition] = []
    whole = schema.keys() <= {"properties", "required", "type"}
    properties = schema.get("properties") or {}
    for name, part in properties.items():
        if _discriminates(part):
            conditions.append(Condition(path=(*above, name), values=_values(part)))
        else:
            inner, all_of_it = _asked(part, (*above, name))
            conditions += inner
            whole = whole and all_of_it and bool(inner)
    given = (name for name in schema.get("required") or () if name not in properties)
    conditions += [Condition(path=(*above, name)) for name in given]
    return tuple(conditions), whole


def _otherwise(
    conditions: tuple[Condition, ...], found: Found, *, whole: bool
) -> tuple[tuple[Condition, ...], bool]:
    """Return when an `if` does not hold: known of one field with few values alone."""
    if not whole or len(conditions) != 1 or not conditions[0].values:
        return (), False
    (one,) = conditions
    field = found.get(one.path)
    every = (True, False) if field and field.type == "boolean" else field.enum if field else ()
    rest = tuple(value for value in every if value not in one.values)
    return ((Condition(path=one.path, values=rest),), True) if rest else ((), False)


def _deciding(schema: dict[str, Any]) -> Iterator[tuple[str, ...]]:
    """Yield the fields that choose between alternatives: whoever shows a form asks for these."""
    for path, part in walk(schema):
        if path[-2:-1] == ("properties",) and _discriminates(part):
            steps = iter(path)
            yield tuple(str(next(steps)) for step in steps if step == "properties")


Need = tuple[tuple[str, ...], tuple[Condition, ...], bool]
"""A field that has to be given under conditions, and whether exactly under these."""


def _needs(
    schema: dict[str, Any],
    above: tuple[str, ...],
    shown: tuple[Condition, ...],
    found: Found,
    *,
    sure: bool,
) -> Iterator[Need]:
    for name in schema.get("required") or ():
        yield (*above, name), shown, sure
    for name, part in (schema.get("properties") or {}).items():
        if _type(part) == "object":
            yield from _needs(part, (*above, name), shown, found, sure=sure)
    for inner in schema.get("allOf") or ():
        yield from _needs(inner, above, shown, found, sure=sure)
    for inner, conditions, whole in _conditional(schema, above, found):
        yield from _needs(inner, above, (*shown, *conditions), found, sure=sure and whole)
    for keyword in ("dependentRequired", "dependencies"):
        for name, wanted in (schema.get(keyword) or {}).items():
            for other in wanted if isinstance(wanted, list) else ():
                yield (*above, other), (*shown, Condition(path=(*above, name))), sure


def _needed(
    field: Field | None,
    path: tuple[str, ...],
    conditions: tuple[Condition, ...],
    *,
    sure: bool,
) -> Field:
    """Return a field that has to be given under conditions; a text, where nothing is said of it."""
    if field is None:
        field = Field(path=path, title=path[-1], type="string", widget="text")
    if field.required or not sure:
        return field
    if set(conditions) <= set(field.shown_when):
        return msgspec.structs.replace(field, required=True, required_when=())
    return msgspec.structs.replace(field, required_when=(*field.required_when, conditions))


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
    found: int = part.get(ORDER, without)
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
        inside=fields(items) if isinstance(items, dict) and _type(items) == "object" else (),
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
