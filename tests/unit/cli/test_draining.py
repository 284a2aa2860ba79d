"""Ctrl-C while `catalyst up` drains: what a second one says, and that it ends at once."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from catalyst.cli import up
from catalyst.cli.exits import Ended, ExitCode
from catalyst.cli.installation import Installation
from catalyst.cli.stack import Options, Stack


def test_a_second_ctrl_c_says_what_that_means_and_ends_what_would_drain_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    told: list[str] = []

    async def run() -> None:
        runs, drains = asyncio.Event(), asyncio.Event()

        @asynccontextmanager
        async def running(installation: Installation, *_: Any) -> AsyncIterator[Stack]:
            there = "http://127.0.0.1:1"
            context = installation.write_endpoints(there, "nats://127.0.0.1:1", ours=True)
            try:
                yield Stack(context, asyncio.Event(), None, None)
            finally:
                drains.set()
                await asyncio.Event().wait()

        def greeting(*_: Any) -> list[str]:
            runs.set()
            return []

        monkeypatch.setattr(up, "running", running)
        monkeypatch.setattr(up, "greeting", greeting)
        kept = asyncio.create_task(up._keep(Installation(tmp_path / "d"), Options(), tmp_path))
        for reached in (runs, drains):
            await reached.wait()
            told.append(capsys.readouterr().err)
            os.kill(os.getpid(), signal.SIGINT)
        with pytest.raises(Ended) as ended:
            await asyncio.wait_for(kept, 60)
        assert ended.value.exit_code is ExitCode.INTERRUPTED

    asyncio.run(run())
    assert told == ["", "draining; Ctrl-C again ends it at once\n"]
    assert capsys.readouterr().err == f"{up.HURRIED}\n"
