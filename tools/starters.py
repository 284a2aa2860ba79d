"""Writes blueprints/released.json: the fingerprint of each version of a starter Blueprint.

What stands there for a version stays for ever, so that no data directory knows another content
under it. New versions are written; a version whose content changed is refused. `--check` writes
nothing and fails if one is missing or would be refused. `--replace NAME@VERSION` is for a version
that no release holds yet: it is written as new.

    uv run python -m tools.starters [--check] [--replace NAME@VERSION ...]
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Mapping
from typing import Final

from tools.files import ROOT, pretty, settle

from catalyst.blueprints import document, package, versions
from catalyst.blueprints.starter import loading

RELEASED: Final = ROOT / "blueprints" / "released.json"
REMEDY: Final = "uv run python -m tools.starters"

Versions = Mapping[str, str]
"""Fingerprint by `name@version`."""


def released() -> dict[str, str]:
    """Return what is recorded."""
    found: dict[str, str] = json.loads(RELEASED.read_text("utf-8"))
    return found


def current() -> dict[str, str]:
    """Return what the folders hold.

    Raises:
        ValueError: If one cannot be read, or two are the same version.
    """
    found: dict[str, str] = {}
    for name in loading.names():
        content = loading.load(name)
        blueprint = document.read(content).blueprint
        if blueprint is None:
            raise ValueError(f"{name}: its document cannot be read")
        key = f"{blueprint.name}@{blueprint.version}"
        if key in found:
            raise ValueError(f"{name}: another folder holds {key} as well")
        found[key] = package.digest(content)
    return found


def refusals(recorded: Versions, now: Versions, replaced: Iterable[str] = ()) -> list[str]:
    """Return which versions hold something else than what is recorded; empty if none does."""
    return [
        f"{key}: its content changed; raise spec.version"
        for key in sorted((recorded.keys() & now.keys()) - set(replaced))
        if recorded[key] != now[key]
    ]


def _order(key: str) -> tuple[str, versions.Version]:
    name, _, version = key.partition("@")
    return name, versions.parse(version)


def main(arguments: list[str] | None = None) -> int:
    """Write or check; returns the exit code."""
    parser = argparse.ArgumentParser(prog="tools.starters", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing, fail on drift")
    parser.add_argument("--replace", nargs="+", default=[], metavar="NAME@VERSION")
    options = parser.parse_args(arguments)

    recorded, now = released(), current()
    refused = refusals(recorded, now, options.replace)
    for reason in refused:
        print(reason, file=sys.stderr)
    if refused:
        return 1
    every = {**recorded, **now}
    text = pretty({key: every[key] for key in sorted(every, key=_order)})
    return settle({RELEASED: text}, check=options.check, remedy=REMEDY)


if __name__ == "__main__":
    sys.exit(main())
