"""Exact versions without a lock file of addresses.

Writes two things from one resolution of the workspace:

- `[tool.uv] constraint-dependencies` in the root pyproject.toml: every direct and transitive
  package with its version, so that `uv run` resolves to the same set everywhere;
- deploy/requirements/<member>.lock: what one member needs, with hashes and without addresses, and
  build.lock with what builds the members; images install from these with hashes required.

The resolution happens in a copy of the manifests, so that a local `uv.lock` neither helps nor
changes. Without options, versions that are pinned stay; `--upgrade` takes the newest that fit.

    uv run python -m tools.constraints [--check | --upgrade]
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from tools.files import ROOT, settle

REMEDY: Final = "uv run python -m tools.constraints"
LOCKS: Final = ROOT / "deploy" / "requirements"
LIBRARIES: Final = frozenset({"contracts", "blueprints", "client", "chassis"})
"""Members that never run alone, so no image is built from them."""
BUILD: Final = "build"
"""The dependency group, and the lock, of what builds the members."""

_BLOCK: Final = re.compile(r"^constraint-dependencies = \[\n(?:.*\n)*?\]\n", re.MULTILINE)
_TABLE: Final = re.compile(r"^\[tool\.uv\]\n", re.MULTILINE)
_PIN: Final = re.compile(r"(?P<name>[A-Za-z0-9._-]+)==(?P<version>\S+?)(?:\s*;\s*(?P<marker>.+))?")
_HASH: Final = re.compile(r"--hash=(\S+)")
_LOCK_HEAD: Final = f"# Written by `{REMEDY}`; install with --require-hashes.\n"


def members(root: Path = ROOT) -> list[Path]:
    """Return the folders of the workspace's members, sorted by their path."""
    manifest = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))
    globs = manifest["tool"]["uv"]["workspace"]["members"]
    found = (folder for glob in globs for folder in root.glob(glob))
    return sorted(folder for folder in found if (folder / "pyproject.toml").is_file())


def distribution(folder: Path) -> str:
    """Return the distribution's name of the member in a folder."""
    manifest = tomllib.loads((folder / "pyproject.toml").read_text("utf-8"))
    name: str = manifest["project"]["name"]
    return name


def pins(export: str) -> list[str]:
    """Return the pins of an export, one requirement each, in its order.

    A marker is left out where a package has one version: a constraint adds nothing that is not
    asked for anyway.
    """
    lines = [match for line in export.splitlines() if (match := _PIN.fullmatch(line.strip()))]
    names = [match["name"] for match in lines]
    return [
        f"{match['name']}=={match['version']}"
        + (f" ; {match['marker']}" if names.count(match["name"]) > 1 else "")
        for match in lines
    ]


def with_constraints(manifest: str, wanted: Sequence[str]) -> str:
    """Return the text of the root manifest with these constraints in place of its own."""
    rows = "".join(f'    "{pin}",\n' for pin in wanted)
    block = f"constraint-dependencies = [\n{rows}]\n" if wanted else ""
    bare = _BLOCK.sub("", manifest)
    return _TABLE.sub(lambda match: match[0] + block, bare, count=1)


def entries(lock: str) -> dict[str, frozenset[str]]:
    """Return the hashes of each pin (with its marker) of a lock."""
    joined = lock.replace("\\\n", " ")
    return {
        line.split(" --hash", 1)[0].strip(): frozenset(_HASH.findall(line))
        for line in joined.splitlines()
        if line.strip() and not line.startswith("#")
    }


def same_lock(committed: str, current: str) -> bool:
    """Return whether a committed lock still installs exactly what a new one would.

    The index may offer more files of a pinned version than when the lock was written (a wheel for
    a new platform); that is no drift. A hash that the index no longer knows is.
    """
    ours, theirs = entries(committed), entries(current)
    return ours.keys() == theirs.keys() and all(
        hashes and hashes <= theirs[pin] for pin, hashes in ours.items()
    )


class Resolution:
    """One resolution of the whole workspace, in a folder of its own."""

    def __init__(self, folder: Path, manifest: str) -> None:
        """Copy the manifests to `folder`, with `manifest` as the root's, and resolve."""
        self._folder = folder
        (folder / "pyproject.toml").write_text(manifest, encoding="utf-8")
        for member in members():
            target = folder / member.relative_to(ROOT)
            target.mkdir(parents=True)
            shutil.copy(member / "pyproject.toml", target)
        self._uv("lock")

    def _uv(self, *arguments: str) -> str:
        done = subprocess.run(
            ["uv", *arguments, "--quiet", "--project", str(self._folder)],
            cwd=self._folder,
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
        return done.stdout

    def _export(self, *arguments: str) -> str:
        shape = ("--format=requirements.txt", "--no-header", "--no-annotate")
        return self._uv("export", "--frozen", "--no-emit-workspace", *shape, *arguments)

    def pins(self) -> list[str]:
        """Return the pin of every package of the workspace, all groups included."""
        return pins(self._export("--all-packages", "--all-groups", "--no-hashes"))

    def locks(self) -> Iterator[tuple[str, str]]:
        """Return the lock of each member that runs alone by the name of its folder."""
        for folder in members():
            if folder.name not in LIBRARIES:
                name = distribution(folder)
                yield folder.name, _LOCK_HEAD + self._export("--package", name, "--no-dev")
        yield BUILD, _LOCK_HEAD + self._export("--only-group", BUILD)


def main(arguments: list[str] | None = None) -> int:
    """Write or check; returns the exit code."""
    parser = argparse.ArgumentParser(prog="tools.constraints", description=__doc__)
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--check", action="store_true", help="write nothing, fail on drift")
    how.add_argument("--upgrade", action="store_true", help="forget the pins, take the newest")
    options = parser.parse_args(arguments)

    root = ROOT / "pyproject.toml"
    committed = root.read_text("utf-8")
    manifest = with_constraints(committed, ()) if options.upgrade else committed
    with tempfile.TemporaryDirectory() as folder:
        try:
            resolution = Resolution(Path(folder), manifest)
            wanted = {root: with_constraints(committed, resolution.pins())}
            for name, lock in resolution.locks():
                path = LOCKS / f"{name}.lock"
                kept = path.read_text("utf-8") if path.is_file() else ""
                wanted[path] = kept if same_lock(kept, lock) else lock
        except subprocess.CalledProcessError as error:
            print(f"`{' '.join(error.cmd[:2])}` failed", file=sys.stderr)
            return 1
    return settle(wanted, check=options.check, remedy=REMEDY)


if __name__ == "__main__":
    sys.exit(main())
