"""Ctrl-C while a stack still starts, or drains: it ends at once, and says so."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from tests.support.waiting import until

from catalyst.cli.main import ended
from catalyst.cli.up import HURRIED

pytestmark = pytest.mark.real

_PROGRAM = "from catalyst.cli.entry import run; run()"
_MEMBERS = ("environment", "projector", "gateway")
"""Those of a stack of processes, here: the others end as these do, and each takes its time."""
_FEW = f"""
from catalyst.cli import processes
processes.MODULES = {{user: processes.MODULES[user] for user in {_MEMBERS}}}
"""


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


async def test_members_that_end_by_the_same_signal_are_not_told_as_failures(
    tmp_path: Path,
) -> None:
    child = await _begun(tmp_path, ["demo"])
    assert child.stderr is not None
    while b"a process for each member" not in (line := await child.stderr.readline()):
        assert line
    members: list[int] = []

    def started() -> bool:
        members[:] = [int(pid) for pid in _children(child.pid) if _runs(pid, "catalyst.")]
        return len(members) == len(_MEMBERS)

    await until(started, 30.0)
    # Whoever keeps them sees at once that all of them are gone, and that it is to end.
    child.send_signal(signal.SIGSTOP)
    for pid in members:
        os.kill(pid, signal.SIGINT)
    await until(lambda: not any(_runs(str(pid), "catalyst.") for pid in members), 30.0)
    child.send_signal(signal.SIGINT)
    child.send_signal(signal.SIGCONT)
    async with asyncio.timeout(60):
        said = (await child.stderr.read()).decode()
        assert await child.wait() == 130
    assert "ended" not in said


@pytest.mark.parametrize(("how", "more"), [(signal.SIGINT, ()), (signal.SIGTERM, ("--processes",))])
async def test_a_broker_that_ends_by_the_same_signal_is_not_told_as_a_failure(
    tmp_path: Path, how: signal.Signals, more: tuple[str, ...]
) -> None:
    child = await _standing(tmp_path, more)
    assert child.stderr is not None
    (broker,) = (int(pid) for pid in _children(child.pid) if _runs(pid, "nats-server"))
    # Whoever keeps it sees at once that it is gone, and that everything is to end.
    child.send_signal(signal.SIGSTOP)
    os.kill(broker, how)
    await until(lambda: not _runs(str(broker), "nats-server"), 30.0)
    child.send_signal(how)
    child.send_signal(signal.SIGCONT)
    async with asyncio.timeout(60):
        said = (await child.stderr.read()).decode().splitlines()
        assert await child.wait() == 0, said
    assert [line for line in said if not line.startswith("starting")] == [
        "draining; Ctrl-C again ends it at once",
        "stopped; the same command goes on where this ended",
    ]


@pytest.mark.parametrize("more", [(), ("--processes",)])
async def test_a_second_ctrl_c_ends_what_drains_at_once_and_says_what_that_means(
    tmp_path: Path, more: tuple[str, ...]
) -> None:
    child = await _standing(tmp_path, more)
    assert child.stderr is not None
    children = _children(child.pid)
    (broker,) = (int(pid) for pid in children if _runs(pid, "nats-server"))
    # Nothing drains as long as the broker stands still.
    os.kill(broker, signal.SIGSTOP)
    child.send_signal(signal.SIGINT)
    while not (line := await child.stderr.readline()).startswith(b"draining"):
        assert line
    assert line == b"draining; Ctrl-C again ends it at once\n"
    child.send_signal(signal.SIGINT)
    async with asyncio.timeout(60):
        assert (await child.stderr.read()).decode() == f"{HURRIED}\n"
        assert await child.wait() == 130
    # Killed is not gone yet where the processors are busy; by themselves they would stay.
    await until(lambda: not any(_is_ours(pid) for pid in children), 5.0)


@pytest.mark.guarantee("G27.12")
async def test_a_sigterm_that_whoever_started_it_passes_on_is_the_same_one(tmp_path: Path) -> None:
    child = await _standing(tmp_path, ())
    assert child.stderr is not None
    (broker,) = (int(pid) for pid in _children(child.pid) if _runs(pid, "nats-server"))
    # Nothing drains as long as the broker stands still, so that the second one comes in between.
    os.kill(broker, signal.SIGSTOP)
    child.send_signal(signal.SIGTERM)
    while not (line := await child.stderr.readline()).startswith(b"draining"):
        assert line
    child.send_signal(signal.SIGTERM)
    # It is taken before the broker goes on.
    await until(lambda: not _pending(child.pid), 30.0)
    os.kill(broker, signal.SIGCONT)
    async with asyncio.timeout(60):
        said = (await child.stderr.read()).decode()
        assert await child.wait() == 0, said
    assert said == "stopped; the same command goes on where this ended\n"


@pytest.mark.guarantee("G27.12")
async def test_who_starts_without_the_cluster_that_was_simulated_before_is_told_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    start = f"catalyst up --data {tmp_path}/data --simulate-cluster` starts it as well"
    runs = (
        *((("--simulate-cluster",), 0), ((), 1)),
        # Told once or not, what was left out is started again, and ended for good.
        *((("--simulate-cluster",), 0), (("--no-simulate-cluster",), 0), ((), 0)),
    )
    for more, told in runs:
        child = await _standing(tmp_path, more)
        assert child.stderr is not None
        # It brings a loop of its own.
        await asyncio.to_thread(ended, ["doctor", "-o", "json"])
        wrong = {
            one["check"]: one
            for one in json.loads(capsys.readouterr().out)
            if one["check"] == "cluster" and one["health"] == "warn"
        }
        assert len(wrong) == told, wrong
        assert [start in one["fix"] for one in wrong.values()] == [True] * told
        child.send_signal(signal.SIGINT)
        async with asyncio.timeout(60):
            said = (await child.stderr.read()).decode()
            assert await child.wait() == 0, said
        assert said.count(start) == told, said


def _children(pid: int) -> list[str]:
    found = Path(f"/proc/{pid}/task").glob("*/children")
    return [child for path in found for child in path.read_text().split()]


def _pending(pid: int) -> bool:
    """Return whether SIGTERM was sent to a process that has not taken it yet."""
    text = Path(f"/proc/{pid}/status").read_text()
    found = [line.split()[1] for line in text.splitlines() if line.startswith("ShdPnd:")]
    return bool(int(found[0], 16) >> (signal.SIGTERM - 1) & 1)


def _is_ours(pid: str) -> bool:
    return _runs(pid, "nats-server") or _runs(pid, "catalyst")


def _runs(pid: str, name: str) -> bool:
    """Return whether a process runs something called like this; a dead one runs nothing."""
    try:
        return name.encode() in Path(f"/proc/{pid}/cmdline").read_bytes()
    except FileNotFoundError:
        return False


def _made(home: Path) -> list[Path]:
    """Return the directories of demonstrations."""
    return list(home.glob("catalyst-demo-*"))


async def _struck(home: Path, command: list[str], reached: str) -> list[str]:
    """Run the command, stop it where a line was reached, and return what it then says."""
    child = await _begun(home, command)
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


async def _standing(tmp_path: Path, more: Sequence[str]) -> asyncio.subprocess.Process:
    """Start a stack in `data` below a folder; return once it says how it is ended."""
    data = tmp_path / "data"
    child = await _begun(tmp_path, ["up", "--data", str(data), "--port", "0", *more])
    assert child.stdout is not None
    while b"Ctrl-C" not in (line := await child.stdout.readline()):
        assert line
    return child


async def _begun(home: Path, command: list[str]) -> asyncio.subprocess.Process:
    apart = "demo" in command or "--processes" in command
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", (_FEW if apart else "") + _PROGRAM, *command),
        env=os.environ | {"HOME": str(home), "XDG_CONFIG_HOME": str(home), "TMPDIR": str(home)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
