"""How soon a member is started again that keeps ending."""

import asyncio
import socket
from pathlib import Path

import pytest
from tests.support.waiting import until

from catalyst.cli import processes
from catalyst.cli.installation import Installation
from catalyst.cli.processes import Running, Supervisor, pause


def test_a_member_that_keeps_ending_is_started_ever_more_rarely_and_never_given_up() -> None:
    assert [pause(quick) for quick in (0, 1, 2, 5)] == [0.2, 0.4, 0.8, 6.4]
    assert [pause(quick) for quick in (6, 100, 10_000)] == [10.0] * 3


async def test_whoever_stops_waits_for_none_that_was_to_be_started_again_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Ended:
        returncode = 1

        async def wait(self) -> int:
            return 1

    told: list[str] = []
    monkeypatch.setattr(processes, "pause", lambda _quick: 1_000_000.0)
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        supervisor = Supervisor(
            Installation(tmp_path), "nats://127.0.0.1:1", bound, told.append, ours=True
        )
        monkeypatch.setattr(Running, "start", lambda _self: asyncio.sleep(0, Ended()))
        async with supervisor.running():
            await until(lambda: len(told) == len(supervisor.members))
