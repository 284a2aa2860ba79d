"""The end of a door: streams hear of it, requests in progress are answered."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.integration.gateway.reading import follow
from tests.integration.gateway.stack import Stack


@pytest.fixture
def brief(tmp_path: Path) -> Iterator[Stack]:
    found = Stack(tmp_path)
    found.start()
    yield found
    if found.running:
        found.stop()


async def test_streams_are_told_that_the_door_closes(brief: Stack) -> None:
    async with asyncio.timeout(60), follow(brief, brief.admin) as stream:
        assert (await anext(stream))[0] == "start"
        stopping = asyncio.create_task(asyncio.to_thread(brief.stop))
        names = [
            (name, data.get("reason"), data.get("retryable")) async for name, _, data in stream
        ]
        await stopping
    assert names[-1] == ("bye", "shutdown", True)
