"""What a person sets in the environment reaches the members of a stack, in both ways to run it."""

import asyncio
from pathlib import Path

import httpx
import pytest
from tests.support.rig import acme

from catalyst.cli.installation import Installation
from catalyst.cli.stack import Options, running
from catalyst.client.http_transport import over_http

pytestmark = pytest.mark.real

CREATE = "environment.create-organization.v1"


@pytest.mark.parametrize("processes", [False, True])
async def test_variables_reach_the_members_and_cannot_break_the_installation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, processes: bool
) -> None:
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
        "CATALYST_NATS_PASSWORD_FILE": str(tmp_path / "none"),
        "GATEWAY_PROJECTOR_URL": "http://127.0.0.1:1",
    }.items():
        monkeypatch.setenv(name, value)
    options = Options(port=0, processes=processes, sync_interval="10s")
    async with collector:
        async with running(Installation(tmp_path), options, lambda line: None) as stack:
            door = over_http(stack.context.http, token=stack.context.operator.token)
            async with door as client:
                await client.send(CREATE, acme(), organization="acme", id="acme", timeout=30)
            assert await _beats(stack.context.http, stack.context.operator.token) == 3
        async with asyncio.timeout(60):
            await sent.wait()


async def _beats(address: str, token: str) -> int:
    """Return how many heartbeats came; at the default of 15 s a third one comes too late."""
    found = 0
    headers = {"Authorization": f"Bearer {token}"}
    async with (
        asyncio.timeout(40),
        httpx.AsyncClient(base_url=address, headers=headers, timeout=40) as http,
        http.stream("GET", "/v1/stream") as answer,
    ):
        assert answer.status_code == httpx.codes.OK
        async for line in answer.aiter_lines():
            found += line.startswith("event: heartbeat")
            if found == 3:
                break
    return found
