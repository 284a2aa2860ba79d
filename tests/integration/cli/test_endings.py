"""How the command's own process ends: struck while it is loaded, or with nobody to read it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from tests.support.each import each

from catalyst.cli import contexts, main
from catalyst.cli.contexts import Context
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


@pytest.mark.guarantee("G27.2")
def test_a_check_of_the_log_says_where_no_broker_answers_and_what_to_start(
    capsys: pytest.CaptureFixture[str],
) -> None:
    code = main.ended(["replay", "--check", "--url", "nats://ada:secret@127.0.0.1:1"])
    said = capsys.readouterr()
    assert (code, said.out) == (ExitCode.UNREACHABLE, "")
    error, hint = said.err.splitlines()
    assert error == "Error: no broker answers at nats://127.0.0.1:1"
    assert hint.startswith("Hint: ")
    assert "catalyst up` starts everything here" in hint


@pytest.mark.guarantee("G27.2")
@pytest.mark.parametrize(
    "line",
    [
        ("get", "organizations"),
        ("send", "environment.create-organization.v1", "--org", "acme", "--data", "{}"),
        ("replay", "--check"),
    ],
)
def test_where_a_stack_of_this_machine_is_stopped_what_starts_it_names_its_directory(
    line: tuple[str, ...],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setattr("catalyst.cli.output.as_called", str)
    data = tmp_path / "kept data"
    kept = Context(http="http://127.0.0.1:1", nats="nats://127.0.0.1:1", data=str(data))
    contexts.register(contexts.default_path(), contexts.LOCAL, kept)
    data.mkdir()
    assert main.ended([*line]) == ExitCode.UNREACHABLE
    assert f"Hint: `catalyst up --data '{data}'` starts it; " in capsys.readouterr().err


def test_where_the_directory_of_a_stack_is_gone_nobody_is_told_to_start_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    kept = Context(http="http://127.0.0.1:1", data=str(tmp_path / "gone"))
    contexts.register(contexts.default_path(), contexts.LOCAL, kept)
    assert main.ended(["get", "organizations"]) == ExitCode.UNREACHABLE
    said = capsys.readouterr().err
    assert "catalyst up` starts everything here" in said
    assert kept.data not in said
