"""Which messages hold a secret: they have a field whose type is marked with `SECRET`.

What was sent is kept where a message is set aside, so its bytes are then shown to a sovereign-admin
alone, and a bug that it meets is told without words that may quote it.
"""

from __future__ import annotations

from functools import cache
from typing import Final

import msgspec
from msgspec import inspect

SECRET: Final = {"secret": True}
"""Marks a type: `msgspec.Meta(extra=SECRET)`. It is no part of a schema."""


@cache
def is_secret(shape: type[msgspec.Struct]) -> bool:
    """Return whether a message may hold a secret, however deep in it."""
    seen: set[type] = set()
    left: list[inspect.Type] = [inspect.type_info(shape)]
    while left:
        match left.pop():
            case inspect.Metadata(type=kind, extra=extra):
                if extra is not None and "secret" in extra:
                    return True
                left.append(kind)
            case inspect.UnionType(types=kinds) | inspect.TupleType(item_types=kinds):
                left += kinds
            case inspect.DictType(key_type=key, value_type=value):
                left += (key, value)
            case inspect.CollectionType(item_type=kind):
                left.append(kind)
            case inspect.StructType(cls=cls, fields=fields) if cls not in seen:
                seen.add(cls)
                left += (one.type for one in fields)
            case _:
                pass
    return False
