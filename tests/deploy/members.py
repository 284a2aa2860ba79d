"""What the repository itself says about its members, for comparison with deploy/."""

import importlib
import json
import tomllib
from functools import cache
from pathlib import Path
from typing import Any, Final

import yaml

from catalyst.chassis.settings import BrokerSettings

ROOT: Final = Path(__file__).resolve().parents[2]
DEPLOY: Final = ROOT / "deploy"
CHARTS: Final = DEPLOY / "helm"
PROGRAMS: Final = frozenset({"cli"})
"""Members with a `__main__` that a person starts; they are no part of a deployment."""
ON_REQUEST: Final = frozenset({"simulator"})
"""Members that a deployment leaves out until somebody asks for them."""


@cache
def folders() -> tuple[Path, ...]:
    """The folders of all members of the uv workspace."""
    manifest = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    globs: list[str] = manifest["tool"]["uv"]["workspace"]["members"]
    found = (folder for glob in globs for folder in ROOT.glob(glob))
    return tuple(sorted(folder for folder in found if (folder / "pyproject.toml").is_file()))


def package(member: str) -> str:
    """The import name of a member."""
    return f"catalyst.{member.replace('-', '_')}"


@cache
def deployables() -> tuple[str, ...]:
    """Names of the members that run as a process of their own, sorted."""
    return tuple(
        sorted(
            folder.name
            for folder in folders()
            if folder.name not in PROGRAMS and list(folder.glob("src/catalyst/*/__main__.py"))
        )
    )


def manifest(member: str) -> dict[str, Any]:
    """What the member's pyproject.toml says."""
    (folder,) = (folder for folder in folders() if folder.name == member)
    return tomllib.loads((folder / "pyproject.toml").read_text("utf-8"))


def settings_of(member: str) -> type[BrokerSettings]:
    """The settings of a member."""
    kind: type[BrokerSettings] = importlib.import_module(f"{package(member)}.settings").Settings
    return kind


@cache
def variables(member: str) -> frozenset[str]:
    """The environment variables that are settings of a member."""
    kind = settings_of(member)
    own = member.upper().replace("-", "_")
    return frozenset(
        f"{prefix}_{field.upper()}"
        for prefix in ("CATALYST", own)
        for field in kind.__struct_fields__
    )


def values_of(chart: str) -> dict[str, Any]:
    """Return the values that a chart has by default."""
    loaded: dict[str, Any] = yaml.safe_load((CHARTS / chart / "values.yaml").read_text("utf-8"))
    return loaded


def schema_of(chart: str) -> dict[str, Any]:
    """Return what a chart says of its values."""
    path = CHARTS / chart / "values.schema.json"
    loaded: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return loaded
