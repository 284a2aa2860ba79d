"""The broker of a running stack dies: the stack mends itself, and says so."""

import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from tests.integration.stack.surroundings import Told, created

from catalyst.cli.installation import Installation
from catalyst.cli.stack import Options, Stack, running

pytestmark = pytest.mark.real


@asynccontextmanager
async def up(data: Path, told: Told) -> AsyncIterator[Stack]:
    async with running(Installation(data), Options(port=0, sync_interval="10s"), told) as stack:
        yield stack


async def test_a_broker_that_dies_is_started_again_where_it_was(tmp_path: Path) -> None:
    told = Told()
    async with up(tmp_path, told) as stack:
        assert await created(stack, "one") == "accepted"
        for number, how in enumerate((signal.SIGKILL, signal.SIGTERM)):
            assert stack.broker is not None
            pid, port = stack.broker.pid, stack.broker.port
            assert pid is not None
            os.kill(pid, how)
            ending = how.name if how is signal.SIGKILL else "exit code"
            await told.until(f"the broker ended ({ending}", 1)
            await told.until("the broker is back", number + 1)
            assert await created(stack, f"after-{number}x") == "accepted"
            assert stack.broker.pid != pid
            assert stack.broker.port == port
        assert told.count("the broker ended") == 2
        assert not stack.failed.is_set()
        first = stack.context.nats
    async with up(tmp_path, Told()) as stack:
        assert stack.context.nats == first
