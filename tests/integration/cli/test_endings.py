"""How the command's own process ends: struck while it is loaded, or with nobody to read it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

from tests.support.each import each

from catalyst.cli.exits import ExitCode

_STRUCK = """
import posix, sys

class Finder:
    def find_spec(self, name, *rest):
        if name == sys.argv[-1]:
            posix.kill(posix.getpid(), 2)

sys.meta_path.insert(0, Finder())
sys.argv[1:-1] = ["get", "organizations"]
from catalyst.cli.entry import run
run()
"""


@each(["signal", "catalyst.cli.main", "catalyst.cli.get"])
def test_a_ctrl_c_while_the_command_is_loaded_ends_it_in_silence(module: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _STRUCK, module], capture_output=True, check=False, timeout=60
    )
    assert (done.returncode, done.stdout, done.stderr) == (-signal.SIGINT, b"", b"")


@each(["table", "json"])
def test_whoever_stops_reading_changes_no_exit_code(form: str) -> None:
    program = "from catalyst.cli.entry import run; run()"
    ours, theirs = os.pipe()
    os.close(ours)
    line = ("get", "organizations", "--url", "http://127.0.0.1:1", "-o", form)
    done = subprocess.run(
        [sys.executable, "-c", program, *line], stdout=theirs, stderr=theirs, check=False
    )
    os.close(theirs)
    assert done.returncode == ExitCode.UNREACHABLE
