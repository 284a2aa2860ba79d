"""`--simulate-cluster`: a worker beside the members, which no member knows of."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final, Protocol

from catalyst.cli.installation import Installation
from catalyst.contracts.permissions import SIMULATOR

SEED: Final = "SIMULATOR_SEED"
PACE: Final = "SIMULATOR_PACE"
"""Seconds that a stage takes, about; and the seed of how they differ."""


class Wanted(Protocol):
    """What of the options matters here."""

    @property
    def simulate_cluster(self) -> bool:
        """Whether a cluster is to be simulated."""
        ...


@asynccontextmanager
async def simulating(installation: Installation, url: str, options: Wanted) -> AsyncIterator[None]:
    """Run the simulator for the block, if it is wanted."""
    if not options.simulate_cluster:
        yield
        return
    # Imported here, so that every other start is without it.
    from catalyst.simulator.worker import Simulator  # noqa: PLC0415

    simulator = Simulator(
        url,
        SIMULATOR,
        installation.passwords[SIMULATOR],
        seed=int(os.environ.get(SEED, "0")),
        pace=float(os.environ.get(PACE, "1.0")),
    )
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(simulator.run(), name="simulator")
        try:
            yield
        finally:
            simulator.stop()
