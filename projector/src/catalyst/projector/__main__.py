"""Run the projector as a process of its own."""

import sys

from catalyst.chassis.collector import resting

with resting():
    from catalyst.projector.main import run

sys.exit(run())
