"""Lets workers die at every call that they make, not at a sample of them.

Before and after every call of the broker port, some hundreds of runs: a quarter of an hour of two
cores. CI goes through a sample of them.

    uv run python -m tools.points [TURNS]
"""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Final

from tools.files import ROOT

TURNS: Final = 10
"""Each with a broker of its own, which has accounts for so many runs only."""
TESTS: Final = (
    "tests/integration/provisioning/test_sagas.py",
    "tests/integration/chassis/test_crashes.py",
    "tests/integration/chassis/test_processes.py",
    "tests/integration/billing/test_crashes.py",
)


def main(turns: int) -> int:
    """Go through all points in so many turns; return the number of turns that failed."""
    failed = 0
    for turn in range(turns):
        print(f"turn {turn + 1} of {turns}", flush=True)
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-n", "0", *TESTS],
            cwd=ROOT,
            env={**os.environ, "CATALYST_POINTS": f"{turn}/{turns}"},
            check=False,
        )
        failed += done.returncode != 0
    return failed


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else TURNS))
