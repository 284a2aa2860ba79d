"""What stands around a stack here: who is told, who asks, who is refused, and what is set."""

import asyncio
import io
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, chdir, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from unittest import mock

import httpx
import pytest
from tests.support.clients import plain
from tests.support.rig import acme
from tests.support.waiting import until

from catalyst.cli.main import ended
from catalyst.cli.processes import MODULES
from catalyst.cli.stack import Stack
from catalyst.client.http_transport import over_http
from catalyst.contracts.permissions import member
from catalyst.contracts.registry import SERVICES

CREATE = "environment.create-organization.v1"
_PROGRAM = "from catalyst.cli.entry import run; run()"


@dataclass
class Told:
    """What a person was told."""

    lines: list[str] = field(default_factory=list)

    def __call__(self, line: str) -> None:
        self.lines.append(line)

    def count(self, text: str) -> int:
        return sum(text in line for line in self.lines)

    async def until(self, text: str, count: int) -> None:
        await until(lambda: self.count(text) >= count)


async def created(stack: Stack, slug: str) -> str:
    """Create an Organization through the door, however long the stack takes to mend."""
    async with over_http(stack.context.http, token=stack.context.operator.token) as door:
        outcome = await door.send(CREATE, acme(), organization=slug, id=slug, timeout=60)
    return outcome.status


@asynccontextmanager
async def surrounded(folder: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[asyncio.Event]:
    """Set for the block what members take, and what is not theirs; yields what a trace sets."""
    sent = asyncio.Event()

    async def collect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if (await reader.readline()).startswith(b"POST /v1/traces"):
            sent.set()
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
        await writer.drain()
        writer.close()

    collector = await asyncio.start_server(collect, "127.0.0.1", 0)
    port = collector.sockets[0].getsockname()[1]
    for name, value in {
        "PROJECTOR_HEARTBEAT_SECONDS": "0.2",
        "CATALYST_OTLP_ENDPOINT": f"http://127.0.0.1:{port}/v1/traces",
        # Spans are sent together; by themselves only every 5 s.
        "OTEL_BSP_SCHEDULE_DELAY": "200",
        # What the installation fixes is not theirs to change.
        "CATALYST_NATS_URL": "nats://127.0.0.1:1",
        "PROJECTOR_NATS_PASSWORD": "wrong",
        "CATALYST_NATS_PASSWORD_FILE": str(folder / "none"),
        "GATEWAY_PROJECTOR_URL": "http://127.0.0.1:1",
    }.items():
        monkeypatch.setenv(name, value)
    async with collector:
        yield sent


async def beats(stack: Stack) -> int:
    """Return how many heartbeats came; at the default of 15 s a third one comes too late."""
    found = 0
    headers = {"Authorization": f"Bearer {stack.context.operator.token}"}
    async with (
        asyncio.timeout(40),
        plain(base_url=stack.context.http, headers=headers, timeout=40) as http,
        http.stream("GET", "/v1/stream") as answer,
    ):
        assert answer.status_code == httpx.codes.OK
        async for line in answer.aiter_lines():
            found += line.startswith("event: heartbeat")
            if found == 3:
                break
    return found


async def _is_ready(http: httpx.AsyncClient, address: str) -> bool:
    return (await http.get(f"{address}/readyz")).status_code == httpx.codes.OK


async def check_measured(stack: Stack) -> None:
    """Check that every member says at an address that is told how it is and what it measures."""
    members = stack.context.members
    assert members.keys() == MODULES.keys()
    assert members["gateway"] == stack.context.http
    assert len(set(members.values())) == len(members)
    async with plain(timeout=40) as http:
        for user, address in members.items():
            assert (await http.get(f"{address}/healthz")).status_code == httpx.codes.OK
            # The stack is ready once it takes commands; whoever decides them may be a moment later.
            await until(partial(_is_ready, http, address))
            text = (await http.get(f"{address}/metrics")).text
            assert f'catalyst_member{{member="{member(user)}"}} 1.0' in text
            assert ("catalyst_worker_lease_held 1.0" in text) is (user in SERVICES)
            assert ("catalyst_projector_" in text) is (user == "projector")


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-c", _PROGRAM, "up", "--port", "0", *arguments]


def environ(folder: Path) -> dict[str, str]:
    return {**os.environ, "XDG_CONFIG_HOME": str(folder / "config")}


def refused(
    folder: Path,
    *arguments: str,
    code: int = 1,
    more: Mapping[str, str] | None = None,
    before: tuple[str, ...] = (),
) -> str:
    """Run `catalyst up` in a folder, where it has to end by itself; returns what it said."""
    ran = subprocess.run(
        [*before, *command(*arguments)],
        cwd=folder,
        env={**environ(folder), **(more or {})},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return _checked(ran.returncode, ran.stdout, ran.stderr, code)


def refused_here(folder: Path, *arguments: str, code: int = 1) -> str:
    """Do the same without a process of its own: for what is refused before anything is begun."""
    out, err = io.StringIO(), io.StringIO()
    with (
        chdir(folder),
        mock.patch.dict(os.environ, environ(folder)),
        redirect_stdout(out),
        redirect_stderr(err),
    ):
        ran = ended(["up", "--port", "0", *arguments])
    return _checked(ran, out.getvalue(), err.getvalue(), code)


def _checked(ran: int, out: str, err: str, code: int) -> str:
    assert (ran, out) == (code, ""), err
    assert "Traceback" not in err
    assert "Errno" not in err
    return err


def check_named(folder: Path, data: str, pid: int) -> None:
    """Check that a second start on a directory names whoever works there, and what to do."""
    said = refused(folder, "--data", data, code=2)
    assert said.startswith(f"Error: another Catalyst works in {data}: process {pid}\n")
    assert f"end that one with Ctrl-C or `kill {pid}`" in said
    assert "--data" in said.splitlines()[-1]
    assert "nats" not in said
