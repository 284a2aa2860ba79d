"""The compose file as text, with its anchors resolved."""

from functools import cache
from pathlib import Path
from typing import Any, Final

import yaml
from tests.deploy.members import DEPLOY

FILE: Final = DEPLOY / "compose" / "compose.yaml"
HELPERS: Final = frozenset({"setup", "nats", "access"})
"""Services that are no members."""


@cache
def stack() -> dict[str, Any]:
    """The whole file; to be read only."""
    loaded: dict[str, Any] = yaml.safe_load(FILE.read_text("utf-8"))
    return loaded


def services() -> dict[str, dict[str, Any]]:
    """Each service by its name."""
    found: dict[str, dict[str, Any]] = stack()["services"]
    return found


def volumes(service: dict[str, Any]) -> dict[str, tuple[str, bool]]:
    """Source of each volume, with where it is mounted and whether for reading only."""
    parts = [text.split(":") for text in service.get("volumes", [])]
    return {source: (place, more == ["ro"]) for source, place, *more in parts}


def text(path: Path) -> str:
    """Content of a file below deploy/."""
    return (DEPLOY / path).read_text("utf-8")
