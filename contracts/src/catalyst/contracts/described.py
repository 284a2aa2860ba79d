"""JSON Schemas in which every field says what it means.

The text stands where the field is declared: the string right below it. What its type takes follows
from the type itself, as in the sentences of `wording`. Pure, apart from reading the source.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from inspect import getsource
from itertools import pairwise
from typing import Any

import msgspec
from msgspec import inspect

from catalyst.contracts.wording import phrase

Json = dict[str, Any]


def components(shapes: Iterable[type], ref_template: str) -> tuple[tuple[Json, ...], Json]:
    """Return msgspec's schemas of `shapes` and their definitions, with a text at each field.

    Args:
        shapes: The types.
        ref_template: Where a definition stands, with its name as `{name}`.
    """
    wanted = tuple(shapes)
    structs = {kind.cls: kind for kind in _structs(inspect.multi_type_info(wanted))}
    # The structs are parts of what is wanted anyway; asked for, they say where they stand.
    tops, definitions = msgspec.json.schema_components(
        (*wanted, *structs), ref_template=ref_template
    )
    before, after = ref_template.split("{name}")
    for kind, top in zip(structs.values(), tops[len(wanted) :], strict=True):
        name = top["$ref"].removeprefix(before).removesuffix(after)
        _describe(kind, definitions[name]["properties"])
    return tops[: len(wanted)], definitions


@cache
def texts(shape: type) -> Mapping[str, str]:
    """Return the text below each field of a struct, by the field's name; those of bases included.

    Raises:
        OSError: If the source of its module is not there.
    """
    found: dict[str, str] = {}
    for base in reversed(shape.__mro__):
        if issubclass(base, msgspec.Struct) and base is not msgspec.Struct:
            found |= _declared(base.__module__).get(base.__name__, {})
    return found


@cache
def _declared(module: str) -> dict[str, dict[str, str]]:
    """Return the texts of every class at the top of a module, by the class's name."""
    tree = ast.parse(getsource(sys.modules[module]))
    return {
        node.name: dict(_texts_below(node.body))
        for node in tree.body
        if isinstance(node, ast.ClassDef)
    }


def _texts_below(body: list[ast.stmt]) -> Iterator[tuple[str, str]]:
    for field, below in pairwise(body):
        if (
            isinstance(field, ast.AnnAssign)
            and isinstance(field.target, ast.Name)
            and isinstance(below, ast.Expr)
            and isinstance(below.value, ast.Constant)
            and isinstance(below.value.value, str)
        ):
            yield field.target.id, " ".join(below.value.value.split())


def _describe(kind: inspect.StructType, properties: Json) -> None:
    if kind.tag_field is not None:
        properties[kind.tag_field]["description"] = "Which of the alternatives it is."
    known = texts(kind.cls)
    for field in kind.fields:
        said = known.get(field.name, "")
        rule = phrase(field.type)
        rule = f"{rule[:1].upper()}{rule[1:]}." if rule else ""
        if said or rule:
            properties[field.encode_name]["description"] = f"{said} {rule}".strip()


def _structs(shapes: Iterable[inspect.Type]) -> Iterator[inspect.StructType]:
    """Yield every struct that types hold, themselves included, each once."""
    seen: set[type] = set()
    left: list[Any] = list(shapes)
    while left:
        kind = left.pop()
        if isinstance(kind, inspect.Metadata):
            left.append(kind.type)
        elif isinstance(kind, inspect.UnionType):
            left += kind.types
        elif isinstance(kind, inspect.DictType):
            left += (kind.key_type, kind.value_type)
        elif isinstance(kind, inspect.VarTupleType | inspect.ListType):
            left.append(kind.item_type)
        elif isinstance(kind, inspect.StructType) and kind.cls not in seen:
            seen.add(kind.cls)
            left += (field.type for field in kind.fields)
            yield kind
