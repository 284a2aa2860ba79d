"""Commands decided by one worker in groups, against one batch for each command."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final
from unittest.mock import patch

from benchmarks.embedded import command, organization, prepared
from benchmarks.figure import Figure, ratio
from catalyst.chassis import grouping, ids
from catalyst.chassis.jetstream.broker import JetStream
from catalyst.chassis.jetstream.port import Outgoing
from catalyst.chassis.runtime import Runtime
from catalyst.chassis.service import Aggregate, Service, on
from catalyst.chassis.telemetry import Telemetry
from catalyst.chassis.worker import Worker
from catalyst.contracts import environment_v1
from catalyst.contracts.topology import CMD
from catalyst.environment_controller.domain import organization as domain
from catalyst.environment_controller.domain import registration

TARGET: Final = 8.0
CREATE: Final = "create-organization"
SYNC: Final = "always"
"""As `catalyst up` runs its broker."""
AHEAD: Final = 1_000
"""Commands that the broker hands a worker before it has settled one (`max_ack_pending`). So many
are decided before the clock starts, and as many still wait when it stops: in between, one is
admitted and drafted for each one that is decided."""

ORGANIZATIONS: Final = Service(
    name="environment",
    aggregates=(
        Aggregate(name="organization", initial=domain.Organization(), evolve=domain.evolve),
    ),
    rules=(
        on(
            environment_v1.CreateOrganization,
            "organization",
            registration.create,
            registration.reads_create,
            makes=True,
        ),
    ),
)
"""The real rules of creating an Organization, with its claim; nothing follows from it here."""


async def measure(runs: int, grouped: int, single: int) -> Figure:
    """Decide `grouped` commands in groups, then `single` one by one, `runs` times in turn."""
    together, alone = [], []
    sizes = []
    for _ in range(runs):
        rate, size = await _decide(grouped)
        together.append(rate)
        sizes.append(size)
        with patch.object(grouping, "MAX_GROUP_COMMANDS", 1):
            alone.append((await _decide(single))[0])
    found = ratio(together, alone)
    return Figure(
        name="commands decided by one worker in groups",
        unit="commands/s",
        runs=together,
        yardstick="the same worker, one batch for each command",
        beside=alone,
        target=f"≥ {TARGET:.0f} times",
        holds=found >= TARGET,
        note=f"{sum(sizes) / len(sizes):.0f} commands in a batch on average; "
        f"`sync_interval: {SYNC}`, one replica",
    )


async def _decide(number: int) -> tuple[float, float]:
    """Return commands a second, and how many went into a batch on average."""
    async with prepared(SYNC) as (js, _):
        queued = AHEAD + number + AHEAD
        await _queue(js, queued)
        async with _working(js) as worker:
            await _reached(worker, AHEAD)
            began, since = time.perf_counter(), worker.grouping.commands
            await _reached(worker, AHEAD + number)
            seconds = time.perf_counter() - began
            rate = (worker.grouping.commands - since) / seconds
            await _reached(worker, queued)
            return rate, worker.grouping.commands / worker.grouping.batches


async def _queue(js: JetStream, number: int) -> None:
    """Store the commands before anybody decides them."""
    waiting = iter(range(number))

    async def send() -> None:
        for index in waiting:
            slug = f"bench-{index:06d}x"
            subject, body = command(CREATE, slug, f"c-{index}", organization(slug))
            await js.publish(Outgoing(subject, body), timeout=10.0)

    async with asyncio.TaskGroup() as tasks:
        for _ in range(64):
            tasks.create_task(send())


async def _reached(worker: Worker, number: int) -> None:
    async with asyncio.timeout(120):
        while True:
            if worker.grouping.commands >= number:
                return
            await asyncio.sleep(0.002)


@asynccontextmanager
async def _working(js: JetStream) -> AsyncIterator[Worker]:
    runtime = Runtime(
        js=js,
        broker=js,
        verifier=None,
        token=lambda: "",
        member=ids.member_id("bench"),
        require_tokens=False,
        telemetry=Telemetry("bench"),
    )
    worker = Worker(ORGANIZATIONS, runtime)
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(worker.run())
        await worker.active.wait()
        try:
            yield worker
        finally:
            worker.stop()
            await running
    async with asyncio.timeout(30):
        # Acknowledged is not settled yet: the broker takes a moment to let the commands go.
        while True:
            if not (await js.stream_state(CMD)).messages:
                return
            await asyncio.sleep(0.02)
