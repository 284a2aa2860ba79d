"""Writes the generated pages: docs/flows.md, settings.md, blueprint-fields.md and asyncapi.json.

uv run python -m tools.pages [--check]
"""

from __future__ import annotations

import argparse
import sys
import tomllib
from pathlib import Path
from typing import Final

from tools import blueprint_page, flows, settings_page
from tools.files import ROOT, pretty, settle

from catalyst.contracts import schema

REMEDY: Final = "uv run python -m tools.pages"
DOCS: Final = ROOT / "docs"


def wanted() -> dict[Path, str]:
    """Return what each page should hold."""
    manifest = tomllib.loads((ROOT / "contracts" / "pyproject.toml").read_text("utf-8"))
    return {
        DOCS / "flows.md": flows.page(),
        DOCS / "settings.md": settings_page.page(),
        DOCS / "blueprint-fields.md": blueprint_page.page(),
        DOCS / "asyncapi.json": pretty(schema.asyncapi(manifest["project"]["version"])),
    }


def main(arguments: list[str] | None = None) -> int:
    """Write or check; returns the exit code."""
    parser = argparse.ArgumentParser(prog="tools.pages", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing, fail on drift")
    options = parser.parse_args(arguments)
    return settle(wanted(), check=options.check, remedy=REMEDY)


if __name__ == "__main__":
    sys.exit(main())
