"""Lets workers die at every call that they make, not at a sample of them; or at two of them.

Before and after every call of the broker port, some thousand runs: about two hours of two cores
that have nothing else to do. Pairs are more than a million, which nobody goes through; those where
a saga's step is told to another service, or decided by it, are some thousand. Of each, every N-th
can be taken, from the K-th on. CI goes through a sample.

    uv run python -m tools.points [TURNS]
    uv run python -m tools.points --count
    uv run python -m tools.points --share K/N [--story NAME]
    uv run python -m tools.points --pairs K/N [--story NAME]
    uv run python -m tools.points --steps K/N [--story NAME]
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from collections.abc import Sequence
from typing import Final

from tools.files import ROOT

TURNS: Final = 10
"""Each with a broker of its own, which holds what its runs have left behind."""
SAGAS: Final = "tests/integration/provisioning/test_sagas.py"
CRASHES: Final = "tests/integration/chassis/test_crashes.py"
SINGLE: Final = f"{SAGAS}::test_a_saga_ends_in_one_way_wherever_a_worker_dies"
DOUBLE: Final = f"{SAGAS}::test_a_saga_ends_in_one_way_when_two_or_all_services_die"
TESTS: Final = (
    SAGAS,
    CRASHES,
    "tests/integration/chassis/test_processes.py",
    "tests/integration/billing/test_crashes.py",
    "tests/integration/blueprint_controller/test_dying.py",
    "tests/integration/blueprint_controller/test_other_content.py",
)
PAIRS: Final = (DOUBLE, f"{CRASHES}::test_two_crashes_in_a_row_leave_one_outcome")
STORIES: Final = ("forth", "back", "on", "away", "line")
"""What is told in the tests of sagas, as `tests/integration/provisioning/stories.py` names it."""
NONE: Final = "1000000000/1"
"""A share behind the last point: the calls are recorded and counted, and nobody dies."""


def run(tests: Sequence[str], asked: dict[str, str]) -> bool:
    """Run tests with the share that is asked for; return whether they passed."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-s", "-p", "no:cacheprovider", "-n", "0", *tests],
        cwd=ROOT,
        env={**os.environ, **asked},
        check=False,
    )
    return done.returncode == 0


def every(turns: int) -> int:
    """Go through all points in so many turns; return the number of turns that failed."""
    failed = 0
    for turn in range(turns):
        print(f"turn {turn + 1} of {turns}", flush=True)
        failed += not run(TESTS, {"CATALYST_POINTS": f"{turn}/{turns}"})
    return failed


def told(test: str, stories: Sequence[str]) -> tuple[str, ...]:
    """Name a test of sagas for each of these stories."""
    return tuple(f"{test}[{story}]" for story in stories)


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line asks for; return the number of turns that failed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("turns", nargs="?", type=int, default=TURNS)
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--count", action="store_true", help="say how many points each story has")
    which.add_argument("--share", metavar="K/N", help="every N-th point from the K-th on")
    which.add_argument("--pairs", metavar="K/N", help="every N-th pair from the K-th on")
    which.add_argument("--steps", metavar="K/N", help="the same of pairs at the steps of sagas")
    parser.add_argument("--story", action="append", choices=STORIES, help="of this story alone")
    asked = parser.parse_args(arguments)
    if asked.pairs:
        tests = told(DOUBLE, asked.story) if asked.story else PAIRS
        return int(not run(tests, {"CATALYST_PAIRS": asked.pairs}))
    if asked.steps:
        return int(not run(told(DOUBLE, asked.story or STORIES), {"CATALYST_STEPS": asked.steps}))
    if asked.count or asked.share or asked.story:
        part = NONE if asked.count else asked.share or "0/1"
        return int(not run(told(SINGLE, asked.story or STORIES), {"CATALYST_POINTS": part}))
    return every(asked.turns)


if __name__ == "__main__":
    sys.exit(main())
