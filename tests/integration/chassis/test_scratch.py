"""What a process that was killed left behind goes with the next one."""

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from catalyst.chassis.scratch import Scratch

_PROGRAM = """
import sys
from catalyst.chassis.scratch import Scratch
scratch = Scratch("testing")
(scratch.path / "kept" / "deep").mkdir(parents=True)
(scratch.path / "kept" / "file").write_text("x")
print(scratch.path, flush=True)
sys.stdin.read()
"""


@pytest.fixture(autouse=True)
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the system keeps such folders, for this test and the processes that it starts."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


@contextmanager
def another() -> Iterator[tuple[subprocess.Popen[str], Path]]:
    """A process that holds a folder until it is killed."""
    command = [sys.executable, "-c", _PROGRAM]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as child:
        try:
            assert child.stdout is not None
            yield child, Path(child.stdout.readline().strip())
        finally:
            child.kill()


def test_what_a_killed_process_left_goes_with_the_next_one_and_what_is_held_stays(
    root: Path,
) -> None:
    with another() as (killed, left), another() as (_, held):
        killed.kill()
        killed.wait()
        assert (left / "kept" / "file").exists()
        with Scratch("else"):
            assert left.exists()
        with Scratch("testing") as path:
            assert {*root.iterdir()} == {held, path}
            assert (held / "kept" / "file").read_text() == "x"
