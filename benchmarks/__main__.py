"""`uv run python -m benchmarks [--quick]`: every figure, once, with what it was measured on.

Absolute figures mean something on an idle machine only; ratios are of runs that were taken in turn.
Without `--quick` the table is also written to `benchmarks/results.md`.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from benchmarks import (
    billing,
    catalogue,
    fanout,
    grouping,
    installing,
    latency,
    machine,
    projecting,
    registering,
    starting,
)
from benchmarks.figure import Figure, table
from catalyst.chassis import loop

RESULTS: Final = Path(__file__).with_name("results.md")


async def _start(quick: bool) -> list[Figure]:  # noqa: FBT001
    return [await starting.measure(3 if quick else 5)]


async def _latency(quick: bool) -> list[Figure]:  # noqa: FBT001
    return await latency.measure(3, 2.0 if quick else 10.0)


async def _grouping(quick: bool) -> list[Figure]:  # noqa: FBT001
    return [await grouping.measure(3, 1500 if quick else 4000, 200 if quick else 500)]


async def _projecting(quick: bool) -> list[Figure]:  # noqa: FBT001
    events = 500 if quick else 2000
    return [await projecting.measure(3, 10_000, events, sync) for sync in projecting.SYNCS]


async def _fanout(quick: bool) -> list[Figure]:  # noqa: FBT001
    return [await fanout.measure(3, 1.5 if quick else 4.0)]


async def _catalogue(quick: bool) -> list[Figure]:  # noqa: FBT001
    return await catalogue.measure(3, 10_000, 150 if quick else 450)


async def _billing(quick: bool) -> list[Figure]:  # noqa: FBT001
    return await billing.measure(1 if quick else 3, 20_000 if quick else 100_000, 100_000)


async def _registering(quick: bool) -> list[Figure]:  # noqa: FBT001
    return await registering.measure(1 if quick else 3, 300 if quick else 1000, 1000)


async def _installing(quick: bool) -> list[Figure]:  # noqa: FBT001
    return await installing.measure(3, 10 if quick else 40, 3 if quick else 10)


PARTS: Final[dict[str, Callable[[bool], Awaitable[list[Figure]]]]] = {
    "start": _start,
    "latency": _latency,
    "grouping": _grouping,
    "projecting": _projecting,
    "fanout": _fanout,
    "billing": _billing,
    "catalogue": _catalogue,
    "registering": _registering,
    "installing": _installing,
}


def main() -> int:
    """Measure what was asked for; 1 if a figure is not where it should be."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="short runs; writes no file")
    parser.add_argument("--only", choices=PARTS, action="append", help="one part; may be repeated")
    asked = parser.parse_args()
    where = machine.described()
    print("\n".join(where), flush=True)
    figures = loop.run(_measured(asked.only or list(PARTS), quick=asked.quick))
    found = table(figures)
    print(f"\n{found}")
    if not asked.quick and not asked.only:
        RESULTS.write_text(_page(where, found), encoding="utf-8")
        print(f"written: benchmarks/{RESULTS.name}")
    return 0 if all(figure.holds for figure in figures) else 1


async def _measured(parts: list[str], *, quick: bool) -> list[Figure]:
    figures: list[Figure] = []
    for name in parts:
        print(f"measuring: {name}", file=sys.stderr, flush=True)
        found = await PARTS[name](quick)
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
