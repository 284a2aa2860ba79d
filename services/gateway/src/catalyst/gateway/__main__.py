"""Run the gateway as a process of its own."""

import sys

from catalyst.chassis.collector import resting

# What httpx is as a command, with all that colours its text: a tenth of what there is to load.
sys.modules["httpx._main"] = None  # type: ignore[assignment] # so it does without
with resting():
    from catalyst.gateway.main import run

sys.exit(run())
