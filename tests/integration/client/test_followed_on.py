"""Whoever stays is told what happens after the stack was started again at another address."""

import asyncio
import signal
import socket
import sys
from asyncio import StreamReader
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from tests.integration.client.shop import START_SECONDS, STARTER, WAIT_SECONDS
from tests.integration.stack.surroundings import created

from catalyst.cli import contexts
from catalyst.cli.installation import Installation
from catalyst.cli.stack import Options, running

pytestmark = [pytest.mark.real, pytest.mark.timeout(2 * START_SECONDS + 2 * WAIT_SECONDS)]


@asynccontextmanager
async def typed(*line: str) -> AsyncIterator[Process]:
    program = (sys.executable, "-c", "from catalyst.cli.entry import run; run()")
    child = await asyncio.create_subprocess_exec(*program, *line, stdout=PIPE, stderr=PIPE)
    try:
        yield child
    finally:
        if child.returncode is None:
            child.kill()
            await child.communicate()


async def says(child: Process, text: str) -> None:
    """Return once it has said so."""
    await _told(child.stdout, text)


async def follows(child: Process) -> None:
    """Return once it sees what happens from now on."""
    await _told(child.stderr, "every event follows")


async def _told(said: StreamReader | None, text: str) -> None:
    assert said is not None
    async with asyncio.timeout(WAIT_SECONDS):
        while text not in (line := (await said.readline()).decode()):
            assert line


@pytest.mark.guarantee("G27.10")
async def test_rows_and_events_go_on_where_the_stack_was_started_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    # Nobody here asks for what it registers, at both starts.
    monkeypatch.setenv(STARTER, "false")
    installation = Installation(tmp_path / "data")
    async with AsyncExitStack() as typing:
        await _followed_on(installation, typing)


async def _followed_on(installation: Installation, typing: AsyncExitStack) -> None:
    lines = (("get", "organizations", "--watch"), ("events", "--follow", "-o", "json"))
    async with running(installation, Options(port=0), lambda _line: None) as stack:
        contexts.register_local(installation.data)
        before = stack.context.http
        children = [await typing.enter_async_context(typed(*line)) for line in lines]
        await follows(children[1])
        assert await created(stack, "before") == "accepted"
        for child in children:
            await says(child, "before")
    with socket.socket() as taken:
        # So that it is another address for certain.
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(("127.0.0.1", urlsplit(before).port))
        taken.listen()
        async with running(installation, Options(port=0), lambda _line: None) as stack:
            assert stack.context.http != before
            contexts.register_local(installation.data)
            assert await created(stack, "after") == "accepted"
            for child, what in zip(children, ("change", "event"), strict=True):
                await says(child, "after")
                child.send_signal(signal.SIGINT)
                _, told = await child.communicate()
                place = f"local is at {stack.context.http} now; every {what} is followed there"
                assert place in told.decode()
