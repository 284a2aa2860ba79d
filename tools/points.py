"""Lets workers die at every call that they make, not at a sample of them; or at two of them.

Before and after every call of the broker port, some thousand runs: about an hour of two cores that
have nothing else to do. Pairs are more than a million, which nobody goes through: of them every
N-th is taken, from the K-th on. CI goes through a sample of both.

    uv run python -m tools.points [TURNS]
    uv run python -m tools.points --pairs K/N
"""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Final

from tools.files import ROOT

TURNS: Final = 10
"""Each with a broker of its own, which has accounts for so many runs only."""
SAGAS: Final = "tests/integration/provisioning/test_sagas.py"
CRASHES: Final = "tests/integration/chassis/test_crashes.py"
TESTS: Final = (
    SAGAS,
    CRASHES,
    "tests/integration/chassis/test_processes.py",
    "tests/integration/billing/test_crashes.py",
)
PAIRS: Final = (
    f"{SAGAS}::test_a_saga_ends_in_one_way_when_two_or_all_services_die",
    f"{CRASHES}::test_two_crashes_in_a_row_leave_one_outcome",
)


def run(tests: tuple[str, ...], asked: dict[str, str]) -> bool:
    """Run tests with the share that is asked for; return whether they passed."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-n", "0", *tests],
        cwd=ROOT,
        env={**os.environ, **asked},
        check=False,
    )
    return done.returncode == 0


def main(turns: int) -> int:
    """Go through all points in so many turns; return the number of turns that failed."""
    failed = 0
    for turn in range(turns):
        print(f"turn {turn + 1} of {turns}", flush=True)
        failed += not run(TESTS, {"CATALYST_POINTS": f"{turn}/{turns}"})
    return failed


def asked() -> int:
    """Do what the command line asks for; return the number of turns that failed."""
    match sys.argv[1:]:
        case ["--pairs", part]:
            return int(not run(PAIRS, {"CATALYST_PAIRS": part}))
        case [turns]:
            return main(int(turns))
        case _:
            return main(TURNS)


if __name__ == "__main__":
    sys.exit(asked())
