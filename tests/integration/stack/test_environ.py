"""What a person sets in the environment reaches the members of a stack.

Of members that are processes `test_processes.py` says the same.
"""

import asyncio
from pathlib import Path

import pytest
from tests.integration.stack.surroundings import beats, created, surrounded

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
