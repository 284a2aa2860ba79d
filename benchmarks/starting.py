"""`catalyst up` → the first accepted command, from nothing."""

from __future__ import annotations

import asyncio
import json
import sys
import time

from benchmarks.embedded import command, organization, up
from benchmarks.figure import Figure

TARGET_SECONDS = 3.0
CREATE = "create-organization"


async def measure(runs: int) -> Figure:
    """Start the stack again and again; beside it, a Python that does nothing."""
    seconds, bare, ready = [], [], []
    for _ in range(runs):
        bare.append(await _bare())
        began, addressed, accepted = await _first_command()
        seconds.append(accepted - began)
        ready.append(addressed - began)
    found = sorted(seconds)[len(seconds) // 2]
    return Figure(
        name="`catalyst up` → first accepted command",
        unit="s",
        runs=seconds,
        yardstick="`python -c pass`",
        beside=bare,
        target=f"≤ {TARGET_SECONDS:.0f} s",
        holds=found <= TARGET_SECONDS,
        note=f"of that, {sorted(ready)[len(ready) // 2]:.2f} s until it says where it is",
    )


async def _bare() -> float:
    began = time.perf_counter()
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", "pass")
    await process.wait()
    return time.perf_counter() - began


async def _first_command() -> tuple[float, float, float]:
    """Return when it was started, when it said where it is, and when an outcome was here."""
    async with up() as stack:
        addressed = time.perf_counter()
        connection = await stack.connect()
        replies = await connection.subscribe("rsp.acme.first")
        subject, body = command(CREATE, "acme", "first", organization("acme"))
        headers = {**stack.token, "Catalyst-Reply": "rsp.acme.first"}
        await connection.jetstream().publish(subject, body, headers=headers)
        outcome = json.loads((await replies.next_msg(timeout=30)).data)
        accepted = time.perf_counter()
        await connection.close()
        if outcome["status"] != "accepted":
            raise RuntimeError(f"the first command was rejected: {outcome}")
        return stack.began, addressed, accepted
