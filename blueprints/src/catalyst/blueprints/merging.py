"""Laying values over values: maps deeply, lists as a whole, and null removes."""

from __future__ import annotations

from typing import Any, Final

import msgspec

HOLDERS: Final = (dict, list)
"""What other values stand in."""


def merge(lower: dict[str, Any], upper: dict[str, Any]) -> dict[str, Any]:
    """Return `lower` with `upper` over it; neither is changed.

    Maps are merged by their keys at every depth, anything else is replaced, and a null in `upper`
    removes what stood there.
    """
    merged = {name: copied(value) for name, value in lower.items()}
    for name, value in upper.items():
        below = merged.get(name)
        if value is None:
            merged.pop(name, None)
        elif isinstance(value, dict):
            merged[name] = merge(below if isinstance(below, dict) else {}, value)
        else:
            merged[name] = copied(value)
    return merged


def merged(*layers: dict[str, Any]) -> dict[str, Any]:
    """Return all layers, later over earlier."""
    result: dict[str, Any] = {}
    for layer in layers:
        result = merge(result, layer)
    return result


def copied(value: Any) -> Any:
    """Return a value of JSON's kinds that shares nothing with this one."""
    return msgspec.to_builtins(value)


def counted(value: Any, sizes: dict[int, int]) -> int:
    """Return how many values a value is, with those in it; what is known already is not counted."""
    if not isinstance(value, HOLDERS):
        return 1
    size = sizes.get(id(value))
    if size is None:
        inner = value.values() if isinstance(value, dict) else value
        size = 1 + len(value)
        for one in inner:
            if one and isinstance(one, HOLDERS):
                size += counted(one, sizes) - 1
        sizes[id(value)] = size
    return size
