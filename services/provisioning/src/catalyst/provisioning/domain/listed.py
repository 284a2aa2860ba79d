"""What the environment-controller's plan of a deletion lists, by name.

A change keeps the names among its inputs, so they are in its hash, and whatever is listed later and
is not among them was never planned. What has gone since stands in nobody's way.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from catalyst.contracts.provisioning_values_v1 import Deletion

GOES: Final = "goes:"
"""Begins an input that names what goes."""
LISTED: Final = "listed"
"""The version of such an input: it is there, or it is not."""


def names(answer: Mapping[str, Any]) -> tuple[str, ...]:
    """Return what such a plan lists, each as `<kind>:<name>`."""
    return tuple(f"{item['kind']}:{item['name']}" for item in answer["goes"])


def inputs(listed: Iterable[str]) -> dict[str, str]:
    """Return the inputs of a plan that let these go."""
    return dict.fromkeys((f"{GOES}{name}" for name in listed), LISTED)


def unplanned(kept: Mapping[str, str], listed: Iterable[str]) -> tuple[str, ...]:
    """Return what the inputs of a change do not let go, in words."""
    return tuple(_words(name) for name in listed if f"{GOES}{name}" not in kept)


def standing(planned: Deletion) -> tuple[str, ...]:
    """Return what would have gone by a deletion that is not carried out, in words."""
    return tuple(_words(name) for name in planned.goes if name in planned.inputs)


def _words(name: str) -> str:
    return name.replace(":", " ", 1)
