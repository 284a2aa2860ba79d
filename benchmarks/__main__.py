"""`uv run python -m benchmarks [--quick]`: every figure, once, with what it was measured on.

Absolute figures mean something on an idle machine only; ratios are of runs that were taken in turn.
Without `--quick` the table is also written to `benchmarks/results.md`.
"""

from __future__ import annotations

import argparse
import multiprocessing
import sys
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from benchmarks import machine
from benchmarks.figure import Figure, table
from benchmarks.parts import PARTS, measured

RESULTS: Final = Path(__file__).with_name("results.md")


def main() -> int:
    """Measure what was asked for; 1 if a figure is not where it should be."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="short runs; writes no file")
    parser.add_argument("--only", choices=PARTS, action="append", help="one part; may be repeated")
    asked = parser.parse_args()
    where = machine.described()
    print("\n".join(where), flush=True)
    figures = _measured(asked.only or list(PARTS), quick=asked.quick)
    found = table(figures)
    print(f"\n{found}")
    if not asked.quick and not asked.only:
        RESULTS.write_text(_page(where, found), encoding="utf-8")
        print(f"written: benchmarks/{RESULTS.name}")
    return 0 if all(figure.holds for figure in figures) else 1


def _measured(parts: list[str], *, quick: bool) -> list[Figure]:
    """Take each part in a process of its own, as what is measured has one."""
    figures: list[Figure] = []
    fresh = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=fresh, max_tasks_per_child=1) as pool:
        for name in parts:
            print(f"measuring: {name}", file=sys.stderr, flush=True)
            found = pool.submit(measured, name, quick=quick).result()
            print(table(found), file=sys.stderr, flush=True)
            figures += found
    return figures


def _page(where: list[str], found: str) -> str:
    today = datetime.now(UTC).date().isoformat()
    lines = "\n".join(f"- {line}" for line in where)
    return (
        "# Results\n\nWritten by `uv run python -m benchmarks`, "
        f"on {today}. [README.md](README.md) says how each figure is taken.\n\n"
        f"{lines}\n\n{found}"
    )


if __name__ == "__main__":
    sys.exit(main())
