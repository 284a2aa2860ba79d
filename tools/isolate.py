"""Proves that each member declares all it imports.

The workspace's one environment holds every package, so a member can import what it did not
declare and nobody notices until its image starts. Here each member alone is put into an empty
environment, and every module of it but `__main__` is imported there.

    uv run python -m tools.isolate [MEMBER ...]
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
import tomllib
from pathlib import Path
from typing import Final

from tools.constraints import distribution, members
from tools.files import ROOT

_IMPORT_ALL: Final = """
import importlib, pkgutil, sys
top = importlib.import_module(sys.argv[1])
names = [top.__name__]
names += [found.name for found in pkgutil.walk_packages(top.__path__, top.__name__ + ".")]
names = [name for name in names if not name.endswith(".__main__")]  # that one runs the member
for name in names:
    importlib.import_module(name)
print(len(names))
"""


def package(member: Path) -> str:
    """Return the dotted name of the package that a member's folder holds."""
    manifest = tomllib.loads((member / "pyproject.toml").read_text("utf-8"))
    name: str = manifest["tool"]["uv"]["build-backend"]["module-name"]
    return name


def isolate(member: Path, environment: Path) -> int:
    """Put one member into an empty environment, import all of it, and return how many modules.

    Raises:
        subprocess.CalledProcessError: If it cannot be installed or a module fails to import; what
            went wrong is on stderr.
    """
    variables = {
        name: value
        for name, value in os.environ.items()
        if name not in {"VIRTUAL_ENV", "PYTHONPATH"}
    }
    variables["UV_PROJECT_ENVIRONMENT"] = str(environment)
    only = ("--package", distribution(member), "--no-default-groups", "--frozen", "--quiet")
    subprocess.run(["uv", "sync", *only], cwd=ROOT, env=variables, check=True)
    done = subprocess.run(
        # -I leaves the current folder and the caller's variables out.
        [environment / "bin" / "python", "-I", "-W", "error", "-c", _IMPORT_ALL, package(member)],
        cwd=environment,
        env=variables,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return int(done.stdout)


def main(arguments: list[str] | None = None) -> int:
    """Isolate the named members, or all; returns the exit code."""
    parser = argparse.ArgumentParser(prog="tools.isolate", description=__doc__)
    parser.add_argument("member", nargs="*", help="folder of a member, as in `services/gateway`")
    named = {(ROOT / name).resolve() for name in parser.parse_args(arguments).member}

    failed = 0
    for member in members():
        if named and member not in named:
            continue
        name = str(member.relative_to(ROOT))
        started = time.monotonic()
        with tempfile.TemporaryDirectory() as folder:
            try:
                count = isolate(member, Path(folder) / "venv")
            except subprocess.CalledProcessError:
                print(f"{name}: failed", file=sys.stderr)
                failed += 1
            else:
                took = time.monotonic() - started
                print(f"{name}: {count} modules import alone ({took:.1f} s)", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
