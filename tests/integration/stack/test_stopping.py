"""Ctrl-C while a stack still starts: it ends at once, in order, and says so."""

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.real

_PROGRAM = "from catalyst.cli.entry import run; run()"


@pytest.mark.parametrize(
    "reached", ["starting the broker", "starting the members", "starting a process for each member"]
)
async def test_a_start_that_is_given_up_ends_in_order(tmp_path: Path, reached: str) -> None:
    command = ["up", "--data", str(tmp_path / "data"), "--port", "0"]
    if "process" in reached:
        command.append("--processes")
    assert await _struck(tmp_path, command, reached) == [
        "stopping",
        "stopped before everything ran; the same command begins again",
    ]


async def test_a_demonstration_that_is_stopped_leaves_nothing(tmp_path: Path) -> None:
    said = await _struck(tmp_path, ["demo"], "starting a process for each member")
    assert said == ["stopped; everything was removed again"]
    assert _made(tmp_path) == []


def _made(home: Path) -> list[Path]:
    """Return the directories of demonstrations."""
    return list(home.glob("catalyst-demo-*"))


async def _struck(home: Path, command: list[str], reached: str) -> list[str]:
    """Run the command, stop it where a line was reached, and return what it then says."""
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", _PROGRAM, *command),
        env=os.environ | {"HOME": str(home), "XDG_CONFIG_HOME": str(home), "TMPDIR": str(home)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert child.stdout is not None
    assert child.stderr is not None
    said = ""
    while reached not in said:
        line = (await child.stderr.readline()).decode()
        assert line, said
        said += line
    child.send_signal(signal.SIGINT)
    async with asyncio.timeout(60):
        rest = (await child.stderr.read()).decode().splitlines()
        code = await child.wait()
    assert (code, await child.stdout.read()) == (130, b"")
    return [line for line in rest if not line.startswith("starting")]
