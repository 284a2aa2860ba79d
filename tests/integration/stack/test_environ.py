"""What a person sets in the environment reaches the members of a stack.

Of members that are processes `test_processes.py` says the same.
"""

import asyncio
import signal
from pathlib import Path

import msgspec
import pytest
from tests.integration.stack.surroundings import beats, command, created, environ, surrounded

from catalyst.cli.installation import Installation
from catalyst.cli.stack import Options, running

pytestmark = pytest.mark.real


async def test_variables_reach_the_members_and_cannot_break_the_installation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = Options(port=0, sync_interval="10s")
    async with surrounded(tmp_path, monkeypatch) as sent:
        async with running(Installation(tmp_path), options, lambda _line: None) as stack:
            await created(stack, "acme")
            assert await beats(stack) == 3
        async with asyncio.timeout(60):
            await sent.wait()


@pytest.mark.guarantee("G21.8")
async def test_a_slip_is_told_to_whoever_starts_a_stack_and_in_its_log(tmp_path: Path) -> None:
    data = tmp_path / "data"
    child = await asyncio.create_subprocess_exec(
        *command("--data", str(data)),
        env=environ(tmp_path) | {"GATEWAY_RATE_PER_SUBJET": "1", "CATALYST_URL": "http://x"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert child.stdout is not None
    async with asyncio.timeout(60):
        while b"Ctrl-C" not in (line := await child.stdout.readline()):
            assert line
        child.send_signal(signal.SIGINT)
        _, said = await child.communicate()
    assert child.returncode == 0
    told = "GATEWAY_RATE_PER_SUBJET is no setting; the nearest is GATEWAY_RATE_PER_SUBJECT"
    assert [line for line in said.decode().splitlines() if "no setting" in line] == [told]
    logged = map(msgspec.json.decode, (data / "up.log").read_text("utf-8").splitlines())
    assert [line["level"] for line in logged if line["message"] == told] == ["warning"]
