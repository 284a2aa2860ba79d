"""Run the environment-controller as a process of its own."""

import sys

from catalyst.chassis.collector import resting

with resting():
    from catalyst.environment_controller.main import run

sys.exit(run())
