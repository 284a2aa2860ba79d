"""`--simulate-cluster`: a worker beside the members, which no member knows of."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Protocol

from catalyst.chassis import settings
from catalyst.cli.installation import Installation
from catalyst.contracts.permissions import SIMULATOR


class Wanted(Protocol):
    """What of the options matters here."""

    @property
    def simulate_cluster(self) -> bool:
        """Whether a cluster is to be simulated."""
        ...

    @property
    def nats_url(self) -> str:
        """An existing broker; empty: our own."""
        ...

    @property
    def simulator_pace(self) -> float:
        """About how many seconds a stage takes, where its own setting does not say."""
        ...


def paced(environment: Mapping[str, str], options: Wanted) -> Mapping[str, str]:
    """Return the environment with the pace that the options say, unless it says one itself."""
    return {"CATALYST_PACE": str(options.simulator_pace), **environment}


@asynccontextmanager
async def simulating(installation: Installation, url: str, options: Wanted) -> AsyncIterator[None]:
    """Run the simulator for the block, if it is wanted."""
    if not options.simulate_cluster:
        if not options.nats_url:
            # On another broker there is nothing of what it said.
            installation.leave_simulated_out()
        yield
        return
    # Imported here, so that every other start is without it.
    from catalyst.simulator.settings import Settings  # noqa: PLC0415
    from catalyst.simulator.worker import Simulator  # noqa: PLC0415

    installation.remember_simulated()
    # It is a user of our own broker, and signs nothing.
    fixed = installation.settings(SIMULATOR, url, ours=True)
    chosen = settings.load(Settings, paced(os.environ, options), SIMULATOR.upper(), fixed)
    simulator = Simulator(
        url, chosen.nats_user, chosen.nats_password, seed=chosen.seed, pace=chosen.pace
    )
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(simulator.run(), name="simulator")
        try:
            yield
        finally:
            simulator.stop()
