"""One trace, from the door through decisions and effects to the frame that tells a browser."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from tests.integration.gateway.stack import Stack, acme
from tests.support.waiting import until

from catalyst.chassis import runtime
from catalyst.chassis.telemetry import Telemetry

TRACE = "0af7651916cd43dd8448eb211c80319c"


async def traced(stack: Stack) -> list[str]:
    """Create an Organization under a trace; return the traces of its frames, to the last one.

    The last one is that of its finished Git home, which an effect reports.
    """
    found: list[str] = []
    async with (
        asyncio.timeout(60),
        stack.client(stack.admin) as http,
        http.stream("GET", "/v1/stream", params={"kinds": "organizations"}) as stream,
    ):
        assert stream.status_code == 200, await stream.aread()
        event, synced = "", False
        async for line in stream.aiter_lines():
            if line.startswith("event: "):
                event = line.removeprefix("event: ")
            if event == "synced" and not synced:
                synced = True
                await http.post(
                    "/v1/commands/environment.create-organization.v1",
                    params={"organization": "traced"},
                    json=acme(),
                    headers={"traceparent": f"00-{TRACE}-b7ad6b7169203331-01"},
                )
            if event == "put" and line.startswith("data: "):
                data: dict[str, Any] = json.loads(line.removeprefix("data: "))
                found.append(data.get("traceparent", ""))
                if data["value"]["doc"]["phase"] == "ready":
                    return found
    raise AssertionError("the stream ended")


async def test_one_trace_holds_everything_from_the_command_to_the_frame(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    exporters: list[InMemorySpanExporter] = []

    def recording(member: str, _endpoint: str) -> Telemetry:
        # One for each member: the first that closes would end it for all.
        exporters.append(InMemorySpanExporter())
        return Telemetry(member, exporter=exporters[-1])

    monkeypatch.setattr(runtime, "Telemetry", recording)
    stack = Stack(tmp_path)
    await asyncio.to_thread(stack.start)
    try:
        async with stack.client(stack.admin) as http:

            async def reads() -> bool:
                return (await http.get("/v1/state/organizations")).status_code == 200

            await until(reads)
        frames = await traced(stack)
    finally:
        await asyncio.to_thread(stack.stop)
    ours = [
        span
        for exporter in exporters
        for span in exporter.get_finished_spans()
        if span.context is not None and f"{span.context.trace_id:032x}" == TRACE
    ]
    names = {span.name for span in ours}
    assert "accept command" in names
    assert "decide environment.create-organization.v1" in names
    assert {"write row", "show row", "relay command"} <= names
    assert any(name.startswith("effect ") for name in names)
    shown = {
        f"{span.context.span_id:016x}" for span in ours if span.context and span.name == "show row"
    }
    assert len(frames) > 1
    for frame in frames:
        _, trace, parent, _ = frame.split("-")
        assert trace == TRACE
        assert parent in shown
