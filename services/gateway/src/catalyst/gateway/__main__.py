"""Run the gateway as a process of its own."""

import sys

from catalyst.chassis.collector import resting

with resting():
    from catalyst.gateway.main import run

sys.exit(run())
